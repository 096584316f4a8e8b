"""How each family of operations takes a batch dimension in front.

A rule gets the node of one example, its inputs for the batch (those without a batch are the same for every example) and
the batch's size; it returns the node for the batch, or None where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .node import VARIADIC, Node, Op
from .ops import contraction, identity, indexing, movement, reduce
from .ops.movement import cat, expand, permute, reshape, slice_along


class Batched(NamedTuple):
    """A node, and whether its first dimension is the batch."""

    node: Node
    has_batch: bool

    def spread(self, size: int) -> Batched:
        """With a batch in any case: repeated where there is none."""
        if self.has_batch:
            return self
        return Batched(expand(self.node, (size, *self.node.shape)), True)


Rule = Callable[[Node, Sequence[Batched], int], Node | None]
RULES: dict[Op, Rule] = {}


def rule_of(op: Op) -> Rule | None:
    return RULES.get(op) or _BY_KIND.get(op.kind)


def _record(node: Node, inputs: Sequence[Node], attrs: tuple) -> Node:
    return node.op(tuple(inputs), *attrs) if node.op.arity == VARIADIC else node.op(*inputs, *attrs)


def _aligned(source: Batched, rank: int) -> Node:
    """With the batch in front and as many dimensions behind it as the result has, so that broadcasting agrees."""
    node, has_batch = source
    if not has_batch or len(node.shape) == rank + 1:
        return node
    return reshape(node, (node.shape[0], *(1,) * (rank + 1 - len(node.shape)), *node.shape[1:]))


def broadcasting(node: Node, sources: Sequence[Batched], size: int) -> Node | None:
    """Pointwise operations, and matrix products by their leading dimensions."""
    return _record(node, [_aligned(s, len(node.shape)) for s in sources], node.attrs)


def alike(node: Node, sources: Sequence[Batched], size: int) -> Node | None:
    """All inputs have the result's shape."""
    return _record(node, [s.spread(size).node for s in sources], node.attrs)


def shifted(node: Node, sources: Sequence[Batched], size: int) -> Node | None:
    """Operations that name the dimensions they work along: one further on."""
    if not node.inputs[0].shape:
        return None
    attrs = [_later(name, a) for name, a in zip(node.op.attr_names, node.attrs)]
    return _record(node, [s.spread(size).node for s in sources], tuple(attrs))


def _later(name: str, value):
    if name == "dim":
        return value + 1
    return tuple([d + 1 for d in value]) if name == "dims" else value


def _one_input_composite(node: Node, sources: Sequence[Batched], size: int) -> Node | None:
    """Composites of one input: pointwise ones, those along named dimensions, those over the last few."""
    return shifted(node, sources, size) if node.op.arity == 1 else None


_BY_KIND: dict[str, Rule] = {"pointwise": broadcasting, "reduce": shifted, "composite": _one_input_composite}
RULES |= {contraction.matmul: broadcasting, reduce.cumsum: shifted, reduce.cumprod: shifted, reduce.argsort: shifted,
          movement.flip: shifted, movement.cat: shifted}
RULES |= dict.fromkeys((identity.clone, identity.detach, identity.substitute, identity.overwrite), alike)
RULES |= dict.fromkeys((indexing.gather, indexing.scatter, indexing.scatter_add), shifted)


def _rule(*ops: Op) -> Callable[[Rule], Rule]:
    def put(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(ops, rule))
        return rule

    return put


# --- movement
@_rule(movement.reshape)
def _reshape(node: Node, sources: Sequence[Batched], size: int) -> Node:
    return reshape(sources[0].node, (size, *node.shape))


@_rule(movement.permute)
def _permute(node: Node, sources: Sequence[Batched], size: int) -> Node:
    return permute(sources[0].node, (0, *[d + 1 for d in node.attrs[0]]))


@_rule(movement.expand)
def _expand(node: Node, sources: Sequence[Batched], size: int) -> Node:
    return expand(_aligned(sources[0], len(node.shape)), (size, *node.shape))


@_rule(movement.slice_, movement.write_slice)
def _slice(node: Node, sources: Sequence[Batched], size: int) -> Node:
    starts, stops, steps = node.attrs
    return _record(node, [s.spread(size).node for s in sources], ((0, *starts), (size, *stops), (1, *steps)))


@_rule(movement.pad)
def _pad(node: Node, sources: Sequence[Batched], size: int) -> Node:
    low, high, value = node.attrs
    return movement.pad(sources[0].node, (0, *low), (0, *high), value)


# --- convolutions and windows: the batch goes into the samples, or into the groups of channels where weights differ
def _with_samples(x: Node) -> Node:
    """(B, N, ...) -> (B N, ...)"""
    return reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def _with_channels(source: Batched, size: int) -> Node:
    """(B, N, C, ...) -> (N, B C, ...)"""
    x = source.spread(size).node
    x = permute(x, (1, 0, *range(2, len(x.shape))))
    return reshape(x, (x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:]))


