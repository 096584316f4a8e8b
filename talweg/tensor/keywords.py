"""Names of parameters that PyTorch takes beside the first: split(x, split_size=2) and split(x, split_size_or_sections=2)."""

from __future__ import annotations

import functools
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
