"""Second names of arguments: NumPy's `axis` and `keepdims`, which PyTorch takes too, and sizes given by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

_SECOND = {"axis": "dim", "keepdims": "keepdim", "split_size": "split_size_or_sections"}


def variadic(name: str) -> Callable[[Callable], Callable]:
    """A function of one tensor or none, and sizes one by one, takes the sizes as a sequence under `name` too."""

    def decorated(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args, **options):
            if name in options:
                args = (*args, options.pop(name))
            return function(*args, **options)

        return call

    return decorated


def second_names(function: Callable) -> Callable:
    """The function itself, or, if it has a `dim`, `keepdim` or their like, one that takes their second names as well."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    found = [(second, first) for second, first in _SECOND.items() if first in named and second not in named]
    if not found:
        return function

    @functools.wraps(function)
    def call(*args, **options):
        if options:
            for second, first in found:
                if second in options and first not in options:
                    options[first] = options.pop(second)
        return function(*args, **options)

    return call
