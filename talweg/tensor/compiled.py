"""`talweg.compile`: a function recorded once for each kind of arguments, and replayed from then on.

The first call with new kinds of arguments runs as it is, so that what it sets up (optimiser state, lazy layers) is there.
The second is traced: it records, and what it did is found by comparing all tensors before and after. Later calls run the
compiled program on what the same tensors hold by then, and write its results back to them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..compile.evaluate import exclusively
from ..graph.node import mode
from .autocast import precision
from .box import Box
from .pending import evaluate_pending
from .recording import MISS, Recording, Unsuitable, record

MOST_RECORDINGS = 64
"""Kinds of arguments that one function keeps recordings for; the oldest goes first."""


def compile(function: Callable | None = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = None,
            mode: str | None = None, options: dict | None = None, disable: bool = False) -> Any:
    """The function, or module, as one native call: traced for each kind of arguments, then replayed.

    `step = talweg.compile(step)` or `@talweg.compile`. A whole training step (zero_grad, forward, backward, optimiser) is
    what gains most. Tensors that the function reads and writes beside its arguments, parameters, gradients, optimiser
    state, running statistics, random generators, take part. Python runs at the first two calls with arguments of new
    shapes, dtypes, numbers or objects and not afterwards: what it prints, counts or decides is fixed then, except learning
    rates and step counts of optimisers, which are read at each call. What is noticed, and recorded anew: modules in another
    mode, tensors whose `requires_grad` or memory (`.data`) is another, parameter groups that are new or decide otherwise;
    but not a module that was put in another's place. Where a result needs gradients through this function
    (its backward pass is outside), calls are recorded as usual. `fullgraph`, `dynamic`, `backend`, `mode` and `options`
    are PyTorch's and have no effect; `disable` returns the function as it is.

    Raises RuntimeError where a tensor's value is read inside the function, and TypeError for what cannot be called.
    """
    if function is None:
        return functools.partial(compile, disable=disable)
    if not callable(function):
        raise TypeError(f"talweg.compile: expected a function or a module, got {type(function).__name__}")
    return function if disable else CompiledFunction(function)


class CompiledFunction:
    """A function with its recordings. Attributes are those of the function."""

    def __init__(self, function: Callable):
        self.__wrapped__ = function
        self._recordings: dict[tuple, list[Recording] | None] = {}  # None: seen once; []: cannot be recorded
        if not hasattr(function, "parameters"):
            functools.update_wrapper(self, function)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__wrapped__"], name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method: the instance becomes the first argument."""
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"talweg.compile({self.__wrapped__!r})"

    def recordings(self) -> dict[tuple, list[Recording] | None]:
        """By kind of arguments: the recordings; None for a kind seen once, an empty list where recording is no use."""
        return dict(self._recordings)

    def __call__(self, *args, **kwargs) -> Any:
        kind, tensors = signature(args, kwargs)
        known = self._recordings.get(kind, ())
        if known is None:
            return self._traced(kind, args, kwargs, [])
        if not known:
            return self._first_time(kind, args, kwargs) if kind not in self._recordings else self.__wrapped__(*args, **kwargs)
        with exclusively():
            evaluate_pending()
            for recording in known:
                result = recording.replay(tensors)
                if result is not MISS:
                    return result
        return self._traced(kind, args, kwargs, known)

    def _first_time(self, kind: tuple, args: tuple, kwargs: dict) -> Any:
        self._recordings[kind] = None
        if len(self._recordings) > MOST_RECORDINGS:
            del self._recordings[next(iter(self._recordings))]
        return self.__wrapped__(*args, **kwargs)

    def _traced(self, kind: tuple, args: tuple, kwargs: dict, known: list[Recording]) -> Any:
        with exclusively():
            evaluate_pending()
            try:
                recording, result = record(self.__wrapped__, args, kwargs)
            except Unsuitable as reason:
                self._recordings[kind] = []
                return reason.result
        # A call that sets up what later ones go on with is no pattern for them: the next is traced.
        self._recordings[kind] = (known or None) if recording.sets_up else [*known[-7:], recording]
        return result


class CompiledAtOnce(CompiledFunction):
    """Traced at the first call already, so that every call is a run of a program and gives the same bits whenever a process
    came to it: what is begun anew from a save then goes on as it would have gone.
    Lazy layers must have their shapes.
    """

    def _first_time(self, kind: tuple, args: tuple, kwargs: dict) -> Any:
        result = self._traced(kind, args, kwargs, [])
        if len(self._recordings) > MOST_RECORDINGS:
            del self._recordings[next(iter(self._recordings))]
        return result


def signature(args: tuple, kwargs: dict) -> tuple[tuple, list[Box]]:
    """(what must be equal for a recording to fit, the tensors among the arguments)."""
    tensors: list[Box] = []
    kinds = [_kind(a, tensors) for a in args]
    kinds += [(name, _kind(value, tensors)) for name, value in kwargs.items()]
    return (mode.grad, precision(), *kinds), tensors


def _kind(value: Any, tensors: list[Box]) -> Any:
    if isinstance(value, Box):
        tensors.append(value)
        node = value.node
        first = next((i for i, t in enumerate(tensors) if t is value), None)
        return type(value), node.shape, node.dtype.name, node.needs_grad, first
    if isinstance(value, (tuple, list)):
        return type(value), tuple([_kind(v, tensors) for v in value])
    if type(value) is dict:
        return dict, tuple([(k, _kind(v, tensors)) for k, v in value.items()])
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return type(value), repr(value)
    return type(value), _Same(value)


class _Same:
    """An object as part of a signature: equal to itself alone, and kept alive."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any):
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.thing is self.thing
