"""What the functions of linear algebra share: checked operands, and results that fail where they are asked for."""

from __future__ import annotations

from ...compile.evaluate import evaluate
from ...core.dtypes import complex64, complex128, float32, float64
from ...graph import ops
from ...graph.node import Node
from ..operands import require_tensor
from ..tensor import Tensor, wrap

EARLY = 65536
"""A matrix up to this size whose value is known is worked on where the user calls, so that a singular one is an error
there; others at evaluation, which raises the same error."""


def matrix(input, call: str, low_precision: bool = False) -> Node:
    """The node of a tensor of matrices of floats."""
    node = require_tensor(input, call).node
    if node.dtype not in (float32, float64, complex64, complex128) and not (low_precision and node.dtype.is_floating_point):
        raise RuntimeError(f"{call}: Expected a floating point or complex tensor as input. Got {node.dtype.name}; low precision "
                           "and whole numbers have no linear algebra here, convert with .float()")
    if len(node.shape) < 2:
        raise RuntimeError(f"{call}: The input tensor A must have at least 2 dimensions, got shape {list(node.shape)}.")
    return node


def square(input, call: str, low_precision: bool = False) -> Node:
    node = matrix(input, call, low_precision)
    if node.shape[-1] != node.shape[-2]:
        raise RuntimeError(f"{call}: A must be batches of square matrices, but they are {node.shape[-2]} by {node.shape[-1]} "
                           "matrices")
    return node


def same_type(call: str, *nodes: Node) -> None:
    for node in nodes[1:]:
        if node.dtype is not nodes[0].dtype:
            raise RuntimeError(f"{call}: Expected all tensors to have the same dtype, but got {nodes[0].dtype.name} and "
                               f"{node.dtype.name}")


def at_once(node: Node) -> Tensor:
    """A result whose computation may fail: evaluated now if what it needs is known and small."""
    if all(_is_known(source, 3) for source in node.inputs):
        evaluate([node])
    return wrap(node)


def _is_known(node: Node, depth: int) -> bool:
    """Whether a small value is there, or a step or two of movement away."""
    if node.value is not None:
        return node.value.size <= EARLY
    return depth > 0 and bool(node.inputs) and all(_is_known(source, depth - 1) for source in node.inputs)


def real(node: Node) -> Node:
    return ops.real(node) if node.dtype.is_complex else node


def spread_batch(node: Node, batch: tuple[int, ...]) -> Node:
    """A stack of matrices repeated over leading dimensions."""
    wanted = (*batch, *node.shape[-2:])
    return node if node.shape == wanted else ops.expand(node, wanted)
