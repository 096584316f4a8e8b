"""Images of another size (L 4.2, upscaling). Every mode but nearest is a matrix a dimension, whose rows weigh the input's
pixels; so is its gradient."""

from __future__ import annotations

import math

import numpy as np

from ...tensor import Tensor
from ...tensor.autocast import as_given
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

_RANK = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


@as_given
def interpolate(input, size=None, scale_factor=None, mode: str = "nearest", align_corners: bool | None = None,
                recompute_scale_factor: bool | None = None, antialias: bool = False) -> Tensor:
    """input (N, C, *spatial) at another `size`, or scaled by `scale_factor`; each may be one number or one a dimension.

    mode: nearest, nearest-exact, linear (N, C, L), bilinear or bicubic (N, C, H, W), trilinear (N, C, D, H, W), area.
    align_corners keeps the corner pixels' centres in place instead of the image's corners. antialias widens the filters of
    bilinear and bicubic when the image shrinks. Raises ValueError or NotImplementedError for settings that do not go
    together.
    """
    _check(input, mode, align_corners, antialias)
    rank = input.dim() - 2
    sizes, scales = _target(input, size, scale_factor, recompute_scale_factor, rank)
    if any(s < 1 for s in (*sizes, *input.shape[2:])):
        raise RuntimeError(f"interpolate: Input and output sizes should be greater than 0, but got input size "
                           f"{list(input.shape[2:])} and output size {sizes}")
    if mode == "area":
        return _AREA[rank](input, sizes)
    if mode in ("nearest", "nearest-exact"):
        return _nearest(input, sizes, scales, exact=mode == "nearest-exact")
    return _weighted(input, sizes, scales, mode, bool(align_corners), antialias)


def _check(input, mode: str, align_corners, antialias: bool) -> None:
    known = ("nearest", "nearest-exact", "area", *_RANK)
    if mode in ("nearest", "nearest-exact", "area"):
        if align_corners is not None:
            raise ValueError("interpolate: align_corners option can only be set with the interpolating modes: linear | bilinear "
                             f"| bicubic | trilinear, not {mode}")
        if not 3 <= input.dim() <= 5:
            raise NotImplementedError(f"interpolate: expected 3D, 4D or 5D input for mode {mode}, got {input.dim()}D")
    elif mode not in known or input.dim() - 2 != _RANK[mode]:
        raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.dim()}D) for the modes: "
                                  f"{' | '.join(known)} (got {mode}), each for its own number of dimensions")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError("interpolate: Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor "
                         "as input")


def _each(value, rank: int, name: str) -> list:
    if not isinstance(value, (list, tuple)):
        return [value] * rank
    if len(value) != rank:
        raise ValueError(f"interpolate: {name} must have {rank} entries for an input of {rank} spatial dimensions, got "
                         f"{list(value)}")
    return list(value)


