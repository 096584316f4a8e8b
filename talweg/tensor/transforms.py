"""Functions made from functions by differentiation: grad, vjp, jvp, Jacobians, Hessians (N 2.5).

Reverse mode is the reverse pass. Forward mode is two of them: the reverse pass g = J^T u is linear in u, and its own
reverse pass in u, seeded with v, is J v (Townsend 2017).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..graph.leaves import constant
from ..graph.node import Node, grad_mode
from ..graph.ops import clone, full
from ..graph.reverse import reverse
from .box import is_variable, without_history
from .functions.creation import eye
from .tensor import Tensor, wrap
from .trees import filled, leaves, mapped, tensors
from .vmap import vmap


class _Levels:
    """The inputs of differentiations that are going on, outer ones first: nodes that stand for their arguments."""

    stack: list[frozenset[Node]] = []


class _Level:
    """One differentiation: its inputs as nodes of their own, and results freed of it at the end."""

    def __init__(self, values: Sequence[Tensor]):
        self.inputs = [_entrance(x.node) for x in values]

    def __enter__(self) -> _Level:
        _Levels.stack.append(frozenset(self.inputs))
        self._grad = grad_mode(True)
        self._grad.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._grad.__exit__(*error)
        _Levels.stack.pop()

    def tensors(self) -> list[Tensor]:
        return [wrap(n) for n in self.inputs]

    def freed(self, tree: Any) -> Any:
        """Results as they are to be seen outside: still differentiable only by what is outside."""
        return mapped(lambda x: wrap(self._free(x.node)) if isinstance(x, Tensor) else x, tree)

    def _free(self, node: Node) -> Node:
        own = frozenset(self.inputs)
        outer = frozenset().union(*[level for level in _Levels.stack if level is not own and level != own])
        seen: set[Node] = set()
        stack = [node]
        while stack:
            n = stack.pop()
            if n in seen or not n.needs_grad:
                continue
            seen.add(n)
            if n in outer or (n not in own and is_variable(n)) or n.op.name == "stand_in":
                return node
            stack.extend(n.inputs)
        return without_history(node) if node.needs_grad else node


def _entrance(node: Node) -> Node:
    """The same value as a node that this differentiation can end at; outer ones go on through it."""
    if not (node.dtype.is_floating_point or node.dtype.is_complex):
        raise RuntimeError(f"only Tensors of floating point and complex dtype can be differentiated, not {node.dtype.name}")
    with grad_mode(True):
        own = clone(node)
    own.needs_grad = True
    return own


def _pulled_back(outputs: Sequence[Node], seeds: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The gradients of sum(seed * output) at the inputs; zero where an output does not depend on one."""
    found = reverse(outputs, seeds, inputs)
    return [found[n] if n in found else full(0, n.shape, n) for n in inputs]


def _chosen(args: tuple, argnums: int | tuple[int, ...], call: str) -> tuple[list[int], bool]:
    single = isinstance(argnums, int)
    numbers: list[int] = [argnums] if isinstance(argnums, int) else list(argnums)
    for n in numbers:
        if not isinstance(n, int) or not -len(args) <= n < len(args):
            raise RuntimeError(f"{call}: Got argnum={n}, but only {len(args)} positional inputs")
    return [n % len(args) for n in numbers], single


def _replaced(args: tuple, numbers: list[int], values: list[Any]) -> list[Any]:
    found = list(args)
    for n, v in zip(numbers, values):
        found[n] = v
    return found


