"""What computing a value takes, in instructions: counted in the text its emitter writes, so that no list is kept."""

from __future__ import annotations

import functools

from ....core.dtypes import dtype as DType
from ....graph.node import Node, Op, data
from .body import Body
from .scalars import EMITTERS
from .types import kind_of

FUNCTION = 24
"""Of a call of an elementary function, once it is inlined: about as many instructions as its polynomial takes."""
SLOW = 8
"""Of a division or a square root."""


def instructions(node: Node) -> int:
    """Of one element of a pointwise operation, its operands given; 0 for everything else."""
    if node.op not in EMITTERS or any(kind_of(n.dtype) is None for n in (node, *node.inputs)):
        return 0
    return _counted(node.op, node.attrs, node.dtype, tuple(s.dtype for s in node.inputs))


@functools.lru_cache(maxsize=4096)
def _counted(op: Op, attrs: tuple, dtype: DType, sources: tuple[DType, ...]) -> int:
    operands = tuple(Node(data, (), (), (), d) for d in sources)
    body = Body()
    EMITTERS[op](body, Node(op, operands, attrs, (), dtype), *(f"%x{i}" for i in range(len(operands))))
    slow = sum(any(word in line for word in ("div ", "rem ", "sqrt")) for line in body.lines)
    return len(body.lines) + FUNCTION * len(body.requires) + SLOW * slow


def is_dear(node: Node) -> bool:
    """Whether loading it again is cheaper than computing it again."""
    return instructions(node) >= SLOW


def weight(body: Body) -> int:
    """Instructions that a body comes to, for the choice whether threads share it: lanes compute functions together."""
    return len(body.lines) + FUNCTION // 3 * sum("@tw_" in line for line in body.lines)
