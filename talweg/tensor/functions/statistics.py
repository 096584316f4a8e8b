"""Statistics: quantiles, modes, covariances, and forms that pass over nan."""

from __future__ import annotations

from ...core.dtypes import float32, float64, int64
from ...core.shapes import dim_index, reduced
from ...graph import ops
from .. import return_types
from ..autocast import raised
from ..box import Box
from ..operands import is_number, require_tensor
from ..tensor import Tensor, wrap
from .creation import tensor
from .matrix import matmul
from .pointwise import where
from .reduce import _typed, _values_at, sum


def nanmean(input, dim=None, keepdim: bool = False, *, dtype=None):
    """The average over dim of what is not nan."""
    x = wrap(_typed(input, dtype, "nanmean"))
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {x.dtype.name}")
    valid = ~x.isnan()
    return sum(where(valid, x, x.new_zeros(())), dim, keepdim) / sum(valid, dim, keepdim)


def nanmedian(input, dim=None, keepdim: bool = False):
    """The middle element (the lower of two) of those that are not nan; with dim, (values, indices)."""
    x = require_tensor(input, "nanmedian")
    if dim is None:
        return _nanmedian(x.reshape(-1), 0, False)[0]
    return return_types.nanmedian(*_nanmedian(x, dim, keepdim))


def _nanmedian(x: Tensor, dim: int, keepdim: bool):
    node = x.node
    d = dim_index(dim, len(node.shape), "nanmedian")
    if not node.shape:
        return wrap(ops.clone(node)), wrap(ops.iota(1, 0)).reshape(())
    if node.shape[d] == 0:
        raise IndexError(f"nanmedian(): Expected reduction dim {d} to have non-zero size.")
    order = ops.argsort(node, d, False)
    valid = ops.logical_not(ops.isnan(node)) if node.dtype.is_floating_point else ops.eq(node, node)
    count = ops.sum_(ops.cast(valid, int64), (d,), True)
    middle = ops.maximum(ops.floor_divide(ops.sub(count, ops.number(1, count)), ops.number(2, count)), ops.number(0, count))
    return _values_at(node, ops.gather(order, middle, d), d, keepdim)


def mode(input, dim: int = -1, keepdim: bool = False):
    """(values, indices) of the most frequent element along dim (the smallest of those), and its last place."""
    node = require_tensor(input, "mode").node
    d = dim_index(dim, len(node.shape), "mode")
    if not node.shape:
        return return_types.mode(wrap(ops.clone(node)), wrap(ops.iota(1, 0)).reshape(()))
    if node.shape[d] == 0:
        raise IndexError(f"mode(): Expected reduction dim {d} to have non-zero size.")
    return return_types.mode(*_values_at(node, ops.mode_index(node, d), d, keepdim))


# --- quantiles
_BETWEEN = ("linear", "lower", "higher", "midpoint", "nearest")


@raised
def quantile(input, q, dim=None, keepdim: bool = False, *, interpolation: str = "linear"):
    """The q-quantiles (0 <= q <= 1, a number or a vector, which becomes the first dimension) over dim or all elements."""
    return _quantile(input, q, dim, keepdim, interpolation, False, "quantile")


@raised
def nanquantile(input, q, dim=None, keepdim: bool = False, *, interpolation: str = "linear"):
    """quantile of what is not nan."""
    return _quantile(input, q, dim, keepdim, interpolation, True, "nanquantile")


def _checked_quantile(x, q, interpolation: str, call: str):
    if x.dtype not in (float32, float64):
        raise RuntimeError(f"{call}() input tensor must be either float or double dtype, got {x.dtype.name}")
    if x.numel() == 0:
        raise RuntimeError(f"{call}() input tensor must be non-empty")
    if interpolation not in _BETWEEN:
        raise RuntimeError(f"{call}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
                           f"{interpolation}")
    if is_number(q):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{call}() q must be in the range [0, 1] but got {q}")
        return tensor(q, dtype=x.dtype)
    if not isinstance(q, Box):
        raise TypeError(f"{call}(): argument 'q' must be Tensor or float, not {type(q).__name__}")
    if q.dim() > 1:
        raise RuntimeError(f"{call}() q must be a scalar or 1D tensor, got {q.dim()}D")
    if q.dtype is not x.dtype:
        raise RuntimeError(f"{call}() q tensor must be same dtype as the input tensor: {q.dtype.name}, {x.dtype.name}")
    if q.numel() and not bool(((q >= 0) & (q <= 1)).all()):
        raise RuntimeError(f"{call}() q values must be in the range [0, 1]")
    return q


