"""What a plan consists of."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..backends.cpu.llvm.group import Group
from ..core.shapes import Shape
from ..graph.node import Node


@dataclass
class Step:
    """One thing to run. kind: group (a kernel of ours), native (a kernel for that one operation), call (the library or
    NumPy computes `outputs[0]`), zero."""

    kind: str
    outputs: list[Node]
    reads: list[Node] = field(default_factory=list)  # placed values it loads
    sources: list[Node] = field(default_factory=list)  # of a call: its operands, placed
    group: Group | None = None
    elsewhere: set[Node] = field(default_factory=set)  # values a group loads at other points than it stores to


@dataclass
class Plan:
    steps: list[Step]
    strides: dict[Node, Shape]  # of every stored value
    alias: dict[Node, tuple[Node, Node | tuple]]  # lies in another value's memory: (there, by this movement or slice)
    inputs: list[Node]
    roots: list[Node]
    in_place: dict[Node, Node] = field(default_factory=dict)  # root: the input whose memory it takes over
