"""Object detection by single-shot detectors: SSD's matching, losses, suppression, and mean average precision (L 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import nn
from ..data import load, read_pixels
from ..data.annotations import AnnotatedSet, read_boxed, scene_set
from ..data.augment import transforms_of
from ..models import build
from ..models.ssd_answers import detections
from ..models.ssd_training import MultiBoxLoss
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import Figure
from ..training.average_precision import COCO_THRESHOLDS, Found, Truth, average_precisions, mean_average_precision
from .detect_data import Boxed, fitting_scales
from .detect_report import detection_sections
from .detect_settings import HELP, Settings
from .drawing import with_boxes
from .evaluation import Answer, Evaluation
from .pictures import larger, save_picture
from .prepared_pictures import IMAGENET, PreparedPictures, repeated
from .published_pictures import PublishedPictures, network_for_pictures
from .recipe import Recipe
from .task import Goal, loaders_of

AT_ONCE = 64
HELD_OUT = (200, 200)  # scenes to validate and to test on
DRAWN = 256  # a side of a drawn picture, at least


@dataclass(frozen=True)
class Prepared(PreparedPictures):
    """`scales` are the sides of ssd's default boxes, None for ssd300, which has its own."""

    scales: list[float] | None = None


@dataclass(frozen=True)
class Options:
    score: float = 0.5
    overlap: float = 0.45

    def __post_init__(self) -> None:
        for name in ("score", "overlap"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"option {name} must be between 0 and 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class DetectionEvaluation(Evaluation):
    """`found` and `truth` of each picture, in parts of it; `aps` (classes,) at an overlap of 0.5."""

    found: Sequence[Found] = ()
    truth: Sequence[Truth] = ()
    aps: np.ndarray | None = None


class Detect(Recipe):
    name = "detect"
    settings = Settings
    help = HELP
    prepared = Prepared
    figure = Figure("loss", "loss a box that stands for an object")
    options = Options
    options_help = {
        "score": "Least score of a detection that is told.",
        "overlap": "Of two detections of a class that overlap more than this, the worse is dropped.",
    }

    def material(self, settings: Settings) -> AnnotatedSet:
        if settings.data == "scenes":
            return scene_set("scenes", load("scenes", side=settings.side, counts=(settings.scenes, *HELD_OUT)), masks=False)
        channels = 3 if settings.model == "ssd300" else settings.channels
        return read_boxed(settings.data, settings.side, channels, settings.on_error)

    def prepare(self, settings: Settings, material: AnnotatedSet) -> Prepared:
        channels = 3 if settings.model == "ssd300" else settings.channels or material.channels
        mean, std = [material.mean] * channels, [material.std] * channels
        scales = settings.scales
        if settings.model == "ssd300":
            mean, std = IMAGENET  # those that backbones are published with
        elif scales is None:
            assert material.boxes is not None
            scales = fitting_scales([material.boxes[i] for i in material.part("train")], material.side)
        return Prepared(settings.side, channels, mean, std, list(material.classes), material.fingerprint, scales)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        own = {} if prepared.scales is None else {"scales": prepared.scales}
        return build(settings.model, (prepared.channels, prepared.side, prepared.side), len(prepared.classes) + 1, **own)

    def goal(self, settings: Settings, material: AnnotatedSet, prepared: Prepared) -> Goal:
        boxes = self.model(settings, prepared).boxes.numpy()
        changes = transforms_of(settings.augment) if settings.augment else None
        data = partial(Boxed, repeated(material, prepared.channels), prepared=prepared, boxes=boxes)
        train, validation = loaders_of(
            settings, data(material.part("train"), transform=changes, seed=settings.seed), data(material.part("validation")),
        )
        return Goal(MultiBoxLoss(settings.negatives), train, validation)

    def notes(self, material: AnnotatedSet) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return (zeros(1, prepared.channels, prepared.side, prepared.side),)

    def image(self, prepared: Prepared, path: str) -> Tensor:
        return from_numpy(prepared.readied(read_pixels(path))[None])

    def measure(self, model: nn.Module, settings: Settings, material: AnnotatedSet, split: str) -> DetectionEvaluation:
        indices = material.part(split)
        prepared = self.prepare(settings, material)
        pictures = repeated(material, prepared.channels)
        images = [prepared.normalised(pictures.picture(int(i))) for i in indices]
        found = detected(model, images, overlap=settings.overlap)
        truth = [_truth(material, int(i)) for i in indices]
        return _evaluation(split, found, truth, material.classes)

    def sections(self, model: nn.Module, settings: Settings, material: AnnotatedSet, test: Evaluation) -> list[str]:
        assert isinstance(test, DetectionEvaluation)
        assert test.aps is not None
        return detection_sections(material, material.part("test"), test.found, test.truth, test.aps)

    def predict(self, run: Any, inputs: Sequence[str], options: Options | None = None) -> list[Answer]:
        """What each picture shows and where, in its own pixels, by falling score. `run` is a run's folder, or published
        weights of SSD300."""
        model, prepared = network_for_pictures(self, run)
        return [_answer(model, prepared, path, options or Options()) for path in inputs]

    def subject(self, settings: Settings) -> str:
        return f"{settings.model} on {settings.data} ({settings.side}x{settings.side})"

    def next_steps(self, run: Any) -> list[str]:
        return [f"evaluate {run}", f"predict {run} picture.png --out boxes.png"]


def detected(model: nn.Module, images: Sequence[np.ndarray], least_score: float = 0.01, overlap: float = 0.45) -> list[Found]:
    """Detections in normalised images (C, side, side), in parts of them; evaluation mode."""
    found: list[Found] = []
    with no_grad():
        for start in range(0, len(images), AT_ONCE):
            offsets, logits = model(from_numpy(np.stack(images[start:start + AT_ONCE])))
            found += detections(offsets, logits, model.boxes, least_score, overlap)
    return found


def _truth(pictures: AnnotatedSet, i: int) -> Truth:
    assert pictures.boxes is not None
    assert pictures.labels is not None
    return Truth(pictures.boxes[i] / pictures.side, pictures.labels[i])


def _evaluation(split: str, found: list[Found], truth: list[Truth], classes: Sequence[str]) -> DetectionEvaluation:
    aps = average_precisions(found, truth, len(classes), COCO_THRESHOLDS)
    half, mean = mean_average_precision(aps[:, 0]), float(np.mean([mean_average_precision(column) for column in aps.T]))
    labels = np.concatenate([t.labels for t in truth])
    lines = [["class", "objects", "AP, overlap 0.5", ""]]
    known = {name: ap for name, ap in zip(classes, aps[:, 0]) if not np.isnan(ap)}
    lines += [[name, str(int((labels == c).sum())), f"{known[name]:.4f}", ""] for c, name in enumerate(classes) if name in known]
    return DetectionEvaluation(
        split, len(found), {"map50": half, "map": mean},
        f"mAP@.5 {half:.4f}, mAP@[.5:.95] {mean:.4f} ({len(labels)} objects in {len(found)} pictures)",
        [(f"{half:.4f}", f"{split} mAP@.5"), (f"{mean:.4f}", f"{split} mAP@[.5:.95]")], lines, {"classes": known},
        found, truth, aps[:, 0],
    )


def _answer(model: nn.Module, prepared: PreparedPictures | PublishedPictures, path: str, options: Options) -> Answer:
    pixels = read_pixels(path)
    height, width = pixels.shape[:2]
    [found] = detected(model, [prepared.readied(pixels)], options.score, options.overlap)
    boxes = found.boxes * np.array([width, height, width, height])
    things = [{"class": prepared.classes[k], "score": float(s), "box": [round(float(v), 2) for v in box]}
              for k, s, box in zip(found.labels, found.scores, boxes)]
    lines = [f"{path}: {len(things) or 'no'} object{'' if len(things) == 1 else 's'} with a score of {options.score:g} or more"]
    for thing in things:
        corners = ", ".join(f"{v:.0f}" for v in thing["box"])
        lines.append(f"  {thing['class']:>12}  {thing['score']:.3f}  left, top, right, bottom: {corners}")

    def draw(out) -> None:
        image = larger(pixels, DRAWN)
        words = [f"{t['class']} {t['score']:.2f}" for t in things]
        save_picture(with_boxes(image, boxes * (image.width / width), found.labels.tolist(), words), out)

    return Answer("\n".join(lines), {"image": path, "width": width, "height": height, "detections": things}, draw)


RECIPE = Detect()
