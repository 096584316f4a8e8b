"""Published diffusion models in diffusers' layout: the U-Net, and beside it the process it was trained with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..io.hub import locate
from ..models import DDPMUNet
from ..models.diffusion import MOST_BETA, Diffusion, betas_of

SCHEDULER = "scheduler_config.json"
# The variants that are computed here. Anything else would give wrong pictures, so it is refused.
FIXED: dict[str, tuple[Any, ...]] = {
    "prediction_type": ("epsilon",), "clip_sample": (True,), "thresholding": (False,), "clip_sample_range": (1, 1.0),
    "rescale_betas_zero_snr": (False,),
}
VARIANCES = {"fixed_small": "small", "fixed_small_log": "small", "fixed_large": "large", "fixed_large_log": "large"}


def published_diffusion(source: str | Path) -> tuple[DDPMUNet, Diffusion, list[int], str]:
    """The network, its process, the shape of a picture and the backward steps' variance.

    `source` is a pipeline's folder (unet/ and scheduler/), or the U-Net's own, which has the settings of the paper where
    no scheduler_config.json lies there. Raises ValueError for a scheduler or a size that is not known, and as
    `from_pretrained` does.
    """
    folder = locate(source)
    if folder.is_file():
        raise NotADirectoryError(f"{folder}: is a file, and a picture's size and noise are told by the files beside it: give the "
                                 "folder of the pipeline or of its U-Net")
    network = folder / "unet" if (folder / "unet").is_dir() else folder
    model = DDPMUNet.from_pretrained(network)
    config = _json(network / "config.json")
    side = config.get("sample_size")
    sides = side if isinstance(side, list) else [side, side]
    if len(sides) != 2 or not all(isinstance(s, int) and s >= 1 for s in sides):
        raise ValueError(f"{network / 'config.json'}: sample_size must be the side of a picture, got {side!r}")
    process, variance = _process(folder)
    return model, process, [model.conv_in.in_channels, *sides], variance


def _process(folder: Path) -> tuple[Diffusion, str]:
    places = [p for p in (folder / "scheduler" / SCHEDULER, folder / SCHEDULER) if p.exists()]
    config = _json(places[0]) if places else {}
    told = places[0] if places else folder
    for name, known in FIXED.items():
        if config.get(name, known[0]) not in known:
            raise ValueError(f"{told}: {name} is {config[name]!r}; only {known[0]!r} is known here")
    variance = config.get("variance_type", "fixed_small")
    if variance not in VARIANCES:
        raise ValueError(f"{told}: variance_type is {variance!r}; known are {', '.join(VARIANCES)}")
    return Diffusion(_betas(config, told)), VARIANCES[variance]


def _betas(config: Mapping[str, Any], told: Path) -> np.ndarray:
    if config.get("trained_betas"):
        return np.asarray(config["trained_betas"], np.float64)
    steps = config.get("num_train_timesteps", 1000)
    kind = config.get("beta_schedule", "linear")
    low, high = config.get("beta_start", 1e-4), config.get("beta_end", 0.02)
    if kind == "linear":
        return np.linspace(low, high, steps)
    if kind == "scaled_linear":
        return np.linspace(low**0.5, high**0.5, steps) ** 2
    if kind == "squaredcos_cap_v2":
        return np.minimum(betas_of("cosine", steps), MOST_BETA)
    raise ValueError(f"{told}: beta_schedule is {kind!r}; known are linear, scaled_linear and squaredcos_cap_v2")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must hold a JSON object, got {type(found).__name__}")
    return found
