"""Reading an image at any positions, and the positions of an affine map (Jaderberg et al., 2015)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ...core.dtypes import int64
from ...tensor import Tensor, arange, ones, stack, where
from ...tensor.autocast import as_given, raised

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


@raised
def grid_sample(input, grid, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None) -> Tensor:
    """input (N, C, H, W) read at grid (N, H', W', 2), or (N, C, D, H, W) at (N, D', H', W', 3): (N, C, H', W') and so on.

    Positions are (x, y) or (x, y, z) from -1 to 1, the centres of the corner pixels with align_corners and the image's
    corners without. Outside there are zeros, the border's values or reflections. Raises ValueError or RuntimeError.
    """
    _check(input, grid, mode, padding_mode)
    rank = input.dim() - 2
    sizes = input.shape[2:]
    align = bool(align_corners)
    # The last entry of a position is the first spatial dimension.
    places = [_unnormalized(grid.select(-1, rank - 1 - d), sizes[d], align) for d in range(rank)]
    if mode == "bicubic":
        return _bicubic(input, places, padding_mode, align)
    places = [_inside(p, n, padding_mode, align) for p, n in zip(places, sizes)]
    if mode == "nearest":
        return _read(input, [p.round() for p in places])
    return _multilinear(input, places)


def _check(input, grid, mode: str, padding_mode: str) -> None:
    if mode not in _MODES:
        raise ValueError(f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
                         f"'{mode}'")
    if padding_mode not in _PADDINGS:
        raise ValueError(f"nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but "
                         f"got: '{padding_mode}'")
    rank = input.dim() - 2
    if rank not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input "
                           f"with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}")
    if grid.shape[0] != input.shape[0] or grid.shape[-1] != rank:
        raise RuntimeError(f"grid_sampler(): expected grid of batch size {input.shape[0]} with {rank} in its last dimension, "
                           f"but got {list(grid.shape)} for input {list(input.shape)}")
    if 0 in input.shape[2:]:
        raise RuntimeError(f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                           f"{list(input.shape)}")
    if mode == "bicubic" and rank != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if input.dtype is not grid.dtype:
        raise RuntimeError(f"grid_sampler(): expected input and grid to have the same dtype, but got {input.dtype} and "
                           f"{grid.dtype}")


def _unnormalized(g: Tensor, size: int, align: bool) -> Tensor:
    return (g + 1) * ((size - 1) / 2) if align else ((g + 1) * size - 1) / 2


def _inside(place: Tensor, size: int, padding: str, align: bool) -> Tensor:
    """The position that padding puts in place of one outside; zeros leaves it."""
    if padding == "zeros":
        return place
    if padding == "reflection":
        place = _reflected(place, size, align)
    return place.clamp(0, size - 1)


def _reflected(place: Tensor, size: int, align: bool) -> Tensor:
    low, span = (0.0, size - 1) if align else (-0.5, size)
    if span == 0:
        return place * 0
    away = (place - low).abs()
    flips = (away / span).floor().detach()
    rest = away - flips * span
    return where(flips % 2 == 0, rest, span - rest) + low


def _read(x: Tensor, places: Sequence[Tensor]) -> Tensor:
    """x at whole positions, zero outside: (N, C, *grid)."""
    sizes = x.shape[2:]
    inside = None
    flat = None
    for place, size in zip(places, sizes):
        within = (place >= 0) & (place <= size - 1)
        index = where(within, place.detach(), 0.0).to(int64)
        flat = index if flat is None else flat * size + index
        inside = within if inside is None else inside & within
    assert flat is not None
    assert inside is not None
    batch, channels = x.shape[:2]
    rows = flat.reshape(batch, 1, -1).expand(batch, channels, flat[0].numel())
    found = x.reshape(batch, channels, -1).gather(2, rows).reshape(batch, channels, *flat.shape[1:])
    return where(inside.unsqueeze(1), found, 0.0)


def _multilinear(x: Tensor, places: Sequence[Tensor]) -> Tensor:
    """The pixels around each position, weighed by their nearness in every dimension."""
    first = [p.floor().detach() for p in places]
    total = None
    for corner in itertools.product((0, 1), repeat=len(places)):
        weight = None
        for side, p, f in zip(corner, places, first):
            part = p - f if side else (f + 1) - p
            weight = part if weight is None else weight * part
        assert weight is not None
        term = _read(x, [f + side for side, f in zip(corner, first)]) * weight.unsqueeze(1)
        total = term if total is None else total + term
    assert total is not None
    return total


def _cubic_weights(t: Tensor) -> list[Tensor]:
    """Of the four pixels around a position t behind the second of them (Keys, 1981; a = -0.75)."""
    a = -0.75

    def near(x):
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x):
        return ((x - 5) * x + 8) * x * a - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _bicubic(x: Tensor, places: Sequence[Tensor], padding: str, align: bool) -> Tensor:
    first = [p.floor().detach() for p in places]
    weights = [_cubic_weights(p - f) for p, f in zip(places, first)]
    taps = [[_inside(f + (k - 1), n, padding, align) for k in range(4)] for f, n in zip(first, x.shape[2:])]
    rows = []
    for i in range(4):
        row = sum(_read(x, [taps[0][i], taps[1][j]]) * weights[1][j].unsqueeze(1) for j in range(4))
        rows.append(row * weights[0][i].unsqueeze(1))
    return rows[0] + rows[1] + rows[2] + rows[3]


@as_given
def affine_grid(theta, size, align_corners: bool | None = None) -> Tensor:
    """Positions for grid_sample: theta (N, 2, 3) applied to those of an image of `size` (N, C, H, W), (N, H, W, 2); theta
    (N, 3, 4) for (N, C, D, H, W). Raises ValueError or NotImplementedError for shapes that do not fit."""
    if not theta.is_floating_point():
        raise ValueError(f"affine_grid: Expected theta to have floating point type, but got {theta.dtype}")
    size = tuple(size)
    rank = len(size) - 2
    if rank not in (2, 3):
        raise NotImplementedError(f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
                                  f"Got size {size}")
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (rank, rank + 1):
        raise ValueError(f"affine_grid: Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
                         f"{size}. Got {tuple(theta.shape)}.")
    if min(size) <= 0:
        raise ValueError(f"affine_grid: Expected non-zero, positive output size. Got {size}")
    spatial = size[2:]
    axes = [_axis(n, bool(align_corners), theta).reshape(*[-1 if i == d else 1 for i in range(rank)])
            for d, n in enumerate(spatial)]
    wide = [a.expand(*spatial) for a in reversed(axes)]
    base = stack([*wide, ones(*spatial, dtype=theta.dtype)], -1)  # (*spatial, rank + 1)
    grid = base.reshape(1, -1, rank + 1).matmul(theta.transpose(1, 2))
    return grid.reshape(size[0], *spatial, rank)


def _axis(n: int, align: bool, like: Tensor) -> Tensor:
    """The pixels' centres from -1 to 1."""
    steps = arange(n, dtype=like.dtype)
    if align:
        return steps * (2 / (n - 1)) - 1 if n > 1 else steps * 0 + (0 if n == 1 else -1)
    return (steps * 2 + 1) / n - 1
