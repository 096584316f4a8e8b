"""Which kernels may compute a value along with what they compute already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..backends.cpu.llvm.expression import STATUS_CELL, Index, NotInline, loads_of
from ..backends.cpu.llvm.group import Group, memory_order, plain_index
from ..core.shapes import Shape
from ..graph.node import Node
from .places import Placed
from .steps import Step

FAR = 24  # how many steps are looked at
MOST_MEMBERS = 12
FEWEST_ROWS = 4  # of a kernel that goes over long rows several times: one for each thread and more
LONG = 32_768  # elements; fewer are gone through by one thread in any case


@dataclass
class Candidate:
    """A value that wants to be computed: over which space, what that loads. `reduces`: the dims, of a reduction."""

    node: Node
    space: Shape
    strides: Shape
    loads: Mapping[tuple[Node, Index], object]
    reduces: Shape | None = None


class Joining:
    """Decides from where values lie (`strides`), in which step they are stored (`born`), whose memory they share, and
    which are to be written over which inputs (`updates`)."""

    def __init__(self, strides: Mapping[Node, Shape], born: Mapping[Node, int], owner: Callable[[Node], Node],
                 updates: Mapping[Node, Node]):
        self.strides, self.born, self.owner, self.updates = strides, born, owner, updates

    def find(self, candidate: Candidate, steps: list[Step], earliest: int = 0) -> int | None:
        """The position of the step that the value joins: the one that computes the last thing it is made of, where it
        costs no further look at memory; for a reduction one soon after; or the latest."""
        last = max((self._born(n) for n, _ in candidate.loads if n in self.strides), default=-1)
        soon = range(last, last + (1 if candidate.reduces is None else FAR)) if last >= 0 else range(0)
        late = range(len(steps) - 1, max(len(steps) - FAR, last + 1, earliest) - 1, -1)
        for position in (*soon, *late):
            if earliest <= position < len(steps):
                group = steps[position].group
                if group is None or len(group.members) >= MOST_MEMBERS:
                    continue
                if self._may_update(candidate, group, steps[position + 1 :]) and self._fits(candidate, group, position):
                    return position
        return None

    def _may_update(self, candidate: Candidate, group: Group, later: list[Step]) -> bool:
        """Updates in place are made where each element is looked at once, after everyone else has read the old value and
        every index has been checked."""
        updating = [n for n in (candidate.node, *group.members) if n in self.updates]
        if not updating:
            return True
        if group.reductions or candidate.reduces is not None:
            return False
        source = self.updates.get(candidate.node)
        if source is None:
            return True
        return not any(STATUS_CELL in step.reads or source in map(self.owner, step.reads) for step in later)

    def _fits(self, candidate: Candidate, group: Group, position: int) -> bool:
        if candidate.space == group.space and self._same_loops(candidate, group):
            index = plain_index(group.space)
            return self._in_time(self._loads(candidate, group, index), group, position, after_reductions(group))
        if candidate.reduces is None and group.reductions:
            return self._is_made_of_results(candidate, group, position)
        return False

    @staticmethod
    def _same_loops(candidate: Candidate, group: Group) -> bool:
        if candidate.reduces is not None and group.reductions and candidate.reduces != group.dims:
            return False
        return memory_order(group.space, candidate.strides) == group.order

    def _is_made_of_results(self, candidate: Candidate, group: Group, position: int) -> bool:
        """Whether it has an element for each result of the group, and is made of them. What has the space's shape as well, where
        only dimensions of length 1 are reduced, would be looked for among the values before the reductions."""
        if candidate.node.shape == group.space:
            return False
        index = group.reduced_index(candidate.node.shape)
        if index is None:
            return False
        loads = self._loads(candidate, group, index)
        if loads is None or not any(self.owner(n) in group.members for n, _ in loads):
            return False
        return self._in_time(loads, group, position, True)

    def _loads(self, candidate: Candidate, group: Group, index: Index) -> Iterable[tuple[Node, Index]] | None:
        """What computing it loads if views of the group's values are looked through."""
        views = [n for n, _ in candidate.loads if self.owner(n) is not n and self.owner(n) in group.members]
        if candidate.space == group.space and not views:
            return candidate.loads
        node = candidate.node.inputs[0] if candidate.reduces is not None else candidate.node
        hidden = {*views, candidate.node}
        placed = Placed(self.strides, lambda n: n in hidden or (self.owner(n) is not n and self.owner(n) in group.members))
        found: dict = {}
        try:
            loads_of(node, index, placed, found)
        except NotInline:
            return None
        return found

    def _in_time(self, loads, group: Group, position: int, results_too: bool) -> bool:
        """Whether everything it loads is stored by then, or computed by the group at the same point of the loops."""
        if loads is None:
            return False
        for source, index in loads:
            if source not in self.strides:  # a position
                continue
            owner = self.owner(source)
            if owner in group.members:
                if source is not owner or index != group.index_of(source):
                    return False
                if not results_too and not group.is_full(source):
                    return False
            elif self._born(source) >= position:
                return False
        return True

    def _born(self, node: Node) -> int:
        """The step after which a stored value may be read: a view may have to wait longer than what it shows."""
        return max(self.born[self.owner(node)], self.born[node])


def after_reductions(group: Group) -> bool:
    """Whether there can be one more pass over the space once the results are known: along rows, if there are enough of
    them to share among threads."""
    if not group.reductions:
        return True
    enough = group.kept_count >= FEWEST_ROWS or group.kept_count * group.reduced_count <= LONG
    return group.in_rows and enough
