"""`talweg data list` and `talweg data show NAME`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click
import numpy as np

from ..data import CATALOGUE, ON_ERROR, Request, choose, entry_of, is_path, measured_hash, pinned_hash, targets_of
from .output import as_json, print_json, table


@click.group(short_help="The datasets that have a name.")
def command() -> None:
    """Datasets that `--data` accepts by name, and what the tool makes of your own."""


@command.command("list")
@as_json
def list_command(as_json: bool) -> None:
    """Each named dataset with a line about it."""
    if as_json:
        print_json({name: {"summary": e.summary, "extra": e.extra} for name, e in CATALOGUE.items()})
        return
    needs = {name: f"needs talweg[{e.extra}]" if e.extra else "" for name, e in CATALOGUE.items()}
    click.echo(table([[name, e.summary, needs[name]] for name, e in CATALOGUE.items()]))


@command.command("show")
@click.argument("what")
@click.option("--size", type=int, default=28, show_default=True, help="Side that images are resized to, in pixels.")
@click.option("--target", help="Column of a table that is to be predicted. [default: the last]")
@click.option("--group", help="Column of a table whose equal values stay in one split.")
@click.option("--on-error", type=click.Choice(ON_ERROR), default="stop", show_default=True, help="At a bad file or row.")
@as_json
def show_command(what: str, size: int, target: str | None, group: str | None, on_error: str, as_json: bool) -> None:
    """What is in WHAT, a named dataset or the path of your own: shapes, classes, splits, and what is wrong with it."""
    facts: dict[str, Any] = {"name": what}
    if what in CATALOGUE or not is_path(what):
        facts |= _named(what)
    if what not in CATALOGUE or CATALOGUE[what].labelled:
        facts |= _labelled(what, Request(size=size, target=target, group=group, on_error=on_error))
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        for i, line in enumerate(value if isinstance(value, list) else [value]):
            click.echo(f"{'' if i else name:<12} {line}")


def _named(name: str) -> dict[str, Any]:
    entry = entry_of(name)
    facts: dict[str, Any] = {"summary": entry.summary, "facts": list(entry.facts)}
    found, pinned = measured_hash(name), pinned_hash(name)
    if found is not None:
        known = "none is known for this release" if pinned is None else "as known" if found == pinned else f"expected {pinned}"
        facts["content"] = f"{found} ({known})"
    return facts


def _labelled(what: str, request: Request) -> dict[str, Any]:
    splits = choose(what, request)
    parts = {name: targets_of(splits.part(name)) for name in ("train", "validation", "test")}
    return {
        "input": " x ".join(map(str, splits.input_shape)),
        "samples": ", ".join(f"{name} {len(targets)}" for name, targets in parts.items()),
        "targets": _targets(np.concatenate(list(parts.values())), splits.classes),
        "notes": splits.notes,
    }


def _targets(targets: np.ndarray, classes: list[str]) -> str:
    if not classes:
        return f"numbers from {targets.min():g} to {targets.max():g}, mean {targets.mean():g}"
    counts = Counter(targets.tolist())
    shown = ", ".join(f"{name} {counts[i]}" for i, name in enumerate(classes[:12]))
    return f"{len(classes)} classes: {shown}{', ...' if len(classes) > 12 else ''}"
