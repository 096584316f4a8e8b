"""Windows of an image as columns, columns added up to an image, and channels exchanged with pixels."""

from __future__ import annotations

import itertools

from ...graph import ops
from ...tensor import Tensor, stack
from ...tensor.tensor import wrap
from .padding import pad


def _pair(value, name: str, call: str, least: int = 1) -> tuple[int, int]:
    found = (value, value) if isinstance(value, int) else tuple(int(v) for v in value)
    if len(found) == 1:
        found *= 2
    if len(found) != 2 or min(found) < least:
        raise RuntimeError(f"{call}: {name} should be {'greater than zero' if least else 'non-negative'}, one number or two, "
                           f"got {value}")
    return found


def _settings(kernel_size, dilation, padding, stride, call: str):
    return (_pair(kernel_size, "kernel_size", call), _pair(dilation, "dilation", call), _pair(padding, "padding", call, 0),
            _pair(stride, "stride", call))


def _blocks(size, kernel, dilation, padding, stride) -> tuple[int, int]:
    """How many windows fit, in each dimension."""
    found = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(size, kernel, dilation, padding, stride)]
    return found[0], found[1]


def _offsets(kernel):
    return itertools.product(range(kernel[0]), range(kernel[1]))


def unfold(input, kernel_size, dilation=1, padding=0, stride=1) -> Tensor:
    """The windows of (N, C, H, W) as columns (N, C kH kW, L), L their number; or of (C, H, W). Zeros count as border.

    Raises RuntimeError for an input of other dimensions or windows larger than it.
    """
    kernel, dilation, padding, stride = _settings(kernel_size, dilation, padding, stride, "unfold")
    if input.dim() not in (3, 4) or 0 in input.shape[1:]:
        raise RuntimeError(f"unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
                           f"dimensions for input, but got: {list(input.shape)}")
    x = input if input.dim() == 4 else input.unsqueeze(0)
    batch, channels, *size = x.shape
    count = _blocks(size, kernel, dilation, padding, stride)
    if min(count) < 1:
        raise RuntimeError(f"unfold: Given input with spatial size {tuple(size)}, kernel_size={kernel}, dilation={dilation}, "
                           f"padding={padding}, stride={stride}, calculated shape of the array of sliding blocks as {count}, "
                           "but its components must be at least one.")
    if any(padding):
        x = pad(x, (padding[1], padding[1], padding[0], padding[0]))
    if stride == kernel and dilation == (1, 1):
        columns = _tiles(x, count, kernel)
    else:
        columns = stack([_seen(x, at, count, dilation, stride) for at in _offsets(kernel)], 2)
    columns = columns.reshape(batch, channels * kernel[0] * kernel[1], count[0] * count[1])
    return columns if input.dim() == 4 else columns.squeeze(0)


def _tiles(x: Tensor, count, kernel) -> Tensor:
    """Windows that do not overlap, (N, C, kH, kW, rows, columns): a matter of order."""
    (rows, columns), (height, width) = count, kernel
    x = x.narrow(2, 0, rows * height).narrow(3, 0, columns * width)
    return x.reshape(*x.shape[:2], rows, height, columns, width).permute(0, 1, 3, 5, 2, 4)


def _span(at: int, count: int, dilation: int, stride: int) -> tuple[int, int, int]:
    """Start, stop and step of what one place of the kernel sees."""
    return at * dilation, at * dilation + (count - 1) * stride + 1, stride


def _seen(x: Tensor, at, count, dilation, stride) -> Tensor:
    a, b = (slice(*_span(*each)) for each in zip(at, count, dilation, stride))
    return x[:, :, a, b]


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1) -> Tensor:
    """The sum of columns (N, C kH kW, L) where they lie in an image (N, C, *output_size): the adjoint of unfold.

    Raises RuntimeError for columns whose number or height do not fit.
    """
    kernel, dilation, padding, stride = _settings(kernel_size, dilation, padding, stride, "fold")
    size = _pair(output_size, "output_size", "fold")
    if input.dim() not in (2, 3) or 0 in input.shape[1:]:
        raise RuntimeError(f"fold: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
                           f"dimensions for input, but got: {list(input.shape)}")
    x = input if input.dim() == 3 else input.unsqueeze(0)
    batch, height, number = x.shape
    if height % (kernel[0] * kernel[1]):
        raise RuntimeError(f"fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
                           f"input.size(1)={height} and kernel_size={kernel}")
    count = _blocks(size, kernel, dilation, padding, stride)
    if min(count) < 1 or count[0] * count[1] != number:
        raise RuntimeError(f"fold: Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
                           f"stride={stride}, expected size of input's dimension 2 to match the calculated number of sliding "
                           f"blocks {count[0]} * {count[1]} = {count[0] * count[1]}, but got input.size(2)={number}")
    parts = x.reshape(batch, height // (kernel[0] * kernel[1]), kernel[0] * kernel[1], *count)
    image = _added(parts, [n + 2 * p for n, p in zip(size, padding)], kernel, count, dilation, stride)
    image = image.narrow(2, padding[0], size[0]).narrow(3, padding[1], size[1])
    return image if input.dim() == 3 else image.squeeze(0)


def _added(parts: Tensor, size: list[int], kernel, count, dilation, stride) -> Tensor:
    shape = (*parts.shape[:2], *size)
    blank = ops.full(0, shape, parts.node)
    total = None
    for number, at in enumerate(_offsets(kernel)):
        (a, b, s), (c, d, t) = (_span(*each) for each in zip(at, count, dilation, stride))
        part = parts.select(2, number).node
        placed = ops.write_slice(blank, part, (0, 0, a, c), (*shape[:2], b, d), (1, 1, s, t))
        total = placed if total is None else ops.add(total, placed)
    assert total is not None
    return wrap(total)


def pixel_shuffle(input, upscale_factor: int) -> Tensor:
    """(*, C r^2, H, W) to (*, C, r H, r W): each group of r^2 channels becomes blocks of pixels (Shi et al., 2016)."""
    r = upscale_factor
    if input.dim() < 3:
        raise RuntimeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.dim()} "
                           "dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *batch, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}")
    x = input.reshape(-1, channels // (r * r), r, r, height, width) if input.numel() else input
    if not input.numel():
        return input.reshape(*batch, channels // (r * r), height * r, width * r)
    return x.permute(0, 1, 4, 2, 5, 3).reshape(*batch, channels // (r * r), height * r, width * r)


def pixel_unshuffle(input, downscale_factor: int) -> Tensor:
    """(*, C, r H, r W) to (*, C r^2, H, W): the inverse of pixel_shuffle."""
    r = downscale_factor
    if input.dim() < 3:
        raise RuntimeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.dim()} "
                           "dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *batch, channels, height, width = input.shape
    if height % r or width % r:
        raise RuntimeError(f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but input.size(-2)="
                           f"{height}, input.size(-1)={width} are not divisible by {r}")
    if not input.numel():
        return input.reshape(*batch, channels * r * r, height // r, width // r)
    x = input.reshape(-1, channels, height // r, r, width // r, r)
    return x.permute(0, 1, 3, 5, 2, 4).reshape(*batch, channels * r * r, height // r, width // r)


def channel_shuffle(input, groups: int) -> Tensor:
    """Channels of (N, C, *) dealt out: those of `groups` groups take turns (Zhang et al., 2018)."""
    if input.dim() < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    channels = input.shape[1]
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if channels % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups.")
    shape = (input.shape[0], groups, channels // groups, *input.shape[2:])
    return input.reshape(*shape).transpose(1, 2).reshape(input.shape)


native_channel_shuffle = channel_shuffle
