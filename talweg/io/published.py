"""A published checkpoint as it lies on the disk: tensors, also in several files, settings, preprocessing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..tensor import Tensor
from .hub import locate
from .tensors import read_tensors
from .torch_file import load

Arrays = dict[str, np.ndarray]

CONFIG = "config.json"
OTHER_CONFIGS = ("open_clip_config.json",)  # looked at where there is no config.json
PREPROCESSING = "preprocessor_config.json"
PROCESSOR = "processor_config.json"  # transformers 5 has the images' preparation in it, beside the texts'
INDEX = ".index.json"
# What publishers call their weights: transformers, timm and torchvision; diffusers.
WEIGHTS = ("model.safetensors", "diffusion_pytorch_model.safetensors")
PICKLED_WEIGHTS = ("pytorch_model.bin", "diffusion_pytorch_model.bin")
PICKLED = (".pt", ".pth", ".bin", ".ckpt")
# Under what the tensors lie in files that hold more: training scripts', Lightning's, Whisper's.
STATES = ("state_dict", "model_state_dict", "model", "module", "params")


def _safetensors(path: Path) -> Arrays:
    return read_tensors(path)[0]


def _pickled(path: Path) -> Arrays:
    """The tensors of PyTorch's file, read without executing anything: a state dict, or one beside other things."""
    found = load(path)
    tensors = _tensors_of(found)
    if not tensors:
        raise ValueError(f"{path}: holds no tensors by name; expected a state_dict(), or one under {', '.join(STATES)}")
    return {name: value.detach().numpy() for name, value in tensors.items()}


def _tensors_of(found: Any, depth: int = 3) -> dict[str, Tensor]:
    """The tensors of a mapping, or of the first mapping in it that a training script would keep them in."""
    if not isinstance(found, Mapping) or depth == 0:
        return {}
    tensors = {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if tensors:
        return tensors
    return next((inner for name in STATES if (inner := _tensors_of(found.get(name), depth - 1))), {})


# What can read a weights file, by its ending.
READERS: dict[str, Callable[[Path], Arrays]] = {".safetensors": _safetensors, **dict.fromkeys(PICKLED, _pickled)}


@dataclass(frozen=True)
class Checkpoint:
    """`tensors` by published name, `config` and `preprocessing` as their JSON files say ({} where there is none)."""

    path: Path
    tensors: Arrays
    config: dict[str, Any] = field(default_factory=dict)
    preprocessing: dict[str, Any] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: array.shape for name, array in self.tensors.items()}


def read_checkpoint(source: str | Path, revision: str | None = None) -> Checkpoint:
    """Read a weights file, a folder or a hub id (`locate` says how it is found).

    Raises FileNotFoundError where there are no weights, ValueError for a damaged or malformed file, and what
    `locate` raises.
    """
    path = locate(source, revision)
    folder = path if path.is_dir() else path.parent
    weights = _weights_in(path) if path.is_dir() else path
    config = next((found for name in (CONFIG, *OTHER_CONFIGS) if (found := _json(folder / name))), {})
    return Checkpoint(path, _read(weights), config, _preprocessing_in(folder))


def _preprocessing_in(folder: Path) -> dict[str, Any]:
    found = _json(folder / PREPROCESSING) or _json(folder / PROCESSOR).get("image_processor", {})
    if not isinstance(found, dict):
        raise ValueError(f"{folder / PROCESSOR}: image_processor must be an object, got {type(found).__name__}")
    return found


def _weights_in(folder: Path) -> Path:
    """The weights of a folder: under a publisher's name, or else alone; safetensors before pickled files."""
    for name in (*WEIGHTS, *PICKLED_WEIGHTS):
        for candidate in (folder / name, folder / (name + INDEX)):
            if candidate.exists():
                return candidate
    for endings in ((".safetensors",), PICKLED):
        alone = sorted(p for p in folder.iterdir() if p.suffix in endings)
        if len(alone) == 1:
            return alone[0]
        if alone:
            raise FileNotFoundError(f"{folder}: has several weights files and no index; name one of "
                                    f"{', '.join(p.name for p in alone)}")
    raise FileNotFoundError(f"{folder}: has no weights; expected one of {', '.join((*WEIGHTS, *PICKLED_WEIGHTS))}")


def _read(path: Path) -> Arrays:
    if path.name.endswith(INDEX):
        return _read_shards(path)
    reader = READERS.get(path.suffix)
    if reader is not None:
        return reader(path)
    raise ValueError(f"{path}: a weights file must end in {' or '.join(READERS)}")


def _read_shards(index: Path) -> Arrays:
    """The tensors of all files that the index names, each taken from the file it is said to be in."""
    places = _json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
        raise ValueError(f"{index}: must hold an object weight_map from tensor name to file name")
    tensors: Arrays = {}
    for file in sorted(set(places.values())):
        if Path(file).name != file:
            raise ValueError(f"{index}: names {file!r}, which is not a file of the same folder")
        shard = _read(index.parent / file)
        absent = [name for name, place in places.items() if place == file and name not in shard]
        if absent:
            raise ValueError(f"{index}: says that {file} holds {absent[0]}, but it does not")
        tensors |= {name: array for name, array in shard.items() if places.get(name) == file}
    return tensors


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must hold a JSON object, got {type(found).__name__}")
    return found
