"""Several runs side by side: what differs in their settings, how well they did, and their curves on one page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .events import EpochRecord
from .history import read_history
from .report import NO_FIGURES
from .report_figures import matplotlib_is_here, several_curves
from .report_style import STYLE


@dataclass(frozen=True)
class RunFigures:
    """A run by its name, its settings and its epochs."""

    name: str
    settings: dict[str, Any]
    records: list[EpochRecord]

    @property
    def best(self) -> EpochRecord | None:
        return next((r for r in reversed(self.records) if r.best), None)


def run_figures(run: str | Path, settings: dict[str, Any]) -> RunFigures:
    """Raises FileNotFoundError or ValueError for a run without a readable history."""
    return RunFigures(Path(run).resolve().name if str(run) in (".", "..") else str(run).rstrip("/"), settings, read_history(run))


def differing(runs: Sequence[RunFigures]) -> list[str]:
    """The settings in which the runs are not all alike."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return [n for n in names if any(run.settings.get(n) != runs[0].settings.get(n) for run in runs)]


COLUMNS = ["run", "epochs", "best epoch", "validation loss", "validation error", "samples/s", "seconds"]


def rows(runs: Sequence[RunFigures]) -> tuple[list[str], list[list[str]]]:
    """Heading and one row a run, the lowest validation loss first."""
    extra = differing(runs)
    ranked = sorted(runs, key=lambda run: run.best.validation_loss if run.best else float("inf"))
    return COLUMNS + extra, [_row(run) + [_shown(run.settings.get(name)) for name in extra] for run in ranked]


def _row(run: RunFigures) -> list[str]:
    best = run.best
    seconds = sum(r.seconds for r in run.records)
    speed = sum(r.seconds * r.samples_per_second for r in run.records) / seconds if seconds else 0.0
    error = None if best is None else best.validation_error
    return [
        run.name, str(len(run.records)), str(best.epoch) if best else "", f"{best.validation_loss:.4f}" if best else "",
        "" if error is None else f"{100 * error:.2f} %", f"{speed:,.0f}", f"{seconds:.1f}",
    ]


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def comparison(runs: Sequence[RunFigures]) -> str:
    """The page as HTML."""
    head, body = rows(runs)
    cells = [f"<tr>{''.join(f'<th>{html.escape(h)}</th>' for h in head)}</tr>"]
    cells += [f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row)}</tr>" for row in body]
    shown = f'<table class="lines">{"".join(cells)}</table>'
    parts = [f"<h1>{len(runs)} runs</h1>", f"<section><h2>Figures of the best epochs</h2>{shown}</section>"]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{len(runs)} runs</title><style>{STYLE}</style></head>\n"
        f"<body><main>{''.join(parts)}{_curves(runs)}</main></body></html>\n"
    )


def _curves(runs: Sequence[RunFigures]) -> str:
    if not matplotlib_is_here():
        return f"<section><p>{html.escape(NO_FIGURES)}</p></section>"
    shown = [("validation loss", "mean loss (nats)", lambda r: r.validation_loss),
             ("training loss", "mean loss (nats)", lambda r: r.train_loss),
             ("validation error", "error (%)", lambda r: None if r.validation_error is None else 100 * r.validation_error),
             ("learning rate", "learning rate", lambda r: r.learning_rate)]
    sections = []
    for name, label, value in shown:
        curves = {run.name: [value(r) for r in run.records] for run in runs}
        epochs = {run.name: [r.epoch for r in run.records] for run in runs}
        figure = several_curves(name, label, epochs, curves)
        sections.append(f"<section><h2>{name.capitalize()} by epoch</h2>{figure}</section>")
    return f'<div class="pair">{"".join(sections)}</div>'
