"""Classification: images, sounds, texts and tables told apart by a named model (L 6.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import DataLoader, Dataset, Splits, Subset, TensorDataset, choose, holds_pictures, targets_of
from ..data.augment import Augmented, MixedBatches, cutmix, mixup, transforms_of
from ..data.sources import image_files
from ..models import build
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import ClassFindings, class_scores, confusion_matrix, count_errors, softmax, telling_ks, top_k_accuracy
from .classify_settings import HELP, Settings
from .evaluation import Answer, Evaluation
from .prepared import Prepared, pictures_of, pixels_of
from .published import Weights, weights_of
from .published_pictures import read_published
from .recipe import Recipe
from .robustness import Suite, measured
from .task import LARGE_BATCH, Goal, loaders_of

LISTED = 5  # classes of an answer, where there are many


@dataclass(frozen=True)
class ClassEvaluation(Evaluation):
    """`confusion` has the true class in rows; `logits` (N, C) are the model's outputs."""

    classes: Sequence[str] = ()
    confusion: np.ndarray | None = None
    logits: np.ndarray | None = None


class Classify(Recipe):
    name = "classify"
    settings = Settings
    help = HELP
    prepared = Prepared

    def material(self, settings: Settings) -> Splits:
        """The data of these settings. Raises ValueError when their targets are no classes."""
        splits = choose(settings.data, settings.request())
        if not splits.classes:
            raise ValueError(f"{settings.data}: its targets are numbers and not classes, which this recipe tells apart: "
                             f"`talweg train regress --data {settings.data}` learns numbers, --target names a column of classes")
        return splits

    def prepare(self, settings: Settings, material: Splits) -> Prepared:
        return Prepared(
            list(material.input_shape), material.mean, material.std, list(material.classes), material.native_size,
            material.kind, material.fingerprint,
        )

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        return build(settings.model, tuple(prepared.shape), len(prepared.classes), **settings.model_settings())

    def goal(self, settings: Settings, material: Splits, prepared: Prepared) -> Goal:
        train, validation = loaders_of(settings, _augmented(settings, material), material.validation)
        return Goal(
            loss_of(settings, material), _mixed(settings, material, train), validation, nn.CrossEntropyLoss(), error=count_errors,
            monitor=settings.monitor,
        )

    def notes(self, material: Splits) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return (zeros(1, *prepared.shape),)

    def image(self, prepared: Prepared, path: str) -> Tensor:
        """Raises as `pixels_of` does."""
        return from_numpy(pixels_of(path, prepared)[None])

    def measure(self, model: nn.Module, settings: Settings, material: Splits, split: str) -> ClassEvaluation:
        part = material.part(split)
        return _evaluation(split, outputs_of(model, part), targets_of(part), material.classes)

    def corrupted(self, run: str | Path, split: str = "test") -> Suite:
        settings, model, _, material = self.with_data(run)
        if material.kind not in ("drawing", "image") or len(material.input_shape) != 3:
            raise ValueError(f"{run}: was trained on {material.kind} and not on pictures, which alone are corrupted")
        part = material.part(split)
        labels = targets_of(part)

        def read(which: np.ndarray) -> np.ndarray:
            rows = [batch[0].numpy() for batch in DataLoader(Subset(part, which.tolist()), LARGE_BATCH)]
            return np.concatenate(rows) * np.float32(material.std) + np.float32(material.mean)

        def accuracy(pictures: np.ndarray, which: np.ndarray) -> float:
            inputs = ((pictures - material.mean) / material.std).astype(np.float32)
            return float(np.mean(outputs_of(model, TensorDataset(from_numpy(inputs))).argmax(axis=1) == labels[which]))

        return measured(read, len(labels), accuracy, split, settings.seed)

    def sections(self, model: nn.Module, settings: Settings, material: Splits, test: Evaluation) -> list[str]:
        assert isinstance(test, ClassEvaluation)
        assert test.logits is not None
        labels = targets_of(material.test)
        return ClassFindings(material.classes, pictures_of(material), labels, softmax(test.logits)).sections()

    def predict(self, run: str | Path | Weights, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """Each class's probability for image files and for all images of folders, the most probable first; the images are
        prepared as those of the training were. `run` is a run's folder, or published weights.

        Among several a file that cannot be read gets an answer that says so. Raises as `load` and `read_published` and, for
        one file, `image` do.
        """
        reader = self._reader(run)
        paths = [str(path) for given in inputs for path in image_files(given)]
        if len(paths) == 1:
            return [_answer(paths[0], reader.probabilities(reader.image(paths[0])), reader.listed)]
        return [_one_of_many(reader, path) for path in paths]

    def _reader(self, run: str | Path | Weights) -> _Reader:
        weights = weights_of(run)
        if weights is not None:
            published, pictures = read_published(weights)
            return _Reader(published, pictures.classes, pictures.image, LISTED)
        assert not isinstance(run, Weights)
        _, model, prepared = self.load(run)
        few = len(prepared.classes) <= 2 * LISTED
        return _Reader(model, prepared.classes, partial(self.image, prepared), len(prepared.classes) if few else LISTED)

    def subject(self, settings: Settings) -> str:
        size = f" ({settings.size}x{settings.size})" if holds_pictures(settings.data) else ""
        return f"{settings.model} on {settings.data}{size}"

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"predict {run} picture.png"]


