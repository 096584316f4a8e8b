"""The classification part of a report: confusion matrix, scores by class, the worst mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .metrics import class_scores, confusion_matrix, telling_ks, top_k_accuracy
from .report_parts import pair, percent, picture_source, section, table, text

MOST_PICTURES = 24
WIDE = 4  # characters: longer names stand upright over their columns


@dataclass(frozen=True)
class ClassFindings:
    """`images` (N, H, W) are grey values, (N, H, W, 3) colours, or None; `probabilities` (N, C); `labels` (N,)."""

    classes: Sequence[str]
    images: Any
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    def sections(self) -> list[str]:
        return [pair(_confusion(self), _per_class(self)), _mistakes(self)]


def _confusion(f: ClassFindings) -> str:
    counts = confusion_matrix(f.predicted, f.labels, len(f.classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    upright = ' class="upright"' if any(len(c) > WIDE for c in f.classes) else ""
    head = "<tr><th></th>" + "".join(f"<th{upright}>{text(c)}</th>" for c in f.classes) + "</tr>"
    rows = ""
    for i, name in enumerate(f.classes):
        cells = "".join(_cell(counts[i, j], shares[i, j], i == j) for j in range(len(counts)))
        rows += f"<tr><th>{text(name)}</th>{cells}</tr>"
    note = '<p class="soft">Row: what it is. Column: what it was taken for.</p>'
    return section("Confusion matrix", f'{note}<table class="confusion">{head}{rows}</table>')


def _cell(count: int, share: float, right: bool) -> str:
    if count == 0:
        return '<td class="zero">&middot;</td>'
    # A few mistakes among many samples must still be seen, hence the floor and the square root.
    strength = 0.15 + 0.6 * float(share) if right else 0.25 + 0.7 * float(share) ** 0.5
    colour = "right" if right else "wrong"
    return f'<td style="background: rgb(var(--{colour}) / {strength:.2f})">{int(count)}</td>'


def _per_class(f: ClassFindings) -> str:
    scores = class_scores(confusion_matrix(f.predicted, f.labels, len(f.classes)))
    rows = [
        [name, s.support, percent(s.precision), percent(s.recall), percent(s.f1)]
        for name, s in zip(f.classes, scores)
    ]
    head = ["class", "samples", "precision", "recall", "F1"]
    return section("By class", table(head, rows, numbers=range(1, 5)) + _among_the_first(f))


def _among_the_first(f: ClassFindings) -> str:
    """Top-k accuracy, where there are classes enough for it to mean something."""
    shares = [f"{percent(top_k_accuracy(f.probabilities, f.labels, k))} among the first {k}" for k in telling_ks(len(f.classes))]
    if not shares:
        return ""
    first = percent(top_k_accuracy(f.probabilities, f.labels, 1))
    return f'<p class="soft">The right class is the first answer in {first}, in {", in ".join(shares)}.</p>'


def _mistakes(f: ClassFindings) -> str:
    if f.images is None:
        return ""
    confidence = f.probabilities.max(axis=1)
    wrong = np.flatnonzero(f.predicted != f.labels)
    if len(wrong) == 0:
        least_sure = np.argsort(confidence, kind="stable")[:MOST_PICTURES // 2]
        return section("No mistakes: the least certain right answers", _pictures(f, least_sure))
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")]
    shown = worst[:MOST_PICTURES]
    note = f"<p class='soft'>The most certain first; {len(shown)} of {len(worst)} shown.</p>"
    return section("The worst mistakes", note + _pictures(f, shown))


def _pictures(f: ClassFindings, which: Iterable[int]) -> str:
    return '<div class="pictures">' + "".join(_picture(f, int(i)) for i in which) + "</div>"


def _picture(f: ClassFindings, i: int) -> str:
    actual = text(f.classes[int(f.labels[i])])
    guess = text(f.classes[int(f.predicted[i])])
    confidence = percent(float(f.probabilities[i].max()))
    return (
        f'<figure><img alt="a {actual} read as {guess}" src="{picture_source(f.images[i])}">'
        f"<figcaption>is <b>{actual}</b>, read as <b>{guess}</b><br>"
        f'<span class="soft">{confidence} sure</span></figcaption></figure>'
    )
