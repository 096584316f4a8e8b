"""Random tensors. Every call draws from (seed, number of the call), so results do not depend on what is evaluated
when, on the mode, or on the number of threads."""

from __future__ import annotations

import math

import numpy as np

from ...core.dtypes import bool_, finfo, float32, float64, get_default_dtype, int64
from ...graph import ops
from ...graph.leaves import constant
from ...graph.node import Node, grad_mode
from ..box import Box
from ..generator import Generator, default_generator
from ..keywords import variadic
from ..operands import is_number, require_tensor
from ..pending import value_of
from ..tensor import Tensor, wrap
from ..tracing import varying_array
from .creation import _finished, _sizes


def _key(generator: Generator | None) -> Node:
    return varying_array((generator or default_generator).next_key)


def _uniform(shape, dtype, generator=None) -> Node:
    return ops.uniform(_key(generator), tuple(shape), dtype, 0)


def _normal(shape, dtype, generator=None) -> Node:
    return ops.normal(_key(generator), tuple(shape), dtype)


def _float_type(dtype, call: str):
    dtype = dtype or get_default_dtype()
    if not dtype.is_floating_point:
        raise NotImplementedError(f"{call}: not implemented for '{dtype.name}'; draw floats, or whole numbers with randint")
    return dtype


@variadic("size")
def rand(*size, generator=None, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory=False):
    """Uniform on [0, 1)."""
    return _finished(wrap(_uniform(_sizes(size), _float_type(dtype, "rand"), generator)), device, requires_grad)


@variadic("size")
def randn(*size, generator=None, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory=False):
    """Normal with mean 0 and variance 1."""
    return _finished(wrap(_normal(_sizes(size), _float_type(dtype, "randn"), generator)), device, requires_grad)


def rand_like(input, *, dtype=None, generator=None, device=None, requires_grad: bool = False, **_layout):
    """rand in the shape and dtype of input."""
    return rand(input.shape, dtype=dtype or input.dtype, generator=generator, requires_grad=requires_grad)


def randn_like(input, *, dtype=None, generator=None, device=None, requires_grad: bool = False, **_layout):
    """randn in the shape and dtype of input."""
    return randn(input.shape, dtype=dtype or input.dtype, generator=generator, requires_grad=requires_grad)


def _whole(low: int, high: int, shape, generator) -> Node:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    span = ops.scaled(_uniform(shape, float64, generator), high - low)
    return ops.add(ops.cast(ops.floor(span), int64), constant(low, int64))


def randint(low, high=None, size=None, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False,
            pin_memory=False):
    """Whole numbers from low (0 if left out) up to, and not including, high."""
    if size is None:
        low, high, size = 0, low, high
    node = _whole(int(low), int(high), _sizes((size,)), generator)
    return _finished(wrap(node if dtype in (None, int64) else ops.cast(node, dtype)), device, requires_grad)


def randint_like(input, low, high=None, *, dtype=None, **how):
    """randint in the shape and dtype of input."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, tuple(input.shape), dtype=dtype or input.dtype)


def randperm(n: int, *, generator=None, dtype=None, layout=None, device=None, requires_grad: bool = False, pin_memory=False):
    """The numbers below n in random order."""
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    order = ops.argsort(_uniform((n,), float64, generator), 0, False)
    return _finished(wrap(order if dtype in (None, int64) else ops.cast(order, dtype)), device, requires_grad)


def bernoulli(input, p=None, *, generator=None):
    """1 with probability `input` (or p), 0 otherwise."""
    x = require_tensor(input, "bernoulli")
    node = x.node
    _check_probabilities(node if p is None else None, p)
    draws = _uniform(node.shape, float32 if node.dtype.itemsize < 8 else float64, generator)
    limit = ops.cast(node, draws.dtype) if p is None else ops.number(p, draws)
    drawn = ops.cast(ops.lt(draws, ops.detach(limit)), node.dtype)
    return wrap(ops.overwrite(node, drawn) if node.needs_grad else drawn)  # the gradient of a draw is 0


def _check_probabilities(node: Node | None, p) -> None:
    known = p if is_number(p) else None if node is None or node.value is None or node.value.size == 0 else node.value
    if known is not None and not (np.min(known) >= 0 and np.max(known) <= 1):
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true: probabilities lie in [0, 1]")


def normal(mean=0.0, std=1.0, size=None, *, generator=None, dtype=None, layout=None, device=None, requires_grad: bool = False,
           pin_memory: bool = False):
    """mean + std times normal numbers; either may be a tensor, which then gives the shape."""
    if is_number(std) and std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    tensors = [v for v in (mean, std) if isinstance(v, Box)]
    if not tensors:
        return _finished(randn(_sizes((size,)), generator=generator, dtype=dtype) * std + mean, device, requires_grad)
    shape = np.broadcast_shapes(*[tuple(t.shape) for t in tensors])
    return randn(shape, generator=generator, dtype=tensors[0].dtype) * std + mean


def multinomial(input, num_samples: int, replacement: bool = False, *, generator=None):
    """Indices drawn with the (unnormalised) probabilities in each row of `input`, (n,) or (rows, n)."""
    x = require_tensor(input, "multinomial")
    if x.dim() not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got {x.dim()}")
    if not x.dtype.is_floating_point:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {x.dtype.name}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > x.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    weights = value_of(x.node).astype(np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or (weights.sum(-1) <= 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0, or a row that sums to 0")
    with grad_mode(False):
        return _drawn(wrap(ops.cast(x.node, float64)), num_samples, replacement, generator)


def _drawn(weights: Tensor, count: int, replacement: bool, generator) -> Tensor:
    """Without replacement: the largest of weight / exponential noise (a race); with: inverse of the sums."""
    if not replacement:
        noise = -(1 - wrap(_uniform(weights.shape, float64, generator))).log()
        return (weights / (noise + 1e-300)).topk(count, -1).indices
    sums = weights.cumsum(-1)
    spots = wrap(_uniform((*weights.shape[:-1], count), float64, generator)) * sums[..., -1:]
    return (sums.unsqueeze(-2) <= spots.unsqueeze(-1)).sum(-1).clamp(max=weights.shape[-1] - 1)


# --- in place
def _filled(self: Tensor, node: Node) -> Tensor:
    self._write(node if node.dtype is self.dtype else ops.cast(node, self.dtype))
    return self


def _drawing_type(self: Tensor):
    return self.dtype if self.dtype.is_floating_point else float32


def uniform_(self, a: float = 0.0, b: float = 1.0, *, generator=None, **named):
    """Filled with uniform numbers on [a, b)."""
    a, b = named.get("from", a), named.get("to", b)
    if a > b:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}")
    draws = _uniform(self.shape, _drawing_type(self), generator)
    return _filled(self, ops.add(ops.scaled(draws, b - a), ops.number(a, draws)))


def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator=None):
    """Filled with normal numbers of that mean and standard deviation."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    draws = _normal(self.shape, _drawing_type(self), generator)
    return _filled(self, ops.add(ops.scaled(draws, std), ops.number(mean, draws)))


