"""The table of a race of recipes, and what follows from its records."""

from __future__ import annotations

from typing import Any

from ..tables import DASH, Table, milliseconds

TITLE = "Recipes at their default settings: a training step, milliseconds"
OURS = "Talweg"
Record = dict[str, Any]


def recipe_tables(records: dict[str, Record]) -> list[Table]:
    """A row a recipe; empty tables left out."""
    found = [_steps(records), _problems(records)]
    return [table for table in found if table.rows]


def ratio(record: Record) -> float | None:
    """How many times as fast as the better of PyTorch's Talweg is; None where either is missing or losses differ."""
    ours, peer = record["results"].get(OURS), best_peer(record)
    if peer is None or not _counts(ours):
        return None
    return record["results"][peer]["ms"] / ours["ms"]


def best_peer(record: Record) -> str | None:
    theirs = {name: r["ms"] for name, r in record["results"].items() if name != OURS and _counts(r)}
    return min(theirs, key=lambda name: theirs[name], default=None)


def _counts(result: dict | None) -> bool:
    return bool(result) and result["status"] == "ok" and result.get("agrees", True)  # type: ignore[index]


def _steps(records: dict[str, Record]) -> Table:
    names = list(dict.fromkeys(name for record in records.values() for name in record["results"]))
    table = Table(TITLE, ["", "steps timed", *names, "best of PyTorch / Talweg", "first step, seconds", "losses apart"])
    for record in records.values():
        found = ratio(record)
        table.rows.append([
            _label(record), str(record["results"].get(OURS, {}).get("steps", DASH)),
            *(_cell(record["results"].get(name)) for name in names), DASH if found is None else f"{found:.2f} x",
            ", ".join(_first(record["results"].get(name)) for name in names), _apart(record),
        ])
    table.remark = ("A step has everything in it that one takes in the recipe: fetching and augmenting the batch, the update, "
                    "averages. A round of an agent is its steps in the environments and the updates after them. First steps "
                    f"are in the order of the columns ({'; '.join(names)}), with caches empty.") if table.rows else ""
    return table


def _label(record: Record) -> str:
    step = f"a step is {record['step']}" if record["step"] else ""
    parts = [record["workload"], record["detail"], step, "quick" if record["quick"] else ""]
    return ", ".join(part for part in parts if part)


def _cell(result: dict | None) -> str:
    if result is None:
        return DASH
    if result["status"] != "ok":
        return result["status"]
    return milliseconds(result["ms"]) + ("" if result.get("agrees", True) else " (losses differ)")


def _first(result: dict | None) -> str:
    return f"{result['first']:.2f}" if result and result["status"] == "ok" else DASH


def _apart(record: Record) -> str:
    """The largest relative difference of a loss in the first steps."""
    apart = [r["loss_difference"] for r in record["results"].values() if r.get("loss_difference") is not None]
    return f"{max(apart):.0e}" if len(apart) > 1 else DASH


def _problems(records: dict[str, Record]) -> Table:
    table = Table("Recipes that did not run", ["", "contestant", "what", "why"])
    for record in records.values():
        table.rows += [[record["workload"], name, r["status"], r["note"]]
                       for name, r in record["results"].items() if r["status"] != "ok"]
    return table
