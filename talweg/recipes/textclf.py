"""Telling texts apart by a BERT: first it learns to fill in hidden words, then the class of a text (L 5.3, L 6 introduction).

What tells the class is read off the first token, [CLS], which is no word and looks at all of them (Devlin et al., 2019).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import Dataset, TensorDataset
from ..data.augment.draws import Draws
from ..data.labelled_texts import LabelledTexts
from ..io import load_matching
from ..tensor import Tensor, from_numpy, manual_seed, zeros
from ..training import ClassFindings, FitResult, Listener, class_scores, confusion_matrix, count_errors, softmax
from .bert_reader import Reader, TextReader, learnt_reader, read_by_itself, reader_of
from .classify import outputs_of
from .evaluation import Answer, Evaluation
from .masked import MASK, labelled_texts, text_of_input
from .masked import RECIPE as MASKED
from .recipe import Recipe
from .task import Goal, Task, average_of, loaders_of
from .textclf_report import deciding_words, worst_texts
from .textclf_settings import HELP, Settings

FIRST_STAGE = "pretraining"  # a folder of the run, itself a run


@dataclass(frozen=True, kw_only=True)
class Prepared(Reader):
    classes: list[str]
    fingerprint: str


@dataclass(frozen=True)
class TextEvaluation(Evaluation):
    """`logits` (N, classes) of the split's texts."""

    logits: np.ndarray | None = None


