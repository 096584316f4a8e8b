"""Whether a call gives PyTorch's results, gradients and refusals, interpreted and compiled."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import torch
from compiling import compiling
from samples.table import dtype_name, value

import talweg
from talweg.compile.engine import compile_after

from .calls import REFUSALS, Call, run

TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "bfloat16": 6e-2}
# PyTorch's gradients of the first two have float32 constants in float64; a sum of numbers that cancel may be anything small.
IMPRECISE = {"F.hardsigmoid": 100.0, "F.celu": 10.0, "sum": 10.0}
UNORDERED = {"linalg.eigvals", "linalg.eig", "linalg.svd", "svd"}  # LAPACK's order, any basis of a null space
ANY_PLACE = {"mode"}  # of equal elements: beyond 16 PyTorch's sort does not keep their order
# Approximations by random directions, which are not PyTorch's; memory that PyTorch leaves as it finds it.
DRAWN = {"svd_lowrank", "pca_lowrank", "resize_as_", "resize_"}
# float64 beyond 2^44 is nan in kernels: docs/architecture.md; PyTorch's second derivative where the mask hides both is nan.
BEYOND = {"sin-4", "cos-4", "tan-4", "masked.logaddexp-0"}
EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-8}
STRICTER = (  # what PyTorch lets pass:
    "targets must lie in",  # ctc_loss: it reads past its array
    "more than one element of the written-to tensor",  # batch_norm: of its running statistics
    "attn_mask is",  # of another shape, and ignored, since is_causal is set
    "as many coordinates as the dimension has points",  # gradient: the rest is left out
    "wrapping around more than once",  # circular padding of what negative padding has left
    "Calculated padded input size",  # conv_tbc of a sequence that is one shorter than the kernel
)


def outcome(call: Call, T, contiguous: bool = False, shake: float = 0.0) -> tuple[dict | None, Exception | None]:
    """(values by name, None) or (None, the refusal)"""
    try:
        plain = torch.backends.mkldnn.flags(enabled=False)  # PyTorch's LSTM through it crashes at some sizes
        with warnings.catch_warnings(), np.errstate(all="ignore"), plain:
            warnings.simplefilter("ignore")
            T.manual_seed(0)
            found = run(call, T, contiguous, shake)
            if T is talweg:
                talweg.evaluate_pending()
            return {name: None if y is None else (dtype_name(y), value(y)) for name, y in found.items()}, None
    except REFUSALS as error:
        return None, error.with_traceback(None)


def disagreement(call: Call) -> str | None:
    """What differs from PyTorch, or None."""
    theirs, refused = outcome(call, torch)
    if call.sample.id in BEYOND or call.sample.name in UNORDERED | DRAWN or _overflows(call) or _of_nothing(call):
        return None
    if _only_the_gradient_fails(call, refused):
        return None
    with compile_after(-1):
        ours, raised = outcome(call, talweg)
    found = _difference(call, theirs, refused, ours, raised)
    if found is not None and _is_sensitive(call, theirs):
        return None
    if found is not None:  # PyTorch reads the weights of some norms as if they were contiguous
        theirs, refused = outcome(call, torch, contiguous=True)
        found = _difference(call, theirs, refused, ours, raised)
    if found is not None:
        return f"interpreted: {found}"
    with compiling(poison=True, threads=3 * (call.seed % 4 == 1)) as seen:
        ours, raised = outcome(call, talweg)
    found = _difference(call, theirs, refused, ours, raised)
    if found is None and refused is None and seen.errors and not _reads_nothing(call, seen.errors[0], theirs):
        found = f"the compiler refused: {seen.errors[0]!r}"
    return found and f"compiled: {found}"


def _is_sensitive(call: Call, theirs: dict | None) -> bool:
    """Whether PyTorch itself finds other values when the last bits of the inputs change: orgqr's gradient, deep recurrences."""
    if theirs is None or call.dtype == "int64":
        return False
    moved, _ = outcome(call, torch, shake=2 * EPSILON[call.dtype])
    return _difference(call, theirs, None, moved, None) is not None


def _only_the_gradient_fails(call: Call, refused: Exception | None) -> bool:
    """Derivatives that PyTorch does not have, or makes of a wrong shape (scatter_reduce with a part of its source)."""
    return refused is not None and call.order > 0 and outcome(replace(call, order=0), torch)[1] is None


