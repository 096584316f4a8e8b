"""torch.autograd.functional: the same derivatives with tensors, not functions, as results (N 2.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph.node import Node
from ..graph.ops import full
from ..graph.reverse import reverse
from .tensor import Tensor, wrap
from .transforms import _entrance, _Level, _units
from .vmap import vmap

STRATEGIES = ("reverse-mode", "forward-mode")


def _as_tuple(value: Any, what: str, call: str) -> tuple[tuple[Tensor, ...], bool]:
    """(the tensors, whether they came as a tuple). Raises TypeError for anything else."""
    found, many = (tuple(value), True) if isinstance(value, (tuple, list)) else ((value,), False)
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"The {what} given to {call} must be either a Tensor or a tuple of Tensors but the value at index "
                            f"{i} has type {type(x).__name__}.")
    return found, many


class _Pass:
    """One call of the user's function, and derivatives of its outputs."""

    def __init__(self, call: str, func: Callable, inputs: Any, create_graph: bool, strict: bool):
        self.call, self.create_graph, self.strict = call, create_graph, strict
        self.given, self.many_inputs = _as_tuple(inputs, "inputs", call)
        self.level = _Level(self.given)
        with self.level:
            self.inputs = self.level.inputs
            self.outputs, self.many_outputs = _as_tuple(
                func(*self.level.tensors()), "outputs of the user-provided function", call)
        self.nodes = [y.node for y in self.outputs]

    def pulled(
        self, outputs: Sequence[Node], seeds: Sequence[Node], inputs: Sequence[Node], which: int = 0,
    ) -> list[Node]:
        found = reverse(outputs, seeds, inputs)
        for i, n in enumerate(inputs):
            if self.strict and n not in found:
                raise RuntimeError(f"Output {which} of the user-provided function is independent of "
                                   f"input {i}. This is not allowed in strict mode.")
        return [found[n] if n in found else full(0, n.shape, n) for n in inputs]

    def shown(self, nodes: Sequence[Node], many: bool) -> Any:
        """Results as the caller wants them: with a history only where create_graph asks for it."""
        found = tuple([self.level.freed(wrap(n)) for n in nodes])
        found = found if self.create_graph else tuple([x.detach() for x in found])
        return found if many else found[0]

    def values(self) -> Any:
        return self.shown(self.nodes, self.many_outputs)

    def directions(self, v: Any, like: Sequence[Node], one_is_enough: bool) -> list[Node]:
        if v is None:
            if not one_is_enough or len(like) != 1 or wrap(like[0]).numel() != 1:
                raise RuntimeError(f"{self.call}: The vector v can only be None if the user-provided function returns a single "
                                   "Tensor with a single element, or takes one, in whose direction it goes.")
            return [full(1, like[0].shape, like[0])]
        found, _ = _as_tuple(v, "v", self.call)
        if [tuple(x.shape) for x in found] != [n.shape for n in like]:
            raise RuntimeError(f"{self.call}: v has shapes {[list(x.shape) for x in found]}, expected "
                               f"{[list(n.shape) for n in like]}")
        return [x.node for x in found]

    def scalar(self) -> Node:
        if len(self.outputs) != 1 or self.outputs[0].numel() != 1:
            raise RuntimeError(f"{self.call}: The Tensor returned by the function given to {self.call} should contain a single "
                               "element")
        return self.nodes[0]


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), v^T J): v has the outputs' shapes, and may be None for one number.

    Raises RuntimeError for a v that does not fit and, if `strict`, for an input that does not count.
    """
    p = _Pass("vjp", func, inputs, create_graph, strict)
    with p.level:
        found = p.pulled(p.nodes, p.directions(v, p.nodes, True), p.inputs)
        return p.values(), p.shown(found, p.many_inputs)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), J v): v has the inputs' shapes, and may be None for one number."""
    p = _Pass("jvp", func, inputs, create_graph, strict)
    with p.level:
        directions = p.directions(v, p.inputs, True)
        duals = [_entrance(full(0, n.shape, n)) for n in p.nodes]
        found = p.pulled(p.nodes, duals, p.inputs)
        moved = _Pass.pulled(p, found, directions, duals)
        return p.values(), p.shown(moved, p.many_outputs)


def _stacked(p: _Pass, outputs: Sequence[Node], which: int) -> list[Tensor]:
    """The Jacobian of one output, for every input: (*out, *in)."""
    y = wrap(outputs[which])

    def row(unit: Tensor) -> tuple:
        return tuple([wrap(n) for n in p.pulled([outputs[which]], [unit.node], p.inputs, which)])

    rows = vmap(row)(_units(y))
    return [r.reshape(*y.shape, *r.shape[1:]) for r in rows]


def jacobian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
             strategy: str = "reverse-mode") -> Any:
    """The Jacobian: (*out, *in), in a tuple of the inputs for several inputs, in a tuple of the outputs for several outputs.

    All rows are computed in one batch whatever `vectorize` and `strategy` say. Raises ValueError for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f'jacobian: Expected strategy to be either "forward-mode" or "reverse-mode". Got {strategy!r}')
    p = _Pass("jacobian", func, inputs, create_graph, strict)
    with p.level:
        rows = [p.shown([x.node for x in _stacked(p, p.nodes, k)], p.many_inputs) for k in range(len(p.nodes))]
    return tuple(rows) if p.many_outputs else rows[0]


def hessian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """Second derivatives of a function to one number: (*in, *in), in tuples of tuples for several inputs."""
    p = _Pass("hessian", func, inputs, create_graph, strict)
    with p.level:
        y = p.scalar()
        first = p.pulled([y], [full(1, y.shape, y)], p.inputs)
        rows = [p.shown([x.node for x in _stacked(p, first, k)], p.many_inputs) for k in range(len(first))]
    return tuple(rows) if p.many_inputs else rows[0]


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), v^T H) of a function to one number: v has the inputs' shapes."""
    p = _Pass("vhp", func, inputs, create_graph, strict)
    with p.level:
        y = p.scalar()
        directions = p.directions(v, p.inputs, True)
        first = p.pulled([y], [full(1, y.shape, y)], p.inputs)
        found = p.pulled(first, directions, p.inputs)
        return p.values(), p.shown(found, p.many_inputs)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), H v) of a function to one number: H is symmetric, so it is vhp."""
    return vhp(func, inputs, v, create_graph, strict)
