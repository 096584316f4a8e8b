"""What a forward and a backward pass cost, counted on their graphs: nothing is computed (L 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..compile.counting import graph_flops, planned_bytes
from ..graph.node import Node, grad_mode, mode
from ..graph.ops import full
from ..graph.reverse import reverse
from .pending import evaluate_pending
from .recording import tensors_in


class Costs(NamedTuple):
    """Of one call and its reverse pass.

    forward, backward   floating-point operations of the matrix products and convolutions: one for each multiplication and
                        one for each addition. What a checkpointed segment computes again counts as backward.
    bytes               the most that intermediate values take at one time: with a reverse pass, the activations kept for
                        it. Arguments, parameters, results and gradients are not in it.
    """

    forward: int
    backward: int
    bytes: int

    @property
    def ratio(self) -> float:
        """Backward over forward: about 2, since each product has two gradients that are products of its size."""
        return self.backward / self.forward if self.forward else 0.0


def count_costs(function: Callable, *args: Any, **kwargs: Any) -> Costs:
    """The cost of function(*args, **kwargs), and of the gradients of its result's sum if differentiation is on.

    The graphs are recorded and planned, not run. What waited before is computed first; what the call itself changes, such
    as running statistics, is changed. Raises ValueError for a function whose result has no tensors, and RuntimeError where
    it looked at its values (a branch on a tensor, item()): they are computed then, and cannot be counted any more.
    """
    evaluate_pending()  # what an initialiser or an earlier call has recorded is not this call's cost
    outputs = [box.node for box in tensors_in(function(*args, **kwargs))]
    if not outputs:
        raise ValueError("count_costs: the function returned no tensor")
    if all(node.value is not None for node in outputs):
        raise RuntimeError("count_costs: the function's result has been computed already, by a look at its value inside")
    counted: set[Node] = set()
    forward = graph_flops(outputs, counted)
    gradients = _gradients(outputs) if mode.grad else []
    backward = graph_flops(gradients, counted)
    return Costs(forward, backward, planned_bytes([*outputs, *gradients]))


def _gradients(outputs: list[Node]) -> list[Node]:
    """The gradients that `backward` would give the leaves."""
    wanted = [node for node in outputs if node.needs_grad]
    with grad_mode(False):
        seeds = [full(1, node.shape, node) for node in wanted]
        return list(reverse(wanted, seeds).values())
