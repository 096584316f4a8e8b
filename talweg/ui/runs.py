"""The runs of a folder, as the page lists them, and those that are loaded."""

from __future__ import annotations

import typing
from collections import OrderedDict
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from ..recipes.recipe import Recipe
from ..recipes.registry import Loaded, load_run, recipe_of
from ..recipes.runs import config_of

KEPT = 3
"""Models that stay loaded, those used last."""
WATCHED = {"language": "text", "diffuse": "denoising"}
"""What can be watched while it is made, by the recipe's name."""
PLAIN = {int: "integer", float: "number", str: "text", bool: "switch"}


class UnknownRun(KeyError):
    """No run of the folder has this name."""


class Runs:
    """Runs by the names of their folders in one folder, which is looked at anew each time."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._loaded: OrderedDict[tuple[str, float], Loaded] = OrderedDict()

    def listed(self) -> list[dict[str, Any]]:
        """Each run, the newest first. One that cannot be read says why."""
        found = sorted(self.folder.glob("*/config.yaml"), key=_written, reverse=True)
        return [self._about(path.parent) for path in found]

    def path(self, name: str) -> Path:
        """The folder of the run of this name. Raises UnknownRun for a name that is not listed: no path can be smuggled
        in."""
        for config in self.folder.glob("*/config.yaml"):
            if config.parent.name == name:
                return config.parent
        raise UnknownRun(name)

    def loaded(self, name: str) -> Loaded:
        """The run's model, kept for the next time. Raises as `path` and `load_run` do."""
        path = self.path(name)
        key = (name, (path / "model.safetensors").stat().st_mtime if (path / "model.safetensors").exists() else 0.0)
        if key not in self._loaded:
            self._loaded[key] = load_run(path)
        self._loaded.move_to_end(key)
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)
        return self._loaded[key]

    def _about(self, path: Path) -> dict[str, Any]:
        try:
            recipe = recipe_of(path)
            settings = config_of(path)["settings"]
        except (ValueError, OSError) as error:
            return {"name": path.name, "fault": str(error)}
        return {
            "name": path.name, "recipe": recipe.name, "model": settings.get("model"), "data": settings.get("data"),
            "predicts": overrides(recipe, "predict"), "generates": overrides(recipe, "generate"), "takes": recipe.takes,
            "watched": WATCHED.get(recipe.name), "options": described(recipe),
        }


def _written(path: Path) -> float:
    """When; long ago where it has just been deleted."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def overrides(recipe: Recipe, method: str) -> bool:
    """Whether a recipe has its own of a method that the base class only refuses."""
    return getattr(type(recipe), method) is not getattr(Recipe, method)


def described(recipe: Recipe) -> list[dict[str, Any]]:
    """What using a run can be told, for a form: name, kind, default and help of each option."""
    if recipe.options is None:
        return []
    hints = typing.get_type_hints(recipe.options)
    return [
        {"name": f.name, "kind": _kind(hints[f.name]), "default": None if f.default is MISSING else f.default,
         "help": recipe.options_help.get(f.name, "")}
        for f in fields(recipe.options)
    ]


def _kind(hint: Any) -> str:
    inner = [t for t in typing.get_args(hint) if t is not type(None)]
    if typing.get_origin(hint) is list or (inner and typing.get_origin(inner[0]) is list):
        return "list"
    return PLAIN.get(inner[0] if inner else hint, "text")
