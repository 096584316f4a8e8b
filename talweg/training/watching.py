"""More to watch: the gradient's norm by layer after each epoch, and TensorBoard's event files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from .. import nn
from ..io.summary_writer import SummaryWriter
from .events import EpochRecord, Listener


class LayerNorms(Listener):
    """The norm of each parameter's gradient in the last step of each epoch (after clipping), to gradients.jsonl."""

    def __init__(self, run: str | Path, model: nn.Module) -> None:
        self.file = Path(run) / "gradients.jsonl"
        self.model = model

    def begin(self, epochs: int, first_epoch: int, batches: int) -> None:
        kept = self.file.read_text().splitlines()[: first_epoch - 1] if first_epoch > 1 and self.file.exists() else []
        self.file.write_text("".join(line + "\n" for line in kept))

    def epoch(self, record: EpochRecord) -> None:
        grads = {name: p.grad for name, p in self.model.named_parameters() if p.grad is not None}
        norms = {name: _length(g.detach().float().numpy()) for name, g in grads.items()}
        finite = {name: norm if np.isfinite(norm) else None for name, norm in norms.items()}
        with self.file.open("a") as file:
            file.write(json.dumps({"epoch": record.epoch, "norms": finite}) + "\n")


def _length(values: np.ndarray) -> float:
    """sqrt(sum x^2) without NumPy's BLAS, whose threads wait for more work so eagerly that the next twenty milliseconds of
    training find no free core."""
    return math.sqrt(np.square(values, dtype=np.float64).sum())


def read_norms(run: str | Path) -> dict[str, list[float]]:
    """What LayerNorms wrote: for each parameter the norm after each epoch, nan where there was none."""
    path = Path(run) / "gradients.jsonl"
    rows = [json.loads(line)["norms"] for line in path.read_text().splitlines()] if path.exists() else []
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [float("nan") if row.get(name) is None else row[name] for row in rows] for name in names}


class TensorBoard(Listener):
    """Every epoch's figures as scalars in a run folder's `tensorboard`."""

    def __init__(self, run: str | Path) -> None:
        self.writer = SummaryWriter(Path(run) / "tensorboard")

    def epoch(self, record: EpochRecord) -> None:
        for name, value in record.as_dict().items():
            if isinstance(value, int | float) and name not in ("epoch", "best"):
                tag = name.replace("train_", "train/").replace("validation_", "validation/")
                self.writer.add_scalar(tag, value, record.epoch)
        self.writer.flush()

    def end(self) -> None:
        self.writer.close()
