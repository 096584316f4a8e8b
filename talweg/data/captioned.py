"""Pictures with captions: the named set, or a table of paths and texts (L 6.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .examples import Examples, content_hash
from .images import read_pixels, squared
from .named.captions import TEMPLATES, Captioned, caption, captions
from .problems import BadSample, Problems
from .sources.csv_file import read_csv
from .sources.json_lines import read_json_lines
from .to_splits import cut

IMAGE_COLUMNS = ("image", "path", "file", "filename", "file_name", "picture")
TEXT_COLUMNS = ("caption", "text", "title", "description")
VALIDATION_SHARE = 10  # one in so many of the named set's training pictures


@dataclass(frozen=True)
class Part:
    """Pictures uint8 (N, size, size, 3), a caption each, and for each the number of its place in `answers`: the texts that
    a picture is to be told by, each in one or several wordings."""

    pictures: np.ndarray
    captions: list[str]
    answers: list[list[str]]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.captions)


@dataclass(frozen=True)
class CaptionedPictures:
    """Three disjoint parts; `others` are further parts to be measured on, by name."""

    name: str
    train: Part
    validation: Part
    test: Part
    fingerprint: str
    others: dict[str, Part] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def part(self, name: str) -> Part:
        """Raises ValueError for a name that is none of the parts'."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test, **self.others}
        if name not in parts:
            raise ValueError(f"no split is called {name!r}: choose one of {', '.join(parts)}")
        return parts[name]


def named_captions(size: int) -> CaptionedPictures:
    """`captions`: test pictures show combinations that were never seen, to be told among the 40 of them; the part "all" is
    the same pictures among all 200, the part "seen" other pictures of combinations that were seen."""
    found = captions()
    held_out = [int(c) for c in found.held_out]
    every = list(range(200))
    train = _of(found.train, size, every)
    validation = np.arange(len(train)) % VALIDATION_SHARE == 0
    learned, watched = (_some(train, np.flatnonzero(which)) for which in (~validation, validation))
    others = {"all": _of(found.unseen, size, every), "seen": _of(found.test, size, every)}
    kept = content_hash(train.pictures, "\n".join(train.captions), others["all"].pictures).hex()
    return CaptionedPictures("captions", learned, watched, _of(found.unseen, size, held_out), kept, others)


def read_captioned(path: str | Path, size: int, on_error: str = "stop", seed: int = 0) -> CaptionedPictures:
    """A CSV, TSV or JSON lines file with a column of picture files (image, path, file, ...), relative to its own folder, and
    one of texts (caption, text, ...). Pictures of one caption stay in one part.

    Raises FileNotFoundError, BadSample for a picture that cannot be read unless on_error is "skip", ValueError for a table
    without such columns.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give a CSV, TSV or JSON lines file with the columns image and "
                                "caption")
    problems = Problems(on_error)
    table = (read_json_lines if path.suffix.lower() in (".jsonl", ".ndjson", ".json") else read_csv)(path, problems)
    files, texts = (_column(path, table.columns, names) for names in (IMAGE_COLUMNS, TEXT_COLUMNS))
    pictures, said = [], []
    for row, file, text in zip(table.rows, files, texts):
        try:
            pictures.append(_coloured(read_pixels(path.parent / str(file)), size))
            said.append(" ".join(str(text).split()))
        except (OSError, ValueError) as error:
            problems.found(BadSample(path, str(error), row))
    if not pictures:
        raise ValueError(f"{path}: no picture in it can be read; {'; '.join(problems.notes())}".removesuffix("; "))
    return _split(path.stem, np.stack(pictures), said, seed, problems.notes())


def _split(name: str, pictures: np.ndarray, said: list[str], seed: int, notes: list[str]) -> CaptionedPictures:
    examples = Examples(
        name=name, inputs=pictures, targets=np.zeros((len(said), 1), np.float32), classes=[],
        where=lambda i: f"picture {i + 1}", groups=np.array(said),
    )
    parts, remarks = cut(examples, seed)
    train, validation, test = (_told_apart(pictures[part], [said[i] for i in part]) for part in parts)
    kept = content_hash(pictures, "\n".join(said)).hex()
    return CaptionedPictures(name, train, validation, test, kept, notes=[*notes, *remarks])


def _told_apart(pictures: np.ndarray, said: list[str]) -> Part:
    """A part whose pictures are to be told by the captions that occur in it."""
    distinct = list(dict.fromkeys(said))
    places = {text: i for i, text in enumerate(distinct)}
    return Part(pictures, said, [[text] for text in distinct], np.array([places[text] for text in said]))


def _of(found: Captioned, size: int, among: Sequence[int]) -> Part:
    answers = [[caption(c, t) for t in range(len(TEMPLATES))] for c in among]
    places = {c: i for i, c in enumerate(among)}
    pictures = np.round(255 * found.images.transpose(0, 2, 3, 1)).astype(np.uint8)
    resized = np.stack([squared(p, size) for p in pictures])
    return Part(resized, found.captions, answers, np.array([places[int(c)] for c in found.combinations]))


def _some(part: Part, which: np.ndarray) -> Part:
    return Part(part.pictures[which], [part.captions[i] for i in which], part.answers, part.labels[which])


def _coloured(pixels: np.ndarray, size: int) -> np.ndarray:
    pixels = squared(pixels, size)
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _column(path: Path, columns: dict[str, list], names: Sequence[str]) -> list:
    for name in columns:
        if name.strip().lower() in names:
            return columns[name]
    raise ValueError(f"{path}: has no column called {', '.join(names[:-1])} or {names[-1]}; its columns: {', '.join(columns)}")
