"""Published weights that are used as a run is: which family of models they are of, and so which recipe uses them.

Wherever a command or `predict`, `generate` and `listener` of a recipe take a run's folder, they take a folder of published
weights, a name of the hub that is listed here, or `Weights`, which say what files alone do not: the model's name.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.sources import near_path
from ..io.hub import HUB_ID
from ..io.published import READERS
from ..models.registry import MODELS

# Families of models, and the recipe that uses what is published of them.
RECIPES = {
    "resnet": "classify", "vgg": "classify", "alexnet": "classify", "vit": "classify", "clip": "align", "gpt2": "language",
    "whisper": "asr", "ddpm": "diffuse", "ssd300": "detect", "fcn": "segment", "pspnet": "segment",
}
# What config.json, or a pipeline's model_index.json, calls a family; timm writes the model's own name.
CALLED = {"UNet2DModel": "ddpm", "DDPMPipeline": "ddpm", "DDIMPipeline": "ddpm"}
# Models of the registry that share a family's first letters and are published nowhere.
OWN = ("resnet_small", "vit_small", "fcn_small", "pspnet_small")
NAMES = {
    r"gpt2(-medium|-large|-xl)?|openai-community/gpt2.*|distilbert/distilgpt2": "gpt2", r"google/ddpm-.+": "ddpm",
    r"openai/whisper-.+": "whisper", r"openai/clip-vit-.+|laion/CLIP-.+": "clip", r"microsoft/resnet-\d+": "resnet",
    r"google/vit-.+|facebook/deit-.+-patch16-224|timm/vit_.+": "vit", r"timm/resnet\d+\..+": "resnet", r"timm/vgg\d.+": "vgg",
}
"""Repositories of the hub, each fetched when nothing local has its name."""

FILES = ("model_index.json", "config.json")


@dataclass(frozen=True)
class Weights:
    """Published weights in a run's place. `source` is a folder, a file or a name of the hub, `family` one of RECIPES, `model`
    the name that was asked for, where one was."""

    source: str
    family: str
    model: str | None = None

    @property
    def recipe(self) -> str:
        return RECIPES[self.family]

    def __str__(self) -> str:
        return self.source


def weights_of(what: str | Path | Weights) -> Weights | None:
    """The published weights that `what` means: a folder that holds no run, or a known name of the hub. None for all else."""
    if isinstance(what, Weights):
        return what
    family = _family_in(Path(what).expanduser()) if Path(what).expanduser().exists() else _family_on_the_hub(str(what))
    return None if family is None else Weights(str(what), family)


def named_weights(source: str, model: str | None) -> Weights:
    """Weights by their place and the name of a model or of its family.

    Raises ValueError for a model that is not published, for files that say they are of another family, and where neither
    the name nor the files tell; FileNotFoundError for a path where nothing is.
    """
    path = Path(source).expanduser()
    if not path.exists() and not on_the_hub(source):
        raise FileNotFoundError(f"{source}: there is no such file or folder{near_path(path)}")
    run = path if path.is_dir() else path.parent
    if path.exists() and (run / "config.yaml").is_file():
        raise ValueError(f"{source}: belongs to the run {run}, whose folder is used as it is, without --weights and --model")
    asked = None if model is None else family_of(model)
    told = weights_of(source)
    if asked is None and told is None:
        raise ValueError(f"{source}: {_silence(path)}; name the model with --model: {', '.join(RECIPES)}, or one of a size, "
                         "such as resnet50")
    if asked is not None and told is not None and asked != told.family:
        raise ValueError(f"{source}: holds weights of a {told.family}, and --model {model} asks for a {asked}")
    return Weights(source, asked or told.family, model)  # type: ignore[union-attr]


def family_of(model: str) -> str:
    """The family of a model's name. Raises ValueError, with the nearest name, for one that is not published or not known."""
    if model in RECIPES:
        return model
    if model in MODELS and model not in OWN:
        for family in RECIPES:
            if model.startswith(family):
                return family
    if model in MODELS:
        raise ValueError(f"{model}: has no published weights: train it with `talweg train`, and give the run's folder")
    near = difflib.get_close_matches(model, [*RECIPES, *MODELS], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"published are {', '.join(RECIPES)}"
    raise ValueError(f"no model is called {model!r}: {hint}")


def is_weights_file(path: str | Path) -> bool:
    return Path(path).suffix in READERS and Path(path).is_file()


def on_the_hub(source: str | Path) -> bool:
    """Whether a name may be one of the hub's: it is listed here, or it is owner/name and no folder is called owner."""
    name = str(source)
    if isinstance(source, Path) or Path(name).expanduser().exists() or name.endswith(tuple(READERS)):
        return False
    return _family_on_the_hub(name) is not None or (
        "/" in name and HUB_ID.fullmatch(name) is not None and not Path(name).parent.exists())


def _family_in(folder: Path) -> str | None:
    """By what the JSON files of a folder say, or of the folder that a weights file lies in."""
    if folder.is_file():
        return _family_in(folder.parent) if folder.suffix in READERS else None
    if (folder / "config.yaml").exists():
        return None
    for name in FILES:
        found = read_object(folder / name)
        called = str(found.get("model_type", found.get("_class_name", found.get("architecture"))))
        family = CALLED.get(called) or _family_called(called)
        if family is not None:
            return family
    return "clip" if (folder / "open_clip_config.json").exists() else None


def _family_called(name: str) -> str | None:
    """Of model_type as transformers has it, or of a model of timm's whose layers are those of the family."""
    if name in ("resnet", "vit", "clip", "gpt2", "whisper"):
        return name
    found = re.fullmatch(r"(resnet|vgg|vit)(\d+|\d+_bn|_[a-z]+_patch\d+_\d+)", name)
    return found and found[1]


def _family_on_the_hub(name: str) -> str | None:
    return next((family for pattern, family in NAMES.items() if re.fullmatch(pattern, name)), None)


def _silence(path: Path) -> str:
    """Why nothing was found out."""
    if path.is_dir():
        there = (path / "config.json").exists()
        return "its config.json names no model that is known here" if there else "has no config.json"
    return "a weights file does not say of which model it is" if path.is_file() else "is no known name of the hub"


def read_object(path: Path) -> dict[str, Any]:
    """What the file holds, nothing where it holds no object: reading it in earnest tells what is wrong."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
