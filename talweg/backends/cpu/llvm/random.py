"""Random numbers inside kernels: each a function of its key and of its element's position, so that no mask is stored."""

from __future__ import annotations

from ....graph.node import Node
from .affine import Affine
from .body import Body
from .types import kind_of

_TYPES = {"float32": "float", "float64": "double", "float16": "half", "bfloat16": "bfloat"}


def uniform_number(body: Body, computation, node: Node, element: str) -> str:
    """The uniform number of an element, whose row-major position is `element`."""
    kind = kind_of(node.dtype)
    assert kind is not None
    key = node.inputs[0]
    seed, call = (computation.value(key, (Affine(i),)) for i in range(2))
    type = _TYPES[node.dtype.name]
    body.requires.add(("uniform", type))
    return body.add(f"call {kind.register} @tw_uniform_{type}(i64 {element}, i64 {seed}, i64 {call}, i64 {node.attrs[2]})")
