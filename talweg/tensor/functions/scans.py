"""Along one dimension: running extrema and sums, differences, derivatives and integrals of samples."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.dtypes import bool_
from ...core.shapes import dim_index
from ...graph import ops
from .. import return_types
from ..box import Box
from ..operands import is_number, require_tensor, to_float
from ..tensor import Tensor, wrap
from .pointwise import bitwise_xor
from .reduce import cumsum
from .shape import cat


def _running(input, dim: int, op, kind, call: str):
    node = require_tensor(input, call).node
    d = dim_index(dim, len(node.shape), call)
    if 0 in node.shape and node.shape[d] == 0:
        return kind(input.clone(), wrap(ops.cast(node, ops.iota(1, 0).dtype)))
    places = op(node, d)
    return kind(wrap(ops.gather(node, places, d) if node.shape else ops.clone(node)), wrap(places))


def cummax(input, dim: int):
    """(values, indices) of the largest element so far along dim; of equal ones the last."""
    return _running(input, dim, ops.cummax_indices, return_types.cummax, "cummax")


def cummin(input, dim: int):
    """(values, indices) of the smallest element so far along dim; of equal ones the last."""
    return _running(input, dim, ops.cummin_indices, return_types.cummin, "cummin")


def logcumsumexp(input, dim: int):
    """y_i = log(exp(x_1) + ... + exp(x_i)) along dim, without overflow."""
    node = require_tensor(input, "logcumsumexp").node
    if not node.dtype.is_floating_point:
        raise NotImplementedError(f"logcumsumexp: not implemented for '{node.dtype.name}'; it takes floats")
    return wrap(ops.logcumsumexp(node, dim_index(dim, len(node.shape), "logcumsumexp")))


def diff(input, n: int = 1, dim: int = -1, prepend=None, append=None):
    """Differences of neighbours along dim, n times over; prepend and append are joined on first."""
    x = require_tensor(input, "diff")
    if x.dim() == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    d = dim_index(dim, x.dim(), "diff")
    joined = [part for part in (prepend, x, append) if part is not None]
    for part in joined:
        if part.dim() not in (x.dim(), 0):
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    if n == 0:
        return x.clone()
    x = cat(joined, d) if len(joined) > 1 else x
    for _ in range(min(n, x.shape[d])):
        size = x.shape[d]
        if size == 0:
            break
        after, before = x.narrow(d, 1, size - 1), x.narrow(d, 0, size - 1)
        x = bitwise_xor(after, before) if x.dtype is bool_ else after - before
    return x


# --- derivatives of samples
def _one_gradient(x: Tensor, spacing, d: int, edge_order: int) -> Tensor:
    n = x.shape[d]

    def at(start: int, stop: int) -> Tensor:
        return x.narrow(d, start, stop - start)

    if isinstance(spacing, Box):
        return _uneven_gradient(x, spacing, d, edge_order)
    middle = (at(2, n) - at(0, n - 2)) / (2 * spacing)
    if edge_order == 1:
        first, last = (at(1, 2) - at(0, 1)) / spacing, (at(n - 1, n) - at(n - 2, n - 1)) / spacing
    else:
        first = (at(0, 1) * -3 + at(1, 2) * 4 - at(2, 3)) / (2 * spacing)
        last = (at(n - 1, n) * 3 - at(n - 2, n - 1) * 4 + at(n - 3, n - 2)) / (2 * spacing)
    return cat([first, middle, last], d)


def _uneven_gradient(x: Tensor, places, d: int, edge_order: int) -> Tensor:
    """The derivative of the parabola through a sample and its neighbours."""
    n = x.shape[d]
    shape = [-1 if i == d else 1 for i in range(x.dim())]
    h = (places[1:] - places[:-1]).reshape(shape)

    def at(t: Tensor, start: int, stop: int) -> Tensor:
        return t.narrow(d, start, stop - start)

    def parabola(y0, y1, y2, a, b, where: int) -> Tensor:
        """Its derivative at point `where` of three that are a and b apart."""
        if where == 0:
            weights = (-(2 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b)))
        elif where == 1:
            weights = (-b / (a * (a + b)), (b - a) / (a * b), a / (b * (a + b)))
        else:
            weights = (b / (a * (a + b)), -(a + b) / (a * b), (a + 2 * b) / (b * (a + b)))
        return y0 * weights[0] + y1 * weights[1] + y2 * weights[2]

    middle = parabola(at(x, 0, n - 2), at(x, 1, n - 1), at(x, 2, n), at(h, 0, n - 2), at(h, 1, n - 1), 1)
    if edge_order == 1:
        first = (at(x, 1, 2) - at(x, 0, 1)) / at(h, 0, 1)
        last = (at(x, n - 1, n) - at(x, n - 2, n - 1)) / at(h, n - 2, n - 1)
    else:
        first = parabola(at(x, 0, 1), at(x, 1, 2), at(x, 2, 3), at(h, 0, 1), at(h, 1, 2), 0)
        last = parabola(at(x, n - 3, n - 2), at(x, n - 2, n - 1), at(x, n - 1, n), at(h, n - 3, n - 2), at(h, n - 2, n - 1), 2)
    return cat([first, middle, last], d)


def gradient(input, *, spacing=1, dim=None, edge_order: int = 1):
    """The derivative along each dimension (or dim) of a function sampled `spacing` apart, by second-order central
    differences; `spacing` may be a number, one a dimension, or tensors of coordinates."""
    x = require_tensor(input, "gradient")
    if edge_order not in (1, 2):
        raise RuntimeError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    dims = list(range(x.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [dim_index(d, x.dim(), "gradient") for d in dims]
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"torch.gradient: dim {dims} appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    steps = list(spacing) if isinstance(spacing, Sequence) else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to "
                           f"'self.dim() = {len(dims)}', got {len(steps)} values")
    for d, step in zip(dims, steps):
        if x.shape[d] < edge_order + 1:
            raise RuntimeError(f"torch.gradient expected each dimension size to be at least edge_order+1, got {list(x.shape)}")
        if isinstance(step, Box) and step.numel() != x.shape[d]:
            raise RuntimeError(f"torch.gradient expected each element of `spacing` to have as many coordinates as the dimension "
                               f"has points: {step.numel()} and {x.shape[d]}")
    x = wrap(to_float(x.node))
    return [_one_gradient(x, s, d, edge_order) for d, s in zip(dims, steps)]


# --- integrals of samples
def _widths(y: Tensor, x, dx, d: int):
    """Half the distances of neighbours, ready to be multiplied with sums of neighbours along d."""
    if x is None:
        return dx / 2
    apart = x.narrow(-1 if x.dim() == 1 else d, 1, x.shape[-1 if x.dim() == 1 else d] - 1)
    before = x.narrow(-1 if x.dim() == 1 else d, 0, x.shape[-1 if x.dim() == 1 else d] - 1)
    width = (apart - before) / 2
    return width.reshape([-1 if i == d else 1 for i in range(y.dim())]) if x.dim() == 1 else width


def _areas(y, x, dx, dim: int, call: str) -> tuple[Tensor, int]:
    y = require_tensor(y, call)
    d = dim_index(dim, y.dim(), call)
    if x is not None and isinstance(x, Box):
        size = x.shape[0 if x.dim() == 1 else dim] if x.dim() else 1
        if size != y.shape[d] and size != 1:
            raise RuntimeError(f"{call}: There must be one `x` value for each sample point, got {size} for {y.shape[d]}")
        if x.dim() > 1 and x.dim() != y.dim():
            lead = y.dim() - x.dim()
            x = x.reshape((1,) * lead + tuple(x.shape)) if lead > 0 else x
            if lead < 0:
                y = y.reshape((1,) * -lead + tuple(y.shape))
                d -= lead
    elif x is not None and is_number(x):
        dx, x = x, None
    n = y.shape[d]
    sums = y.narrow(d, 1, max(n - 1, 0)) + y.narrow(d, 0, n - 1) if n else y
    return sums * _widths(y, x, dx, d), d


def trapezoid(y, x=None, *, dx=None, dim: int = -1):
    """The integral of samples along dim by the trapezoidal rule, at points x or dx apart."""
    areas, d = _areas(y, x, 1 if dx is None else dx, dim, "trapezoid")
    return areas.sum(d)


trapz = trapezoid


def cumulative_trapezoid(y, x=None, *, dx=None, dim: int = -1):
    """The running integral along dim: one less than there are samples."""
    areas, d = _areas(y, x, 1 if dx is None else dx, dim, "cumulative_trapezoid")
    return cumsum(areas, d)
