"""First values of parameters, written in place and without a gradient (L 3.4 says why their scale matters)."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import math
import warnings

import numpy as np

from ..core.dtypes import finfo, float64
from ..tensor import Tensor, arange, empty, eye, no_grad, rand
from ..tensor import tensor as new_tensor

_GAINS = {
    **dict.fromkeys(("linear", "identity", "sigmoid"), 1.0),
    **dict.fromkeys((f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)), 1.0),
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before a nonlinearity are enlarged to keep the variance of activations.

    1 for linear, convolutions and sigmoid; 5/3 for tanh; sqrt(2) for relu; sqrt(2 / (1 + param^2)) for
    leaky_relu (slope 0.01 if none is given); 3/4 for selu. Raises ValueError for any other name.
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ValueError(f"calculate_gain: unsupported nonlinearity {nonlinearity!r}; known are {known}")
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ValueError(f"calculate_gain: negative_slope {slope!r} is not a valid number")
    return math.sqrt(2.0 / (1 + slope**2))


def _in_place(fill):
    """An initialiser: runs without recording gradients and returns the tensor it filled."""

    @functools.wraps(fill)
    def initialise(tensor: Tensor, *args, **kwargs) -> Tensor:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"init.{fill.__name__}: expected a Tensor to fill, got {type(tensor).__name__}")
        if not _skipping.get():
            with no_grad():
                fill(tensor, *args, **kwargs)
        return tensor

    return initialise


_skipping: contextvars.ContextVar[bool] = contextvars.ContextVar("skipping", default=False)


@contextlib.contextmanager
def skipped():
    """Within it the functions of this module leave tensors as they are: for models whose weights are read from a file.

    `with init.skipped(): model = GPT2(**SIZES["gpt2-xl"])` costs neither time nor memory, because what nobody has
    written or read is never made.
    """
    before = _skipping.set(True)
    try:
        yield
    finally:
        _skipping.reset(before)


@_in_place
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator=None):
    """Fill with draws from U(a, b)."""
    tensor.uniform_(a, b, generator=generator)


@_in_place
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator=None):
    """Fill with draws from N(mean, std^2). Raises RuntimeError for a negative std."""
    tensor.normal_(mean, std, generator=generator)


@_in_place
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator=None
):
    """Fill with draws from N(mean, std^2) restricted to [a, b]; the bounds are values, not multiples of std.

    A uniform draw between the two bounds' probabilities is sent through the inverse of the distribution
    function.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "trunc_normal_: mean is more than 2 std from [a, b]; the draws may be inaccurate", stacklevel=3
        )
    low, high = (math.erf((bound - mean) / (std * math.sqrt(2))) for bound in (a, b))
    draws = low + (high - low) * rand(*tensor.shape, dtype=float64, generator=generator)
    tensor.copy_((mean + std * math.sqrt(2) * _inverse_erf(draws)).clamp(min=a, max=b))


def _inverse_erf(y: Tensor) -> Tensor:
    """x with erf(x) = y, for |y| < 1 in float64: Winitzki's closed form (2008) and three of Newton's steps."""
    y = y.clamp(min=finfo(float64).eps - 1, max=1 - finfo(float64).eps)  # at 1 it is infinite
    logarithm = (1 - y * y).log()
    middle = 2 / (math.pi * 0.147) + logarithm / 2
    x = y.sign() * ((middle * middle - logarithm / 0.147).sqrt() - middle).sqrt()
    for _ in range(3):
        x = x - (x.erf() - y) * (x * x).exp() * (math.sqrt(math.pi) / 2)
    return x


@_in_place
def constant_(tensor: Tensor, val: float):
    """Fill with `val`."""
    tensor.fill_(val)


@_in_place
def ones_(tensor: Tensor):
    """Fill with 1."""
    tensor.fill_(1.0)


@_in_place
def zeros_(tensor: Tensor):
    """Fill with 0."""
    tensor.zero_()


@_in_place
def eye_(tensor: Tensor):
    """Make a matrix the identity, so that a linear layer keeps as many inputs as it can. Raises ValueError
    unless 2-d.
    """
    _require_matrix(tensor, "eye_")
    tensor.copy_(eye(*tensor.shape))


@_in_place
def dirac_(tensor: Tensor, groups: int = 1):
    """Make a convolution's kernel keep as many input channels as it can, in each group.

    Raises ValueError unless the tensor has 3, 4 or 5 dimensions and `groups` divides the first.
    """
    if tensor.dim() not in (3, 4, 5):
        raise ValueError(f"dirac_: only tensors with 3, 4, or 5 dimensions are supported, got {tensor.dim()}")
    if tensor.shape[0] % groups:
        raise ValueError(f"dirac_: dim 0 ({tensor.shape[0]}) must be divisible by groups ({groups})")
    per_group = tensor.shape[0] // groups
    kept = arange(min(per_group, tensor.shape[1]))
    centre = tuple(size // 2 for size in tensor.shape[2:])
    tensor.zero_()
    for group in range(groups):
        tensor[(group * per_group + kept, kept, *centre)] = 1.0


@_in_place
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator=None):
    """Fill with draws from U(-c, c), c = gain sqrt(6 / (fan_in + fan_out)).

    Source: Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    tensor.uniform_(-bound, bound, generator=generator)


@_in_place
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator=None):
    """Fill with draws from N(0, s^2), s = gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    tensor.normal_(0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator=generator)


