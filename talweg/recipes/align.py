"""CLIP: pictures and texts into one space, in which those that belong together agree; telling pictures by any words (L 6.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import Dataset, read_pixels, squared
from ..data.captioned import CaptionedPictures, Part, named_captions, read_captioned
from ..data.text import WordTokenizer
from ..models import CLIP
from ..nn import functional as F
from ..tensor import Tensor, arange, from_numpy, no_grad, zeros
from ..training import softmax
from ..training.report_parts import gallery, picture_source, section
from .align_published import PublishedTexts, published_clip
from .align_settings import HELP, OPTIONS_HELP, Options, Settings
from .evaluation import Answer, Evaluation
from .published import Weights, weights_of
from .recipe import Recipe
from .robustness import Suite
from .robustness import measured as measured_suite
from .task import LARGE_BATCH, Goal, loaders_of

PAD, START, END, UNKNOWN = 0, 1, 2, 3
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
SHOWN = 12


@dataclass(frozen=True)
class Prepared:
    """The words that are told apart, tokens of a text, side of a picture, the test split's answers (the first wording of
    each), and what stands for the content of the data."""

    words: list[str]
    context: int
    size: int
    answers: list[str]
    fingerprint: str

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Ids (N, context) of texts between a start and an end; what is too long loses its last words."""
        tokenizer = WordTokenizer(self.words, SPECIAL)
        found = np.full((len(texts), self.context), PAD, np.int64)
        for row, text in zip(found, texts):
            ids = [START, *tokenizer.encode(text)[:self.context - 2], END]
            row[:len(ids)] = ids
        return from_numpy(found)


@dataclass(frozen=True)
class AlignEvaluation(Evaluation):
    """`chosen` is the place of the answer that each picture of the split was given, (N,)."""

    chosen: np.ndarray | None = None


class PicturesAndTexts(Dataset):
    """Samples ((picture, tokens), label)."""

    def __init__(self, part: Part, prepared: Prepared) -> None:
        self.part = part
        self.tokens = prepared.tokens(part.captions).numpy()

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, i: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
        (pictures, tokens), labels = self.batch([i])
        return (pictures[0], tokens[0]), labels[0]

    def batch(self, indices: Sequence[int]) -> tuple[tuple[Tensor, Tensor], Tensor]:
        which = np.asarray(indices)
        inputs = _scaled(self.part.pictures[which]), from_numpy(self.tokens[which])
        return inputs, from_numpy(self.part.labels[which])


class Align(Recipe):
    name = "align"
    settings = Settings
    help = HELP
    prepared = Prepared
    options = Options
    options_help = OPTIONS_HELP

    def material(self, settings: Settings) -> CaptionedPictures:
        if settings.data == "captions":
            return named_captions(settings.size)
        return read_captioned(settings.data, settings.size, settings.on_error)

    def prepare(self, settings: Settings, material: CaptionedPictures) -> Prepared:
        words = WordTokenizer.of(material.train.captions, settings.vocabulary, special=SPECIAL).tokens[len(SPECIAL):]
        answers = [wordings[0] for wordings in material.test.answers]
        return Prepared(words, settings.context, settings.size, answers, material.fingerprint)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        shared = {"layers": settings.layers, "heads": settings.heads}
        picture = {"size": prepared.size, "patch": settings.patch, "width": settings.width, **shared}
        return CLIP(settings.embedding, settings.width, image_encoder=picture, vocabulary=len(SPECIAL) + len(prepared.words),
                    context=prepared.context, end=END, **shared)

    def goal(self, settings: Settings, material: CaptionedPictures, prepared: Prepared) -> Goal:
        train, validation = (PicturesAndTexts(part, prepared) for part in (material.train, material.validation))
        return Goal(pair_loss, *loaders_of(settings, train, validation))

    def notes(self, material: CaptionedPictures) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return zeros(1, 3, prepared.size, prepared.size), prepared.tokens([""])

    def image(self, prepared: Prepared, path: str) -> Tensor:
        pixels = squared(read_pixels(path), prepared.size)
        return _scaled((np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels)[None])

    def measure(self, model: nn.Module, settings: Settings, material: CaptionedPictures, split: str) -> AlignEvaluation:
        """Accuracy of telling the pictures of a split by its answers; of the test split also among all answers, if the data
        have more."""
        prepared = self.prepare(settings, material)
        part = material.part(split)
        scores = _scores(model, prepared, part)
        figures = {"accuracy": _accuracy(scores, part), "answers": float(len(part.answers))}
        words = f"{100 * figures['accuracy']:.2f} % right among {len(part.answers)} answers"
        tiles = [(f"{100 * figures['accuracy']:.2f} %", f"{split}, among {len(part.answers)} answers")]
        if split == "test":
            for name, other in material.others.items():
                figures[f"accuracy_{name}"] = found = _accuracy(_scores(model, prepared, other), other)
                words += f"; {name}: {100 * found:.2f} % among {len(other.answers)}"
                tiles.append((f"{100 * found:.2f} %", f"{name}, among {len(other.answers)} answers"))
        return AlignEvaluation(split, len(part), figures, words, tiles, chosen=scores.argmax(1))

    def corrupted(self, run: str | Path, split: str = "test") -> Suite:
        settings, model, prepared, material = self.with_data(run)
        part = material.part(split)
        texts = ensemble(model, prepared, part.answers)

        def read(which: np.ndarray) -> np.ndarray:
            return (part.pictures[which].transpose(0, 3, 1, 2) / np.float32(255)).astype(np.float32)

        def accuracy(pictures: np.ndarray, which: np.ndarray) -> float:
            rows = np.round(255 * pictures.transpose(0, 2, 3, 1)).astype(np.uint8)
            return float(np.mean((_encoded(model, rows) @ texts.T).argmax(1) == part.labels[which]))

        return measured_suite(read, len(part), accuracy, split, settings.seed)

    def sections(self, model: nn.Module, settings: Settings, material: CaptionedPictures, test: Evaluation) -> list[str]:
        assert isinstance(test, AlignEvaluation)
        assert test.chosen is not None
        part = material.test
        wrong = np.flatnonzero(test.chosen != part.labels)
        right = np.flatnonzero(test.chosen == part.labels)
        return [section(title, gallery((picture_source(part.pictures[i]), _said(part, int(test.chosen[i]), int(i)))
                                       for i in which[:SHOWN]))
                for title, which in (("Told wrongly", wrong), ("Told rightly", right)) if len(which)]

    def predict(
        self, run: str | Path | Weights, inputs: Sequence[str], options: Options | None = None,
    ) -> list[Answer]:
        """Each label's probability for picture files, by a run or by published weights, which have no labels of their own.

        Raises ValueError for labels of which no word is known, or without labels where they are needed.
        """
        options = options or Options()
        model, prepared, image, labels = self._asked(run, options.labels)
        wordings = [[t.replace("{}", label) for t in options.templates or ["{}"]] for label in labels]
        with no_grad():
            texts = ensemble(model, prepared, wordings)
            scale = model.logit_scale.exp().clamp(max=100.0).item()
            found = [model.encode_images(image(path)).numpy() @ texts.T * scale for path in inputs]
        return [_answer(path, labels, softmax(scores)[0]) for path, scores in zip(inputs, found)]

    def _asked(
        self, run: str | Path | Weights, labels: Sequence[str] | None,
    ) -> tuple[Any, Prepared | PublishedTexts, Callable[[str], Tensor], Sequence[str]]:
        """The model, how texts and how pictures become its inputs, and what a picture may show."""
        weights = weights_of(run)
        if weights is None:
            assert not isinstance(run, Weights)
            _, model, prepared = self.load(run)
            _refuse_unknown(labels or prepared.answers, prepared)
            return model, prepared, partial(self.image, prepared), labels or prepared.answers
        if not labels:
            raise ValueError(f'{weights}: needs --labels, what a picture may show, such as "a photo of a cat,a photo of a dog"')
        model, published = published_clip(weights)
        return model, published, published.image, labels

    def subject(self, settings: Settings) -> str:
        return f"{settings.model} on {settings.data} ({settings.size}x{settings.size}, patches of {settings.patch})"

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f'predict {run} picture.png --labels "a red seven,a green two"']


