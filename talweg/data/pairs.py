"""Pairs of texts: a source and what it is to become, split so that no source is in two parts (L 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .examples import Examples, content_hash
from .problems import BadSample, Problems
from .sources.csv_file import read_text
from .to_splits import cut

Pair = tuple[str, str]


@dataclass(frozen=True)
class Pairs:
    """(source, target) in three parts; the units that they are written in: characters, words or pieces (byte pairs)."""

    name: str
    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]
    fingerprint: str
    source_unit: str = "pieces"
    target_unit: str = "pieces"
    notes: list[str] = field(default_factory=list)

    def part(self, name: str) -> list[Pair]:
        """Raises ValueError for another name than train, validation and test."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)


def split_pairs(name: str, pairs: Sequence[Pair], seed: int = 0, **about) -> Pairs:
    """70, 15 and 15 % of the pairs; those with one source stay together. Raises ValueError for too few."""
    sources, targets = ([pair[i] for pair in pairs] for i in (0, 1))
    examples = Examples(
        name=name, inputs=np.zeros((len(pairs), 1), np.float32), targets=np.zeros((len(pairs), 1), np.float32), classes=[],
        where=lambda i: f"pair {i + 1}", groups=np.array(sources),
    )
    parts, notes = cut(examples, seed)
    train, validation, test = ([pairs[i] for i in part] for part in parts)
    digest = content_hash("\n".join(sources), "\n".join(targets)).hex()
    return Pairs(name, train, validation, test, digest, notes=[*about.pop("notes", []), *notes], **about)


def read_pairs(path: str | Path, on_error: str = "stop", seed: int = 0) -> Pairs:
    """A TSV file: a source, a tab and its target in each line; empty lines do not count.

    Raises FileNotFoundError, BadSample for a line without both unless on_error is "skip", ValueError for an empty file or one
    that is no UTF-8.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; pairs are a TSV file: a source, a tab, its target in each line")
    if path.is_dir():
        raise ValueError(f"{path}: is a folder: pairs are a TSV file, a source, a tab and its target in each line")
    problems = Problems(on_error)
    pairs = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        cells = [" ".join(cell.split()) for cell in line.split("\t")]
        if not any(cells):
            continue
        if len(cells) != 2 or not all(cells):
            problems.found(BadSample(path, f"needs a source, a tab and a target, and has {_count(cells)}", number))
            continue
        pairs.append((cells[0], cells[1]))
    if not pairs:
        raise ValueError(f"{path}: holds no pairs; {'; '.join(problems.notes())}".removesuffix("; "))
    return split_pairs(path.stem, pairs, seed, notes=problems.notes())


def _count(cells: Sequence[str]) -> str:
    return f"{len(cells)} cells" if len(cells) != 2 else "an empty one"
