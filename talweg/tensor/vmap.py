"""vmap: a function of one example applied to a batch of them at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core.shapes import dim_index
from ..graph.batching import Batching, random_nodes, stand_in
from ..graph.node import Node, mode, next_serial
from ..graph.ops import permute
from . import views
from .box import Box
from .functions.shape import cat
from .tensor import Tensor, wrap
from .trees import filled, leaves, spread

RANDOMNESS = ("error", "different", "same")


def vmap(func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
         chunk_size: int | None = None) -> Callable:
    """func mapped over dimension `in_dims` of its arguments: it sees one example, and the results are stacked along
    `out_dims`.

    `in_dims` is an int or None (the same for every example) for all arguments, or a nest of them; `out_dims` likewise for
    the results. The function is recorded once on an example without values and batched operation by operation; it may use
    grad, jvp and vmap inside. Random numbers in it are refused with `randomness` "error", drawn for each example
    ("different") or once ("same"). `chunk_size` maps so many examples at a time. Raises ValueError for dimensions that do
    not fit the arguments, RuntimeError where a value is read inside the function.
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped_function(*args: Any, **kwargs: Any) -> Any:
        dims, size = _mapping(args, kwargs, in_dims, _name(func))
        if chunk_size is None or size <= chunk_size:
            return _run(func, args, kwargs, dims, size, out_dims, randomness)
        results = []
        for start in range(0, size, chunk_size):
            stop = min(start + chunk_size, size)
            given, named = _part_of(args, kwargs, dims, start, stop)
            results.append(_run(func, given, named, dims, stop - start, out_dims, randomness))
        return _joined(results, out_dims)

    return mapped_function


def _name(func: Callable) -> str:
    return getattr(func, "__name__", type(func).__name__)


def _mapping(args: tuple, kwargs: dict, in_dims: Any, name: str) -> tuple[list, int]:
    """The dimension of each leaf of (args, kwargs), and the batch's size. Named arguments are the same for every example."""
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(f"vmap({name}, in_dims={in_dims}): expected `in_dims` to be int or a (potentially nested) tuple "
                         f"matching the structure of inputs, got: {type(in_dims).__name__}.")
    if not args:
        raise ValueError(f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap "
                         "over a function with no inputs. The latter is unsupported.")
    try:
        dims = spread(tuple(in_dims) if isinstance(in_dims, list) else in_dims, args)
    except ValueError as error:
        raise ValueError(f"vmap({name}, in_dims={in_dims}): in_dims is not compatible with the structure of inputs: {error}"
                         ) from None
    dims += [None] * len(leaves(kwargs))
    found = [_checked(x, d, in_dims, name) for x, d in zip(leaves((args, kwargs)), dims)]
    sizes = {x.shape[d] for x, d in zip(leaves((args, kwargs)), found) if d is not None}
    if not sizes:
        raise ValueError(f"vmap({name}, in_dims={in_dims}): at least one input must be mapped: not all in_dims may be None")
    if len(sizes) > 1:
        raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                         f"{sorted(sizes)} for the mapped dimension")
    return found, sizes.pop()


def _checked(x: Any, dim: Any, in_dims: Any, name: str) -> int | None:
    if dim is None:
        return None
    if not isinstance(dim, int):
        raise ValueError(f"vmap({name}, in_dims={in_dims}): Got in_dim={dim} for an input but in_dim must be either an integer "
                         "dimension or None.")
    if not isinstance(x, Box):
        raise ValueError(f"vmap({name}, in_dims={in_dims}): Got in_dim={dim} for an input but the input is of type "
                         f"{type(x).__name__}. vmap maps tensors only; use None as its in_dim")
    rank = x.dim()
    if rank == 0 or not -rank <= dim < rank:
        raise ValueError(f"vmap({name}, in_dims={in_dims}): Got in_dim={dim} for some input, but that input is a Tensor of "
                         f"dimensionality {rank} so expected in_dim to satisfy -{rank} <= in_dim < {rank}.")
    return dim % rank


def _part_of(args: tuple, kwargs: dict, dims: list, start: int, stop: int) -> tuple[tuple, dict]:
    values = leaves((args, kwargs))
    return filled((args, kwargs), [x if d is None else views.slice_dim(x, d, start, stop) for x, d in zip(values, dims)])


def _joined(results: list, out_dims: Any) -> Any:
    dims = spread(out_dims, results[0])
    return filled(results[0], [cat(list(parts), d) for parts, d in zip(zip(*map(leaves, results)), dims)])


def _run(func: Callable, args: tuple, kwargs: dict, dims: list, size: int, out_dims: Any, randomness: str) -> Any:
    since = next_serial()
    inputs: dict[Node, Node] = {}
    given = []
    for x, d in zip(leaves((args, kwargs)), dims):
        given.append(x if d is None else _example(x, d, inputs))
    positional, named = filled((args, kwargs), given)
    result = func(*positional, **named)
    outputs = leaves(result)
    for x in outputs:
        if not isinstance(x, Box):
            raise ValueError(f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type {type(x).__name__}.")
    nodes = [x.node for x in outputs]
    if randomness == "error" and random_nodes(nodes, since):
        raise RuntimeError("vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                           "'different' randomness flags on vmap or perform the randomness operation out of vmap")
    batching = Batching(inputs, size, since, randomness == "different")
    made = [_placed(batching.of(n).spread(size).node, d) for n, d in zip(nodes, _out_dims(out_dims, result, nodes))]
    return filled(result, [wrap(n) for n in made])


def _example(x: Tensor, dim: int, inputs: dict[Node, Node]) -> Tensor:
    node = x.node
    front = permute(node, (dim, *[i for i in range(len(node.shape)) if i != dim])) if dim else node
    example = stand_in(front)
    example.needs_grad = front.needs_grad and mode.grad
    inputs[example] = front
    return wrap(example)


def _out_dims(out_dims: Any, result: Any, nodes: list[Node]) -> list[int]:
    try:
        wanted = spread(out_dims, result)
    except ValueError as error:
        raise ValueError(f"vmap: out_dims={out_dims} is not compatible with the structure of outputs: {error}") from None
    for d in wanted:
        if not isinstance(d, int):
            raise ValueError(f"vmap: out_dims={out_dims}: every entry must be an int, got {d!r}")
    return [dim_index(d, len(n.shape) + 1, "vmap") for d, n in zip(wanted, nodes)]


def _placed(node: Node, dim: int) -> Node:
    order = list(range(1, len(node.shape)))
    order.insert(dim, 0)
    return permute(node, tuple(order)) if dim else node
