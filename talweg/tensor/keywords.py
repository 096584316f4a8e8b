"""Names of parameters that PyTorch takes beside the first: split(x, split_size=2), sum(x, axis=0), reshape(x, shape=(2, 3))."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable


def also_named(**names: str) -> Callable[[Callable], Callable]:
    """A decorator: each keyword stands for the parameter it is given. Raises TypeError where both are passed."""

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args, **kwargs):
            if kwargs:
                kwargs = _renamed(kwargs, names, function.__name__)
            return function(*args, **kwargs)

        call.also_named = names  # type: ignore[attr-defined]
        return call

    return decorate


def _renamed(given: dict, names: dict[str, str], call: str) -> dict:
    found = {names.get(name, name): value for name, value in given.items()}
    if len(found) != len(given):
        raise TypeError(f"{call}() got one argument under two names: {', '.join(given)}")
    return found


_NUMPYS = {"axis": "dim", "keepdims": "keepdim"}


def second_names(function: Callable) -> Callable:
    """The function itself, or, if it has a `dim` or `keepdim`, one that takes NumPy's `axis` and `keepdims` as well."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    found = {second: first for second, first in _NUMPYS.items() if first in named and second not in named}
    return also_named(**found)(function) if found else function


def variadic(name: str) -> Callable[[Callable], Callable]:
    """A function of one tensor or none, and sizes one by one, takes the sizes as a sequence under `name` too."""

    def decorated(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args, **options):
            if name in options:
                first = (options.pop("input"),) if "input" in options else ()
                args = (*first, *args, options.pop(name))
            return function(*args, **options)

        return call

    return decorated