def bernoulli_(self, p=0.5, *, generator=None):
    """Filled with 1 with probability p (a number or a tensor), 0 otherwise."""
    _check_probabilities(None, p)
    draws = _uniform(self.shape, float32, generator)
    limit = ops.cast(p.node, float32) if isinstance(p, Box) else ops.number(p, draws)
    return _filled(self, ops.cast(ops.lt(draws, limit), self.dtype))


def exponential_(self, lambd: float = 1.0, *, generator=None):
    """Filled with exponential numbers of rate lambd, which are never 0."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}: the rate `lambd` must be positive")
    draws = _uniform(self.shape, _drawing_type(self), generator)
    lengths = ops.neg(ops.log1p(ops.neg(draws)))
    shortest = ops.number(finfo(draws.dtype).eps / 4, draws)  # below the length of the smallest draw above 0
    return _filled(self, ops.scaled(ops.maximum(lengths, shortest), 1 / lambd))


def random_(self, *bounds, to: int | None = None, generator=None, **others):
    """Filled with whole numbers on [from, to), or [0, to), or all the dtype can count."""
    start = others.pop("from", 0)  # no name a Python parameter could have
    if others or len(bounds) + (to is not None) > 2:
        raise TypeError(f"random_(): takes from, to and generator, got {bounds} and {sorted(others)}")
    if len(bounds) == 2 or (bounds and to is not None):
        start, bounds = bounds[0], bounds[1:]
    high = to if to is not None else bounds[0] if bounds else _count_limit(self)
    low = 0 if start is None else start
    return _filled(self, _whole(int(low), int(high), self.shape, generator))


def _count_limit(self: Tensor) -> int:
    if self.dtype is bool_:
        return 2
    if self.dtype.is_floating_point:
        return 2 ** {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}[self.dtype.name]
    return min(int(np.iinfo(self.dtype.numpy).max), 2**53)


def cauchy_(self, median: float = 0.0, sigma: float = 1.0, *, generator=None):
    """Filled with Cauchy numbers."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    draws = _uniform(self.shape, _drawing_type(self), generator)
    turned = ops.tan(ops.scaled(ops.sub(draws, ops.number(0.5, draws)), math.pi))
    return _filled(self, ops.add(ops.scaled(turned, sigma), ops.number(median, turned)))


def log_normal_(self, mean: float = 1.0, std: float = 2.0, *, generator=None):
    """Filled with exp of normal numbers of that mean and standard deviation."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    draws = _normal(self.shape, _drawing_type(self), generator)
    return _filled(self, ops.exp(ops.add(ops.scaled(draws, std), ops.number(mean, draws))))


def geometric_(self, p: float, *, generator=None):
    """Filled with the number of the first success, counted from 1, where each trial has probability p."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    draws = _uniform(self.shape, _drawing_type(self), generator)
    tries = ops.ceil(ops.scaled(ops.log1p(ops.neg(draws)), 1 / math.log1p(-p)))
    return _filled(self, ops.maximum(tries, ops.number(1, tries)))
