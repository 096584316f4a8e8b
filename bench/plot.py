"""The plot of docs/performance.md: how many times as fast as the best peer each training step is."""

from __future__ import annotations

from pathlib import Path

from .contestants import AUTOMATIC, COMPILED, INTERPRETED
from .figures import Record, speedup
from .targets import TARGETS

COLOURS = {INTERPRETED.name: "#b8c4cc", AUTOMATIC.name: "#5b8db8", COMPILED.name: "#1f4e79"}


def draw(records: dict[str, Record], path: Path) -> None:
    """Bars by workload, a panel a dtype; the line at 1 is the best peer, short ticks are the targets."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "talweg"  # the same figures give the same file
    import matplotlib.pyplot as plt

    rows = [r for r in records.values() if r["group"] == "train"]
    dtypes = [d for d in ("float32", "bfloat16") if any(r["dtype"] == d for r in rows)] or ["float32"]
    figure, axes = plt.subplots(1, len(dtypes), figsize=(5 * len(dtypes), 4.5), squeeze=False, layout="constrained")
    for axis, dtype in zip(axes[0], dtypes):
        _panel(axis, [r for r in rows if r["dtype"] == dtype], dtype)
    axes[0][0].legend(loc="lower right", frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _panel(axis, rows: list[Record], dtype: str) -> None:
    height = 0.8 / len(COLOURS)
    for i, (name, colour) in enumerate(COLOURS.items()):
        values = [speedup(r, name) or 0 for r in rows]
        axis.barh([y + i * height for y in range(len(rows))], values, height, color=colour, label=name)
    for y, record in enumerate(rows):
        goal = next((t.limit for t in TARGETS if t.figure is speedup and t.workloads and t.fits(record)), None)
        if goal:
            axis.plot([goal, goal], [y - height / 2, y + 2.5 * height], color="#c0392b", linewidth=2)
    axis.axvline(1, color="#444444", linewidth=1)
    axis.set_yticks([y + height for y in range(len(rows))], [r["workload"] for r in rows])
    axis.invert_yaxis()
    axis.set_xlabel("times as fast as the best peer (red: target)")
    axis.set_title({"float32": "fp32", "bfloat16": "bf16"}[dtype], fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
