"""Where a dimension goes when a value is reshaped."""

from __future__ import annotations

Shape = tuple[int, ...]


def reshaped(before: Shape, after: Shape, dim: int) -> tuple[int, int, int] | None:
    """(the dimension afterwards, elements of it for one of `dim`, elements of `dim` for one of it), or None.

    (3, 4) to (12,): dimension 0 is (0, 4, 1), 1 is None: it does not move on. (12,) to (3, 4): dimension 0 is (0, 1, 4).
    """
    for old, new in blocks(before, after):
        if dim not in old:
            continue
        old = [d for d in old if before[d] != 1 or d == dim]
        new = [d for d in new if after[d] != 1] or new[:1]
        if old[0] != dim or not new:
            return None
        size = before[dim]
        if len(new) == 1:
            return new[0], after[new[0]] // size, 1
        if len(old) == 1:
            return new[0], 1, size // after[new[0]]
        return (new[0], 1, 1) if after[new[0]] == size else None
    return None


def blocks(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The dimensions of both shapes in the smallest groups, in order, that hold the same number of elements."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        old: list[int] = []
        new: list[int] = []
        left = right = 1
        while not (old or new) or left != right:
            if (left <= right and i < len(before)) or j >= len(after):
                left *= before[i]
                old.append(i)
                i += 1
            else:
                right *= after[j]
                new.append(j)
                j += 1
        found.append((old, new))
    return found
