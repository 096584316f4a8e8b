"""Random numbers inside kernels: each a function of its key and of its element's position, so that no mask is stored."""

from __future__ import annotations

from collections.abc import Mapping

from ....graph import ops
from ....graph.node import Node
from .affine import Affine, Loop
from .body import Body
from .types import kind_of

_TYPES = {"float32": "float", "float64": "double", "float16": "half", "bfloat16": "bfloat"}


BLOCK = 4  # numbers of one block, where each takes one word


def _key(computation, node: Node) -> list[str]:
    """The seed and the number of the call."""
    return [computation.value(node.inputs[0], (Affine(i),)) for i in range(2)]


def uniform_number(body: Body, computation, node: Node, element: str) -> str:
    """The uniform number of an element, whose row-major position is `element`."""
    kind = kind_of(node.dtype)
    assert kind is not None
    seed, call = _key(computation, node)
    type = _TYPES[node.dtype.name]
    body.requires.add(("uniform", type))
    return body.add(f"call {kind.register} @tw_uniform_{type}(i64 {element}, i64 {seed}, i64 {call}, i64 {node.attrs[2]})")


class Blocks:
    """All numbers of a block at once, for kernels that compute neighbouring elements together: a quarter of the work."""

    def __init__(self) -> None:
        self._found: dict[tuple, str] = {}

    def number(self, body: Body, computation, node: Node, index: tuple[Affine, ...], element: str, which: int) -> str:
        """Number `which` of the block that `element` lies in; the block's first element asks first."""
        if (node, index) not in self._found:
            self._found[node, index] = self._block(body, computation, node, element)
        return body.add(f"extractvalue {_RESULT} {self._found[node, index]}, {which}")

    @staticmethod
    def _block(body: Body, computation, node: Node, element: str) -> str:
        seed, call = _key(computation, node)
        type = _TYPES[node.dtype.name]
        body.requires.add(("uniform_block", type))
        block = body.add(f"lshr i64 {element}, 2")
        return body.add(f"call {_RESULT} @tw_uniform_block_{type}(i64 {block}, i64 {seed}, i64 {call}, i64 {node.attrs[2]})")


_RESULT = "{float, float, float, float}"


def block_size(loads: Mapping, inputs: Mapping, merger, inner: Loop) -> int:
    """How many neighbours along the inner loop a kernel computes together: a whole block of random numbers if the
    elements of all of them start at one, else 1."""
    drawn = [merger.address(a) for (n, _), a in loads.items() if n.op is ops.uniform and n not in inputs]
    sizes = [n.dtype.itemsize for n, _ in loads if n.op is ops.uniform and n not in inputs]
    if not drawn or max(sizes) > 4 or inner.size % BLOCK:
        return 1
    return BLOCK if all(_starts_blocks(a, inner) for a in drawn) else 1


def _starts_blocks(element: Affine, inner: Loop) -> bool:
    """Whether neighbours in the loop are neighbours in the stream, and the loop starts with a block."""
    factors = dict(element.terms)
    along = factors.pop(inner, 0)
    return along == 1 and not any(f % BLOCK for f in (element.constant, *factors.values()))
