"""Semantic segmentation: a class for every pixel, by U-Net, FCN or PSPNet (L 6.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from .. import nn
from ..data import load, read_pixels
from ..data.annotations import AnnotatedSet, read_masked, scene_set
from ..data.annotations.annotated_set import IGNORED
from ..data.augment import transforms_of
from ..models import build
from ..nn import functional as F
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import confusion_matrix
from ..training.pixel_scores import intersection_over_union, mean_iou, pixel_accuracy
from .drawing import in_colours, overlaid
from .evaluation import Answer, Evaluation
from .pictures import save_picture
from .prepared_pictures import IMAGENET, PreparedPictures, repeated
from .published_pictures import PublishedPictures, network_for_pictures
from .recipe import Recipe
from .segment_data import Masked
from .segment_report import segment_sections
from .segment_settings import HELP, NAMED, Settings
from .task import Goal, loaders_of

AT_ONCE = 64
KINDS = ("overlay", "mask")


@dataclass(frozen=True)
class Options:
    draw: str = "overlay"

    def __post_init__(self) -> None:
        if self.draw not in KINDS:
            raise ValueError(f"option draw must be one of {', '.join(KINDS)}, got {self.draw!r}")


@dataclass(frozen=True)
class PixelEvaluation(Evaluation):
    """`predicted` (N, H, W) uint8; `confusion` counts pixels, the true class in rows."""

    predicted: np.ndarray | None = None
    confusion: np.ndarray | None = None


class Segment(Recipe):
    name = "segment"
    settings = Settings
    help = HELP
    prepared = PreparedPictures
    options = Options
    options_help = {"draw": "What --out writes: overlay (the picture with its classes) or mask (class numbers, with a palette)."}

    def material(self, settings: Settings) -> AnnotatedSet:
        if settings.data in NAMED:
            pictures = load(settings.data, **({} if settings.data == "scenes32" else {"side": settings.side}))
            return scene_set(settings.data, pictures, masks=True)
        return read_masked(settings.data, settings.side, settings.wanted_channels, settings.on_error)

    def prepare(self, settings: Settings, material: AnnotatedSet) -> PreparedPictures:
        channels = settings.wanted_channels or material.channels
        published = settings.model in ("fcn_resnet50", "pspnet50")
        mean, std = IMAGENET if published else ([material.mean] * channels, [material.std] * channels)
        return PreparedPictures(material.side, channels, mean, std, list(material.classes), material.fingerprint)

    def model(self, settings: Settings, prepared: PreparedPictures) -> nn.Module:
        shape = (prepared.channels, prepared.side, prepared.side)
        model = build(settings.model, shape, len(prepared.classes), **settings.model_settings())
        for head in ("aux", "aux_classifier"):  # of the published ones; the loss of the main head alone is learned from
            if hasattr(model, head):
                setattr(model, head, None)
        return model

    def goal(self, settings: Settings, material: AnnotatedSet, prepared: PreparedPictures) -> Goal:
        changes = transforms_of(settings.augment) if settings.augment else None
        data = partial(Masked, repeated(material, prepared.channels), prepared=prepared)
        train, validation = loaders_of(
            settings, data(material.part("train"), transform=changes, seed=settings.seed), data(material.part("validation")),
        )
        return Goal(nn.CrossEntropyLoss(ignore_index=IGNORED), train, validation)

    def notes(self, material: AnnotatedSet) -> Sequence[str]:
        return material.notes

    def example(self, prepared: PreparedPictures) -> tuple[Tensor, ...]:
        return (zeros(1, prepared.channels, prepared.side, prepared.side),)

    def image(self, prepared: PreparedPictures, path: str) -> Tensor:
        return from_numpy(prepared.readied(read_pixels(path))[None])

    def measure(self, model: nn.Module, settings: Settings, material: AnnotatedSet, split: str) -> PixelEvaluation:
        prepared = self.prepare(settings, material)
        indices = material.part(split)
        data = Masked(repeated(material, prepared.channels), indices, prepared)
        batches = np.array_split(np.arange(len(data)), -(-len(data) // AT_ONCE))
        predicted = np.concatenate([_classes(model, data.batch(batch.tolist())[0]) for batch in batches])
        assert material.masks is not None
        truth = material.masks[indices]
        said = truth != IGNORED
        confusion = confusion_matrix(predicted[said], truth[said], len(material.classes))
        return _evaluation(split, predicted, confusion, material.classes)

    def sections(self, model: nn.Module, settings: Settings, material: AnnotatedSet, test: Evaluation) -> list[str]:
        assert isinstance(test, PixelEvaluation)
        assert test.predicted is not None
        assert test.confusion is not None
        return segment_sections(material, material.part("test"), test.predicted, test.confusion)

    def predict(self, run: Any, inputs: Sequence[str], options: Options | None = None) -> list[Answer]:
        """The class of every pixel of each picture, at its own size. `run` is a run's folder, or published weights of FCN or
        PSPNet."""
        model, prepared = network_for_pictures(self, run)
        return [_answer(model, prepared, path, options or Options()) for path in inputs]

    def subject(self, settings: Settings) -> str:
        return f"{settings.model} on {settings.data} ({settings.side}x{settings.side})"

    def next_steps(self, run: Any) -> list[str]:
        return [f"evaluate {run}", f"predict {run} picture.png --out overlay.png"]


def _classes(model: nn.Module, images: Tensor) -> np.ndarray:
    """Class numbers (B, H, W), uint8, in evaluation mode."""
    with no_grad():
        return model(images).argmax(dim=1).numpy().astype(np.uint8)


def _evaluation(split: str, predicted: np.ndarray, confusion: np.ndarray, classes: Sequence[str]) -> PixelEvaluation:
    figures = {"miou": mean_iou(confusion), "pixel_accuracy": pixel_accuracy(confusion)}
    ious = {name: float(iou) for name, iou in zip(classes, intersection_over_union(confusion)) if not np.isnan(iou)}
    pixels = dict(zip(classes, confusion.sum(axis=1).tolist()))
    lines = [["class", "pixels", "IoU", ""], *([name, f"{pixels[name]:,}", f"{iou:.4f}", ""] for name, iou in ious.items())]
    accuracy = f"{100 * figures['pixel_accuracy']:.2f} %"
    return PixelEvaluation(
        split, len(predicted), figures, f"mIoU {figures['miou']:.4f} over {len(ious)} classes, pixel accuracy {accuracy}",
        [(f"{figures['miou']:.4f}", f"{split} mIoU ({len(ious)})"), (accuracy, f"{split} pixel accuracy")], lines,
        {"classes": ious}, predicted, confusion,
    )


def _answer(model: nn.Module, prepared: PreparedPictures | PublishedPictures, path: str, options: Options) -> Answer:
    pixels = read_pixels(path)
    height, width = pixels.shape[:2]
    with no_grad():
        logits = model(from_numpy(prepared.readied(pixels)[None]))
        whole = F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
        mask = whole.argmax(dim=1).numpy()[0].astype(np.uint8)
    shares = {prepared.classes[c]: float(np.mean(mask == c)) for c in np.unique(mask)}
    lines = [f"{path}: {width} x {height} pixels", *(f"  {name:>12}  {100 * share:.2f} %" for name, share in shares.items())]

    def draw(out) -> None:
        save_picture(overlaid(pixels, mask) if options.draw == "overlay" else _with_palette(mask), out)

    return Answer("\n".join(lines), {"image": path, "width": width, "height": height, "shares": shares}, draw)


def _with_palette(mask: np.ndarray) -> Image.Image:
    image = Image.fromarray(mask)
    image.putpalette(in_colours(np.arange(256, dtype=np.uint8)[None]).reshape(-1).tolist())
    return image


RECIPE = Segment()
