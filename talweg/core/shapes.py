"""Shapes, strides and the arithmetic on them. Strides are in elements, as PyTorch's are."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

Shape = tuple[int, ...]


class Size(tuple):
    """A tensor's shape: a tuple that also counts its elements."""

    __slots__ = ()

    def numel(self) -> int:
        return math.prod(self)

    def __repr__(self) -> str:
        return f"talweg.Size({list(self)})"

    def __getitem__(self, index):
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other):
        return Size(tuple(self) + tuple(other))


def broadcast(a: Shape, b: Shape, call: str = "broadcast") -> Shape:
    """The common shape of two operands. Raises RuntimeError where neither size is 1."""
    if a == b:
        return a
    if len(a) < len(b):
        a, b = b, a
    lead = len(a) - len(b)
    result = list(a)
    for i, size in enumerate(b, lead):
        if a[i] == 1:
            result[i] = size
        elif size not in (1, a[i]):
            raise RuntimeError(
                f"{call}: the size of tensor a ({a[i]}) must match the size of tensor b ({size}) at dimension {i}: "
                f"shapes {list(a)} and {list(b)} do not broadcast; sizes must be equal or 1"
            )
    return tuple(result)


def broadcast_all(shapes: Iterable[Shape], call: str = "broadcast") -> Shape:
    result: Shape = ()
    for shape in shapes:
        result = broadcast(result, shape, call)
    return result


def dim_index(dim: int, rank: int, call: str = "") -> int:
    """A dimension counted from either end, as one counted from the front. Raises IndexError out of range."""
    span = max(rank, 1)
    if not isinstance(dim, int):
        raise TypeError(f"{call or 'dim'}: a dimension must be an int, not {type(dim).__name__}")
    if -span <= dim < span:
        return dim % span
    where = f"{call}: " if call else ""
    raise IndexError(f"{where}Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})")


def dim_indices(dims, rank: int, call: str = "") -> Shape:
    """One dimension, several, or None for all of them, as sorted indices from the front."""
    if dims is None:
        return tuple(range(rank))
    if isinstance(dims, int):
        dims = (dims,)
    found = [dim_index(d, rank, call) for d in dims]
    if len(set(found)) != len(found):
        raise RuntimeError(f"{call}: dim {found} appears multiple times in the list of dims")
    return () if rank == 0 else tuple(sorted(found))


def reduced(shape: Shape, dims: Shape, keepdim: bool) -> Shape:
    """The shape left when `dims` are reduced."""
    if keepdim:
        return tuple(1 if i in dims else s for i, s in enumerate(shape))
    return tuple(s for i, s in enumerate(shape) if i not in dims)


@functools.lru_cache(maxsize=4096)
def contiguous_strides(shape: Shape) -> Shape:
    strides = [1] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * max(shape[i + 1], 1)
    return tuple(strides)


def is_contiguous(shape: Shape, strides: Shape) -> bool:
    """Whether the elements lie in row-major order without gaps (sizes of 1 do not matter)."""
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides)):
        if size == 0:
            return True
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def resolve_reshape(shape: Shape, wanted: Sequence[int], call: str = "reshape") -> Shape:
    """`wanted` with its one -1 worked out. Raises RuntimeError when the element counts cannot agree."""
    wanted = tuple(wanted)
    count = math.prod(shape)
    if wanted.count(-1) > 1:
        raise RuntimeError(f"{call}: only one dimension can be inferred, got {list(wanted)}")
    if any(s < -1 for s in wanted):
        raise RuntimeError(f"{call}: invalid shape dimension {min(wanted)} in {list(wanted)}")
    if -1 in wanted:
        rest = math.prod(s for s in wanted if s != -1)
        if rest == 0 and count == 0:
            raise RuntimeError(f"{call}: cannot reshape tensor of 0 elements into shape {list(wanted)}: "
                               "the unspecified dimension size -1 can be any value and is ambiguous")
        if rest and count % rest == 0:
            return tuple(count // rest if s == -1 else s for s in wanted)
    elif math.prod(wanted) == count:
        return wanted
    raise RuntimeError(f"{call}: shape '{list(wanted)}' is invalid for input of size {count} (shape {list(shape)})")


def view_strides(shape: Shape, strides: Shape, wanted: Shape) -> Shape | None:
    """Strides that show `shape`/`strides` as `wanted` without moving an element, or None if there are none.

    Runs of dimensions that are contiguous with one another are merged; each wanted dimension must lie
    inside one run.
    """
    if math.prod(shape) == 0:
        return contiguous_strides(wanted)
    runs = _merged_runs(shape, strides)
    result: list[int] = []
    sizes = list(wanted)
    while runs:
        count, stride = runs.pop()
        taken = 1
        while taken < count and sizes:
            size = sizes.pop()
            result.append(stride * taken)
            taken *= size
        if taken != count:
            return None
    result.extend(result[-1] if result else 1 for _ in sizes)  # what is left are sizes of 1
    return tuple(reversed(result))


def _merged_runs(shape: Shape, strides: Shape) -> list[tuple[int, int]]:
    """(elements, innermost stride) of each maximal run of dimensions that can be walked as one."""
    runs: list[tuple[int, int]] = []
    for size, stride in zip(shape, strides):
        if size == 1:
            continue
        if runs and runs[-1][1] == size * stride:
            runs[-1] = (runs[-1][0] * size, stride)
        else:
            runs.append((size, stride))
    return runs


def permuted(values: Sequence, order: Sequence[int]) -> tuple:
    return tuple([values[i] for i in order])


def inverse_permutation(order: Sequence[int]) -> Shape:
    inverse = [0] * len(order)
    for position, source in enumerate(order):
        inverse[source] = position
    return tuple(inverse)


def slice_length(start: int, stop: int, step: int) -> int:
    return max(0, -(-(stop - start) // step))
