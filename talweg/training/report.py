"""The report of a run: one HTML file that needs nothing else to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..io import write_atomically
from .events import LOSS, EpochRecord, Figure
from .report_figures import error_curves, loss_curves, matplotlib_is_here, several_curves
from .report_parts import pair, pairs, percent, section, table, text
from .report_style import STYLE
from .summary import LayerRow

NO_FIGURES = "the curves need matplotlib: run `pip install talweg[report]`"
END = "</main></body></html>"
MOST_NORMS = 12  # parameters whose gradients are drawn, evenly from the first to the last


@dataclass(frozen=True)
class Findings:
    """What the report tells. `tiles` are the run's figures, as pairs (value, name); `sections` ready HTML (report_parts)
    that belongs to the task."""

    title: str
    settings: dict[str, Any]
    environment: dict[str, str]
    records: Sequence[EpochRecord]
    layers: Sequence[LayerRow]
    split: str
    samples: int
    tiles: Sequence[tuple[str, str]] = ()
    sections: Sequence[str] = ()
    remarks: Sequence[str] = ()
    norms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    figure: Figure = LOSS
    diagnosis: Sequence[str] = ()

    @property
    def best(self) -> EpochRecord | None:
        marked = [r for r in self.records if r.best]
        return marked[-1] if marked else None


def write_report(path: str | Path, findings: Findings) -> str | None:
    """Write the page; returns a line that says what to install when the curves had to be left out."""
    Path(path).write_text(page(findings), encoding="utf-8")
    return None if matplotlib_is_here() else NO_FIGURES


def keep_section(path: str | Path, title: str, ready: str) -> None:
    """Put a section (report_parts) at the end of a report that is there, in place of the one of this title, if there is one.

    Raises FileNotFoundError without a report, ValueError for a file that is none.
    """
    path = Path(path)
    written = path.read_text(encoding="utf-8")
    if not written.rstrip().endswith(END):
        raise ValueError(f"{path}: is no report of a run, so nothing can be added to it")
    begin = written.find(section(title, "").removesuffix("</section>"))
    if begin >= 0:
        written = written[:begin] + written[written.index("</section>", begin) + len("</section>"):]
    at = written.rindex(END)
    write_atomically(path, (written[:at] + ready + written[at:]).encode())


def page(findings: Findings) -> str:
    """The report as HTML."""
    parts = [
        _head(findings),
        _tiles(findings),
        _diagnosis(findings),
        _curves(findings),
        *findings.sections,
        section("Model", _layers(findings.layers)) if findings.layers else "",
        pair(
            section("Settings", pairs(findings.settings)),
            section("Environment", pairs(findings.environment)),
        ),
        section("Every epoch", _epochs(findings)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(findings.title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{''.join(parts)}{END}\n"
    )


def _head(f: Findings) -> str:
    remarks = "".join(f"<p>{text(r)}</p>" for r in f.remarks)
    what = f"Figures and examples are those of the {f.split} split ({f.samples} samples) with the weights of the best epoch."
    return f'<h1>{text(f.title)}</h1><p class="soft">{text(what)}</p>{remarks}'


def _tiles(f: Findings) -> str:
    best = [(str(f.best.epoch), "best epoch")] if f.best is not None else []
    size = [(f"{sum(row.parameters for row in f.layers):,}", "parameters")] if f.layers else []
    time = (f"{sum(r.seconds for r in f.records):.1f} s", f"training, {_count_of_epochs(f)}")
    return '<div class="tiles">' + "".join(f'<div class="tile"><b>{text(v)}</b><span>{text(n)}</span></div>'
                                           for v, n in [*f.tiles, *best, *size, time]) + "</div>"


def _diagnosis(f: Findings) -> str:
    return section("Diagnosis", "".join(f"<p>{text(line)}.</p>" for line in f.diagnosis)) if f.diagnosis else ""


def _curves(f: Findings) -> str:
    if not matplotlib_is_here():
        return section("Loss and error", f"<p>{text(NO_FIGURES)}</p>")
    if not f.records:
        return section("Loss and error", "<p>No epoch was finished.</p>")
    figures = [section(f"{f.figure.name.capitalize()} by epoch", loss_curves(f.records, f.best, f.figure))]
    if any(r.train_error is not None for r in f.records):
        figures.append(section("Error by epoch", error_curves(f.records, f.best)))
    return pair(*figures, *_course(f))


def _course(f: Findings) -> list[str]:
    """Learning rate, throughput and gradient norms."""
    epochs = [r.epoch for r in f.records]
    single = {"learning rate": [r.learning_rate for r in f.records], "throughput": [r.samples_per_second for r in f.records]}
    labels = {"learning rate": "learning rate at the epoch's end", "throughput": "samples a second"}
    sections = [
        section(f"{name.capitalize()} by epoch", several_curves(name, labels[name], {name: epochs}, {name: values}))
        for name, values in single.items()
    ]
    whole = [name for name, norms in f.norms.items() if len(norms) == len(epochs)]
    layers = {name: f.norms[name] for name in whole[:: -(-len(whole) // MOST_NORMS)]} if whole else {}
    if layers:
        figure = several_curves("gradient norm", "norm of the gradient", dict.fromkeys(layers, epochs), layers, log=True)
        sections.append(section("Gradient norm by parameter, last step of each epoch", figure))
    return sections


def _layers(layers: Sequence[LayerRow]) -> str:
    rows = [[r.name, r.kind, _shape(r.output_shape), f"{r.parameters:,}"] for r in layers]
    rows.append(["total", "", "", f"{sum(r.parameters for r in layers):,}"])
    return table(["layer", "kind", "output shape", "parameters"], rows, numbers=(3,))


def _shape(shape: tuple[int, ...] | None) -> str:
    return "did not run" if shape is None else " × ".join(["N", *map(str, shape[1:])])


def _epochs(f: Findings) -> str:
    head = ["epoch", f"training {f.figure.name}", "error", f"validation {f.figure.name}", "error", "learning rate", "seconds"]
    rows = [
        [
            f"{r.epoch}{' (best)' if r is f.best else ''}",
            f"{f.figure.sign * r.train_loss:.5f}",
            percent(r.train_error),
            f"{f.figure.sign * r.validation_loss:.5f}",
            percent(r.validation_error),
            f"{r.learning_rate:.3g}",
            f"{r.seconds:.2f}",
        ]
        for r in f.records
    ]
    return f"<details><summary>{_count_of_epochs(f)}</summary>{table(head, rows, numbers=range(1, 7))}</details>"


def _count_of_epochs(f: Findings) -> str:
    return f"{len(f.records)} epoch{'' if len(f.records) == 1 else 's'}"
