"""Texts with a class each: a named set, a table with columns of texts and labels, or a folder of text files by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .examples import Examples, content_hash
from .problems import BadSample, Problems
from .sources.table import Table, is_missing
from .sources.table_data import read_table
from .sources.text_folder import read_texts
from .sources.walk import near_path
from .to_splits import cut

Sample = tuple[str, str]
TEXT_COLUMNS = ("text", "sentence", "review", "content", "document")
LABEL_COLUMNS = ("label", "class", "category", "target", "sentiment")


@dataclass(frozen=True)
class LabelledTexts:
    """`texts` (N) and `labels` (N,) in numbers of `classes`; `train`, `validation` and `test` are indices of them.
    `unlabelled` texts can be read, but are of no class."""

    name: str
    texts: list[str]
    labels: np.ndarray
    classes: list[str]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    fingerprint: str
    unlabelled: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def part(self, name: str) -> np.ndarray:
        """The samples of a split. Raises ValueError for another name than train, validation and test."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)

    def texts_of(self, name: str) -> list[str]:
        return [self.texts[i] for i in self.part(name)]


def split_texts(
    name: str, samples: Sequence[Sample], seed: int = 0, *, fixed: np.ndarray | None = None,
    where: Callable[[int], str] | None = None, unlabelled: Sequence[str] = (), notes: Sequence[str] = (),
) -> LabelledTexts:
    """70, 15 and 15 % of (text, class) pairs, of each class alike; equal texts stay together. `fixed` says which part a sample
    was put in by the user. Raises ValueError for fewer than two classes, or too few samples."""
    classes = sorted({label for _, label in samples})
    if len(classes) < 2:
        raise ValueError(f"{name}: its texts are all of one class ({', '.join(classes)}): telling classes apart needs two or "
                         "more")
    texts = [text for text, _ in samples]
    labels = np.array([classes.index(label) for _, label in samples], np.int64)
    examples = Examples(
        name=name, inputs=np.zeros((len(samples), 1), np.float32), targets=labels, classes=classes,
        where=where or (lambda i: f"text {i + 1}"), contents=[content_hash(text) for text in texts], fixed=fixed,
    )
    (train, validation, test), told = cut(examples, seed)
    digest = content_hash(*texts, labels, *classes, *unlabelled).hex()
    return LabelledTexts(name, texts, labels, classes, train, validation, test, digest, list(unlabelled), [*notes, *told])


def read_labelled_texts(
    path: str | Path, text: str | None = None, target: str | None = None, on_error: str = "stop", seed: int = 0,
) -> LabelledTexts:
    """A folder with a folder of text files for each class, or a table (.csv, .tsv, .jsonl, .parquet) whose column `text` holds
    texts and `target` their classes. Columns that are not named are found by usual names, or are the only two.

    Raises FileNotFoundError, BadSample for an empty text or a missing class unless on_error is "skip", ValueError for the rest.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder{near_path(path)}")
    problems = Problems(on_error)
    return _of_folder(path, problems, seed) if path.is_dir() else _of_table(path, text, target, problems, seed)


def _of_folder(root: Path, problems: Problems, seed: int) -> LabelledTexts:
    files, texts = read_texts(root, problems)
    samples = [(text, files.classes[label]) for text, label in zip(texts, files.labels)]
    return split_texts(root.name, samples, seed, fixed=files.fixed, where=files.where, notes=[*files.notes, *problems.notes()])


def _of_table(path: Path, text: str | None, target: str | None, problems: Problems, seed: int) -> LabelledTexts:
    table = read_table(path, problems)
    words, labels = _columns(table, text, target)
    samples: list[Sample] = []
    rows: list[int] = []
    for row, content, label in zip(table.rows, table.columns[words], table.columns[labels]):
        reason = _wrong(content, label, words, labels)
        if reason:
            problems.found(BadSample(path, reason, row))
            continue
        samples.append((str(content), _named(label)))
        rows.append(row)
    if not samples:
        raise ValueError(f"{path}: no row is left: {'; '.join(problems.notes())}")
    if 2 * len({label for _, label in samples}) > len(samples):
        raise ValueError(f"{path}: column {labels!r} has a different value in more than every second row, so it holds no "
                         f"classes: name another with --target (there are {', '.join(table.columns)})")
    notes = [*table.notes, *problems.notes()]
    return split_texts(path.name, samples, seed, where=lambda i: f"{path}: row {rows[i]}", notes=notes)


def _columns(table: Table, text: str | None, target: str | None) -> tuple[str, str]:
    words = _chosen(table, text, "text-column", TEXT_COLUMNS)
    labels = _chosen(table, target, "target", LABEL_COLUMNS)
    left = [name for name in table.columns if name not in (words, labels)]
    if words is None and labels is None and len(left) == 2:
        words, labels = left
    elif len(left) == 1 and (words is None) != (labels is None):
        words, labels = words or left[0], labels or left[0]
    if words is None or labels is None or words == labels:
        what, flag = ("texts", "--text-column") if words is None else ("classes", "--target")
        raise ValueError(f"{table.path}: which of its columns holds the {what} is not clear: name it with {flag} (there are "
                         f"{', '.join(table.columns)})")
    return words, labels


def _chosen(table: Table, wanted: str | None, flag: str, usual: Sequence[str]) -> str | None:
    if wanted is not None and wanted not in table.columns:
        raise ValueError(f"{table.path}: has no column {wanted!r}, which --{flag} names; it has {', '.join(table.columns)}")
    by_name = {name.lower(): name for name in table.columns}
    return wanted or next((by_name[name] for name in usual if name in by_name), None)


def _wrong(text: Any, label: Any, words: str, labels: str) -> str:
    """What is wrong with a row, "" for nothing. A text may be any word, such as none; a class may not."""
    if text is None or not str(text).strip():
        return f"has no text in column {words!r}"
    return f"has no class in column {labels!r}" if is_missing(label) else ""


def _named(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label).strip()
