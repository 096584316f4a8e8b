"""Talweg's own files for models, data and recipes, executed once more with PyTorch under them.

    from bench.recipes.over_torch import imported
    imported("recipes.registry").recipe("gan")        the recipe, whose networks are torch modules

Below `talweg_over_torch` every file of the rooms EXECUTED is run a second time; what it imports of the rooms beneath
is answered by torch's modules of that meaning (`beneath.py`). The two recipes are then one text, so that they cannot
differ in what they compute; only the training loop is written anew, the way one writes it for PyTorch (torch_loop.py).
It is the reverse of talweg.alias, which runs scripts for PyTorch over Talweg.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from types import ModuleType

from .beneath import answers

ROOT = "talweg_over_torch"
EXECUTED = ("data", "io", "training", "models", "recipes")


class _Empty(Loader):
    """The package itself: its rooms are found one by one."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []


class Room(ModuleType):
    """A module that has the names of others: the first that knows a name answers."""

    def __init__(self, name: str, others: tuple[str, ...]) -> None:
        super().__init__(name)
        self.__dict__["others"] = [importlib.import_module(other) for other in others]
        self.__path__: list[str] = []

    def __getattr__(self, name: str):
        for other in self.__dict__["others"]:
            if hasattr(other, name):
                return getattr(other, name)
        raise AttributeError(f"{self.__name__}: none of {', '.join(o.__name__ for o in self.__dict__['others'])} has {name!r}")

    def __setattr__(self, name: str, value) -> None:
        """A submodule is not bound where the others have something else of its name: torch.tensor is a function."""
        if isinstance(value, ModuleType) and any(hasattr(other, name) for other in self.__dict__["others"]):
            return
        super().__setattr__(name, value)


class _Answering(Loader):
    def __init__(self, others: tuple[str, ...]) -> None:
        self.others = others

    def create_module(self, spec: ModuleSpec) -> Room:
        return Room(spec.name, self.others)

    def exec_module(self, module: ModuleType) -> None: ...


class Finder(MetaPathFinder):
    """Finds what stands below ROOT: files of ours to be executed again, or what answers for a room beneath."""

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        root, _, name = fullname.partition(".")
        if root != ROOT:
            return None
        if not name:
            return ModuleSpec(fullname, _Empty(), is_package=True)
        modules = answers(name)
        if modules is not None:
            return ModuleSpec(fullname, _Answering(modules), is_package=True)
        if name.split(".")[0] not in EXECUTED:
            raise ImportError(f"{fullname}: nothing of PyTorch is named for talweg.{name}; say it in bench/recipes/beneath.py")
        ours = find_spec(f"talweg.{name}")
        if ours is None or ours.origin is None:
            return None
        return spec_from_file_location(fullname, ours.origin, submodule_search_locations=ours.submodule_search_locations)


def imported(name: str) -> ModuleType:
    """A module of ours over PyTorch, by its name below talweg. Raises ImportError where a name beneath has no answer."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    return importlib.import_module(f"{ROOT}.{name}")