def _overflows(call: Call) -> bool:
    """Where the order of multiplying decides between 0, infinity and nan: long products, norms of a large order."""
    sizes = [s.shape for s in call.sample.specs()]
    numbers = [a for a in call.sample.args if isinstance(a, int) and not isinstance(a, bool)]
    if call.sample.name == "prod":
        return max(map(math.prod, sizes), default=0) > 100
    return "norm" in call.sample.name and max(numbers, default=0) > 20


def _reads_nothing(call: Call, raised: Exception | None, theirs: dict | None) -> bool:
    """An index out of range for a result without elements, which PyTorch does not look at."""
    if call.sample.name == "take_along_dim" and isinstance(raised, IndexError):  # nor at those of a repeated element
        return True
    return isinstance(raised, IndexError) and bool(theirs) and any(0 in y[1].shape for y in theirs.values() if y)


def _of_nothing(call: Call) -> bool:
    """The deviation of one number is 0 / 0. PyTorch's convolutions without channels give nothing, its gradients of empty norms
    nan, and pictures without rows keep their sizes."""
    if call.sample.name == "F.cross_entropy" and any(0 in s.shape for s in call.sample.specs()):
        return True
    if call.sample.name == "std" and any(math.prod(s.shape) == 1 for s in call.sample.specs()):
        return True
    return call.sample.name.startswith(("F.conv", "F.group_norm", "F.pixel")) and any(0 in s.shape for s in call.sample.specs())


def _difference(call: Call, theirs, refused, ours, raised) -> str | None:
    if refused is not None or raised is not None:
        if any(words in str(raised) for words in STRICTER):
            return None
        if raised is not None and theirs and any(0 in s.shape for s in call.sample.specs()):
            return None  # PyTorch checks few shapes where there is nothing
        if _reads_nothing(call, raised, theirs):
            return None
        both = refused is not None and raised is not None  # a call may be wrong in two ways: the types are test_samples.py's
        return None if both else f"raised {raised!r}, PyTorch {refused!r}"
    if call.written and "logical" in call.sample.name:  # PyTorch lets the gradient of x.logical_and_(y) pass
        return _one(call, ours["result 0"], theirs["result 0"], "result 0")
    for name in {**theirs, **ours}:
        if name.startswith("result") and (name not in ours or name not in theirs):
            return f"{list(ours)}, PyTorch {list(theirs)}"
        if call.sample.name in ANY_PLACE and name == "result 1":
            continue
        found = _one(call, ours.get(name), theirs.get(name), name)
        if found is not None:
            return f"{name}: {found}"
    return None


def _one(call: Call, ours, theirs, name: str) -> str | None:
    if ours is None or theirs is None:  # no gradient is as good as one of zeros
        rest = ours or theirs
        return None if rest is None or not np.asarray(rest[1]).any() else f"{rest[1]} where the other has none"
    if name.startswith("result") and ours[0] != theirs[0]:
        return f"dtype {ours[0]}, PyTorch {theirs[0]}"
    u, v = ours[1], theirs[1]
    if u.shape != v.shape:
        return f"shape {u.shape}, PyTorch {v.shape}"
    if v.dtype.kind not in "fc":
        wrong = u != v
        return None if not np.any(wrong) else f"{np.sum(wrong)} of {v.size} differ, first {u[wrong][:3]} for {v[wrong][:3]}"
    return _far(u, v, TOLERANCE.get(theirs[0], TOLERANCE["float32" if theirs[0] == "complex64" else "float64"])
                * IMPRECISE.get(call.sample.name, call.sample.loose) * (1 if name.startswith("result") else 10))


def _far(u: np.ndarray, v: np.ndarray, tolerance: float) -> str | None:
    """Within the tolerance of the element and of the largest element."""
    finite = np.abs(v[np.isfinite(v)])
    allowed = tolerance * (np.abs(v) + 0.1 * finite.max(initial=0) + 0.1)
    with np.errstate(all="ignore"):
        wrong = ~((np.abs(u - v) <= allowed) | (u == v) | (np.isnan(u) & np.isnan(v)))
    if not wrong.any():
        return None
    at = tuple(map(int, np.argwhere(wrong)[0]))
    return f"{wrong.sum()} of {wrong.size} differ, first at {at}: {u[at]} for {v[at]}"
