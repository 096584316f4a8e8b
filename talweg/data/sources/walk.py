"""Finding labelled files below a folder: folder/{class}/..., or folder/{train,val,test}/{class}/..."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..examples import PARTS

SPLIT_NAMES = {
    "train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1, "test": 2, "testing": 2,
}
JUNK = ("Thumbs.db", "desktop.ini", "__MACOSX", "__pycache__")


@dataclass
class LabelledFiles:
    """Files with a class each; `fixed` has the part of each (index of PARTS) or -1; `notes` tell what has no class."""

    root: Path
    paths: list[Path]
    labels: np.ndarray
    classes: list[str]
    fixed: np.ndarray
    notes: list[str] = field(default_factory=list)

    def where(self, i: int) -> str:
        return str(self.paths[i].relative_to(self.root))

    def kept(self, mask: np.ndarray) -> LabelledFiles:
        paths = [p for p, keep in zip(self.paths, mask) if keep]
        return LabelledFiles(self.root, paths, self.labels[mask], self.classes, self.fixed[mask], self.notes)


def visible(folder: Path) -> list[Path]:
    """What lies in a folder in the order of names, without hidden files and what systems leave behind."""
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name not in JUNK)


def files_below(folder: Path) -> Iterator[Path]:
    """Every visible file at any depth, in the order of names. A link that leads back up is followed once."""
    seen = set()
    for where, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders[:] = []
            continue
        seen.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in JUNK)
        yield from (Path(where) / f for f in sorted(files) if not f.startswith(".") and f not in JUNK)


def near_path(path: Path) -> str:
    """What the user may have meant: the nearest name that is there, or what is there up to the first part that is not."""
    here = next((p for p in path.parents if p.is_dir()), None)
    if here is None:
        return ""
    wrong = path.relative_to(here).parts[0]
    names = [p.name for p in visible(here)]
    near = difflib.get_close_matches(wrong, names, n=1)
    if near:
        return f": did you mean {str(here / near[0])!r}?"
    return "" if len(path.relative_to(here).parts) == 1 else f": {here} has no {wrong!r}"


def labelled_files(root: Path) -> LabelledFiles:
    """The files by class. Raises ValueError for a folder without class folders, or with one class only."""
    parts = {p: SPLIT_NAMES[p.name.lower()] for p in visible(root) if p.is_dir() and p.name.lower() in SPLIT_NAMES}
    others = [p for p in visible(root) if p.is_dir() and p not in parts]
    if parts and others:
        raise ValueError(f"{root}: has split folders ({_names(parts)}) and others beside them ({_names(others)}): "
                         "put each class folder into a split folder, or use no split folders")
    found: list[tuple[Path, str, int]] = []
    strays: list[Path] = []
    empty: list[Path] = []
    for top, part in (parts or {root: -1}).items():
        _check_strays(top)
        strays += [path for path in visible(top) if not path.is_dir()]
        for folder in filter(Path.is_dir, visible(top)):
            files = list(files_below(folder))
            found += [(path, folder.name, part) for path in files]
            empty += [] if files else [folder]
    _check_found(root, found, strays, bool(parts))
    classes = sorted({name for _, name, _ in found})
    number = {name: i for i, name in enumerate(classes)}
    return LabelledFiles(
        root, [path for path, _, _ in found], np.array([number[name] for _, name, _ in found], np.int64), classes,
        np.array([part for _, _, part in found], np.int64), _notes(root, strays, empty, found),
    )


def _notes(root: Path, strays: list[Path], empty: list[Path], found: list[tuple[Path, str, int]]) -> list[str]:
    """What lies there without becoming a sample, and classes that a split lacks."""
    notes = []
    if strays:
        notes.append(f"left out {len(strays)} files that lie beside the class folders: {_few(strays, root)}")
    if empty:
        notes.append(f"left out folders without files: {_few(empty, root)}")
    for part in sorted({part for _, _, part in found} - {-1, 0}):
        lacking = sorted({name for _, name, _ in found} - {name for _, name, p in found if p == part})
        if lacking:
            notes.append(f"the {PARTS[part]} folder has no class {', '.join(lacking)}, so nothing is measured for it")
    return notes


def _check_strays(folder: Path) -> None:
    if not any(p.is_dir() for p in visible(folder)):
        count = sum(1 for _ in visible(folder))
        holds = f"holds {count} files but no class folders" if count else "is empty"
        raise ValueError(f"{folder}: {holds}: put the files of each class into a folder named after it, as in "
                         f"{folder.name}/cat/1.png and {folder.name}/dog/2.png")


def _check_found(root: Path, found: list[tuple[Path, str, int]], strays: list[Path], split: bool) -> None:
    classes = sorted({name for _, name, _ in found})
    if not found:
        raise ValueError(f"{root}: its folders hold no files: each needs the files of one class")
    if len(classes) == 1:
        beside = f", and {len(strays)} files beside that folder (such as {strays[0].name})" if strays else ""
        raise ValueError(f"{root}: has one class only ({classes[0]}){beside}: telling classes apart needs two folders or more, "
                         "one for each class")
    if not split:
        return
    if not any(part == 0 for _, _, part in found):
        raise ValueError(f"{root}: has no train folder with files beside its other splits: there is nothing to learn from")
    unlearnt = sorted(set(classes) - {name for _, name, part in found if part == 0})
    if unlearnt:
        raise ValueError(f"{root}: the train folder has no class {', '.join(unlearnt)}, which other splits have: "
                         "is a class folder spelt differently?")


def _few(paths: list[Path], root: Path, most: int = 3) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(str(p.relative_to(root)) for p in paths[:most]) + more


def _names(paths) -> str:
    return ", ".join(sorted(p.name for p in paths)[:5])