class Texts(Dataset):
    """Samples (tokens (T,), class). In training a share of the tokens is hidden, others in every epoch, so that no single word is
    relied on. `stays` are tokens that are never hidden."""

    def __init__(
        self, tokens: np.ndarray, labels: np.ndarray, share: float, mask: int, stays: tuple[int, ...], seed: int, epoch: int = 0,
    ) -> None:
        self.tokens, self.labels, self.share, self.mask = tokens, labels, share, mask
        self.stays, self.seed, self.epoch = stays, seed, epoch

    def at_epoch(self, epoch: int) -> Texts:
        return Texts(self.tokens, self.labels, self.share, self.mask, self.stays, self.seed, epoch)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        tokens, labels = self.batch([index])
        return tokens[0], labels[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        rows = self.tokens[np.asarray(indices)]
        draws = np.stack([Draws(self.seed, self.epoch, int(i), purpose="dropped words").units(rows.shape[1]) for i in indices])
        shown = np.where((draws < self.share) & ~np.isin(rows, self.stays), self.mask, rows)
        return [from_numpy(shown), from_numpy(self.labels[np.asarray(indices)])]


class TextClassification(Recipe):
    name = "textclf"
    takes = "text"
    settings = Settings
    help = HELP
    prepared = Prepared

    def material(self, settings: Settings) -> LabelledTexts:
        return labelled_texts(settings)

    def prepare(self, settings: Settings, material: LabelledTexts) -> Prepared:
        if settings.weights:
            reader = reader_of(settings.weights, settings.context)
        else:
            reader = learnt_reader([*material.texts_of("train"), *material.unlabelled], settings)
        return Prepared(**reader, classes=list(material.classes), fingerprint=material.fingerprint)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        return TextReader(**prepared.sizes(), head="classes", classes=len(prepared.classes), dropout=settings.dropout)

    def goal(self, settings: Settings, material: LabelledTexts, prepared: Prepared) -> Goal:
        tokenizer = prepared.built()
        learned, held_out = (_arrays(prepared, material, part) for part in ("train", "validation"))
        texts = Texts(*learned, settings.drop_words, tokenizer[MASK] if settings.drop_words else 0, prepared.stays(tokenizer),
                      settings.seed)
        train, validation = loaders_of(settings, texts, TensorDataset(*map(from_numpy, held_out)))
        loss = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
        return Goal(loss, train, validation, nn.CrossEntropyLoss(), error=count_errors, monitor=settings.monitor)

    def learnt_before(self, task: Task, run: Path, listeners: Sequence[Listener]) -> FitResult | None:
        """Fill in hidden words, in a run of its own inside this one, which is gone on with where it was interrupted; then
        begin with its weights. The rest depends on the seed and these weights alone."""
        s: Settings = task.settings
        if s.weights or not s.pretrain_steps or task.state.updates:
            return None
        folder = run / FIRST_STAGE
        for listener in listeners:
            listener.note(f"first stage, {s.pretrain_steps} steps: filling in hidden words ({folder})")
        if (folder / "config.yaml").exists():
            outcome = MASKED.resume(folder, {}, listeners)
        else:
            shutil.rmtree(folder, ignore_errors=True)  # killed before its settings were written
            outcome = MASKED.train(s.first_stage(), folder, listeners)
        if outcome.result.interrupted:
            return FitResult(interrupted=True, signal=outcome.result.signal)
        load_matching(folder, task.model)
        task.average = average_of(s, task.model)
        manual_seed(s.seed)
        for listener in listeners:
            listener.note(f"second stage: classes; after the first {outcome.test.summary}")
        return None

    def notes(self, material: LabelledTexts) -> Sequence[str]:
        counts = [len(material.part(name)) for name in ("train", "validation", "test")]
        told = (f"{len(material.texts)} texts of {len(material.classes)} classes: {counts[0]} to learn from, {counts[1]} and "
                f"{counts[2]}")
        more = [f"{len(material.unlabelled)} more without a class, to learn to read from"] if material.unlabelled else []
        return [*material.notes, f"{told} to validate and test with", *more]

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return (zeros(1, prepared.context).long(),)

    def measure(self, model: nn.Module, settings: Settings, material: LabelledTexts, split: str) -> TextEvaluation:
        prepared = self.prepare(settings, material)
        tokens, labels = _arrays(prepared, material, split)
        return _evaluation(split, outputs_of(model, TensorDataset(from_numpy(tokens))), labels, material.classes)

    def sections(self, model: nn.Module, settings: Settings, material: LabelledTexts, test: Evaluation) -> list[str]:
        assert isinstance(test, TextEvaluation)
        assert test.logits is not None
        prepared = self.prepare(settings, material)
        shares, labels = softmax(test.logits), material.labels[material.test]
        texts = material.texts_of("test")
        return [
            *ClassFindings(material.classes, None, labels, shares).sections(),
            worst_texts(texts, labels, shares, material.classes),
            deciding_words(model, prepared, texts, labels, shares, material.classes),
        ]

    def predict(self, run: str | Path, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """Each class's probability for texts, given as they are or by the paths of .txt files, the most probable first."""
        _, model, prepared = self.load(run)
        return [_answer(model, prepared, given) for given in inputs]

    def load(self, run: str | Path) -> tuple[Any, nn.Module, Any]:
        settings, model, prepared = super().load(run)
        return read_by_itself(settings, run), model, prepared

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f'predict {run} "a text, or a file with one"']


def _arrays(prepared: Prepared, material: LabelledTexts, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (N, T) and labels (N,)."""
    return prepared.read(prepared.built(), material.texts_of(split)), material.labels[material.part(split)]


def _evaluation(split: str, logits: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> TextEvaluation:
    loss = nn.CrossEntropyLoss()(from_numpy(logits), from_numpy(labels)).item()
    confusion = confusion_matrix(logits.argmax(1), labels, len(classes))
    wrong = len(labels) - int(confusion.trace())
    accuracy = f"{100 * (1 - wrong / len(labels)):.2f} %"
    scores = class_scores(confusion)
    rows = [["class", "texts", "precision", "recall"]]
    rows += [[name, str(s.support), f"{100 * s.precision:.1f} %", f"{100 * s.recall:.1f} %"] for name, s in zip(classes, scores)]
    return TextEvaluation(
        split, len(labels), {"loss": loss, "accuracy": 1 - wrong / len(labels)},
        f"accuracy {accuracy} ({wrong} of {len(labels)} wrong), loss {loss:.4f}",
        [(accuracy, f"{split} accuracy"), (f"{wrong} of {len(labels)}", f"{split} mistakes"), (f"{loss:.4f}", f"{split} loss")],
        rows, {"classes": {name: asdict(s) for name, s in zip(classes, scores)}, "confusion": confusion.tolist()}, logits,
    )


def _answer(model: nn.Module, prepared: Prepared, given: str) -> Answer:
    text = text_of_input(given)
    tokenizer = prepared.built()
    shares = softmax(outputs_of(model, TensorDataset(from_numpy(prepared.read(tokenizer, [text])))))[0]
    found = sorted(zip(prepared.classes, shares.tolist()), key=lambda pair: -pair[1])
    lines = [f"{' '.join(given.split())[:60]}: {found[0][0]} ({100 * found[0][1]:.2f} %)"]
    width = max(map(len, prepared.classes))
    lines += [f"  {name:>{width}}  {f'{100 * p:.2f} %':>8}  {'#' * round(40 * p)}".rstrip() for name, p in found]
    count = len(tokenizer.encode(text)) + 2
    facts = {"text": text, "class": found[0][0], "probability": found[0][1], "probabilities": dict(found), "tokens": count,
             "tokens_read": min(count, prepared.context)}
    return Answer("\n".join(lines), facts)


RECIPE = TextClassification()
