"""The graph as the compiler wants it: composites decomposed, identities gone, equal nodes one, inputs as stand-ins."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.dtypes import dtype as DType
from ..core.dtypes import promote_types
from ..core.shapes import permuted
from ..graph import ops
from ..graph.node import VARIADIC, Node, constant_op, data, expand_composite, grad_mode
from . import convolutions, decompose, half  # noqa: F401  (they fill the table of rules)
from .reductions import lifted, simpler_reduction, unrepeated, without_zero
from .rules import RULES


class Canonical:
    """The rewritten graph: `roots` in the order asked for, and for each original leaf its stand-in."""

    def __init__(self, roots: Sequence[Node]):
        self.inputs: dict[Node, Node] = {}  # original leaf -> stand-in
        self._done: dict[Node, Node] = {}
        self._interned: dict[tuple, Node] = {}
        self._ours: set[Node] = set()
        with grad_mode(False):
            for node in sorted(needed(roots), key=lambda n: n.serial):  # the result keeps the order of recording
                self._rewritten(node)
            self.roots = [self._done[r] for r in roots]

    def _rewritten(self, root: Node) -> Node:
        """Depth first without recursion: a node after everything it is made from."""
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self._done:
                stack.pop()
                continue
            missing = [s for s in _sources(node) if s not in self._done]
            if missing:
                stack.extend(missing)
                continue
            self._done[stack.pop()] = self._one(node)
        return self._done[root]

    def _one(self, node: Node) -> Node:
        if node.op is constant_op:
            return node
        if node.value is not None:
            stand_in = self.inputs.setdefault(node, Node(data, (), (), node.shape, node.dtype))
            self._ours.add(stand_in)
            return stand_in
        sources = [self._done[s] for s in _sources(node)]
        if node.op.kind == "composite":
            return sources[0]
        if node.op.kind == "identity":
            return sources[-1]
        return self._made(node.op, sources, node.attrs)

    def _again(self, node: Node) -> Node:
        """A new piece of graph over nodes of ours, each of its nodes shared with equal ones."""
        if node in self._ours or node.op is constant_op:
            return node
        sources = [self._again(s) for s in node.inputs]
        return self._made(node.op, sources, node.attrs)

    def _made(self, op, sources: list[Node], attrs: tuple) -> Node:
        """op(sources, attrs): something simpler that is the same, one made before, or a new node."""
        simpler = simplified(op, sources, attrs)
        if simpler is not None:
            return self._again(simpler)
        taken_apart = None if any(s.dtype.is_complex for s in sources) else RULES.get(op)  # no kernels of ours for those
        if taken_apart is not None:
            found = taken_apart(tuple(sources), *attrs) if op.arity == VARIADIC else taken_apart(*sources, *attrs)
            if found is not None:
                return self._again(found)
        return self._interned_node(op, sources, attrs)

    def _interned_node(self, op, sources: list[Node], attrs: tuple) -> Node:
        simpler = simplified(op, sources, attrs)
        if simpler is not None:
            return self._again(simpler)
        key = (op, tuple(map(id, sources)), attrs)
        found = self._interned.get(key)
        if found is None:
            found = op(tuple(sources), *attrs) if op.arity == VARIADIC else op(*sources, *attrs)
            self._interned[key] = found
            self._ours.add(found)
        return found


def _sources(node: Node) -> tuple[Node, ...]:
    if node.value is not None:
        return ()
    return (expand_composite(node),) if node.op.kind == "composite" else node.inputs


def needed(roots: Sequence[Node]) -> set[Node]:
    """The roots and what they wait for, through decompositions; the walk ends at values."""
    found = set(roots)
    stack = list(found)
    while stack:
        for source in _sources(stack.pop()):
            if source not in found:
                found.add(source)
                stack.append(source)
    return found


def _is(node: Node, number) -> bool:
    return node.op is constant_op and node.attrs[0] == number


def _last_two_swapped(rank: int) -> tuple[int, ...]:
    return (*range(rank - 2), rank - 1, rank - 2)


def _transposed_product(a: Node, b: Node) -> Node:
    """(a b)^T = b^T a^T: products take transposed operands as they lie, so that the result needs no copy."""
    return ops.matmul(_swapped(b), _swapped(a))


def _swapped(x: Node) -> Node:
    order = _last_two_swapped(len(x.shape))
    return simplified(ops.permute, [x], (order,)) or ops.permute(x, order)


def _holds(wide: DType, narrow: DType) -> bool:
    """Whether every number of one float dtype is one of the other's."""
    return narrow.is_floating_point and wide is not narrow and promote_types(wide, narrow) is wide


def simplified(op, sources: list[Node], attrs: tuple) -> Node | None:
    """An existing or smaller node of the same value, or None. Nothing that could change nan or infinities."""
    x = sources[0] if sources else None
    if x is None:
        return None
    if op is ops.reshape:
        if x.op is ops.reshape:
            x = x.inputs[0]
        return x if x.shape == attrs[0] else None if x is sources[0] else ops.reshape(x, attrs[0])
    if op is ops.permute:
        order = attrs[0]
        if order == tuple(range(len(order))):
            return x
        if x.op is ops.permute:
            return simplified(op, [x.inputs[0]], (permuted(x.attrs[0], order),)) or ops.permute(
                x.inputs[0], permuted(x.attrs[0], order))
        if x.op is ops.matmul and order == _last_two_swapped(len(order)):
            return _transposed_product(*x.inputs)
        return None
    if op is ops.expand:
        if x.op is ops.expand:
            return ops.expand(x.inputs[0], attrs[0])
        return x if x.shape == attrs[0] else None
    if op is ops.cast:
        if x.op is ops.cast and x.inputs[0].dtype is attrs[0] and _holds(x.dtype, attrs[0]):
            return x.inputs[0]
        return x if x.dtype is attrs[0] else None
    if op is ops.mul and len(sources) == 2:
        a, b = sources
        if _is(b, 1) and not b.shape:
            return a
        if _is(a, 1) and not a.shape:
            return b
    if op.kind == "reduce" and op.attr_names == ("dims", "keepdim"):
        return simpler_reduction(op, x, *attrs)
    return without_zero(op, sources) or unrepeated(op, sources, attrs) or lifted(op, sources, attrs)
