"""What follows from the records: the best peer, ratios, fractions of the machine's peaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .contestants import AUTOMATIC, COMPILED, CONTESTANTS

OURS = {c.name for c in CONTESTANTS if c.ours}
LARGE = ("resnet50-224", "gpt", "vit")
"""Workloads whose steps are mostly large products, so that a fraction of the matmul peak means something."""

Record = dict[str, Any]


def ran(record: Record) -> dict[str, dict]:
    """The results that count: those that ran, with the reference's losses."""
    return {name: r for name, r in record["results"].items() if r["status"] == "ok" and r.get("agrees", True)}


def best_peer(record: Record) -> str | None:
    """The fastest contestant that is not ours."""
    return _least(record, "ms", (name for name in ran(record) if name not in OURS))


def best_ours(record: Record) -> str | None:
    return _least(record, "ms", (name for name in ran(record) if name in OURS))


def _least(record: Record, field: str, names: Iterable[str]) -> str | None:
    return min(names, key=lambda name: record["results"][name][field], default=None)


def speedup(record: Record, name: str | None = None) -> float | None:
    """How many times as fast as the best peer `name` is, or the fastest of ours."""
    name, peer = name or best_ours(record), best_peer(record)
    if name is None or peer is None or name not in ran(record):
        return None
    return record["results"][peer]["ms"] / record["results"][name]["ms"]


def flop_rate(record: Record, name: str) -> float | None:
    """Floating-point operations a second."""
    if not record.get("flops"):
        return None
    return record["flops"] / (record["results"][name]["ms"] / 1e3)


def fraction_of_peak(record: Record, name: str | None = None) -> float | None:
    """Of the largest matrix product in the record's dtype; for a chain of pointwise operations, of a copy."""
    name, peaks = name or best_ours(record), record.get("peaks", {})
    if name is None or name not in ran(record):
        return None
    if record.get("bytes"):
        rate, peak = record["bytes"] / (record["results"][name]["ms"] / 1e3), peaks.get("copy")
    else:
        rate, peak = flop_rate(record, name), peaks.get(record["dtype"])
    if rate is None or not peak:
        return None
    return rate / peak / (_thread_share(record) if not record.get("bytes") else 1)


def _thread_share(record: Record) -> float:
    """Of the cores, how many the task may use."""
    cores = record["origin"]["machine"]["cores"]
    return min(record["threads"] or cores, cores) / cores


def memory_ratio(record: Record) -> float | None:
    """Peak memory of our fastest, beside the least of PyTorch's."""
    ours = best_ours(record)
    theirs = [r["peak_mb"] for name, r in ran(record).items() if name.startswith("PyTorch")]
    return record["results"][ours]["peak_mb"] / min(theirs) if ours and theirs else None


def automatic_over_compiled(record: Record) -> float | None:
    """The time of an undecorated loop beside that of @compile."""
    found = ran(record)
    if AUTOMATIC.name not in found or COMPILED.name not in found:
        return None
    return found[AUTOMATIC.name]["ms"] / found[COMPILED.name]["ms"]


def first_step(record: Record, name: str, warm: bool) -> float | None:
    """Seconds, with the contestant's cache empty (cold) or filled by a process before (warm)."""
    result = ran(record).get(name)
    return result.get("first_warm" if warm else "first_cold") if result else None
