"""Every sample at other sizes and in other layouts: where kernels go wrong is at the ends of vectors and tiles, at strides.

A seed names a sample, new sizes for its tensors (equal sizes stay equal, so that most calls still fit), a layout for each,
a dtype and a form. PyTorch decides what fits: a call that it refuses is drawn again, and the last refused one has to be
refused here as well.
"""

from __future__ import annotations

import dataclasses
import math
import random
from functools import cache

import numpy as np
import torch
from samples import SAMPLES
from samples.table import Sample, Spec, tensors_of

import talweg

from .layouts import Layout, drawn

SIZES = (1, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)
MOST = 9000
"""Elements of all tensors of a call together; results may have more, up to MOST_RESULTS."""
MOST_RESULTS = 300_000
TRIES = 12
# Whose gradient is rounding where all numbers are one; whether a matrix of equal rows is singular is rounding as well, which
# concerns all of linalg.
SPREAD = {"std", "std_mean", "masked.std", "lu", "lu_unpack", "qr", "geqrf", "svd", "pinverse", "cholesky", "corrcoef"}
GATES = {"nn.RNN": 1, "nn.LSTM": 4, "nn.GRU": 3}  # PyTorch does not look at the sizes of their weights: others crash it
ALIKE = {*GATES, "F.scaled_dot_product_attention"}  # nor whether there are as many values as keys
NEVER_EMPTY = {"F.pdist"}  # whose gradient then divides by zero in PyTorch, which ends the process
UNCHECKED = {"F.ctc_loss"}  # PyTorch writes past its arrays where targets and sizes do not fit
REFUSALS = (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError, ZeroDivisionError, AssertionError)


@dataclasses.dataclass(frozen=True)
class Call:
    """What one seed asks for. `late`: the layouts are views recorded in the graph, and gradients are those of the memory;
    else tensors lie that way already. `written`: the in-place form, on a view of the first argument."""

    seed: int
    sample: Sample
    dtype: str
    layouts: tuple[Layout, ...]
    late: bool
    order: int
    written: bool = False

    def __str__(self) -> str:
        what = [f"seed {self.seed}: {self.sample.id} in {self.dtype}{', in place' if self.written else ''}, "
                f"{'views recorded' if self.late else 'laid out before'}, order {self.order}",
                f"  args {self.sample.args} {self.sample.kwargs or ''}"]
        return "\n".join([*what, *(f"  {s.shape}: {layout}" for s, layout in zip(self.sample.specs(), self.layouts))])


@cache
def _order(turn: int) -> list[int]:
    """Each turn goes through all samples, in an order of its own."""
    return random.Random(f"turn {turn}").sample(range(len(SAMPLES)), len(SAMPLES))


