"""The kernel for a fusion group, by what it reduces."""

from __future__ import annotations

from collections.abc import Mapping

from ....graph.node import Node
from .columns import column_kernel
from .expression import Place
from .group import Group
from .nest import Kernel
from .pointwise import pointwise_kernel
from .rows import row_kernel


def group_kernel(name: str, group: Group, placed: Mapping[Node, Place]) -> Kernel:
    """Stores the group's outputs, or its partial results, from what else is placed. Raises NotInline."""
    if not group.reductions:
        return pointwise_kernel(name, group.outputs, placed)
    return row_kernel(name, group, placed) if group.in_rows else column_kernel(name, group, placed)
