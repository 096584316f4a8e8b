"""Matrix products through oneDNN. Transposed and sliced operands go in as they lie; batches are folded.

Python's share of a cached call is about 6 us on the machine of docs/architecture.md (64x400 @ 400x120: 39 us
of arithmetic on two threads).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...core.shapes import broadcast
from ...runtime import threads
from . import primitives
from .arrays import Strides, describable, element_strides, pointer, row_major, type_of
from .bindings import MAX_RANK, Argument, DataType, Unsupported
from .cache import Cache
from .plans import Plan
from .primitives import Descriptor


class _Product(NamedTuple):
    """What is known about one signature."""

    plan: Plan | None  # None: nothing to multiply
    shape: tuple[int, ...]
    dtype: np.dtype
    copy_a: bool
    copy_b: bool
    through_copy: bool  # `out` lies in a way oneDNN cannot write


class _Batch(NamedTuple):
    """One batch dimension of a product: its size, and the step of a, b and c along it (0: broadcast)."""

    size: int
    a: int
    b: int
    c: int


_CACHE: Cache[_Product] = Cache(1024)


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """a (..., M, K) @ b (..., K, N) = (..., M, N), batch dimensions broadcast, sums in float32.

    `out` takes the result: of that shape, in the operands' dtype or float32; it may overlap a or b. Any
    strides. Raises RuntimeError for shapes or dtypes that do not go together, Unsupported for a dtype that
    is neither float32 nor bfloat16.
    """
    try:
        given_out = None if out is None else (out.shape, out.strides, out.dtype)
        key = (a.shape, a.strides, a.dtype, b.shape, b.strides, b.dtype, given_out, threads.get_num_threads())
    except AttributeError:
        raise TypeError(
            f"matmul: expected NumPy arrays, got {type(a).__name__} and {type(b).__name__}"
        ) from None
    product = _CACHE.find(key)
    if product is None:
        product = _CACHE.put(key, _prepare(a, b, out))
    if product.plan is None:
        return _nothing_to_add(product, out)
    result = _target(product, a, b, out)
    if product.copy_a:
        a = np.array(a, order="C")
    if product.copy_b:
        b = np.array(b, order="C")
    product.plan.run([pointer(a), pointer(b), pointer(result)])
    if out is None or out is result:
        return result
    out[...] = result
    return out


def matmul_plan(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Plan | None:
    """A plan of one's own that leaves a @ b in `out`, run on (a, b, out); None where an operand or the result would
    have to be copied. Only shapes, strides and dtypes are looked at."""
    product = _prepare(a, b, out)
    return None if product.copy_a or product.copy_b or product.through_copy else product.plan


def _nothing_to_add(product: _Product, out: np.ndarray | None) -> np.ndarray:
    """An empty result, or sums over K = 0 terms."""
    if out is None:
        return np.zeros(product.shape, product.dtype)
    out[...] = 0
    return out


def _target(product: _Product, a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    if out is None or product.through_copy or np.may_share_memory(a, out) or np.may_share_memory(b, out):
        return np.empty(product.shape, product.dtype)
    if not out.flags.writeable:
        raise ValueError("matmul: out is read-only")
    return out


def _prepare(a: np.ndarray, b: np.ndarray, out: np.ndarray | None) -> _Product:
    type_of("matmul", a, b)
    shape = _result_shape(a, b)
    dtype = a.dtype if out is None else out.dtype
    _check_out(shape, a.dtype, out)
    if not a.size or not b.size or not all(shape):
        return _Product(None, shape, dtype, False, False, False)
    strides_c = row_major(shape) if out is None else element_strides(out)
    through_copy = strides_c is None or not _matrices_are_plain(shape, strides_c)
    if through_copy or strides_c is None:
        strides_c = row_major(shape)
    repeated_a, repeated_b = _repeated_by_both(a, b, shape)
    copy_a, copy_b = _must_copy(a) or repeated_a, _must_copy(b) or repeated_b
    plan = _build(a, b, shape, strides_c, dtype, copy_a, copy_b)
    if plan.steps[-1][0].implementation.startswith("ref"):  # a layout only the slow reference takes
        copy_a = copy_b = through_copy = True
        plan = _build(a, b, shape, row_major(shape), dtype, copy_a, copy_b)
    return _Product(plan, shape, dtype, copy_a, copy_b, through_copy)


def _result_shape(a: np.ndarray, b: np.ndarray) -> tuple[int, ...]:
    if a.ndim < 2 or b.ndim < 2:
        raise RuntimeError(
            f"matmul: expected operands of two or more dimensions, got shapes {list(a.shape)} and "
            f"{list(b.shape)}"
        )
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"matmul: shapes {list(a.shape)} and {list(b.shape)} cannot be multiplied: the columns of "
            f"the first ({a.shape[-1]}) must be as many as the rows of the second ({b.shape[-2]})"
        )
    return (*broadcast(a.shape[:-2], b.shape[:-2], "matmul"), a.shape[-2], b.shape[-1])


def _check_out(shape: tuple[int, ...], dtype: np.dtype, out: np.ndarray | None) -> None:
    if out is None:
        return
    if out.shape != shape:
        raise RuntimeError(
            f"matmul: out has shape {list(out.shape)}, and the product has shape {list(shape)}"
        )
    if out.dtype not in (dtype, np.float32):
        raise RuntimeError(f"matmul: out has dtype {out.dtype}; expected {dtype} or float32")


def _must_copy(x: np.ndarray) -> bool:
    strides = element_strides(x)
    if strides is None:
        return True
    # A batch dimension that repeats (stride 0) is no hindrance: it is passed as one that broadcasts.
    kept = [i for i, step in enumerate(strides) if step or i >= x.ndim - 2]
    return not _matrices_are_plain([x.shape[i] for i in kept], [strides[i] for i in kept])


def _repeated_by_both(a: np.ndarray, b: np.ndarray, shape: tuple[int, ...]) -> tuple[bool, bool]:
    """Which operand must be written out because both repeat along a batch dimension that the result walks: oneDNN wants
    that dimension from one of them."""
    both = [i for i in range(-len(shape), -2) if shape[i] != 1 and not any(_step(x.shape, x.strides, i + 2) for x in (a, b))]
    write_a = any(-i <= a.ndim and a.shape[i] != 1 for i in both)
    write_b = any(-i > a.ndim or a.shape[i] == 1 for i in both)
    return write_a, write_b


def _matrices_are_plain(shape, strides) -> bool:
    """Whether the last two dimensions are a row-major or column-major matrix, and nothing overlaps."""
    last = _matrix_strides(shape[-2], shape[-1], strides[-2], strides[-1])
    return 1 in last and describable(shape, strides)


def _matrix_strides(rows: int, columns: int, row_step: int, column_step: int) -> tuple[int, int]:
    """Steps of a matrix with those along dimensions of size 1, which mean nothing, replaced by usual ones."""
    if columns == 1:
        return (max(row_step, 1), 1) if rows != 1 else (1, 1)
    if rows == 1:
        return (columns, 1) if column_step == 1 else (1, column_step)
    return row_step, column_step


def _build(a, b, shape, strides_c, dtype, copy_a, copy_b) -> Plan:
    type_ab = type_of("matmul", a, b)
    type_c = type_ab if dtype == a.dtype else DataType.F32
    strides_a = (None if copy_a else element_strides(a)) or row_major(a.shape)
    strides_b = (None if copy_b else element_strides(b)) or row_major(b.shape)
    batches = _merged(
        [
            _Batch(size, _step(a.shape, strides_a, i), _step(b.shape, strides_b, i), strides_c[i - 2])
            for i, size in zip(range(-len(shape) + 2, 0), shape[:-2])
            if size != 1
        ]
    )
    rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
    matrix_a = _matrix_strides(rows, inner, *strides_a[-2:])
    matrix_b = _matrix_strides(inner, columns, *strides_b[-2:])
    matrix_c = _matrix_strides(rows, columns, *strides_c[-2:])
    while batches and _extends_rows(batches[-1], rows, matrix_a[0], matrix_c[0]):
        rows *= batches.pop().size
    if len(batches) + 2 > MAX_RANK:
        raise Unsupported(
            f"matmul: oneDNN takes up to {MAX_RANK - 2} batch dimensions, got {list(shape[:-2])}"
        )
    return _plan(
        _layout(batches, [d.a for d in batches], (rows, inner), matrix_a, type_ab),
        _layout(batches, [d.b for d in batches], (inner, columns), matrix_b, type_ab),
        _layout(batches, [d.c for d in batches], (rows, columns), matrix_c, type_c),
    )


def _step(shape, strides, i: int) -> int:
    """The step along batch dimension i, counted from the matrices (-1 is next to them); 0 if broadcast."""
    i -= 2
    return 0 if -i > len(shape) or shape[i] == 1 else strides[i]


def _merged(batches: list[_Batch]) -> list[_Batch]:
    """Neighbouring batch dimensions that every operand walks as one are made one."""
    result: list[_Batch] = []
    for inner in batches:
        outer = result[-1] if result else None
        if outer and all(outer[i] == inner[i] * inner.size for i in (1, 2, 3)):
            result[-1] = _Batch(outer.size * inner.size, *inner[1:])
        else:
            result.append(inner)
    return result


def _extends_rows(batch: _Batch, rows: int, row_step_a: int, row_step_c: int) -> bool:
    """Whether a batch's matrices stand under one another, as one tall matrix, and share one b."""
    return batch.b == 0 and batch.a == row_step_a * rows and batch.c == row_step_c * rows


def _layout(
    batches: list[_Batch], steps: list[int], matrix, matrix_strides: Strides, type: DataType
) -> Descriptor:
    sizes = [batch.size if step else 1 for batch, step in zip(batches, steps)]
    outermost = max(matrix[0] * matrix_strides[0], matrix[1] * matrix_strides[1])
    return Descriptor.strided(
        (*sizes, *matrix), (*(step or outermost for step in steps), *matrix_strides), type
    )


def _plan(a: Descriptor, b: Descriptor, c: Descriptor) -> Plan:
    plan = Plan()
    given = {
        Argument.SRC: plan.argument(a),
        Argument.WEIGHTS: plan.argument(b),
        Argument.DST: plan.argument(c),
    }
    plan.add(primitives.matmul(a, b, c), given)
    return plan