def _split_aux(result: Any, has_aux: bool, call: str) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{call}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return result


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that returns (gradient of func at the chosen arguments, func's value), or with `has_aux`, where func
    returns (value, aux), (gradient, (value, aux)).

    The gradient has the argument's nest; with a tuple of `argnums` it is a tuple. Raises RuntimeError unless func returns
    one floating-point number as a tensor.
    """

    @functools.wraps(func)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        numbers, single = _chosen(args, argnums, "grad")
        chosen = [args[n] for n in numbers]
        with _Level(tensors(chosen, "grad")) as level:  # type: ignore[arg-type]
            result = func(*_replaced(args, numbers, filled(chosen, level.tensors())), **kwargs)
            value, aux = _split_aux(result, has_aux, "grad_and_value")
            _check_scalar(value)
            seed = constant(1, value.node.dtype)
            seed = seed if value.node.shape == () else full(1, value.node.shape, value.node)
            found = filled(chosen, [wrap(n) for n in _pulled_back([value.node], [seed], level.inputs)])
            found, value, aux = level.freed((found, value, aux))
        gradient = found[0] if single else tuple(found)
        return gradient, ((value, aux) if has_aux else value)

    return differentiated


def _check_scalar(value: Any) -> None:
    if not isinstance(value, Tensor):
        raise RuntimeError(f"grad: Expected the function to return a Tensor, got {type(value).__name__}")
    if value.dim() != 0:
        raise RuntimeError(f"grad: Expected the function to return a scalar tensor, got tensor with {value.dim()} dims. Maybe "
                           "you wanted to use the vjp or jacrev APIs instead?")


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that returns the gradient of func at the chosen arguments; with `has_aux`, (gradient, aux).

    Raises RuntimeError unless func returns one number as a tensor.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return differentiated


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """(func's value, a function from cotangents v of that nest to v^T J for each primal[, aux]).

    Raises RuntimeError where cotangents do not fit the outputs.
    """
    values = tensors(primals, "vjp")
    level = _Level(values)  # type: ignore[arg-type]
    with level:
        result, aux = _split_aux(func(*filled(primals, level.tensors())), has_aux, "vjp")
    outputs = tensors(result, "vjp")

    def pull_back(*cotangents: Any) -> Any:
        given = cotangents[0] if len(cotangents) == 1 and not (isinstance(result, tuple) and len(result) == 1) else cotangents
        seeds = _fitting(given, outputs, "vjp")
        with level:
            found = _pulled_back([y.node for y in outputs], seeds, level.inputs)
            return level.freed(filled(primals, [wrap(n) for n in found]))

    with level:
        shown, aux = level.freed((result, aux))
    return (shown, pull_back, aux) if has_aux else (shown, pull_back)


def _fitting(given: Any, like: Sequence[Any], call: str) -> list[Node]:
    """The nodes of tangents or cotangents, one for each tensor of `like` and of its shape."""
    found = tensors(given, call)
    if len(found) != len(like):
        raise RuntimeError(f"{call}: expected {len(like)} tensors, one for each it belongs to, got {len(found)}")
    for v, x in zip(found, like):
        if tuple(v.shape) != tuple(x.shape):
            raise RuntimeError(f"{call}: expected a tensor of shape {list(x.shape)}, got {list(v.shape)}")
    return [v.node for v in found]


def _pushed_forward(outputs: Sequence[Node], inputs: Sequence[Node], tangents: Sequence[Node]) -> list[Node]:
    """J v, from the gradient in u of v . (J^T u)."""
    duals = [_entrance(full(0, y.shape, y)) for y in outputs]
    found = reverse(outputs, duals, inputs)
    used = [(found[n], v) for n, v in zip(inputs, tangents) if n in found]
    again = reverse([g for g, _ in used], [v for _, v in used], duals) if used else {}
    return [again[d] if d in again else full(0, d.shape, d) for d in duals]


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """(func's value, J v[, aux]) at `primals` in the direction `tangents`, by two reverse passes.

    `strict` has no effect. Raises RuntimeError where the tangents do not fit the primals, TypeError unless both are tuples.
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError(f"jvp: Expected primals and tangents to be tuples, got {type(primals).__name__} and "
                           f"{type(tangents).__name__}")
    values = tensors(primals, "jvp")
    directions = _fitting(tangents, values, "jvp")
    with _Level(values) as level:  # type: ignore[arg-type]
        result, aux = _split_aux(func(*filled(primals, level.tensors())), has_aux, "jvp")
        outputs = tensors(result, "jvp")
        moved = _pushed_forward([y.node for y in outputs], level.inputs, directions)
        result, change, aux = level.freed((result, filled(result, [wrap(n) for n in moved]), aux))
    return (result, change, aux) if has_aux else (result, change)


def linearize(func: Callable, *primals: Any) -> tuple:
    """(func's value, a function from tangents to J v): func runs once, however many tangents follow."""
    values = tensors(primals, "linearize")
    level = _Level(values)  # type: ignore[arg-type]
    with level:
        result = func(*filled(primals, level.tensors()))
    outputs = tensors(result, "linearize")

    def push_forward(*tangents: Any) -> Any:
        directions = _fitting(tangents, values, "linearize")
        with level:
            moved = _pushed_forward([y.node for y in outputs], level.inputs, directions)
            return level.freed(filled(result, [wrap(n) for n in moved]))

    with level:
        shown = level.freed(result)
    return shown, push_forward


def _units(x: Tensor) -> Tensor:
    """One tensor of x's shape for each of its elements, with a 1 there: (n, *shape)."""
    return eye(x.numel(), dtype=x.dtype).reshape(x.numel(), *x.shape)


def jacrev(func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None,
           _preallocate_and_copy: bool = False) -> Callable:
    """A function that returns the Jacobian of func, one reverse pass an output element, all of them in one batch.

    Of an output (out) and an input (in) it is (*out, *in), in the outputs' nest of the inputs' nests. `chunk_size` makes so
    many passes at a time. Cheap where the output is small.
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers, single = _chosen(args, argnums, "jacrev")
        chosen = tuple([args[n] for n in numbers])
        value, pull_back, *aux = vjp(lambda *xs: func(*_replaced(args, numbers, list(xs)), **kwargs), *chosen, has_aux=has_aux)
        rows = [_rows(value, k, pull_back, chunk_size) for k in range(len(leaves(value)))]
        nested = filled(value, [r[0] if single else r for r in rows])
        return (nested, aux[0]) if has_aux else nested

    return jacobian


def _rows(value: Any, k: int, pull_back: Callable, chunk_size: int | None) -> tuple:
    """The Jacobian of one output tensor, for every input."""
    outputs = leaves(value)

    def row(unit: Tensor) -> Any:
        seeds = [unit if i == k else wrap(full(0, y.node.shape, y.node)) for i, y in enumerate(outputs)]
        given = filled(value, seeds)
        return pull_back(*given) if isinstance(value, tuple) else pull_back(given)

    shape = outputs[k].shape
    found = vmap(row, chunk_size=chunk_size)(_units(outputs[k]))
    return mapped(lambda j: j.reshape(*shape, *j.shape[1:]), found)


def jacfwd(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error") -> Callable:
    """A function that returns the Jacobian of func, one direction an input element, all of them in one batch.

    The result is jacrev's. Cheap where the input is small.
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers, single = _chosen(args, argnums, "jacfwd")
        chosen = tuple([args[n] for n in numbers])
        kept: list[Any] = []

        def only_value(*xs: Any) -> Any:
            value, aux = _split_aux(func(*_replaced(args, numbers, list(xs)), **kwargs), has_aux, "jacfwd")
            kept.append(aux)
            return value

        value, push_forward = linearize(only_value, *chosen)
        inputs = leaves(chosen)
        columns = [_columns(chosen, k, push_forward, randomness) for k in range(len(inputs))]  # one nest of outputs an input
        nests = [filled(chosen, [leaves(c)[i] for c in columns]) for i in range(len(leaves(value)))]
        nested = filled(value, [n[0] if single else n for n in nests])
        return (nested, kept[0]) if has_aux else nested

    return jacobian


def _columns(primals: tuple, k: int, push_forward: Callable, randomness: str) -> Any:
    """How every output changes with one input tensor."""
    inputs = leaves(primals)

    def column(unit: Tensor) -> Any:
        tangents = [unit if i == k else wrap(full(0, x.node.shape, x.node)) for i, x in enumerate(inputs)]
        return push_forward(*filled(primals, tangents))

    shape = inputs[k].shape
    found = vmap(column, out_dims=-1, randomness=randomness)(_units(inputs[k]))
    return mapped(lambda j: j.reshape(*j.shape[:-1], *shape), found)


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """A function that returns the second derivatives of a scalar function: the forward Jacobian of the reverse one."""
    return jacfwd(jacrev(func, argnums), argnums)


