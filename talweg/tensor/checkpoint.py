"""Activation checkpointing as a user calls it: less memory for more arithmetic (Chen et al., 2016; L 3.4)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from ..graph.node import mode, next_serial
from ..graph.recompute import checkpointed
from .box import Box, is_variable
from .recording import replaced, tensors_in
from .tensor import wrap


def checkpoint(function: Callable, *args: Any, use_reentrant: bool | None = False, preserve_rng_state: bool = True,
               context_fn: Callable | None = None, determinism_check: str = "default", debug: bool = False,
               early_stop: bool = True, **kwargs: Any) -> Any:
    """function(*args, **kwargs), whose intermediate values are not kept for the backward pass but computed again there.

    Memory then holds what goes into the function and what comes out: with n layers in segments of sqrt(n), about
    2 sqrt(n) activations instead of n, for one more forward pass. The function runs once. It is its recorded operations
    that run again, with the same random masks and without its side effects: running statistics move once, where PyTorch
    moves them twice. It holds in compiled steps as in interpreted ones.

    Results may nest tensors in tuples, lists and dicts, beside anything else. Values that leave the function in another
    way (a list it appends to) have no gradient through it. `context_fn` gives two context managers, of which the first is
    entered; `preserve_rng_state`, `determinism_check`, `debug` and `early_stop` are PyTorch's and have no effect, since
    nothing is drawn twice. Raises ValueError for keyword arguments with use_reentrant=True, as PyTorch does.
    """
    if not callable(function):
        raise TypeError(f"checkpoint: expected a function or a module, got {type(function).__name__}")
    if use_reentrant and kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}; use_reentrant=True takes none")
    if use_reentrant and context_fn is not None:
        raise ValueError("Passing `context_fn` is only supported when use_reentrant=False.")
    since = next_serial()
    with context_fn()[0] if context_fn is not None else contextlib.nullcontext():
        result = function(*args, **kwargs)
    made = {id(b): b for b in tensors_in(result) if _was_made(b, since)} if mode.grad else {}
    if not made:
        return result
    nodes = checkpointed([b.node for b in made.values()], since)
    outputs = dict(zip(made, map(wrap, nodes)))
    return replaced(result, lambda box: outputs.get(id(box), box))


def _was_made(box: Box, since: int) -> bool:
    """Whether a tensor is a result of differentiable operations recorded after `since`."""
    return box.node.serial > since and box.node.needs_grad and not is_variable(box.node)


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = False, **kwargs: Any) -> Any:
    """A Sequential, or list of functions, in `segments` parts of nearly equal length; all but the last are checkpointed.

    The last part's values are needed first by the backward pass, so that it keeps them. Raises ValueError for less than
    one segment, or more than there are functions.
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    layers = list(functions.children() if hasattr(functions, "children") else functions)
    if not 1 <= segments <= max(len(layers), 1):
        raise ValueError(f"checkpoint_sequential: segments must be between 1 and the number of functions ({len(layers)}), "
                         f"got {segments}")
    size = len(layers) // segments
    for start in range(0, size * (segments - 1), size):
        part = _one_after_another(layers[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _one_after_another(layers[size * (segments - 1):])(input)


def _one_after_another(layers: Iterable[Callable]) -> Callable:
    def run(x):
        for layer in layers:
            x = layer(x)
        return x

    return run
