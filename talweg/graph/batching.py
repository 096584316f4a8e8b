"""A graph of one example turned into the graph of a batch: what `vmap` is below the tensors.

The function is recorded once, on stand-ins of one example's shape. Each node that depends on a stand-in is then recorded
anew with a batch dimension in front, by its operation's rule (batching_rules.py); a composite without a rule by its
decomposition's; anything else element by element, which is always right and grows with the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from .batching_rules import Batched, one_by_one, rule_of
from .node import Node, Op, expand_composite, grad_mode, leaf
from .ops.identity import clone

VALUE_READ = (
    "vmap: the value of a tensor was read inside the mapped function (item(), numpy(), printing, a Python branch or loop on a "
    "tensor). There it stands for every example at once and has no value: use talweg.where for a choice"
)


def _no_inference(*_):
    raise TypeError("stand-ins are made by vmap")


def _refuse():
    raise RuntimeError(VALUE_READ)


# Evaluating one asks for its decomposition, which says why there is no value. No gradient goes further than it.
stand_in_op = Op("stand_in", 0, "leaf", _no_inference, decompose=_refuse)
stand_in_op.differentiable = stand_in_op.saves = False


def stand_in(batched: Node) -> Node:
    """One example of a batch (its first dimension gone), without a value."""
    node = Node(stand_in_op, (), (), batched.shape[1:], batched.dtype)
    node.needs_grad = batched.needs_grad
    return node


class Batching:
    """The batched form of nodes, given that of the stand-ins.

    inputs      {stand-in: node with the batch in front}
    since       serial number from which nodes were recorded by the mapped function
    different   whether random numbers drawn in it differ from example to example
    """

    def __init__(self, inputs: dict[Node, Node], size: int, since: int, different: bool):
        self.size = size
        self.since = since
        self.different = different
        self.known: dict[Node, Batched] = {n: Batched(b, True) for n, b in inputs.items()}

    def of(self, root: Node) -> Batched:
        """A node as it is for the whole batch; one that depends on no stand-in is left as it is."""
        for node in self._unknown(root):
            self.known[node] = self._batched(node)
        return self.known[root]

    def _unknown(self, root: Node) -> list[Node]:
        """The ancestors that have no batched form yet, inputs first."""
        found: set[Node] = set()
        stack = [root]
        while stack:
            node = stack.pop()
            if node in self.known or node in found:
                continue
            found.add(node)
            stack.extend(node.inputs)
        return sorted(found, key=lambda n: n.serial)

    def _batched(self, node: Node) -> Batched:
        sources = [self.known[n] for n in node.inputs]
        is_random = node.op.kind == "random" and node.serial > self.since and self.different
        if not is_random and not any(s.has_batch for s in sources):
            return self._through(node) if self._hides_randomness(node) else Batched(node, False)
        with grad_mode(node.needs_grad):
            return Batched(self._recorded(node, sources), True)

    def _hides_randomness(self, node: Node) -> bool:
        return self.different and node.op.kind == "composite" and node.serial > self.since and not node.needs_grad

    def _through(self, node: Node) -> Batched:
        return self.of(expand_composite(node))

    def _recorded(self, node: Node, sources: Sequence[Batched]) -> Node:
        if node.op is leaf:  # where an inner reverse pass ended: that is done
            return clone(sources[0].node)
        if node.op.kind == "random":
            return node.op(*[s.node for s in sources], (self.size, *node.attrs[0]), *node.attrs[1:])
        rule = rule_of(node.op)
        if rule is not None:
            found = rule(node, sources, self.size)
            if found is not None:
                return found
        if node.op.decompose is not None and not (node.needs_grad and node.op.attr_names[:1] == ("call",)):
            return self._through(node).spread(self.size).node
        return one_by_one(node, sources, self.size)


def random_nodes(roots: Sequence[Node], since: int) -> list[Node]:
    """Random numbers drawn by the mapped function, on the way to the roots."""
    found, seen, stack = [], set(), list(roots)
    while stack:
        node = stack.pop()
        if node in seen or node.serial <= since:
            continue
        seen.add(node)
        if node.op.kind == "random" or (node.op.kind == "composite" and node.op.name == "normal"):
            found.append(node)
        stack.extend(node.inputs)
    return found
