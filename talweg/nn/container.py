"""Modules that hold modules: Sequential applies them in turn, ModuleList and ModuleDict only own them."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any

from .module import Module, _indented, layout


class _Numbered(Module):
    """A module whose children are numbered from 0, as in a list."""

    def _key(self, index) -> str:
        try:
            position = operator.index(index)
        except TypeError:
            raise TypeError(f"{self._get_name()}: an index is an int or a slice, not {index!r}") from None
        count = len(self)
        if not -count <= position < count:
            raise IndexError(f"index {position} is out of range for a {self._get_name()} of {count} modules")
        return list(self._modules)[position]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        keys = list(self._modules)[index] if isinstance(index, slice) else [self._key(index)]
        for key in keys:
            delattr(self, key)
        self._renumber(list(self._modules.values()))

    def _renumber(self, modules: list) -> None:
        self._modules.clear()
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]

    def append(self, module: Module):
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module):
        """Add a module before position `index`. Raises IndexError unless -length <= index <= length."""
        count = len(self)
        if not -count <= index <= count:
            raise IndexError(f"{self._get_name()}.insert: index {index} is out of range for {count} modules")
        if not isinstance(module, Module):
            raise TypeError(f"{self._get_name()}.insert: expected a Module, got {type(module).__name__}")
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def extend(self, modules: Iterable[Module]):
        """Add the modules of an iterable at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"{self._get_name()}.extend: expected an iterable of modules, got {type(modules).__name__}"
            )
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, index: int | slice = -1):
        """Take a module away and return it."""
        module = self[index]  # type: ignore[index]
        del self[index]
        return module


class Sequential(_Numbered):
    """f_n(... f_2(f_1(x))): the modules given, or those of one OrderedDict by name, each on the last one's output."""

    def __init__(self, *args):
        super().__init__()
        named: Iterable[tuple[str, Module]] = ((str(i), module) for i, module in enumerate(args))
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named = args[0].items()
        for name, module in named:
            self.add_module(name, module)

    def forward(self, input):
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, index: int | slice):
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._key(index)]

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_sequential(other, "+"))

    def __iadd__(self, other: Sequential):
        return self.extend(_sequential(other, "+="))

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*(list(self) * _repetitions(times)))

    __rmul__ = __mul__

    def __imul__(self, times: int):
        return self.extend(list(self) * (_repetitions(times) - 1))


def _sequential(other: Any, symbol: str) -> Sequential:
    if isinstance(other, Sequential):
        return other
    raise ValueError(
        f"Sequential {symbol}: the other operand must be a Sequential too, got {type(other).__name__}"
    )


def _repetitions(times: Any) -> int:
    if not isinstance(times, int):
        raise TypeError(
            f"Sequential *: a Sequential is repeated an int number of times, not {type(times).__name__}"
        )
    if times <= 0:
        raise ValueError(f"Sequential *: a Sequential is repeated at least once, not {times} times")
    return times


class ModuleList(_Numbered):
    """A list of modules, all of them registered. It has no forward(): the owner decides what to do with them."""

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: int | slice):
        if isinstance(index, slice):
            return type(self)(list(self._modules.values())[index])
        return self._modules[self._key(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __iadd__(self, other: Iterable[Module]):
        return self.extend(other)

    def __repr__(self) -> str:
        """Neighbours that print alike are printed once, with their count: a deep stack stays readable."""
        lines = []
        numbered = enumerate(repr(module) for module in self)
        for text, run in groupby(numbered, key=lambda pair: pair[1]):
            places = [place for place, _ in run]
            if len(places) == 1:
                lines.append(f"({places[0]}): {_indented(text)}")
            else:
                lines.append(f"({places[0]}-{places[-1]}): {len(places)} x {_indented(text)}")
        return layout(self._get_name(), lines, one_line=not lines)


class ModuleDict(Module):
    """A dict of modules, all of them registered, in the order they were put in."""

    def __init__(self, modules: Mapping[str, Module] | None = None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str):
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key: str):
        """Take a module out and return it."""
        return self._modules.pop(key)

    def keys(self):
        """The names."""
        return self._modules.keys()

    def values(self):
        """The modules."""
        return self._modules.values()

    def items(self):
        """(name, module) pairs."""
        return self._modules.items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Put in the modules of a mapping or of (name, module) pairs, replacing those of the same name."""
        for key, module in _pairs(modules, "ModuleDict.update"):
            self[key] = module


def _pairs(given: Any, call: str) -> list[tuple[str, Any]]:
    if isinstance(given, Mapping) or hasattr(given, "items"):
        return list(given.items())
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{call}: expected a mapping or an iterable of (name, value) pairs, got {type(given).__name__}"
        )
    pairs = list(given)
    for i, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)):
            raise TypeError(f"{call}: element {i} must be a (name, value) pair, got {type(pair).__name__}")
        if len(pair) != 2:
            raise ValueError(f"{call}: element {i} has length {len(pair)}; a (name, value) pair has 2")
    return pairs