def sample_of(seed: int) -> Sample:
    return SAMPLES[_order(seed // len(SAMPLES))[seed % len(SAMPLES)]]


def draw(seed: int) -> Call:
    """The call of a seed: the first drawing that PyTorch takes, or the last that it does not."""
    rng, sample = random.Random(f"call {seed}"), sample_of(seed)
    for _ in range(TRIES):
        call = _drawn(rng, seed, sample)
        if fits(call):
            break
    return call


def fits(call: Call) -> bool:
    try:
        with torch.backends.mkldnn.flags(enabled=False):  # its LSTM crashes at some sizes
            results = [y for y in call.sample.run(torch, call.dtype)[0] if isinstance(y, torch.Tensor)]
    except REFUSALS:
        return False
    return sum(y.numel() for y in results) <= MOST_RESULTS


def _drawn(rng: random.Random, seed: int, sample: Sample) -> Call:
    dtype = rng.choice([d for d in sample.dtypes for _ in range({"float64": 5, "float32": 4}.get(d, 1))])
    resized = _resized(rng, sample)
    written = rng.random() < 0.2 and can_be_written(sample)
    layouts = tuple(drawn(rng, s.shape, s.kind in ("distinct", "literal") or _spread(sample), written and i == 0)
                    for i, s in enumerate(resized.specs()))
    order = min(sample.order, 2 if dtype == "float64" and rng.random() < 0.3 else 1 if dtype != "bfloat16" else 0)
    if not _can_lie_anywhere(sample):
        layouts = (Layout(),) * len(layouts)
    return Call(seed, resized, dtype, layouts, rng.random() < 0.6, order, written)


def _spread(sample: Sample) -> bool:
    return sample.name in SPREAD or sample.name.startswith("linalg.")


def _can_lie_anywhere(sample: Sample) -> bool:
    """as_strided reads the storage, to whose other parts PyTorch passes no gradient; complex numbers are pairs side by side."""
    return not sample.name.startswith(("as_strided", "view_as_complex"))


def can_be_written(sample: Sample) -> bool:
    name = sample.name + "_"
    return (sample.fn is None and bool(sample.args) and isinstance(sample.args[0], Spec) and sample.name.isidentifier()
            and hasattr(torch.Tensor, name) and hasattr(talweg.Tensor, name))


def _resized(rng: random.Random, sample: Sample) -> Sample:
    """The sample with new sizes in place of its own, the same wherever it has the same."""
    if sample.name in UNCHECKED:
        return sample
    old = sorted({n for s in sample.specs() if s.kind != "literal" for n in s.shape})
    new = {n: n if rng.random() < 0.3 or n == 0 else n * rng.randrange(2, 9) if rng.random() < 0.2 else _size(rng) for n in old}
    if sample.name in NEVER_EMPTY:
        new = {n: max(1, size) for n, size in new.items()}
    alone = 1 if rng.random() < 0.15 and sample.name not in ALIKE else None  # a dimension of one operand, which then broadcasts
    in_tuples = rng.random() < 0.5

    def of(x, depth=0):
        if isinstance(x, Spec):
            return x if x.kind == "literal" else dataclasses.replace(x, shape=shape_of(x))
        if isinstance(x, (tuple, list)):
            return type(x)(of(v, depth + 1) for v in x)
        if depth and in_tuples and isinstance(x, int) and not isinstance(x, bool):
            return new.get(x, x)
        return x

    def shape_of(spec: Spec) -> tuple[int, ...]:
        shape = [new[n] for n in spec.shape]
        if alone is not None and shape and rng.random() < 0.3:
            shape[rng.randrange(len(shape))] = 1
        return tuple(shape)

    specs = [s for s in sample.specs() if s.kind != "literal"]
    while sum(math.prod(new[n] for n in s.shape) for s in specs) > MOST:
        largest = max(new, key=lambda n: new[n])
        new[largest] = rng.choice((1, 2, 3, 5, 7, 8, 9, 16, 17))
    if sample.name in GATES:
        new[3 * GATES[sample.name]] = GATES[sample.name] * new[3]
    return dataclasses.replace(sample, args=of(tuple(sample.args)), kwargs={k: of(v) for k, v in sample.kwargs.items()})


def _size(rng: random.Random) -> int:
    return 0 if rng.random() < 0.04 else rng.choice(SIZES)


def arguments(call: Call, T, contiguous: bool, shake: float) -> tuple[list, dict, list]:
    """(args, kwargs, leaves) of the call in library T, its tensors in their layouts, or as contiguous copies of them.
    shake: relative changes of the numbers by up to this."""
    layouts, numbers = iter(call.layouts), np.random.default_rng(call.seed)

    def place(values, dtype, wanted):
        memory, views = next(layouts).memory(values)
        if shake and memory.dtype.kind == "f":
            memory = (memory * (1 + shake * numbers.uniform(-1, 1, memory.shape))).astype(memory.dtype)
        base = T.tensor(memory, dtype=dtype)
        leaf = base.requires_grad_() if wanted and call.late else base
        x = leaf
        for view in views:
            x = view(x)
        if contiguous:
            x = x.contiguous()
        if wanted and not call.late:
            leaf = x = x.detach().requires_grad_()
        elif not call.late:
            x = x.detach()
        if not call.late and T is talweg:
            x.detach().numpy()
        return x, leaf

    return call.sample.arguments(T, call.dtype, call.order > 0, place)


def run(call: Call, T, contiguous: bool = False, shake: float = 0.0) -> dict[str, object]:
    """Results and gradients by name, as tensors of T."""
    args, kwargs, leaves = arguments(call, T, contiguous, shake)
    if call.written:
        whole = args[0] * 1 if args[0].is_floating_point() else args[0].clone()
        written = whole[..., 1:] if whole.ndim and whole.shape[-1] > 1 and call.seed % 2 else whole
        getattr(written, call.sample.name + "_")(*args[1:], **kwargs)
        results = [whole]
    else:
        results = tensors_of(call.sample.function(T)(*args, **kwargs), T)
    found = {f"result {i}": y for i, y in enumerate(results)}
    ends = [y for y in results if isinstance(y, T.Tensor) and y.requires_grad]
    grad = T.autograd.grad if T is torch else T.grad
    for order in range(1, call.order + 1):
        ends = [y for y in ends if not y.is_complex()]
        if not ends or not leaves:
            break
        given = grad(ends, leaves, [_weights(T, y) for y in ends], create_graph=order < call.order, allow_unused=True)
        found.update({f"gradient {order} of leaf {i}": g for i, g in enumerate(given)})
        ends = [g for g in given if g is not None and g.requires_grad]
    return found


def _weights(T, y):
    count = math.prod(y.shape)
    return T.tensor([0.5 + i * 7 % 11 / 11 for i in range(count)], dtype=y.dtype).reshape(tuple(y.shape))
