"""Activations (L 4.3)."""

from __future__ import annotations

from ...graph import ops
from ...tensor import Tensor, log_softmax, rand, sigmoid, softmax, tanh, where
from ...tensor.autocast import lowered
from ...tensor.methods import assign, before_write
from ...tensor.operands import require_tensor
from ...tensor.tensor import wrap


def _floating(input, call: str):
    node = require_tensor(input, call).node
    if not node.dtype.is_floating_point:
        raise NotImplementedError(f"{call}: not implemented for '{node.dtype.name}'; convert the input to a float type")
    return node


def _applied(op, input: Tensor, inplace: bool, *settings) -> Tensor:
    """op(input, *settings), written back to the input if `inplace`."""
    if not inplace:
        return wrap(op(_floating(input, op.name), *settings))
    return assign(input, wrap(op(_floating(before_write(input), op.name), *settings)), op.name + "_")


def relu(input, inplace: bool = False):
    """max(x, 0); its derivative at 0 is 0."""
    source = before_write(input) if inplace else require_tensor(input, "relu")
    out = wrap(ops.relu(source.node))
    return assign(input, out, "relu_") if inplace else out


def relu_(input):
    return relu(input, inplace=True)


def leaky_relu(input, negative_slope: float = 0.01, inplace: bool = False):
    """x above 0, negative_slope x below (Maas et al., 2013)."""
    return _applied(ops.leaky_relu, input, inplace, float(negative_slope))


@lowered
def prelu(input, weight):
    """x above 0, weight x below; one weight, or one a channel (dimension 1) (He et al., 2015)."""
    if not isinstance(weight, Tensor):
        raise TypeError(f"prelu(): argument 'weight' (position 2) must be Tensor, not {type(weight).__name__}")
    if weight.dim() > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}")
    if weight.numel() != 1:
        channels = input.shape[1] if input.dim() > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(f"prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{weight.numel()} and channel size = {channels}.")
        weight = weight.reshape(1, -1, *[1] * (input.dim() - 2))
    elif input.dim() == 0:
        weight = weight.reshape(())
    return where(input > 0, input, weight * input)


def elu(input, alpha: float = 1.0, inplace: bool = False):
    """x above 0, alpha (e^x - 1) below (Clevert et al., 2015)."""
    return _applied(ops.elu, input, inplace, float(alpha), 1.0, 1.0)


def selu(input, inplace: bool = False):
    """A scaled elu whose fixed point has mean 0 and variance 1 (Klambauer et al., 2017)."""
    return _applied(ops.elu, input, inplace, 1.6732632423543772, 1.0507009873554805, 1.0)


def celu(input, alpha: float = 1.0, inplace: bool = False):
    """x above 0, alpha (e^(x / alpha) - 1) below (Barron, 2017)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _applied(ops.elu, input, inplace, float(alpha), 1.0, 1 / alpha)


def gelu(input, approximate: str = "none"):
    """x Phi(x), Phi the normal distribution's function, or its approximation by tanh."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")
    return wrap(ops.gelu(_floating(input, "gelu"), approximate))


def silu(input, inplace: bool = False):
    """x sigmoid(x)"""
    return _applied(ops.silu, input, inplace)


def mish(input, inplace: bool = False):
    """x tanh(log(1 + e^x)) (Misra, 2019)"""
    return _applied(ops.mish, input, inplace)


def softplus(input, beta: float = 1, threshold: float = 20):
    """log(1 + e^(beta x)) / beta; x itself where beta x is above the threshold."""
    return wrap(ops.softplus(_floating(input, "softplus"), float(beta), float(threshold)))


def logsigmoid(input):
    """log sigmoid(x), without overflow."""
    return wrap(ops.log_sigmoid(_floating(input, "logsigmoid")))


def softsign(input):
    """x / (1 + |x|)"""
    return input / (1 + input.abs())


def tanhshrink(input):
    """x - tanh(x)"""
    return input - input.tanh()


def softshrink(input, lambd: float = 0.5):
    """x moved by lambd towards 0, and 0 within lambd of it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return where(input > lambd, input - lambd, where(input < -lambd, input + lambd, input * 0))


def hardshrink(input, lambd: float = 0.5):
    """x, and 0 within lambd of 0."""
    return where((input >= -lambd) & (input <= lambd), input * 0, input)


def threshold(input, threshold: float, value: float, inplace: bool = False):
    """x above the threshold, `value` elsewhere."""
    x = before_write(input) if inplace else input
    result = x.masked_fill(x <= threshold, value)  # nan stays
    return assign(input, result, "threshold_") if inplace else result


def hardtanh(input, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False):
    """x, held between min_val and max_val."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is larger than max_val {max_val}")
    if require_tensor(input, "hardtanh").dtype.category == "integer":
        held = input.clamp(int(min_val), int(max_val))
        return assign(input, held, "hardtanh_") if inplace else held
    return _applied(ops.hardtanh, input, inplace, float(min_val), float(max_val))


def relu6(input, inplace: bool = False):
    """x, held between 0 and 6."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input, inplace: bool = False):
    """(x + 3) / 6, held between 0 and 1."""
    result = relu6((before_write(input) if inplace else input) + 3) / 6
    return assign(input, result, "hardsigmoid_") if inplace else result


def hardswish(input, inplace: bool = False):
    """x times hardsigmoid(x) (Howard et al., 2019)."""
    x = before_write(input) if inplace else input
    result = where(x <= -3, x * 0, where(x >= 3, x, x * (x + 3) / 6))
    return assign(input, result, "hardswish_") if inplace else result


def glu(input, dim: int = -1):
    """a sigmoid(b) for the two halves a and b along dim (Dauphin et al., 2017)."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    a, b = input.chunk(2, dim)
    return a * b.sigmoid()


def softmin(input, dim=None, dtype=None):
    """softmax(-x)"""
    return softmax(-input, dim, dtype)


def gumbel_softmax(logits, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1):
    """softmax((logits + Gumbel noise) / tau); with hard, its one-hot maximum forward and the softmax backward."""
    noise = -(-(rand(logits.shape, dtype=logits.dtype) + 1e-20).log()).log()
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    top = soft.argmax(dim, keepdim=True)
    one_hot = (soft * 0).detach().scatter(dim, top, 1.0)
    return one_hot - soft.detach() + soft


def rrelu(input, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False,
          generator=None):
    """leaky_relu whose slope is drawn from U(lower, upper) for each element, or is their mean outside training (Xu, 2015)."""
    if lower > upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    source = before_write(input) if inplace else require_tensor(input, "rrelu")
    slope = rand(source.shape, dtype=source.dtype, generator=generator) * (upper - lower) + lower
    out = where(source > 0, source, source * slope)
    return assign(input, out, "rrelu_") if inplace else out


# --- the forms that write to their input
def leaky_relu_(input, negative_slope: float = 0.01):
    return leaky_relu(input, negative_slope, inplace=True)


def elu_(input, alpha: float = 1.0):
    return elu(input, alpha, inplace=True)


def selu_(input):
    return selu(input, inplace=True)


def celu_(input, alpha: float = 1.0):
    return celu(input, alpha, inplace=True)


def hardtanh_(input, min_val: float = -1.0, max_val: float = 1.0):
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold_(input, threshold: float, value: float):
    return _threshold(input, threshold, value, inplace=True)


def rrelu_(input, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, generator=None):
    return rrelu(input, lower, upper, training, inplace=True, generator=generator)


_threshold = threshold

__all__ = ["celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid",
           "hardswish", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish",
           "prelu", "relu", "relu6", "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax",
           "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_"]
