"""The report's figures as inline SVG. Colours are CSS variables, so that they follow light and dark pages."""

from __future__ import annotations

import importlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from .average_precision import Curve
from .events import LOSS, EpochRecord, Figure

# Colours that matplotlib draws with, and what the page puts in their place.
PAINT = {
    "#010101": "var(--ink)",
    "#020202": "var(--faint)",
    "#030303": "var(--train)",
    "#040404": "var(--validation)",
    "#050505": "var(--best)",
}
INK, FAINT, TRAIN, VALIDATION, BEST = PAINT


def matplotlib_is_here() -> bool:
    return find_spec("matplotlib") is not None


def loss_curves(records: Sequence[EpochRecord], best: EpochRecord | None, figure: Figure = LOSS) -> str:
    """Training and validation loss by epoch, the best epoch marked (L fig. 3.4)."""
    curves = [[figure.sign * r.train_loss for r in records], [figure.sign * r.validation_loss for r in records]]
    height = figure.sign * best.validation_loss if best else None
    return _curves(figure.name, figure.unit, records, curves, height, best)


def error_curves(records: Sequence[EpochRecord], best: EpochRecord | None) -> str:
    """Training and validation error in per cent by epoch."""
    curves = [_percent(r.train_error for r in records), _percent(r.validation_error for r in records)]
    height = 100 * best.validation_error if best and best.validation_error is not None else None
    return _curves("error", "error (%)", records, curves, height, best)


def _percent(shares) -> list[float]:
    return [math.nan if share is None else 100 * share for share in shares]


def _curves(
    name: str,
    label: str,
    records: Sequence[EpochRecord],
    curves: list[list[float]],
    height: float | None,
    best: EpochRecord | None,
) -> str:
    figure, axes = _figure()
    epochs = [r.epoch for r in records]
    marker = "o" if len(epochs) < 3 else ""
    for values, colour, who in zip(curves, (TRAIN, VALIDATION), ("training", "validation")):
        axes.plot(epochs, values, color=colour, label=who, linewidth=1.8, marker=marker)
    if best is not None and height is not None:
        axes.axvline(best.epoch, color=BEST, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot([best.epoch], [height], "o", color=BEST, markersize=6, label=f"best: epoch {best.epoch}")
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    known = [v for values in curves for v in values if math.isfinite(v)]
    if known and min(known) >= 0:
        axes.set_ylim(0, 1.05 * max(known) or 1.0)
    _epochs_below(axes, epochs)
    axes.legend(frameon=False, labelcolor=INK)
    return _svg(figure, name)


MANY = ("#2f6fb0", "#c9622b", "#3a8a57", "#8a4fa3", "#b08d1f", "#3a98a0", "#b0436e", "#6b7280", "#5a7d2a", "#8b5e3c")

SIDE_BY_SIDE = 6
"""More curves have their names below the figure."""


def several_curves(
    name: str, label: str, epochs: Mapping[str, Sequence[int]], curves: Mapping[str, Sequence[float | None]], log: bool = False
) -> str:
    """One curve for each key by epoch. Colours come round after ten, with another dash."""
    figure, axes = _figure()
    for i, (key, values) in enumerate(curves.items()):
        known = [math.nan if v is None else v for v in values]
        axes.plot(epochs[key], known, color=MANY[i % len(MANY)], linestyle=("-", "--", ":", "-.")[i // len(MANY) % 4], label=key,
                  linewidth=1.6, marker="o" if len(known) < 3 else "")
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    if log:
        axes.set_yscale("log", nonpositive="mask")
    _epochs_below(axes, [epoch for of_key in epochs.values() for epoch in of_key])
    if len(curves) > SIDE_BY_SIDE:  # that many names would lie on the curves
        figure.set_figheight(4.4)
        figure.legend(loc="outside lower center", ncols=2, frameon=False, labelcolor=INK, fontsize=7)
    elif len(curves) > 1:
        axes.legend(frameon=False, labelcolor=INK, fontsize=8)
    return _svg(figure, name)


def _epochs_below(axes: Any, epochs: Sequence[int]) -> None:
    """Whole numbers along the axis, also where there is only one."""
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(set(epochs)) == 1:
        axes.set_xticks([epochs[0]])


def rate_curve(rates: Sequence[float], losses: Sequence[float], suggestion: float) -> str:
    """Loss by learning rate in the range test, with the suggested rate; a file of its own, in plain colours."""
    figure, axes = _figure()
    axes.plot(rates, losses, color=TRAIN, linewidth=1.8)
    axes.axvline(suggestion, color=BEST, linewidth=1, linestyle=(0, (4, 3)), label=f"suggested: {suggestion:.2g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("smoothed loss (nats)")
    axes.legend(frameon=False, labelcolor=INK)
    return _svg(figure, "learning rate").replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg" style="{PLAIN}"', 1)


PLAIN = "background:#fff;--ink:#22262b;--faint:#d6d3cc;--train:#2f6fb0;--validation:#c9622b;--best:#3a8a57"


def _figure() -> tuple[Any, Any]:
    # Not pyplot, which would choose a window system and keep global state.
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(5.6, 3.4), layout="constrained")
    importlib.import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.6, alpha=0.5)
    return figure, axes


def _svg(figure: Any, name: str) -> str:
    """The figure as an <svg> element. The salt keeps the ids of several figures on one page apart."""
    text = io.StringIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": f"talweg-{name}"}
    with importlib.import_module("matplotlib").rc_context(settings):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', rf'\1 role="img" aria-label="{name} by epoch"', svg, count=1)
    name = name.replace(" ", "-")  # in ids
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    groups = "figure|axes|patch|matplotlib|xtick|ytick|line2d|text|legend"
    svg = re.sub(rf'id="((?:{groups})[^"]*)"', rf'id="{name}-\1"', svg)
    for colour, variable in PAINT.items():
        svg = svg.replace(colour, variable)
    return svg


def precision_curves(curves: Mapping[str, Curve]) -> str:
    """Precision by recall, one line a class, with its average precision."""
    figure, axes = _figure()
    for i, (name, curve) in enumerate(curves.items()):
        axes.plot(curve.recall, curve.precision, color=MANY[i % len(MANY)], linestyle=("-", "--")[i // len(MANY) % 2],
                  label=f"{name} ({curve.average:.3f})", linewidth=1.4)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    if curves:
        axes.legend(frameon=False, labelcolor=INK, fontsize=6)
    return _svg(figure, "precision by recall")