def pair_loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """The cross-entropy of finding each picture's text among the batch's, and each text's picture, of N x N logits."""
    by_image, by_text = outputs
    pairs = arange(by_image.shape[0])
    return (F.cross_entropy(by_image, pairs) + F.cross_entropy(by_text, pairs)) / 2


def ensemble(model: Any, prepared: Prepared | PublishedTexts, wordings: Sequence[Sequence[str]]) -> np.ndarray:
    """One vector of length 1 for each answer, (answers, embedding): the mean of its wordings' embeddings."""
    flat = [text for texts in wordings for text in texts]
    with no_grad():
        rows = [model.encode_texts(prepared.tokens(flat[i:i + LARGE_BATCH])).numpy() for i in range(0, len(flat), LARGE_BATCH)]
    ends = np.cumsum([len(texts) for texts in wordings])[:-1]
    means = np.stack([part.mean(axis=0) for part in np.split(np.concatenate(rows), ends)])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def _scores(model: Any, prepared: Prepared, part: Part) -> np.ndarray:
    """Cosines of pictures and answers, (N, answers)."""
    return _encoded(model, part.pictures) @ ensemble(model, prepared, part.answers).T


def _encoded(model: Any, pictures: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, 3) to vectors of length 1, (N, embedding)."""
    model.eval()
    with no_grad():
        return np.concatenate([model.encode_images(_scaled(pictures[i:i + LARGE_BATCH])).numpy()
                               for i in range(0, len(pictures), LARGE_BATCH)])


def _accuracy(scores: np.ndarray, part: Part) -> float:
    return float(np.mean(scores.argmax(1) == part.labels))


def _scaled(pictures: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 3) to float32 (N, 3, H, W) in [-1, 1]."""
    return from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1)


def _said(part: Part, chosen: int, i: int) -> str:
    told = part.answers[chosen][0]
    return told if chosen == part.labels[i] else f"told as {told}; is {part.answers[part.labels[i]][0]}"


def _refuse_unknown(labels: Sequence[str], prepared: Prepared) -> None:
    tokenizer = WordTokenizer(prepared.words, SPECIAL)
    for label in labels:
        if all(token == UNKNOWN for token in tokenizer.encode(label)):
            raise ValueError(f"--labels: no word of {label!r} was in the captions that this run learned from; some that were: "
                             f"{', '.join(prepared.words[:12])}")


def _answer(path: str, labels: Sequence[str], probabilities: np.ndarray) -> Answer:
    ranked = sorted(zip(labels, probabilities.tolist()), key=lambda pair: -pair[1])
    width = max(map(len, labels))
    lines = [f"{path}: {ranked[0][0]} ({100 * ranked[0][1]:.2f} %)"]
    lines += [f"  {label:>{width}}  {f'{100 * p:.2f} %':>8}  {'#' * round(40 * p)}".rstrip() for label, p in ranked[:10]]
    facts = {"image": path, "label": ranked[0][0], "probability": ranked[0][1], "probabilities": dict(ranked)}
    return Answer("\n".join(lines), facts)


RECIPE = Align()
