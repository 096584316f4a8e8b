"""Flags from settings: one dataclass field is one flag and one key of a config file."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from ..io import read_settings
from ..recipes.settings import unknown


def flags_of(kind: type, help_lines: Mapping[str, str], without: tuple[str, ...] = ()) -> Callable:
    """A decorator that gives a command one option for each field. What is not given is None."""
    hints = typing.get_type_hints(kind)

    def decorate(command: Callable) -> Callable:
        for f in reversed(fields(kind)):
            if f.name not in without:
                command = _flag(f.name, hints[f.name], f.default, help_lines.get(f.name, ""))(command)
        return command

    return decorate


def _flag(name: str, hint: Any, default: Any, text: str) -> Callable:
    flag = "--" + name.replace("_", "-")
    shown = default not in (None, MISSING, False, "none") and "[default" not in text
    if shown:
        text += f" [default: {default}]"
    if hint is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=text)
    if isinstance(hint, types.UnionType):
        hint = next(t for t in typing.get_args(hint) if t is not types.NoneType)
    if hint in (int, float):
        return click.option(flag, name, type=_NumberOrNone(hint), metavar=_NumberOrNone(hint).name.upper(), help=text)
    return click.option(flag, name, metavar="LIST" if typing.get_origin(hint) is list else "TEXT", help=text)


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
