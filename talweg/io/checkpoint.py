"""The checkpoints of a run folder.

    model.safetensors      parameters and buffers of the best epoch, nothing else
    last.safetensors       what resuming needs: weights, optimizer, best weights and averages of one moment, in one file
                           so that they cannot come from different moments
    previous.safetensors   the same of the save before, for the case that the last one is damaged
    state.json             which epoch and step those are and how good, for people and scripts to read
    config.yaml            every setting of the run

Each file is replaced atomically, so whenever the process is killed the last good ones still load; every tensor has a
checksum. Tied tensors are stored once; the file's header names their other names.
"""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..tensor import Tensor, from_numpy
from .atomic import remove_leftovers, write_atomically
from .checksums import signed, verify
from .tensors import read_tensors, write_tensors

MODEL = "model.safetensors"
LAST = "last.safetensors"
PREVIOUS = "previous.safetensors"
STATE = "state.json"
CONFIG = "config.yaml"


def save_best(run: str | Path, model: nn.Module, state: dict[str, Any], name: str = MODEL) -> None:
    """Keep these weights as the run's model, or as the file `name`. `state` is plain data (epoch, loss, ...)."""
    arrays, ties = _model_arrays(model)
    _write(Path(run) / name, arrays, tied=ties, state=state)


def save_last(
    run: str | Path, model: nn.Module, optimizer: optim.Optimizer, state: dict[str, Any],
    others: Mapping[str, Mapping[str, Tensor]] | None = None, shown: dict[str, Any] | None = None,
) -> None:
    """Keep what resuming needs, then tell state.json about it. `others` are further named tensors, such as the best
    weights; `shown` is what state.json says, if not all of `state`. The save before stays as previous.safetensors.

    Raises OSError when the disk is full or the folder cannot be written; the saves before are then as they were.
    """
    run = Path(run)
    weights, ties = _model_arrays(model)
    slots, plain = _optimizer_arrays(optimizer)
    arrays = {f"model.{name}": a for name, a in weights.items()} | slots
    for group, tensors in (others or {}).items():
        arrays |= {f"{group}.{name}": _numpy(tensor) for name, tensor in tensors.items()}
    _write(run / LAST, arrays, keep=run / PREVIOUS, tied=ties, optimizer=plain, state=state)
    write_atomically(run / STATE, (json.dumps(state if shown is None else shown, indent=2) + "\n").encode())


def load_model(run: str | Path, model: nn.Module) -> dict[str, Any]:
    """Fill `model` from a run folder or a safetensors file; returns the state saved with it.

    Raises FileNotFoundError, ValueError for a damaged file, RuntimeError when keys or shapes differ.
    """
    path = Path(run)
    path = path / MODEL if path.is_dir() else path
    arrays, notes = _read(path)
    _fill(model, arrays, _note(notes, "tied", path), path)
    return _note(notes, "state", path)


def load_matching(run: str | Path, model: nn.Module) -> list[str]:
    """Fill what a run folder's or a file's weights have under the model's names and in its shapes: to go on from a model
    with another last layer. Returns the names that were left as they are.

    Raises FileNotFoundError, ValueError for a damaged file, RuntimeError when nothing fits.
    """
    path = Path(run)
    path = path / MODEL if path.is_dir() else path
    arrays, _ = _read(path)
    ours = {name: v for name, v in model.state_dict().items() if isinstance(v, Tensor)}
    fitting = {n: from_numpy(arrays[n]) for n, v in ours.items() if n in arrays and arrays[n].shape == tuple(v.shape)}
    if not fitting:
        raise RuntimeError(f"{path}: no tensor in it has the name and shape of one of {type(model).__name__}'s, so there is "
                           "nothing to start from")
    model.load_state_dict(fitting, strict=False)
    return [name for name in ours if name not in fitting]


@dataclass(frozen=True)
class Kept:
    """A save that can be gone on from: `path` it was read from, its arrays and notes."""

    path: Path
    arrays: dict[str, np.ndarray]
    notes: dict[str, str]

    @property
    def state(self) -> dict[str, Any]:
        return _note(self.notes, "state", self.path)

    def group(self, name: str) -> dict[str, np.ndarray]:
        """The arrays saved under this name: "model", or one of the `others` of save_last; {} when there is none."""
        return {n.partition(".")[2]: a for n, a in self.arrays.items() if n.startswith(f"{name}.")}

    def fill(self, model: nn.Module, group: str = "model") -> None:
        """Raises RuntimeError when keys or shapes differ."""
        ties = _note(self.notes, "tied", self.path) if group == "model" else {}
        _fill(model, self.group(group), ties, self.path)

    def fill_optimizer(self, optimizer: optim.Optimizer) -> None:
        """Raises ValueError when the optimizer has other parameters."""
        slots = _optimizer_state(_note(self.notes, "optimizer", self.path), self.arrays, self.path)
        try:
            optimizer.load_state_dict(slots)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.path}: its optimizer state does not fit {type(optimizer).__name__} ({error!r})"
            ) from error


