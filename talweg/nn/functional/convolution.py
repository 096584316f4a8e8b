"""Convolutions and their transposes in one, two and three dimensions (L 4.2, N 5.2)."""

from __future__ import annotations

from ...graph import ops
from ...tensor import Tensor
from ...tensor.autocast import lowered
from ...tensor.tensor import wrap
from .padding import pad


def _each(value, rank: int, name: str, call: str) -> tuple[int, ...]:
    """One number for every spatial dimension, or one for each."""
    if isinstance(value, int):
        return (value,) * rank
    found = tuple(int(v) for v in value)
    if len(found) == 1:
        return found * rank
    if len(found) != rank:
        raise RuntimeError(f"{call}: expected {name} to be a single integer value or a list of {rank} values, got {found}")
    return found


def _batched(input: Tensor, weight: Tensor, rank: int, call: str) -> tuple[Tensor, bool]:
    if weight.dim() != rank + 2:
        raise RuntimeError(f"{call}: Expected {rank + 2}D weight, but got weight of size {list(weight.shape)}")
    if input.dim() == rank + 1:
        return input.unsqueeze(0), True
    if input.dim() != rank + 2:
        raise RuntimeError(f"Expected {rank + 1}D (unbatched) or {rank + 2}D (batched) input to {call}, but got input of "
                           f"size: {list(input.shape)}")
    return input, False


def _check_numbers(stride, dilation, call: str) -> None:
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"{call}: non-positive stride is not supported, got {list(stride)}")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"{call}: dilation should be greater than zero, got {list(dilation)}")


def _with_bias(out: Tensor, bias, rank: int, call: str) -> Tensor:
    if bias is None:
        return out
    if bias.dtype is not out.dtype:
        raise RuntimeError(f"{call}: Input type ({out.dtype.name}) and bias type ({bias.dtype.name}) should be the same")
    if bias.shape != (out.shape[1],):
        raise RuntimeError(f"{call}: expected bias to be 1-dimensional with {out.shape[1]} elements, but got bias of size "
                           f"{list(bias.shape)} instead")
    return out + bias.reshape(1, -1, *[1] * rank)


def _same_padding(input, weight, stride, dilation, call: str):
    """Zeros around the input so that the output has its size; an odd one more goes behind."""
    if any(s != 1 for s in stride):
        raise RuntimeError(f"{call}: padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:])]
    if all(t % 2 == 0 for t in total):
        return input, tuple(t // 2 for t in total)
    sides = [v for t in reversed(total) for v in (t // 2, t - t // 2)]
    return pad(input, sides), (0,) * len(total)


def _conv(input, weight, bias, stride, padding, dilation, groups, rank: int) -> Tensor:
    call = f"conv{rank}d"
    input, unbatched = _batched(input, weight, rank, call)
    stride, dilation = _each(stride, rank, "stride", call), _each(dilation, rank, "dilation", call)
    _check_numbers(stride, dilation, call)
    if padding == "same":
        input, padding = _same_padding(input, weight, stride, dilation, call)
    elif padding == "valid":
        padding = (0,) * rank
    elif isinstance(padding, str):
        raise RuntimeError(f"Invalid padding string: '{padding}'; use 'same' or 'valid'")
    padding = _each(padding, rank, "padding", call)
    if any(p < 0 for p in padding):
        raise RuntimeError(f"{call}: negative padding is not supported, got {list(padding)}")
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"{call}: Input type ({input.dtype.name}) and weight type ({weight.dtype.name}) should be the same")
    out = wrap(ops.conv(input.node, weight.node, stride, padding, dilation, groups))
    out = _with_bias(out, bias, rank, call)
    return out.squeeze(0) if unbatched else out


@lowered
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups: int = 1):
    """input (N, C, T) with weight (O, C / groups, K): (N, O, T')."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 1)


@lowered
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups: int = 1):
    """input (N, C, H, W) with weight (O, C / groups, K, L): (N, O, H', W').

    H' = floor((H + 2 padding - dilation (K - 1) - 1) / stride) + 1. It is a cross-correlation: the kernel is not
    flipped. padding may be 'same' or 'valid'.
    """
    return _conv(input, weight, bias, stride, padding, dilation, groups, 2)


@lowered
def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups: int = 1):
    """input (N, C, D, H, W) with weight (O, C / groups, K, L, M): (N, O, D', H', W')."""
    return _conv(input, weight, bias, stride, padding, dilation, groups, 3)


def _conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation, rank: int) -> Tensor:
    call = f"conv_transpose{rank}d"
    input, unbatched = _batched(input, weight, rank, call)
    stride, dilation = _each(stride, rank, "stride", call), _each(dilation, rank, "dilation", call)
    _check_numbers(stride, dilation, call)
    padding = _each(padding, rank, "padding", call)
    extra = _each(output_padding, rank, "output_padding", call)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise RuntimeError(f"{call}: output padding must be smaller than either stride or dilation, but got output_padding "
                           f"{list(extra)}, stride {list(stride)}, dilation {list(dilation)}")
    if input.shape[1] != weight.shape[0]:
        raise RuntimeError(f"{call}: Given transposed=1, weight of size {list(weight.shape)}, expected input"
                           f"{list(input.shape)} to have {weight.shape[0]} channels, but got {input.shape[1]} channels instead")
    sizes = tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1
                  for n, s, p, d, k, e in zip(input.shape[2:], stride, padding, dilation, weight.shape[2:], extra))
    if any(n < 1 for n in sizes):
        raise RuntimeError(f"{call}: Given input size per channel: {list(input.shape[2:])}. Calculated output size per "
                           f"channel: {list(sizes)}. Output size is too small")
    beyond = any(e >= s for e, s in zip(extra, stride))  # past what a convolution of these strides would see
    sides = [v for p, e in zip(reversed(padding), reversed(extra)) for v in (-p, e - p)] if beyond else []
    if beyond:  # so compute the whole, without borders, and cut or extend it
        sizes = tuple(n + 2 * p - e for n, p, e in zip(sizes, padding, extra))
        padding = (0,) * rank
    shape = (input.shape[0], weight.shape[1] * groups, *sizes)
    out = wrap(ops.conv_input_grad(input.node, weight.node, shape, stride, padding, dilation, groups))
    out = pad(out, sides) if beyond else out
    out = _with_bias(out, bias, rank, call)
    return out.squeeze(0) if unbatched else out


@lowered
def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups: int = 1, dilation=1):
    """The adjoint of conv1d: input (N, C, T), weight (C, O / groups, K)."""
    return _conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation, 1)


@lowered
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups: int = 1, dilation=1):
    """The adjoint of conv2d: input (N, C, H, W), weight (C, O / groups, K, L); H' = (H - 1) stride - 2 padding +
    dilation (K - 1) + output_padding + 1."""
    return _conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation, 2)


@lowered
def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups: int = 1, dilation=1):
    """The adjoint of conv3d."""
    return _conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation, 3)


@lowered
def conv_tbc(input, weight, bias, pad: int = 0):
    """A one-dimensional convolution of input (T, N, C) with weight (K, C, O): (T', N, O), `pad` zeros at each end."""
    if input.dim() != 3 or weight.dim() != 3:
        raise RuntimeError(f"conv_tbc: Input must have 3 dims: time, batch, in_channel, and weight kernel, in_channel, "
                           f"out_channel; got {list(input.shape)} and {list(weight.shape)}")
    return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)
