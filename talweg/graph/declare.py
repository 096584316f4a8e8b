"""How operations are declared: helpers that hold the shape rules many of them share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from ..core.dtypes import bool_, float32
from ..core.dtypes import dtype as DType
from ..core.shapes import broadcast
from .node import VARIADIC, Node, Op, data, grad_mode

NO_GRADIENT = None
"""Written where an operation, or one input of it, has no gradient: it is a decision, not an omission."""


def same_dtype(name: str, *nodes: Node):
    """The dtype all nodes have. Conversions are nodes of their own, so a mixture is a mistake of ours."""
    first = nodes[0].dtype
    for node in nodes[1:]:
        if node.dtype is not first:
            raise TypeError(f"{name}: operands have dtypes {first.name} and {node.dtype.name}; convert one of them")
    return first


# A value in another dtype. Declared here because composites convert.
cast = Op(
    "cast", 1, "pointwise", lambda x, dtype: (x.shape, dtype),
    (lambda g, out, x, dtype: cast(g, x.dtype),), attr_names=("dtype",),
)


def unary(name: str, gradient) -> Op:
    """A pointwise operation of one input; `gradient(upstream, output, x)`."""
    return Op(name, 1, "pointwise", lambda x: (x.shape, x.dtype), gradient and (gradient,))


def predicate(name: str) -> Op:
    """A pointwise test of one input: a bool, and no gradient."""
    return Op(name, 1, "pointwise", lambda x: (x.shape, bool_), NO_GRADIENT)


def binary(name: str, *gradients) -> Op:
    """A pointwise operation of two inputs that broadcast; one rule an input: `rule(upstream, output, x, y)`."""

    def infer(x, y):
        dtype = x.dtype if x.dtype is y.dtype else same_dtype(name, x, y)
        return (x.shape if x.shape == y.shape else broadcast(x.shape, y.shape, name)), dtype

    return Op(name, 2, "pointwise", infer, gradients or NO_GRADIENT)


def comparison(name: str) -> Op:
    """A pointwise test of two inputs that broadcast: a bool, and no gradient."""

    def infer(x, y):
        same_dtype(name, x, y)
        return broadcast(x.shape, y.shape, name), bool_

    return Op(name, 2, "pointwise", infer, NO_GRADIENT)


def composite(arity: int, attr_names=(), gradients=None) -> Callable[[Callable], Op]:
    """Declare an operation by its decomposition into simpler ones.

    The decomposition is its meaning, its default gradient and what a backend falls back to; a backend may
    also claim the operation whole. Of operands in half precision it is computed in float32 and rounded once, at its end;
    so are its gradients.
    """

    def make(decompose: Callable) -> Op:
        name = decompose.__name__.rstrip("_")
        wide = _in_float32(decompose, arity)
        infer = _inferred_by_decomposing(wide, arity)
        rules = gradients and tuple([_gradient_in_float32(rule, arity) for rule in gradients])
        return Op(name, arity, "composite", infer, rules, wide, attr_names)

    return make


def half_of(nodes: Iterable[Node]) -> DType | None:
    """The half-precision dtype among them, if there is one."""
    return next((n.dtype for n in nodes if n.dtype.itemsize == 2 and n.dtype.is_floating_point), None)


def _wide(node: Node) -> Node:
    return cast(node, float32) if half_of((node,)) else node


def _in_float32(decompose: Callable, arity: int) -> Callable:
    """The decomposition on widened inputs, its result in their dtype."""

    @functools.wraps(decompose)
    def run(*args):
        inputs = args[0] if arity == VARIADIC else args[:arity]
        half = half_of(inputs)
        if half is None:
            return decompose(*args)
        widened = tuple([_wide(x) for x in inputs])
        found = decompose(widened, *args[1:]) if arity == VARIADIC else decompose(*widened, *args[arity:])
        return cast(found, half) if found.dtype is float32 else found

    return run


def _gradient_in_float32(rule: Callable | None, arity: int) -> Callable | None:
    if rule is None:
        return None

    def run(g, out, *args):
        half = half_of((g,))
        if half is None:
            return rule(g, out, *args)
        return cast(rule(_wide(g), _wide(out), *[_wide(x) for x in args[:arity]], *args[arity:]), half)

    return run


def _inferred_by_decomposing(decompose: Callable, arity: int) -> Callable:
    """The shape rule of a composite: decompose stand-ins once for each signature, and remember."""

    @functools.lru_cache(maxsize=4096)
    def result(signature, attrs):
        stand_ins = [Node(data, (), (), shape, dtype) for shape, dtype in signature]
        with grad_mode(False):
            found = decompose(tuple(stand_ins), *attrs) if arity == VARIADIC else decompose(*stand_ins, *attrs)
        return found.shape, found.dtype

    def infer(*args):
        inputs, attrs = (args[0], args[1:]) if arity == VARIADIC else (args[:arity], args[arity:])
        return result(tuple([(x.shape, x.dtype) for x in inputs]), attrs)

    return infer


