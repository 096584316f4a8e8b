"""The import hook: while it stands, `import torch` and everything below it finds Talweg."""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .names import TABLE

COVERAGE = "docs/api_coverage.md"
ROOT = "torch"


class Namespace(types.ModuleType):
    """A module of PyTorch's name. Its attributes are those of our modules that answer for it."""

    _sources: tuple[types.ModuleType, ...]

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [n for n in dir(self) if not n.startswith("_")]
        full = f"{self.__name__}.{name}"
        if full in TABLE:
            return importlib.import_module(full)
        if name == self.__name__ == ROOT:
            return self  # torch.torch, which the module has because it imports itself
        if not (name.startswith("__") and name.endswith("__") and name != "__version__"):
            for source in self._sources:
                found = getattr(source, name, self) if _offers(source, name) else self
                if found is not self and not isinstance(found, types.ModuleType):
                    self.__dict__[name] = found
                    return found
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}: Talweg, which answers to the name torch "
                             f"here, has no {full}; {COVERAGE} lists what it has", name=name, obj=self)

    def __dir__(self) -> list[str]:
        children = [n.rpartition(".")[2] for n in TABLE if n.rpartition(".")[0] == self.__name__]
        names = {n for source in self._sources for n in dir(source) if _offers(source, n)
                 and not isinstance(getattr(source, n, None), types.ModuleType)}
        return sorted({*names, *children, *self.__dict__})


def _offers(source: types.ModuleType, name: str) -> bool:
    """Whether a module means a name to be seen: private ones are taken as PyTorch's private ones, which code does use."""
    public = getattr(source, "__all__", None)
    return public is None or name in public or name.startswith("_")


class Finder:
    """For sys.meta_path: finds what TABLE lists, and refuses every other module below torch by its name."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None):
        if fullname != ROOT and not fullname.startswith(ROOT + "."):
            return None
        if fullname not in TABLE:
            # Without `name`: the import system forgives a missing module that is named, and then says less.
            raise ModuleNotFoundError(f"Talweg, which answers to the name torch here, has no {fullname}; {COVERAGE} lists "
                                      "what it has")
        return importlib.machinery.ModuleSpec(fullname, self, origin="talweg", is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Namespace:
        module = Namespace(spec.name, f"{', '.join(TABLE[spec.name])}, under PyTorch's name for it.")
        module._sources = tuple([_source(name) for name in TABLE[spec.name]])
        module.__file__ = str(Path(__file__).parent)  # some look beside PyTorch for libraries of its
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing runs: a namespace looks its names up."""


def _source(name: str) -> types.ModuleType:
    """A module, or a class that stands for one: `package.module.Class`."""
    outer, _, last = name.rpartition(".")
    if outer and isinstance(found := getattr(importlib.import_module(outer), last, None), type):
        return found  # type: ignore[return-value]
    return importlib.import_module(name)


_finder = Finder()


def install() -> None:
    """From now on `import torch` finds Talweg, in this whole process. Raises RuntimeError where PyTorch is in already."""
    if _finder in sys.meta_path:
        return
    if ROOT in sys.modules:
        raise RuntimeError("the name torch is taken: PyTorch has been imported in this process")
    sys.meta_path.insert(0, _finder)  # type: ignore[arg-type]


def uninstall() -> None:
    """Give the name back."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)  # type: ignore[arg-type]
        for name in [n for n, m in sys.modules.items() if isinstance(m, Namespace)]:
            del sys.modules[name]


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Talweg answers to the name torch inside the block."""
    install()
    try:
        yield
    finally:
        uninstall()
