"""What a recorded graph costs, counted before it runs: arithmetic, and the memory of what must be stored meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.node import Node
from .costs import contraction_flops
from .engine import strides_of
from .memory import arena_offsets, owner_in
from .plan import Planner
from .rewrite import Canonical, needed


def graph_flops(roots: Sequence[Node], counted: set[Node] | None = None) -> int:
    """Multiplications and additions of the products and convolutions that the roots still wait for, each once.

    `counted`: nodes that are left out, and to which those found are added, so that what a second graph shares with a first
    is not counted twice.
    """
    counted = set() if counted is None else counted
    new = [node for node in needed(roots) if node not in counted]
    counted.update(new)
    return sum(contraction_flops(node) for node in new if node.value is None)


def planned_bytes(roots: Sequence[Node]) -> int:
    """The size of the block that holds every intermediate value of a compiled run: its peak, since values that are never
    alive together share memory. Inputs and the roots themselves are not in it."""
    canonical = Canonical(roots)
    strides = [strides_of(leaf.value) for leaf in canonical.inputs]
    plan = Planner(canonical.roots, list(canonical.inputs.values()), strides).plan()
    return arena_offsets(plan, set(map(owner_in(plan), plan.roots)))[1]
