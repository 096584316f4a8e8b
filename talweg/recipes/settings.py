"""Settings of a recipe: a dataclass filled from plain data, with every mistake named."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, replace
from typing import Any, TypeVar

T = TypeVar("T")


def from_mapping(kind: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass `kind` with these values, each checked against its field's type.

    Strings are read as the type asks ("0.01", "true", "128,64"), as a command line gives them.
    Raises ValueError for an unknown name (with the nearest one), a missing one, or a value of another type.
    """
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in hints:
            raise ValueError(unknown(name, list(hints)))
    for f in fields(kind):  # type: ignore[arg-type]
        if f.name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ValueError(f"setting {f.name} is missing")
    return kind(**{name: converted(name, value, hints[name]) for name, value in values.items()})


def changed(settings: T, values: Mapping[str, Any], may_change: Collection[str], call: str) -> T:
    """`settings` with those of `values` that may change. Raises ValueError for another one that differs, naming both."""
    hints = typing.get_type_hints(type(settings))
    for name, value in values.items():
        if name not in hints:
            raise ValueError(unknown(name, list(hints)))
        kept = getattr(settings, name)
        if name not in may_change and converted(name, value, hints[name]) != kept:
            raise ValueError(f"{call}: the run was begun with {name} {kept}, which {value} contradicts: leave it out to go on "
                             "with the run, or begin a new one")
    return replace(settings, **{n: converted(n, v, hints[n]) for n, v in values.items() if n in may_change})  # type: ignore[type-var]


ELSEWHERE = {
    "learning_rate": "lr", "lrate": "lr", "rate": "lr", "bs": "batch_size", "batch": "batch_size",
    "train_batch_size": "batch_size",
    "per_device_train_batch_size": "batch_size", "num_epochs": "epochs", "num_train_epochs": "epochs", "max_epochs": "epochs",
    "max_steps": "steps", "wd": "weight_decay", "img_size": "size", "imgsz": "size", "image_size": "size",
    "num_workers": "workers",
    "scheduler": "schedule", "lr_scheduler": "schedule", "warmup_ratio": "warmup", "gradient_clip_val": "clip_norm",
    "max_grad_norm": "clip_norm", "accumulate_grad_batches": "accumulate", "gradient_accumulation_steps": "accumulate",
    "random_state": "seed", "layers": "hidden", "hidden_sizes": "hidden", "dataset": "data", "early_stopping": "patience",
}
"""What settings are called in other tools, and here."""


def unknown(name: str, valid: list[str]) -> str:
    if ELSEWHERE.get(name) in valid:
        return f"there is no setting {name!r}: it is called {ELSEWHERE[name]!r} here"
    near = difflib.get_close_matches(name, valid, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(valid)}"
    return f"there is no setting {name!r}: {hint}"


def converted(name: str, value: Any, wanted: Any) -> Any:
    """`value` as the type `wanted`: int, float, bool, str, a list of these, or one of them or None."""
    if isinstance(wanted, types.UnionType):
        if value is None or value in ("none", "null"):
            return None
        wanted = next(t for t in typing.get_args(wanted) if t is not types.NoneType)
    if typing.get_origin(wanted) is list:
        inner = typing.get_args(wanted)[0]
        items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise _mismatch(name, value, f"a list of {inner.__name__}")
        return [converted(name, item, inner) for item in items]
    return _scalar(name, value, wanted)


def _scalar(name: str, value: Any, wanted: type) -> Any:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if wanted is bool:
        if isinstance(value, str) and value.lower() in words:
            return words[value.lower()]
        if isinstance(value, bool):
            return value
        raise _mismatch(name, value, "true or false")
    if wanted is str and isinstance(value, str):
        return value
    if wanted in (int, float) and not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            number = wanted(value)
        except (ValueError, OverflowError) as error:
            raise _mismatch(name, value, _called(wanted)) from error
        if wanted is float or isinstance(value, str) or number == value:
            return number
    raise _mismatch(name, value, _called(wanted))


def _called(wanted: type) -> str:
    return {int: "a whole number", float: "a number", str: "a word"}[wanted]


def _mismatch(name: str, value: Any, wanted: str) -> ValueError:
    return ValueError(f"setting {name} must be {wanted}, got {value!r}")
