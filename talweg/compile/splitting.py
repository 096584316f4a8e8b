"""Long reductions with few results: cut into parts that threads share, whose results are put together afterwards.

The number of parts depends on the shapes alone, so that the sums do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Container

from ..backends.cpu.llvm.columns import BLOCK
from ..backends.cpu.llvm.group import Group
from ..core.dtypes import float32
from ..core.shapes import Shape, contiguous_strides
from ..graph.node import Node, data
from .steps import Step

MOST_PARTS = 16
SMALLEST_PART = 16_384  # elements: a few microseconds, as long as it takes to start the threads


def parts_of(group: Group) -> int:
    """Into how many parts the reduced dimensions are cut."""
    independent = group.kept_count if group.in_rows else -(-group.kept_count // BLOCK)
    if not 0 < independent < MOST_PARTS or not group.dims:
        return 1
    work = group.kept_count * group.reduced_count
    return max(1, min(MOST_PARTS // independent, work // SMALLEST_PART, group.reduced_count))


def split(step: Step, strides: dict[Node, Shape]) -> list[Step]:
    """The step itself, or one for the parts and one that puts their results together."""
    group = step.group
    if group is None or not group.reductions or uses_results(group, strides):
        return [step]
    parts = parts_of(group)
    if parts == 1:
        return [step]
    full = [n for n in step.outputs if group.is_full(n)]
    once = [n for n in step.outputs if not group.is_full(n)]
    partials = {r: _partial(r, parts) for r in group.reductions}
    strides.update({n: contiguous_strides(n.shape) for n in partials.values()})
    first = Group(group.space, group.strides, group.dims, group.reductions, full, group.members, parts, partials)
    shape = (parts, *next(iter(partials)).shape)
    last = Group(shape, contiguous_strides(shape), (0,), dict(partials), once, group.members)
    return [Step("group", [*full, *partials.values()], step.reads, group=first),
            Step("group", once, [*partials.values(), *step.reads], group=last)]


def _partial(result: Node, parts: int) -> Node:
    """Room for a reduction's results, part by part."""
    dtype = float32 if result.dtype.itemsize < 4 else result.dtype
    return Node(data, (), (), (parts, *result.shape), dtype)


def uses_results(group: Group, stored: Container[Node]) -> bool:
    """Whether something over the space is made of the group's own results."""
    stack = [*group.reductions.values(), *(n for n in group.members if group.is_full(n))]
    seen: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in group.reductions:
            return True
        if node not in seen and (node in group.members or node not in stored):
            seen.add(node)
            stack.extend(node.inputs)
    return False
