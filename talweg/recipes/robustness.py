"""How much of its accuracy a model keeps on corrupted pictures: measured, as a table, and as a section of the report (L 6.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..training.report_parts import picture_source, section, text
from .corruptions import CORRUPTIONS, SEVERITIES, corrupted
from .evaluation import Evaluation
from .picture_sets import sheet

MOST = 2000  # pictures of a split that are corrupted, evenly from it
TITLE = "Corrupted pictures"
SHOWN = 4  # of each corruption and severity


@dataclass(frozen=True)
class Suite:
    """Accuracies in [0, 1] on a split: `plain` as the pictures are, `by_corruption` of each at severities 1, 2, 3.

    `count` pictures of `of` were looked at. `originals` (SHOWN, C, H, W) are some of them, `samples` the same ones by
    (corruption, severity).
    """

    split: str
    count: int
    of: int
    plain: float
    by_corruption: dict[str, tuple[float, ...]]
    originals: np.ndarray
    samples: dict[tuple[str, int], np.ndarray]

    @property
    def mean(self) -> float:
        """Over all corruptions and severities."""
        return float(np.mean(list(self.by_corruption.values())))

    def evaluation(self) -> Evaluation:
        facts = {"pictures": self.count, "of": self.of,
                 "corruptions": {name: dict(zip(map(str, SEVERITIES), found)) for name, found in self.by_corruption.items()}}
        among = "" if self.count == self.of else f" ({self.count:,} of {self.of:,} pictures)"
        told = (f"accuracy {_percent(self.plain)} as they are, {_percent(self.mean)} corrupted, the mean of "
                f"{len(self.by_corruption)} corruptions at {len(SEVERITIES)} severities{among}")
        return Evaluation(self.split, self.count, {"accuracy": self.plain, "corrupted_accuracy": self.mean}, told,
                          [(_percent(self.mean), f"{self.split} accuracy, corrupted")], self._lines(), facts)

    def _lines(self) -> list[list[str]]:
        rows = [["corruption", *(f"severity {s}" for s in SEVERITIES), "mean", "by"]]
        for name, found in self.by_corruption.items():
            kind = CORRUPTIONS[name]
            amounts = ", ".join(f"{a:g}" for a in kind.amounts)
            rows.append([name, *map(_percent, found), _percent(float(np.mean(found))), f"{amounts}: {kind.unit}"])
        each = [_percent(float(np.mean([found[s - 1] for found in self.by_corruption.values()]))) for s in SEVERITIES]
        return [*rows, ["mean", *each, _percent(self.mean), ""]]

    def section(self) -> str:
        """The same for the report, with some of the pictures above each figure."""
        head = "".join(f"<th>severity {s}</th>" for s in SEVERITIES)
        rows = "".join(self._row(name, found) for name, found in self.by_corruption.items())
        plain = f'<tr><td>as they are</td>{_cell(self.originals, "pictures as they are", self.plain)}{3 * "<td></td>"}</tr>'
        evaluation = self.evaluation()
        body = (f'<p class="soft">{text(self.split)} split: {text(evaluation.summary)}.</p>'
                f'<table class="lines"><tr><th>corruption</th>{head}<th class="number">mean</th></tr>{plain}{rows}</table>')
        return section(TITLE, body)

    def _row(self, name: str, found: Sequence[float]) -> str:
        cells = "".join(_cell(self.samples[name, s], f"pictures under {name} of severity {s}", share)
                        for s, share in zip(SEVERITIES, found))
        return f'<tr><td>{text(name)}</td>{cells}<td class="number">{_percent(float(np.mean(found)))}</td></tr>'



def measured(
    read: Callable[[np.ndarray], np.ndarray], count: int, accuracy: Callable[[np.ndarray, np.ndarray], float], split: str,
    seed: int = 0,
) -> Suite:
    """The suite on a split of `count` pictures. `read(which)` gives some by their indices, (N, C, H, W) in [0, 1], and
    `accuracy(pictures, which)` the share right of these. Raises ValueError for no pictures, and as `corrupted` does."""
    if not count:
        raise ValueError(f"the {split} split has no pictures to corrupt")
    which = _evenly(count, MOST)
    chosen = read(which)
    shown = _evenly(len(which), SHOWN)
    found: dict[str, tuple[float, ...]] = {}
    samples = {}
    for name in CORRUPTIONS:
        shares = []
        for severity in SEVERITIES:
            changed = corrupted(chosen, name, severity, seed)
            samples[name, severity] = changed[shown]
            shares.append(accuracy(changed, which))
        found[name] = tuple(shares)
    return Suite(split, len(which), count, accuracy(chosen, which), found, chosen[shown], samples)


def _cell(pictures: np.ndarray, what: str, share: float) -> str:
    source = picture_source(sheet(pictures, SHOWN, side=32))
    return f'<td><img alt="{text(what)}" src="{source}" style="image-rendering:pixelated"><br>{_percent(share)}</td>'


def _evenly(count: int, most: int) -> np.ndarray:
    """Indices below `count`, `most` of them or all."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
