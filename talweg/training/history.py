"""Every epoch's figures on disk, as CSV for spreadsheets and as JSON lines for programs."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

from .events import EpochRecord, Listener

COLUMNS = [f.name for f in fields(EpochRecord)]


class History(Listener):
    """Appends each epoch to history.csv and history.jsonl of a run folder, at once."""

    def __init__(self, run: str | Path) -> None:
        self.csv = Path(run) / "history.csv"
        self.jsonl = Path(run) / "history.jsonl"

    def begin(self, epochs: int, first_epoch: int, batches: int) -> None:
        """A resumed run keeps the epochs before its first; what a killed process noted after its last save goes."""
        kept = read_history(self.jsonl.parent)[: first_epoch - 1] if first_epoch > 1 else []
        self.csv.write_text(",".join(COLUMNS) + "\n")
        self.jsonl.write_text("")
        for record in kept:
            self.epoch(record)

    def epoch(self, record: EpochRecord) -> None:
        values = record.as_dict()
        with self.csv.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(values)
        with self.jsonl.open("a") as file:
            file.write(json.dumps(plain(values)) + "\n")


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """The same with None for what JSON has no number for."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def read_history(run: str | Path) -> list[EpochRecord]:
    """The epochs of a run folder. A last line that a kill cut short is left out.

    Raises FileNotFoundError, or ValueError for a line that is no epoch.
    """
    path = Path(run) / "history.jsonl"
    lines = path.read_text().split("\n")
    whole = lines[:-1]  # what follows the last newline is empty, or was cut short
    return [_record(line, path, number) for number, line in enumerate(whole, 1)]


def _record(line: str, path: Path, number: int) -> EpochRecord:
    try:
        values = json.loads(line)
        losses = {k: math.nan if values[k] is None else values[k] for k in ("train_loss", "validation_loss")}
        return EpochRecord(**(values | losses))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: line {number} is not an epoch's record ({error})") from error
