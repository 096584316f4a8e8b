"""Figures of demonstrations: one look, written as SVG and as PNG. matplotlib is an extra, loaded when it is needed."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

INK, SOFT, FAINT = "#22262b", "#646c76", "#d6d3cc"
COLOURS = ("#2f6fb0", "#c9622b", "#3a8a57", "#8a4f9e", "#b08a1e")
ENDINGS = ("svg", "png")
MISSING = "figures need matplotlib: run `pip install talweg[report]`"


def new_figure(width: float = 6.4, height: float = 4.0) -> tuple[Any, Any]:
    """(figure, axes) in inches. Raises ModuleNotFoundError, which says what to install, without matplotlib."""
    figure, ((axes,),) = new_panels(1, 1, width, height)
    return figure, axes


def new_panels(rows: int, columns: int, width: float = 9.6, height: float = 4.0) -> tuple[Any, Any]:
    """(figure, array of axes (rows, columns)); size in inches. Raises as `new_figure` does."""
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError(MISSING)
    # Not pyplot, which would choose a window system and keep global state.
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    importlib.import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        _dress(axes)
    return figure, panels


def joined(figure: Any, panels: Any, rows: slice, columns: slice) -> Any:
    """One pair of axes in the place of several panels."""
    grid = panels.flat[-1].get_gridspec()
    for axes in panels[rows, columns].flat:
        axes.remove()
    axes = figure.add_subplot(grid[rows, columns])
    _dress(axes)
    return axes


def _dress(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.title.set_color(INK)
    axes.title.set_fontsize(11)
    axes.grid(color=FAINT, linewidth=0.6, alpha=0.5)


def picture(axes: Any, image: Any, title: str = "", **settings: Any) -> None:
    """An image (H, W) or (H, W, 3) without ticks; grey from 0 to 1 unless `settings` say otherwise."""
    axes.imshow(image, **({"cmap": "gray", "vmin": 0, "vmax": 1} | settings))
    axes.set_axis_off()
    axes.set_title(title, fontsize=9)


def save(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write the figure into `folder` in every format; the same figure gives the same bytes."""
    paths = [folder / f"{name}.{ending}" for ending in ENDINGS]
    settings = {"svg.fonttype": "none", "svg.hashsalt": f"talweg-{name}"}
    with importlib.import_module("matplotlib").rc_context(settings):
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            figure.savefig(path, dpi=150, facecolor="white", metadata=metadata)
    return paths
