"""The report of a classification run: one HTML file that needs nothing else to be read."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .events import EpochRecord
from .metrics import class_scores, confusion_matrix, error_rate
from .report_figures import error_curves, loss_curves, matplotlib_is_here, several_curves
from .report_style import STYLE
from .summary import LayerRow

NO_FIGURES = "the curves need matplotlib: run `pip install talweg[report]`"
MOST_PICTURES = 24
MOST_NORMS = 12  # parameters whose gradients are drawn, evenly from the first to the last


@dataclass(frozen=True)
class Findings:
    """What the report tells. `images` (N, H, W) are grey values, (N, H, W, 3) colours, or None; `probabilities`
    (N, C); `labels` (N,)."""

    title: str
    settings: dict[str, Any]
    environment: dict[str, str]
    records: Sequence[EpochRecord]
    layers: Sequence[LayerRow]
    classes: Sequence[str]
    images: Any
    labels: np.ndarray
    probabilities: np.ndarray
    split: str
    loss: float
    remarks: Sequence[str] = ()
    norms: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    @property
    def best(self) -> EpochRecord | None:
        marked = [r for r in self.records if r.best]
        return marked[-1] if marked else None


def write_report(path: str | Path, findings: Findings) -> str | None:
    """Write the page; returns a line that says what to install when the curves had to be left out."""
    Path(path).write_text(page(findings), encoding="utf-8")
    return None if matplotlib_is_here() else NO_FIGURES


def page(findings: Findings) -> str:
    """The report as HTML."""
    parts = [
        _head(findings),
        _tiles(findings),
        _curves(findings),
        _pair(_confusion(findings), _per_class(findings)),
        _mistakes(findings),
        _section("Model", _layers(findings.layers)),
        _pair(
            _section("Settings", _pairs(findings.settings)),
            _section("Environment", _pairs(findings.environment)),
        ),
        _section("Every epoch", _epochs(findings)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(findings.title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(f: Findings) -> str:
    remarks = "".join(f"<p>{_text(r)}</p>" for r in f.remarks)
    what = (
        f"Matrix, scores and mistakes are those of the {f.split} split ({len(f.labels)} samples) "
        "with the weights of the best epoch."
    )
    return f'<h1>{_text(f.title)}</h1><p class="soft">{_text(what)}</p>{remarks}'


def _tiles(f: Findings) -> str:
    wrong = int(np.count_nonzero(f.predicted != f.labels))
    values = [
        (f"{100 * (1 - error_rate(f.predicted, f.labels)):.2f} %", f"{f.split} accuracy"),
        (f"{wrong} of {len(f.labels)}", f"{f.split} mistakes"),
        (f"{f.loss:.4f}", f"{f.split} loss"),
        (f"{sum(row.parameters for row in f.layers):,}", "parameters"),
        (f"{sum(r.seconds for r in f.records):.1f} s", f"training, {len(f.records)} epochs"),
    ]
    if f.best is not None:
        values.insert(3, (str(f.best.epoch), "best epoch"))
    return '<div class="tiles">' + "".join(f'<div class="tile"><b>{_text(v)}</b><span>{_text(n)}</span></div>'
                                           for v, n in values) + "</div>"


def _curves(f: Findings) -> str:
    if not matplotlib_is_here():
        return _section("Loss and error", f"<p>{_text(NO_FIGURES)}</p>")
    if not f.records:
        return _section("Loss and error", "<p>No epoch was finished.</p>")
    figures = [_section("Loss by epoch", loss_curves(f.records, f.best))]
    if any(r.train_error is not None for r in f.records):
        figures.append(_section("Error by epoch", error_curves(f.records, f.best)))
    return _pair(*figures, *_course(f))


def _course(f: Findings) -> list[str]:
    """Learning rate, throughput and gradient norms."""
    epochs = [r.epoch for r in f.records]
    single = {"learning rate": [r.learning_rate for r in f.records], "throughput": [r.samples_per_second for r in f.records]}
    labels = {"learning rate": "learning rate at the epoch's end", "throughput": "samples a second"}
    sections = [
        _section(f"{name.capitalize()} by epoch", several_curves(name, labels[name], {name: epochs}, {name: values}))
        for name, values in single.items()
    ]
    whole = [name for name, norms in f.norms.items() if len(norms) == len(epochs)]
    layers = {name: f.norms[name] for name in whole[:: -(-len(whole) // MOST_NORMS)]} if whole else {}
    if layers:
        figure = several_curves("gradient norm", "norm of the gradient", dict.fromkeys(layers, epochs), layers, log=True)
        sections.append(_section("Gradient norm by parameter, last step of each epoch", figure))
    return sections


def _confusion(f: Findings) -> str:
    counts = confusion_matrix(f.predicted, f.labels, len(f.classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    head = "<tr><th></th>" + "".join(f"<th>{_text(c)}</th>" for c in f.classes) + "</tr>"
    rows = ""
    for i, name in enumerate(f.classes):
        cells = "".join(_cell(counts[i, j], shares[i, j], i == j) for j in range(len(counts)))
        rows += f"<tr><th>{_text(name)}</th>{cells}</tr>"
    note = '<p class="soft">Row: what it is. Column: what it was taken for.</p>'
    return _section("Confusion matrix", f'{note}<table class="confusion">{head}{rows}</table>')


def _cell(count: int, share: float, right: bool) -> str:
    if count == 0:
        return '<td class="zero">&middot;</td>'
    # A few mistakes among many samples must still be seen, hence the floor and the square root.
    strength = 0.15 + 0.6 * float(share) if right else 0.25 + 0.7 * float(share) ** 0.5
    colour = "right" if right else "wrong"
    return f'<td style="background: rgb(var(--{colour}) / {strength:.2f})">{int(count)}</td>'


def _per_class(f: Findings) -> str:
    scores = class_scores(confusion_matrix(f.predicted, f.labels, len(f.classes)))
    rows = [
        [name, s.support, _percent(s.precision), _percent(s.recall), _percent(s.f1)]
        for name, s in zip(f.classes, scores)
    ]
    head = ["class", "samples", "precision", "recall", "F1"]
    return _section("By class", _table(head, rows, numbers=range(1, 5)))


def _mistakes(f: Findings) -> str:
    if f.images is None:
        return ""
    confidence = f.probabilities.max(axis=1)
    wrong = np.flatnonzero(f.predicted != f.labels)
    if len(wrong) == 0:
        least_sure = np.argsort(confidence, kind="stable")[:MOST_PICTURES // 2]
        return _section("No mistakes: the least certain right answers", _pictures(f, least_sure))
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")]
    shown = worst[:MOST_PICTURES]
    note = f"<p class='soft'>The most certain first; {len(shown)} of {len(worst)} shown.</p>"
    return _section("The worst mistakes", note + _pictures(f, shown))


def _pictures(f: Findings, which: Iterable[int]) -> str:
    return '<div class="pictures">' + "".join(_picture(f, int(i)) for i in which) + "</div>"


def _picture(f: Findings, i: int) -> str:
    actual = _text(f.classes[int(f.labels[i])])
    guess = _text(f.classes[int(f.predicted[i])])
    confidence = _percent(float(f.probabilities[i].max()))
    return (
        f'<figure><img alt="a {actual} read as {guess}" src="{_png(f.images[i])}">'
        f"<figcaption>is <b>{actual}</b>, read as <b>{guess}</b><br>"
        f'<span class="soft">{confidence} sure</span></figcaption></figure>'
    )


def _png(picture: np.ndarray) -> str:
    """A picture (H, W) or (H, W, 3) stretched to the whole range, as a data: address."""
    low = float(picture.min())
    span = max(float(picture.max()) - low, 1e-12)
    file = io.BytesIO()
    Image.fromarray(np.round(255 * (picture - low) / span).astype(np.uint8)).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _layers(layers: Sequence[LayerRow]) -> str:
    rows = [[r.name, r.kind, _shape(r.output_shape), f"{r.parameters:,}"] for r in layers]
    rows.append(["total", "", "", f"{sum(r.parameters for r in layers):,}"])
    return _table(["layer", "kind", "output shape", "parameters"], rows, numbers=(3,))


def _shape(shape: tuple[int, ...] | None) -> str:
    return "did not run" if shape is None else " × ".join(["N", *map(str, shape[1:])])


def _epochs(f: Findings) -> str:
    head = ["epoch", "training loss", "error", "validation loss", "error", "learning rate", "seconds"]
    rows = [
        [
            f"{r.epoch}{' (best)' if r is f.best else ''}",
            f"{r.train_loss:.5f}",
            _percent(r.train_error),
            f"{r.validation_loss:.5f}",
            _percent(r.validation_error),
            f"{r.learning_rate:.3g}",
            f"{r.seconds:.2f}",
        ]
        for r in f.records
    ]
    table = _table(head, rows, numbers=range(1, 7))
    return f"<details><summary>{len(f.records)} epochs</summary>{table}</details>"


def _pairs(values: dict[str, Any]) -> str:
    rows = (f"<tr><th>{_text(k)}</th><td><code>{_text(v)}</code></td></tr>" for k, v in values.items())
    return f"<table>{''.join(rows)}</table>"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> str:
    def line(values: Sequence[Any], tag: str) -> str:
        marks = (' class="number"' if i in numbers else "" for i in range(len(values)))
        return "<tr>" + "".join(f"<{tag}{m}>{_text(v)}</{tag}>" for m, v in zip(marks, values)) + "</tr>"

    return f'<table class="lines">{line(head, "th")}{"".join(line(row, "td") for row in rows)}</table>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{body}</section>"


def _pair(*sections: str) -> str:
    return f'<div class="pair">{"".join(sections)}</div>'


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _text(value: Any) -> str:
    return html.escape(str(value))