def read_training(run: str | Path, tell: Callable[[str], Any] = warnings.warn) -> Kept:
    """The last save of a run, or the one before when that is damaged, which `tell` is told.

    Also clears what a killed process left half written. Raises FileNotFoundError when nothing was saved, ValueError
    when every save is damaged.
    """
    remove_leftovers(run)
    last, previous = Path(run) / LAST, Path(run) / PREVIOUS
    try:
        return Kept(last, *_read(last))
    except (FileNotFoundError, ValueError) as error:
        if not previous.exists():
            raise
        fault = error
    try:
        kept = Kept(previous, *_read(previous))
    except ValueError as error:
        raise ValueError(f"{fault}; {error}: there is no save to go on from") from error
    tell(f"{fault}; going on from the save before, {previous.name}")
    return kept


def load_training(run: str | Path, model: nn.Module, optimizer: optim.Optimizer) -> dict[str, Any]:
    """Fill model and optimizer as they were at the last save; returns the state saved with them.

    Raises as `read_training` and `load_model` do, and ValueError when the optimizer has other parameters.
    """
    kept = read_training(run)
    kept.fill_optimizer(optimizer)
    kept.fill(model)
    return kept.state


def read_state(run: str | Path) -> dict[str, Any]:
    """What state.json says of the last epoch. Raises FileNotFoundError, or ValueError if malformed."""
    path = Path(run) / STATE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file; has the run finished an epoch?") from error
    except ValueError as error:
        raise ValueError(f"{path}: is not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must hold a JSON object, got {type(found).__name__}")
    return found


def _model_arrays(model: nn.Module) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays by name, each tensor once, and {other name: first name} of the tied ones."""
    first: dict[int, str] = {}
    ties: dict[str, str] = {}
    parameters = model.named_parameters(remove_duplicate=False)
    buffers = model.named_buffers(remove_duplicate=False)
    for name, value in itertools.chain(parameters, buffers):
        if id(value) in first:
            ties[name] = first[id(value)]
        first.setdefault(id(value), name)
    values = {name: v for name, v in model.state_dict().items() if isinstance(v, Tensor)}
    ties = {name: source for name, source in ties.items() if name in values and source in values}
    return {name: _numpy(v) for name, v in values.items() if name not in ties}, ties


def _fill(model: nn.Module, arrays: dict[str, np.ndarray], ties: dict[str, str], path: Path) -> None:
    tied = {name: source for name, source in ties.items() if isinstance(source, str) and source in arrays}
    found = dict(arrays) | {name: arrays[source] for name, source in tied.items()}
    expected = {name: tuple(v.shape) for name, v in model.state_dict().items() if isinstance(v, Tensor)}
    missing = sorted(expected.keys() - found.keys())
    unexpected = sorted(found.keys() - expected.keys())
    shapes = [
        f"{name} is {list(found[name].shape)}, expected {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name].shape != shape
    ]
    faults = [f"{what}: {_some(names)}" for what, names in
              (("missing", missing), ("unexpected", unexpected), ("different shape", shapes)) if names]
    if faults:
        raise RuntimeError(f"{path}: does not fit {type(model).__name__}: {'; '.join(faults)}")
    model.load_state_dict({name: from_numpy(found[name]) for name in expected})


def _some(names: list[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _optimizer_arrays(optimizer: optim.Optimizer) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The optimizer's tensors by "optimizer.<parameter>.<slot>", and the rest of its state as plain data."""
    saved = optimizer.state_dict()
    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, dict[str, Any]] = {}
    for index, slots in saved["state"].items():
        plain[str(index)] = {}
        for slot, value in slots.items():
            if isinstance(value, Tensor):
                arrays[f"optimizer.{index}.{slot}"] = _numpy(value)
            else:
                plain[str(index)][slot] = value
    return arrays, {"state": plain, "param_groups": saved["param_groups"]}


def _optimizer_state(plain: dict[str, Any], arrays: dict[str, np.ndarray], path: Path) -> dict[str, Any]:
    try:
        state = {int(index): dict(slots) for index, slots in plain["state"].items()}
        for name, array in arrays.items():
            if name.startswith("optimizer."):
                _, index, slot = name.split(".", 2)
                state[int(index)][slot] = from_numpy(array)
        return {"state": state, "param_groups": plain["param_groups"]}
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path}: holds no complete optimizer state") from error


def _numpy(value: Tensor) -> np.ndarray:
    return value.detach().numpy()


def _write(path: Path, arrays: dict[str, np.ndarray], keep: Path | None = None, **values: Any) -> None:
    # One note, because the library writes several in any order, and equal models must make equal files.
    write_tensors(path, arrays, {"talweg": signed(values, arrays)}, keep)


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    arrays, notes = read_tensors(path)
    verify(notes.get("talweg", ""), arrays, path)
    return arrays, notes


def _note(notes: dict[str, str], name: str, path: Path) -> dict[str, Any]:
    """A note of the header, or {} in a file that another program wrote."""
    try:
        found = json.loads(notes.get("talweg", "{}"))
    except ValueError as error:
        raise ValueError(f"{path}: the note in its header is not valid JSON ({error})") from error
    value = found.get(name, {}) if isinstance(found, dict) else None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: the note in its header must hold an object {name!r}")
    return value