def _channels_apart(x: Node, size: int) -> Node:
    """(N, B C, ...) -> (B, N, C, ...)"""
    x = reshape(x, (x.shape[0], size, x.shape[1] // size, *x.shape[2:]))
    return permute(x, (1, 0, *range(2, len(x.shape))))


@_rule(contraction.conv)
def _conv(node: Node, sources: Sequence[Batched], size: int) -> Node:
    x, w = sources
    *how, groups = node.attrs
    if not w.has_batch:
        return reshape(contraction.conv(_with_samples(x.node), w.node, *how, groups), (size, *node.shape))
    found = contraction.conv(_with_channels(x, size), _with_samples(w.node), *how, groups * size)
    return _channels_apart(found, size)


@_rule(contraction.conv_input_grad)
def _conv_input_grad(node: Node, sources: Sequence[Batched], size: int) -> Node:
    g, w = sources
    shape, *how, groups = node.attrs
    if not w.has_batch:
        found = contraction.conv_input_grad(_with_samples(g.node), w.node, (size * shape[0], *shape[1:]), *how, groups)
        return reshape(found, (size, *shape))
    wide = (shape[0], size * shape[1], *shape[2:])
    found = contraction.conv_input_grad(_with_channels(g, size), _with_samples(w.node), wide, *how, groups * size)
    return _channels_apart(found, size)


@_rule(contraction.conv_weight_grad)
def _conv_weight_grad(node: Node, sources: Sequence[Batched], size: int) -> Node:
    x, g = [_with_channels(s, size) for s in sources]
    shape, *how, groups = node.attrs
    found = contraction.conv_weight_grad(x, g, (size * shape[0], *shape[1:]), *how, groups * size)
    return reshape(found, (size, *shape))


def _window(node: Node, sources: Sequence[Batched], size: int) -> Node:
    inputs = [_with_samples(s.spread(size).node) for s in sources]
    attrs = [(size * a[0], *a[1:]) if name == "shape" else a for name, a in zip(node.op.attr_names, node.attrs)]
    return reshape(_record(node, inputs, tuple(attrs)), (size, *node.shape))


_BY_KIND["window"] = _window


# --- positions that are data: the batch is one more index
def _indices(sources: Sequence[Batched], size: int) -> list[Node]:
    rank = max(len(s.node.shape) - s.has_batch for s in sources)
    own = reshape(reduce.iota(size, 0), (size, *(1,) * rank))
    return [own, *[_aligned(s, rank) for s in sources]]


def _order(dims: tuple[int, ...], rank_of_index: int, rank: int) -> tuple[int, ...]:
    """The permutation from (batch, indexed, rest) to where indexing one example puts the indexed dimensions."""
    adjacent = dims[-1] - dims[0] == len(dims) - 1
    at = dims[0] if adjacent else 0
    indexed = list(range(1, 1 + rank_of_index))
    rest = list(range(1 + rank_of_index, rank))
    return (0, *rest[:at], *indexed, *rest[at:])


def _index_rank(node_inputs: Sequence[Node]) -> int:
    return max(len(n.shape) for n in node_inputs)


@_rule(indexing.index)
def _index(node: Node, sources: Sequence[Batched], size: int) -> Node:
    dims = node.attrs[0]
    x = sources[0].spread(size).node
    found = indexing.index((x, *_indices(sources[1:], size)), (0, *[d + 1 for d in dims]))
    order = _order(dims, _index_rank(node.inputs[1:]), len(found.shape))
    return found if order == tuple(range(len(order))) else permute(found, order)


@_rule(indexing.index_put)
def _index_put(node: Node, sources: Sequence[Batched], size: int) -> Node:
    dims, accumulate = node.attrs
    x, value = (s.spread(size).node for s in sources[:2])
    order = _order(dims, _index_rank(node.inputs[2:]), len(value.shape))
    value = permute(value, tuple(sorted(range(len(order)), key=order.__getitem__)))
    return indexing.index_put((x, value, *_indices(sources[2:], size)), (0, *[d + 1 for d in dims]), accumulate)


# --- anything else
def one_by_one(node: Node, sources: Sequence[Batched], size: int) -> Node:
    """The operation recorded for each example, and the results joined."""
    if size == 0:
        return movement.full(0, (0, *node.shape), node)
    results = [_record(node, [_example(s, i) for s in sources], node.attrs) for i in range(size)]
    return cat(tuple([reshape(r, (1, *r.shape)) for r in results]), 0)


def _example(source: Batched, i: int) -> Node:
    return reshape(slice_along(source.node, 0, i, i + 1), source.node.shape[1:]) if source.has_batch else source.node