def _target(input, size, scale_factor, recompute: bool | None, rank: int) -> tuple[list[int], list[float | None]]:
    """Output sizes, and the scales that coordinates are computed with (None: from the sizes)."""
    if size is not None and scale_factor is not None:
        raise ValueError("interpolate: only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("interpolate: either size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor is not meaningful with an explicit size.")
        return [int(s) for s in _each(size, rank, "size")], [None] * rank
    scales = [float(s) for s in _each(scale_factor, rank, "scale_factor")]
    sizes = [math.floor(n * s) for n, s in zip(input.shape[2:], scales)]
    return sizes, [None] * rank if recompute else [1 / s for s in scales]


def _nearest(x: Tensor, sizes: list[int], scales, exact: bool) -> Tensor:
    for dim, (size, scale) in enumerate(zip(sizes, scales), 2):
        n = x.shape[dim]
        # In float32, as PyTorch: at the border between two pixels the rounding decides.
        step = np.float32(n / size if scale is None else scale)
        place = (np.arange(size, dtype=np.float32) + np.float32(0.5 if exact else 0)) * step
        index = np.minimum(np.floor(place).astype(np.int64), n - 1)
        x = _at(x, dim, index)
    return x


def _at(x: Tensor, dim: int, index: np.ndarray) -> Tensor:
    """x at the positions along dim. Whole multiples repeat instead of looking up: their gradient is a plain sum."""
    n = x.shape[dim]
    if np.array_equal(index, np.arange(n)):
        return x
    times, rest = divmod(len(index), n)
    if not rest and np.array_equal(index, np.repeat(np.arange(n), times)):
        shape = (*x.shape[: dim + 1], times, *x.shape[dim + 1 :])
        return x.unsqueeze(dim + 1).expand(*shape).reshape(*x.shape[:dim], len(index), *x.shape[dim + 1 :])
    return x.index_select(dim, Tensor._from_array(index))


def _weighted(x: Tensor, sizes: list[int], scales, mode: str, align: bool, antialias: bool) -> Tensor:
    whole = x.dtype.category == "integer"
    wide = x.float() if whole or x.dtype.itemsize == 2 else x
    for dim, (size, scale) in enumerate(zip(sizes, scales), 2):
        if wide.shape[dim] == size and (align or scale is None):
            continue
        rows = _rows(wide.shape[dim], size, scale, mode, align, antialias)
        wide = wide.movedim(dim, -1).matmul(Tensor._from_array(rows.T).to(wide.dtype)).movedim(-1, dim)
    if whole:
        low, high = (0, 255) if x.dtype.name == "uint8" else (-math.inf, math.inf)
        wide = wide.round().clamp(low, high)
    return wide.to(x.dtype)


def _rows(n: int, size: int, scale: float | None, mode: str, align: bool, antialias: bool) -> np.ndarray:
    """(size, n): how much each input pixel counts for each output pixel."""
    if align:
        step = (n - 1) / (size - 1) if size > 1 else 0.0
    else:
        step = n / size if scale is None else scale
    cubic = mode == "bicubic"
    if antialias:
        return _filtered(n, size, step, cubic)
    place = np.arange(size) * step if align else (np.arange(size) + 0.5) * step - 0.5
    place = place if cubic else np.maximum(place, 0)
    first = np.floor(place)
    rows = np.zeros((size, n))
    for tap in range(-1, 3) if cubic else range(2):
        weight = _cubic(place - first - tap, -0.75) if cubic else np.maximum(1 - np.abs(place - first - tap), 0)
        np.add.at(rows, (np.arange(size), np.clip(first + tap, 0, n - 1).astype(int)), weight)
    return rows


def _filtered(n: int, size: int, step: float, cubic: bool) -> np.ndarray:
    """The same with the filter as wide as an output pixel, its weights made to sum to 1 (as in Pillow)."""
    reach = (2.0 if cubic else 1.0) * max(step, 1.0)
    centre = step * (np.arange(size) + 0.5)[:, None]
    first = np.maximum((centre - reach + 0.5).astype(int), 0)
    last = np.minimum((centre + reach + 0.5).astype(int), n)
    pixel = np.arange(n)[None, :]
    distance = (pixel - centre + 0.5) / max(step, 1.0)
    weight = _cubic(distance, -0.5) if cubic else np.maximum(1 - np.abs(distance), 0)
    rows = np.where((pixel >= first) & (pixel < last), weight, 0.0)
    return rows / rows.sum(1, keepdims=True)


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution kernel (1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def upsample(input, size=None, scale_factor=None, mode: str = "nearest", align_corners: bool | None = None) -> Tensor:
    """The old name of interpolate."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None) -> Tensor:
    """interpolate with mode nearest."""
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input, size=None, scale_factor=None) -> Tensor:
    """interpolate with mode bilinear and the corner pixels kept in place."""
    return interpolate(input, size, scale_factor, "bilinear", align_corners=True)
