"""Published networks that look at pictures: how they take one, and what their outputs are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data import read_pixels
from ..io import Checkpoint, ImagePreprocessing, Pretrained, read_checkpoint
from ..models import FCN, MODELS, SSD300, VGG, AlexNet, PSPNet, ResNet, ViT, build
from ..nn import Module, init
from ..tensor import Tensor
from .prepared_pictures import PreparedPictures
from .published import OWN, Weights, weights_of
from .recipe import Recipe

KINDS: dict[str, type[Pretrained]] = {
    "resnet": ResNet, "vgg": VGG, "alexnet": AlexNet, "vit": ViT, "ssd300": SSD300, "fcn": FCN, "pspnet": PSPNet,
}


@dataclass(frozen=True)
class PublishedPictures:
    """The preparation belongs to the weights; `classes` are the names of the outputs, their numbers where none are told."""

    preparation: ImagePreprocessing
    classes: Sequence[str]

    def readied(self, pixels: np.ndarray) -> np.ndarray:
        """A picture of any size, uint8, as the network wants it, (C, H, W)."""
        return self.preparation(pixels).numpy()

    def image(self, path: str) -> Tensor:
        """A file, upright and without transparency, (1, C, H, W). Raises as `read_pixels` does."""
        return self.preparation(read_pixels(path)).unsqueeze(0)


def network_for_pictures(recipe: Recipe, run: str | Path | Weights) -> tuple[Module, PreparedPictures | PublishedPictures]:
    """The network of a run of `recipe` or of published weights, and how pictures become its inputs. Raises as `Recipe.load` and
    `read_published` do."""
    weights = weights_of(run)
    if weights is not None:
        return read_published(weights)
    assert not isinstance(run, Weights)
    _, model, prepared = recipe.load(run)
    return model, prepared


def read_published(weights: Weights) -> tuple[Pretrained, PublishedPictures]:
    """The network, in evaluation mode, and how pictures become its inputs.

    Raises ValueError for weights of another size than the model that was asked for, without classes, or that do not say how
    pictures are prepared; and as `from_pretrained` does.
    """
    kind = KINDS[weights.family]
    checkpoint = read_checkpoint(weights.source)
    model = kind.from_pretrained(checkpoint)
    settings = kind.settings_of(checkpoint)
    classes = settings["classes"]
    if not classes:
        raise ValueError(f"{weights}: has no layer that tells classes, its outputs are features: give weights that were "
                         "trained to classify")
    _refuse_another_size(weights, model, settings)
    if model.preprocessing is None:
        raise ValueError(f"{weights}: does not say how pictures are prepared, and others than those it was trained on mean "
                         "nothing to it: put the preprocessor_config.json it is published with beside it")
    return model, PublishedPictures(model.preprocessing, class_names(checkpoint, classes, weights.family == "ssd300"))


def class_names(checkpoint: Checkpoint, count: int, background: bool = False) -> list[str]:
    """Names of `count` outputs by config.json: id2label as transformers writes it, label_names as timm does; numbers where
    it has neither. With `background`, the first output is left out. A name that comes more than once gets its number.

    Raises ValueError where the file names another number of classes, or one that is none of them.
    """
    told = _told(checkpoint.config)
    if told and len(told) != count:
        raise ValueError(f"{checkpoint.path}: its config.json names {len(told)} classes, but the weights have {count} outputs: "
                         "they do not belong together")
    beyond = sorted(i for i in told if i >= count)
    if beyond:
        raise ValueError(f"{checkpoint.path}: its config.json names class {beyond[0]}, but the weights have the outputs "
                         f"0 to {count - 1}: they do not belong together")
    names = [str(told.get(i, i)) for i in range(count)]
    often = Counter(names)
    unique = [f"{name} ({i})" if often[name] > 1 else name for i, name in enumerate(names)]
    return unique[1:] if background else unique


def _told(config: Mapping[str, Any]) -> dict[int, str]:
    labels = config.get("id2label")
    if isinstance(labels, Mapping) and all(str(i).isdigit() for i in labels):
        return {int(i): str(name) for i, name in labels.items()}
    names = config.get("label_names")
    if not isinstance(names, list):
        return {}
    words = config.get("label_descriptions")
    words = words if isinstance(words, Mapping) else {}
    return {i: str(words.get(name, name)) for i, name in enumerate(names)}


def _refuse_another_size(weights: Weights, model: Module, settings: Mapping[str, Any]) -> None:
    """One class reads ResNet-18 and ResNet-50: who asked for one and gave the other should hear of it. Weights of a size
    that has no name are taken as they are."""
    if weights.model in (None, weights.family):
        return
    shapes = _shapes(model)

    def same(name: str) -> bool:
        side = settings.get("image", MODELS[name].input_shape[-1])
        with init.skipped():
            named = build(name, (settings.get("channels", 3), side, side), settings["classes"])
        return _shapes(named) == shapes

    sizes = [name for name in MODELS if name.startswith(weights.family) and name not in OWN]
    if same(str(weights.model)):
        return
    found = next((name for name in sizes if same(name)), None)
    if found is not None:
        raise ValueError(f"{weights}: are weights of {found}, and --model {weights.model} was asked for: give --model {found}")


def _shapes(model: Module) -> dict[str, tuple[int, ...]]:
    """Parameters and running statistics; heads that only training uses may be there or not."""
    return {name: tuple(value.shape) for name, value in model.state_dict().items()
            if not name.startswith("aux") and isinstance(value, Tensor)}
