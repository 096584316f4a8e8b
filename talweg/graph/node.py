"""Nodes and operations: the recorded computation.

A `Node` says how a value comes to be: an operation, the nodes it reads, its attributes, and the shape and
dtype of the result. What a node denotes never changes; evaluation only fills in `value`, and an evaluated
node that no gradient can reach forgets how it came to be (`settle`).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from ..core.dtypes import dtype as DType
from ..core.shapes import Shape

VARIADIC = -1
next_serial = itertools.count().__next__


class _Mode(threading.local):
    grad = True


mode = _Mode()
"""Whether nodes recorded by this thread take part in differentiation."""


class grad_mode:
    """Record nodes with differentiation on or off inside a `with` block."""

    __slots__ = ("before", "wanted")

    def __init__(self, wanted: bool):
        self.wanted = wanted

    def __enter__(self):
        self.before = mode.grad
        mode.grad = self.wanted

    def __exit__(self, *_):
        mode.grad = self.before


class Op:
    """An operation: its shape rule, its gradient, its properties. Calling it records a node.

    name            as shown to the user in errors and drawings
    arity           how many leading arguments are nodes; VARIADIC: the first argument is a tuple of them
    kind            what passes ask for: leaf, identity, pointwise, reduce, scan, movement, index,
                    contraction, window, random, composite
    infer           (inputs and attributes) -> (shape, dtype); raises for what does not fit
    gradients       one rule an input: (upstream, output, inputs and attributes) -> node, or None for no gradient
    decompose       composites only: the same value by simpler operations
    saves           whether some gradient rule reads forward values (learnt when it first runs)
    """

    __slots__ = ("arity", "attr_names", "decompose", "differentiable", "gradients", "infer", "kind", "name", "saves")

    def __init__(self, name: str, arity: int, kind: str, infer: Callable, gradients=None, decompose=None,
                 attr_names=()):
        self.name = name
        self.arity = arity
        self.kind = kind
        self.infer = infer
        self.gradients = gradients
        self.decompose = decompose
        self.differentiable = gradients is not None or decompose is not None
        self.attr_names = attr_names
        self.saves = decompose is not None and gradients is None

    def __call__(self, *args) -> Node:
        shape, dtype = self.infer(*args)
        if self.arity == VARIADIC:
            return Node(self, args[0], args[1:], shape, dtype)
        return Node(self, args[: self.arity], args[self.arity :], shape, dtype)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def arguments(self, node: Node) -> tuple:
        """The arguments that recorded `node`, as `infer` and the gradient rules take them."""
        return (node.inputs, *node.attrs) if self.arity == VARIADIC else node.inputs + node.attrs


class Node:
    """One recorded operation. `value` is its evaluated array, or None."""

    __slots__ = ("attrs", "dtype", "expansion", "failure", "inputs", "needs_grad", "op", "owner", "released",
                 "serial", "shape", "stamp", "value", "watchers", "__weakref__")

    op: Op
    inputs: tuple[Node, ...]
    attrs: tuple
    value: Any
    expansion: Node | None
    failure: BaseException | None
    owner: Any
    stamp: tuple[list[int], int] | None
    watchers: list[Callable] | None

    def __init__(self, op: Op, inputs: tuple[Node, ...], attrs: tuple, shape: Shape, dtype: DType):
        self.op = op
        self.inputs = inputs
        self.attrs = attrs
        self.shape = shape
        self.dtype = dtype
        self.serial = next_serial()  # inputs always have smaller ones: sorting by it is a topological order
        self.needs_grad = False
        if op.differentiable and mode.grad:
            for source in inputs:
                if source.needs_grad:
                    self.needs_grad = dtype.is_floating_point or dtype.is_complex
                    break
        self.value = None
        self.expansion = None  # a composite's decomposition, made once
        self.failure = None  # the error that evaluating it raised
        self.released = False  # a reverse pass has used it and may not do so again
        self.stamp = None  # (write counter, its count) of the tensor that holds the node: see `is_overwritten`
        self.owner = None  # of a leaf: a weak reference to the tensor that collects its gradient
        self.watchers = None  # called with the gradient when a reverse pass has it complete

    def __repr__(self) -> str:
        size = ",".join(map(str, self.shape))
        return f"<{self.op.name} {self.dtype.name}[{size}]>"

    @property
    def is_overwritten(self) -> bool:
        """Whether the tensor that held this value has been written in place since."""
        return self.stamp is not None and self.stamp[0][0] != self.stamp[1]

    def settle(self, value) -> None:
        """Take the evaluated `value`, and forget how it came to be unless a gradient may still ask."""
        self.value = value
        if not self.needs_grad or self.op is leaf:
            self._forget(data)
        elif self.released and self.op.saves:
            self._spend()

    def release(self) -> None:
        """A reverse pass has gone through: what its rule saved may be dropped, and asking again is an error."""
        self.released = True
        if self.value is not None and self.op.saves:
            self._spend()

    def _spend(self) -> None:
        name = self.op.name if self.op is not spent else self.attrs[0]
        self._forget(spent)
        self.attrs = (name,)

    def _forget(self, op: Op) -> None:
        self.op = op
        self.inputs = ()
        self.attrs = ()
        self.expansion = None


def expand_composite(node: Node) -> Node:
    """A composite node's decomposition, recorded once and shared by evaluation and the reverse pass."""
    if node.expansion is None:
        with grad_mode(node.needs_grad and not node.released):
            node.expansion = node.op.decompose(*node.op.arguments(node))  # type: ignore[misc]
    return node.expansion  # type: ignore[return-value]


def _no_inference(*_):
    raise TypeError("leaf nodes are made by their own functions")


SECOND_PASS = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Specify retain_graph=True if you need to backward through the graph a second time."
)

data = Op("data", 0, "leaf", _no_inference)
scalar_op = Op("scalar", 0, "leaf", _no_inference)
constant_op = Op("constant", 0, "leaf", _no_inference, attr_names=("value",))
leaf = Op("leaf", 1, "identity", lambda x: (x.shape, x.dtype))
spent = Op("spent", 0, "leaf", _no_inference, gradients=(), attr_names=("was",))
spent.saves = True