def _quantile(input, q, dim, keepdim: bool, interpolation: str, over_nan: bool, call: str):
    x = require_tensor(input, call)
    q = _checked_quantile(x, q, interpolation, call)
    rank = x.dim()
    d = None if dim is None else dim_index(dim, rank, call)
    rows = x.reshape(-1) if d is None else x.reshape(1) if rank == 0 else x.movedim(d, -1)  # (..., n)
    ordered = rows.sort(-1).values
    places = _ranks(ordered, q.reshape(-1), over_nan)  # (..., Q)
    found = _interpolated(ordered, places, interpolation).movedim(-1, 0)  # (Q, ...)
    left = reduced(tuple(x.shape), tuple(range(rank)) if d is None else (d,) if rank else (), keepdim)
    return found.reshape((q.shape[0], *left) if q.dim() else left)


def _ranks(ordered: Tensor, q: Tensor, over_nan: bool) -> Tensor:
    """q (n - 1) for each row, n counting what is not nan; the last place, a nan, where any nan counts."""
    missing = ordered.isnan().detach()
    if over_nan:
        count = (~missing).sum(-1, keepdim=True)
        return (q * (count - 1).to(q.dtype)).clamp(min=0)
    last = ordered.shape[-1] - 1
    return where(missing.any(-1, keepdim=True), float(last), q * last)


def _interpolated(ordered: Tensor, places: Tensor, interpolation: str) -> Tensor:
    if interpolation == "lower":
        places = places.floor()
    elif interpolation == "higher":
        places = places.ceil()
    elif interpolation == "nearest":
        places = places.round()
    below = places.floor()
    low = ordered.gather(-1, below.detach().to(int64))
    if interpolation in ("lower", "higher", "nearest"):
        return low
    high = ordered.gather(-1, places.detach().ceil().to(int64))
    weight = (places > below).to(places.dtype) * 0.5 if interpolation == "midpoint" else places - below
    return low.lerp(high, weight)


# --- covariances
def _weights_of(x: Tensor, fweights, aweights) -> Tensor | None:
    count = x.shape[1]
    for w, name in ((fweights, "fweights"), (aweights, "aweights")):
        if w is None:
            continue
        if w.dim() > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.dim()} dimensions")
        if w.numel() != count:
            raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                               f"{w.numel()} != {count}")
        if (w.dtype.category == "integer") != (name == "fweights"):
            raise RuntimeError(f"cov(): expected {name} to have {'integral' if name == 'fweights' else 'floating point'} dtype "
                               f"but got {name} with {w.dtype.name} dtype")
        if count and bool((w < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None and aweights is None:
        return None
    kinds = [w for w in (fweights, aweights) if w is not None]
    return kinds[0] if len(kinds) == 1 else kinds[0] * kinds[1]


def cov(input, *, correction: int = 1, fweights=None, aweights=None):
    """The covariances of variables (rows) from observations (columns), which may be weighted."""
    x = require_tensor(input, "cov")
    if x.dim() > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {x.dim()} dimensions")
    if x.dtype.category == "bool":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    rows = x.reshape(1, -1) if x.dim() < 2 else x
    rows = rows if rows.is_floating_point() or rows.is_complex() else rows.to(float32)
    weights = _weights_of(rows, fweights, aweights)
    if weights is None:
        centred = rows - rows.mean(1, keepdim=True)
        weighted = centred
        norm: float | Tensor = max(rows.shape[1] - correction, 0)
    else:
        total = weights.sum()
        centred = rows - (rows * weights).sum(1, keepdim=True) / total
        weighted = centred * weights
        drift = correction if aweights is None else correction * (weights * aweights).sum() / total
        norm = (total - drift).to(rows.dtype).clamp(min=0)
    product = matmul(weighted, wrap(ops.conj(ops.swap_last(centred.node))))
    return (product / norm).squeeze() if product.numel() <= 1 or x.dim() < 2 else product / norm


def corrcoef(input):
    """Pearson's correlations of variables (rows): covariances over the products of the standard deviations."""
    x = require_tensor(input, "corrcoef")
    if x.dim() > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got an input with {x.dim()} "
                           "dimensions")
    c = cov(x)
    if c.dim() == 0:
        return c / c
    deviations = c.diagonal().sqrt()
    scaled = c / deviations.unsqueeze(-1) / deviations.unsqueeze(0)
    return scaled.clamp(-1, 1) if not scaled.is_complex() else scaled

