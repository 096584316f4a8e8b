"""Flags from settings: one dataclass field is one flag and one key of a config file."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from ..io import read_settings
from ..recipes.published import named_weights, weights_of
from ..recipes.recipe import Recipe
from ..recipes.registry import names, recipe, recipe_for, recipe_of
from ..recipes.settings import unknown
from ..recipes.training_settings import TrainingSettings


def flags_of(kind: type, help_lines: Mapping[str, str], without: tuple[str, ...] = ()) -> list[click.Parameter]:
    """One option for each field of a dataclass. What is not given is None."""
    hints = typing.get_type_hints(kind)
    return [_flag(f.name, hints[f.name], f.default, help_lines.get(f.name, "")) for f in fields(kind) if f.name not in without]


def _flag(name: str, hint: Any, default: Any, text: str) -> click.Option:
    flag = "--" + name.replace("_", "-")
    if default not in (None, MISSING, False, "none") and "[default" not in text:
        text += f" [default: {default}]"
    if hint is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], default=None, help=text)
    if isinstance(hint, types.UnionType):
        hint = next(t for t in typing.get_args(hint) if t is not types.NoneType)
    if hint in (int, float):
        return click.Option([flag, name], type=_NumberOrNone(hint), metavar=_NumberOrNone(hint).name.upper(), help=text)
    return click.Option([flag, name], metavar="LIST" if typing.get_origin(hint) is list else "TEXT", help=text)


class RecipeCommand(click.Command):
    """A command whose flags are, besides its own, those of the recipe that its arguments mean.

    `kind` is "train" for the recipe's settings, "predict" or "generate" for what using a run can be told.
    """

    def __init__(self, *args: Any, kind: str, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.kind = kind

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[RECIPE] = meant(self.kind, args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        found = ctx.meta.get(RECIPE)
        if found is None:
            return own
        flags = flags_of(found.settings, found.help, ("model",)) if self.kind == "train" else \
            flags_of(found.options, found.options_help) if found.options else []
        taken = {name for parameter in own for name in parameter.opts}
        return [*own[:-1], *(f for f in flags if not taken.intersection(f.opts)), own[-1]]


RECIPE = "talweg.recipe"


def meant(kind: str, args: list[str]) -> Recipe | None:
    """The recipe that a command line is about: that of the run it resumes or uses, or of the name it gives.

    None where it names none, which the command itself then finds fault with.
    """
    if kind != "train":
        weights = _value_of("--weights", args)
        if weights is not None:
            return recipe_of(named_weights(weights, _value_of("--model", args)))
        runs = [a for a in args if (Path(a) / "config.yaml").is_file() or weights_of(a) is not None]
        return recipe_of(runs[0]) if runs else None
    resumed = _value_of("--resume", args)
    if resumed is not None:
        return recipe_of(resumed) if Path(resumed).is_dir() else recipe("classify")
    known = set(names())
    words = [a for i, a in enumerate(args) if not a.startswith("-") and not _takes_value(args[i - 1 : i])]
    for word in [*words, *args]:
        if word in known:
            return recipe(recipe_for(word)[0])
    config = _value_of("--config", args)
    kept = read_settings(config).get("recipe", "classify") if config and Path(config).is_file() else "classify"
    return recipe(str(kept))


def _value_of(flag: str, args: list[str]) -> str | None:
    for i, a in enumerate(args):
        if a == flag and i + 1 < len(args):
            return args[i + 1]
        if a.startswith(f"{flag}="):
            return a.partition("=")[2]
    return None


def _takes_value(before: list[str]) -> bool:
    """Whether the word before is a flag that the next word belongs to."""
    if not before or not before[0].startswith("--") or "=" in before[0]:
        return False
    return before[0] not in WITHOUT_VALUE and not before[0].startswith("--no-")


_SWITCHES = (name for name, hint in typing.get_type_hints(TrainingSettings).items() if hint is bool)
WITHOUT_VALUE = {"--json", "--find-lr", "--find-batch-size", "--help", *("--" + n.replace("_", "-") for n in _SWITCHES)}


class _NumberOrNone(click.ParamType):
    """A number, or the word none where a setting may be left out."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self.name = {int: "integer", float: "float"}[kind]

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value in ("none", "null"):
            return value
        return (click.INT if self.kind is int else click.FLOAT).convert(value, param, ctx)


def settings_in(path: str | Path, kind: type) -> dict[str, Any]:
    """The settings of a config file: a run's config.yaml, or plain `name: value` lines.

    Raises FileNotFoundError, or ValueError naming the file and the unknown name with the nearest valid one.
    """
    found = read_settings(path)
    values = found.get("settings", found)
    if not isinstance(values, dict):
        raise ValueError(f"{path}: `settings` must hold `name: value` lines")
    valid = [f.name for f in fields(kind)]
    values = {str(name).replace("-", "_"): value for name, value in values.items()}
    for name in values:
        if name not in valid:
            raise ValueError(f"{path}: {unknown(name, valid)}")
    return values
