"""SummaryWriter: what happens in a run, written for TensorBoard to show."""

from __future__ import annotations

import datetime
import json
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import summary_values as entries
from . import wire
from .event_file import EventFile

SUCCESS = 1  # of the states that a session can end in


class SummaryWriter:
    """Numbers, pictures, texts and distributions by name and step, in event files below `log_dir`.

    log_dir: "runs/" with the time, the machine's name and `comment`, unless given. `purge_step`, `max_queue` and
    `flush_secs` have no effect: what is added lies with the operating system at once, and close() or leaving a `with` block
    ends the file. `global_step` is any whole number; `walltime` seconds since 1970. Values may be tensors, NumPy arrays or
    numbers; adding them computes what is recorded. Names as in torch.utils.tensorboard.
    """

    def __init__(self, log_dir: str | Path | None = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
                 flush_secs: int = 120, filename_suffix: str = "") -> None:
        if not log_dir:
            now = datetime.datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = Path("runs") / f"{now}_{socket.gethostname()}{comment}"
        self.log_dir = str(log_dir)
        self._suffix = filename_suffix
        self._files = {"": EventFile(self.log_dir, filename_suffix)}

    def get_logdir(self) -> str:
        return self.log_dir

    def _add(self, value: bytes, step: Any, walltime: float | None, below: str = "") -> None:
        if below not in self._files:  # also after close()
            self._files[below] = EventFile(Path(self.log_dir) / below, self._suffix)
        self._files[below].add(value, None if step is None else int(step), walltime)
        self._files[below].flush()

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
                   new_style: bool = False, double_precision: bool = False) -> None:
        """One number, kept in float32. Raises ValueError for several."""
        self._add(entries.scalar(tag, scalar_value), global_step, walltime)

    def add_scalars(self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: int | None = None,
                    walltime: float | None = None) -> None:
        """Several numbers for one drawing, each in a folder of its own."""
        for tag, value in tag_scalar_dict.items():
            self._add(entries.scalar(main_tag, value), global_step, walltime, f"{main_tag.replace('/', '_')}_{tag}")

    def add_histogram(self, tag: str, values: Any, global_step: int | None = None, bins: Any = "tensorflow",
                      walltime: float | None = None, max_bins: int | None = None) -> None:
        """How the values are distributed. Raises ValueError where none is finite."""
        self._add(entries.histogram(tag, values, bins, max_bins), global_step, walltime)

    def add_image(self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
                  dataformats: str = "CHW") -> None:
        """A picture: floats in [0, 1] or bytes, its dimensions named by `dataformats`."""
        self._add(entries.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_images(self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
                   dataformats: str = "NCHW") -> None:
        """Several pictures, side by side."""
        self._add(entries.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_figure(self, tag: str, figure: Any, global_step: int | None = None, close: bool = True,
                   walltime: float | None = None) -> None:
        """A Matplotlib figure, or several, as a picture."""
        for one in figure if isinstance(figure, list) else [figure]:
            one.canvas.draw()
            self.add_image(tag, np.asarray(one.canvas.buffer_rgba()), global_step, walltime, "HWC")
            if close:
                one.clear()

    def add_text(self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None) -> None:
        """Words, as Markdown."""
        self._add(entries.text(tag, text_string), global_step, walltime)

    def add_graph(self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True) -> None:
        """Nothing: `talweg graph` and `talweg.inspection` draw models."""

    def add_hparams(self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any], hparam_domain_discrete: dict | None = None,
                    run_name: str | None = None, global_step: int | None = None) -> None:
        """A run's settings and what came of it, in a folder of its own. Raises TypeError for what are no dictionaries."""
        if not isinstance(hparam_dict, dict) or not isinstance(metric_dict, dict):
            raise TypeError("add_hparams(): hparam_dict and metric_dict should be dictionaries, not "
                            f"{type(hparam_dict).__name__} and {type(metric_dict).__name__}")
        below = run_name or str(time.time())
        for name, content in _settings(hparam_dict, metric_dict).items():
            self._add(entries.plugin(f"_hparams_/{name}", "hparams", wire.integer(1, 0) + content), None, None, below)
        for tag, value in metric_dict.items():
            self._add(entries.scalar(tag, value), global_step, None, below)

    def flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """End the files; what is added later goes to new ones."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _settings(hparams: dict[str, Any], metrics: dict[str, Any]) -> dict[str, bytes]:
    """The three messages that the settings' table is made from: what there is to see, a run's start, its end."""
    infos = b"".join(wire.counted(4, wire.counted(1, name) + wire.integer(4, _kind(value))) for name, value in hparams.items())
    seen = b"".join(wire.counted(5, wire.counted(1, wire.counted(2, tag))) for tag in metrics)
    given = b"".join(wire.counted(1, wire.counted(1, name) + wire.counted(2, _value(value))) for name, value in hparams.items())
    return {
        "experiment": wire.counted(2, infos + seen),
        "session_start_info": wire.counted(3, given + wire.double(5, time.time())),
        "session_end_info": wire.counted(4, wire.integer(1, SUCCESS) + wire.double(2, time.time())),
    }


def _kind(value: Any) -> int:
    """1 for text, 2 for a truth value, 3 for a number."""
    return 2 if isinstance(value, bool) else 3 if isinstance(value, (int, float)) else 1


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return wire.integer(4, value)
    if isinstance(value, (int, float)):
        return wire.double(2, float(value))
    return wire.counted(3, value if isinstance(value, str) else json.dumps(value, default=str))