def outputs_of(model: nn.Module, dataset: Dataset) -> np.ndarray:
    """The model's outputs for every sample, (N, C), in evaluation mode."""
    model.eval()
    with no_grad():
        return np.concatenate([model(batch[0]).numpy() for batch in DataLoader(dataset, LARGE_BATCH)])


def loss_of(s: Settings, splits: Splits) -> nn.Module:
    """Cross-entropy with the settings' label smoothing and class weights, as it is trained with; validation has neither."""
    weight = None
    if s.class_weights == "balanced":
        weight = from_numpy(balanced(targets_of(splits.train), len(splits.classes)))
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=s.label_smoothing)


def balanced(labels: np.ndarray, classes: int) -> np.ndarray:
    """n / (classes n_c): classes of few samples weigh as much as those of many. Float32; 0 for a class without samples."""
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, len(labels) / (classes * np.maximum(counts, 1)), 0).astype(np.float32)


def _augmented(s: Settings, splits: Splits) -> Dataset:
    """The training data, changed a little in every epoch if that is asked for (L 6.2)."""
    if not s.augment:
        return splits.train
    if len(splits.input_shape) != 3:
        raise ValueError(f"augment is for images, but {s.data} has inputs of shape {list(splits.input_shape)}: leave it out")
    return Augmented(splits.train, transforms_of(s.augment), s.seed, splits.mean, splits.std)


def _mixed(s: Settings, splits: Splits, train: DataLoader) -> Any:
    """The training batches, mixed if that is asked for (L 6.2)."""
    if s.cutmix is not None and len(splits.input_shape) != 3:
        raise ValueError(f"cutmix is for images, but {s.data} has inputs of shape {list(splits.input_shape)}: use mixup")
    if s.cutmix is not None:
        return MixedBatches(train, cutmix, len(splits.classes), s.cutmix, s.seed)
    return train if s.mixup is None else MixedBatches(train, mixup, len(splits.classes), s.mixup, s.seed)


def _evaluation(split: str, logits: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> ClassEvaluation:
    loss = nn.CrossEntropyLoss()(from_numpy(logits), from_numpy(labels)).item()
    wrong = int(np.count_nonzero(logits.argmax(axis=1) != labels))
    confusion = confusion_matrix(logits.argmax(axis=1), labels, len(classes))
    accuracy = f"{100 * (1 - wrong / len(labels)):.2f} %"
    scores = {name: asdict(score) for name, score in zip(classes, class_scores(confusion))}
    among = {k: top_k_accuracy(logits, labels, k) for k in telling_ks(len(classes))}
    told = "".join(f", top {k} {100 * share:.2f} %" for k, share in among.items())
    tiles = [(f"{100 * share:.2f} %", f"{split}, among the first {k}") for k, share in among.items()][-1:]
    return ClassEvaluation(
        split, len(labels),
        {"loss": loss, "accuracy": 1 - wrong / len(labels), **{f"top_{k}_accuracy": share for k, share in among.items()}},
        f"accuracy {accuracy} ({wrong} of {len(labels)} wrong){told}, loss {loss:.4f}",
        [(accuracy, f"{split} accuracy"), (f"{wrong} of {len(labels)}", f"{split} mistakes"), (f"{loss:.4f}", f"{split} loss"),
         *tiles],
        _by_class(classes, confusion), {"classes": scores, "confusion": confusion.tolist()}, classes, confusion, logits,
    )


def _by_class(classes: Sequence[str], confusion: np.ndarray) -> list[list[str]]:
    rows = [["class", "samples", "precision", "recall", "most taken for"]]
    for i, (name, score) in enumerate(zip(classes, class_scores(confusion))):
        others = confusion[i].copy()
        others[i] = 0
        taken = f"{classes[others.argmax()]} ({others.max()})" if others.any() else ""
        shares = [f"{100 * score.precision:.2f} %", f"{100 * score.recall:.2f} %"]
        rows.append([name, str(score.support), *shares, taken])
    return rows


@dataclass(frozen=True)
class _Reader:
    """A model that tells classes, how a file becomes its input, and how many classes an answer lists."""

    model: nn.Module
    classes: Sequence[str]
    image: Callable[[str], Tensor]
    listed: int

    def probabilities(self, image: Tensor) -> dict[str, float]:
        logits = outputs_of(self.model, TensorDataset(image))
        found = zip(self.classes, softmax(logits)[0].tolist(), strict=True)
        return dict(sorted(found, key=lambda pair: -pair[1]))


def _one_of_many(reader: _Reader, path: str) -> Answer:
    try:
        image = reader.image(path)
    except (ValueError, OSError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return Answer(f"{path}: not read: {reason}", {"image": path, "error": reason})
    found = _answer(path, reader.probabilities(image), reader.listed)
    return Answer(found.text.partition("\n")[0], found.facts)


def _answer(image: str, probabilities: dict[str, float], listed: int) -> Answer:
    shown = dict(list(probabilities.items())[:listed])
    best = next(iter(probabilities))
    width = max(8, *map(len, shown))
    lines = [f"{image}: {best} ({100 * probabilities[best]:.2f} %)"]
    for name, probability in shown.items():
        lines.append(f"  {name:>{width}}  {f'{100 * probability:.2f} %':>8}  {'#' * round(40 * probability)}".rstrip())
    facts = {"image": image, "class": best, "probability": probabilities[best], "probabilities": probabilities}
    return Answer("\n".join(lines), facts)


RECIPE = Classify()
