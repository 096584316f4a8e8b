"""Text files by class: folder/{class}/*.txt, as counts of hashed words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..examples import Examples, Request, content_hash
from ..problems import BadSample, Problems
from .csv_file import read_text
from .walk import LabelledFiles, labelled_files
from .words import hashed_words

EXTENSIONS = {".txt", ".text", ".md", ".rst"}
PLACES = 4096


def read_text_folder(root: Path, request: Request) -> Examples:
    """Each text file's words, float32 (N, 4096). Raises BadSample for a file that is empty or no UTF-8 text."""
    problems = Problems(request.on_error)
    files, kept = read_texts(root, problems)
    return Examples(
        name=root.name, inputs=np.zeros((len(kept), 1), np.float32), targets=files.labels, classes=files.classes,
        where=files.where, contents=[content_hash(text) for text in kept], fixed=files.fixed,
        notes=files.notes + problems.notes(), finish=lambda train: hashed_words(kept, PLACES, train),
    )


def read_texts(root: Path, problems: Problems) -> tuple[LabelledFiles, list[str]]:
    """The files by class, and what is written in each. Raises as `read_text_folder` does."""
    files = labelled_files(root)
    named = np.array([p.suffix.lower() in EXTENSIONS for p in files.paths], bool)
    notes = files.notes + ([f"left out {int((~named).sum())} files that are no texts by name"] if not named.all() else [])
    files = files.kept(named)
    texts = [_read(path, problems) for path in files.paths]
    files = files.kept(np.array([text is not None for text in texts], bool))
    files.notes = notes
    if len(np.unique(files.labels)) < len(files.classes):
        raise ValueError(f"{root}: a class has no text that can be read: {'; '.join(problems.notes() + notes)}")
    return files, [text for text in texts if text is not None]


def _read(path: Path, problems: Problems) -> str | None:
    try:
        text = read_text(path)
    except ValueError as error:
        problems.found(BadSample(path, str(error).removeprefix(f"{path}: ")))
        return None
    if not text.strip():
        problems.found(BadSample(path, "is empty"))
        return None
    return text