@_in_place
def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator=None
):
    """Fill with draws from U(-c, c), c = gain sqrt(3 / fan).

    `mode` "fan_in" keeps the variance of activations, "fan_out" that of gradients; `a` is the slope of a
    leaky ReLU. Source: He et al. 2015, Delving deep into rectifiers.
    """
    if not _has_elements(tensor, "kaiming_uniform_"):
        return
    bound = math.sqrt(3.0) * calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    tensor.uniform_(-bound, bound, generator=generator)


@_in_place
def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator=None
):
    """Fill with draws from N(0, s^2), s = gain / sqrt(fan) (He et al. 2015; modes as in kaiming_uniform_)."""
    if not _has_elements(tensor, "kaiming_normal_"):
        return
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    tensor.normal_(0.0, std, generator=generator)


@_in_place
def orthogonal_(tensor: Tensor, gain: float = 1, generator=None):
    """Fill with `gain` times a random matrix whose rows, or columns if there are fewer, are orthonormal.

    Dimensions after the first count as one. Raises ValueError for fewer than two dimensions.
    Source: Saxe et al. 2013, Exact solutions to the nonlinear dynamics of learning in deep linear networks.
    """
    if tensor.dim() < 2:
        raise ValueError("orthogonal_: only tensors with 2 or more dimensions are supported")
    if not tensor.numel():
        return
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    draws = empty(max(rows, columns), min(rows, columns)).normal_(0.0, 1.0, generator=generator)
    q, r = np.linalg.qr(draws.double().numpy())
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # the signs make the distribution uniform (Mezzadri 2006)
    tensor.copy_(new_tensor(gain * (q.T if rows < columns else q)).reshape(tensor.shape))


@_in_place
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator=None):
    """Fill a matrix with draws from N(0, std^2), then set ceil(sparsity rows) random elements of each column
    to zero.

    Source: Martens 2010, Deep learning via Hessian-free optimization. Raises ValueError unless 2-d.
    """
    _require_matrix(tensor, "sparse_")
    tensor.normal_(0.0, std, generator=generator)
    zeros = math.ceil(sparsity * tensor.shape[0])
    order = rand(*tensor.shape, generator=generator).argsort(dim=0)
    tensor.masked_fill_(order < zeros, 0.0)


@_in_place
def _uniform_from_fan_in(bias: Tensor, weight: Tensor):
    fan_in, _ = _calculate_fan_in_and_fan_out(weight)
    if fan_in > 0:
        bound = 1 / math.sqrt(fan_in)
        bias.uniform_(-bound, bound)


def uniform_bias_(bias: Tensor | None, weight: Tensor) -> None:
    """The default of linear and convolution layers: bias from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), if there is one."""
    if bias is not None:
        _uniform_from_fan_in(bias, weight)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Connections into and out of a unit: the second and first size, each times the kernel's positions."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions: shape "
            f"{list(tensor.shape)}"
        )
    positions = math.prod(tensor.shape[2:])
    return tensor.shape[1] * positions, tensor.shape[0] * positions


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ("fan_in", "fan_out")
    if str(mode).lower() not in modes:
        raise ValueError(f"Mode {mode!r} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def _has_elements(tensor: Tensor, call: str) -> bool:
    if 0 in tensor.shape:
        warnings.warn(f"{call}: Initializing zero-element tensors is a no-op", stacklevel=4)
        return False
    return True


def _require_matrix(tensor: Tensor, call: str) -> None:
    if tensor.dim() != 2:
        raise ValueError(f"{call}: Only tensors with 2 dimensions are supported, got {list(tensor.shape)}")


def _without_underscore(function):
    """The name from before PyTorch 0.4, which older code calls."""
    name = function.__name__.removesuffix("_")

    @functools.wraps(function)
    def call(*args, **kwargs):
        warnings.warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return call


uniform, normal, constant, sparse = map(_without_underscore, (uniform_, normal_, constant_, sparse_))
dirac, orthogonal = map(_without_underscore, (dirac_, orthogonal_))
xavier_uniform, xavier_normal = map(_without_underscore, (xavier_uniform_, xavier_normal_))
kaiming_uniform, kaiming_normal = map(_without_underscore, (kaiming_uniform_, kaiming_normal_))
