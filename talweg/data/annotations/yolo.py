"""YOLO's annotations: a text file for each picture, one line an object: class, centre and sides in parts of the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..problems import BadSample
from .listing import Listed, Listing, boxes_of, images_by_stem, part_named


def list_yolo(folder: Path) -> Listing:
    """images/ and labels/ with the same names, or either inside train/, val/ and test/; names of classes in data.yaml or
    classes.txt. A picture without a file of labels has no objects. Polygons become the boxes around them."""
    names = _names(folder)
    pictures: list[Listed] = []
    bad: list[BadSample] = []
    highest = -1
    for stem, path in images_by_stem(folder).items():
        file = _label_file(folder, Path(stem))
        if file is None:
            pictures.append(Listed(path, path, part=_part(Path(stem))))
            continue
        try:
            boxes, labels = _objects(file, len(names) or None)
        except ValueError as error:
            bad.append(BadSample(file, str(error)))
            continue
        highest = max(highest, int(labels.max(initial=-1)))
        pictures.append(Listed(path, file, boxes, labels, relative=True, part=_part(Path(stem))))
    return Listing(folder, pictures, names or [str(i) for i in range(highest + 1)], [], bad)


def has_labels(folder: Path) -> bool:
    return folder.is_dir() and (any(folder.glob("labels/**/*.txt")) or any(folder.glob("*/labels/*.txt")))


def _names(folder: Path) -> list[str]:
    """Names of classes, [] where none are given."""
    for file in (*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))):
        try:
            content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{file}: is no YAML ({error})") from error
        found = content.get("names") if isinstance(content, dict) else None
        if isinstance(found, dict):
            return [str(found[i]) for i in sorted(found)]
        if isinstance(found, list):
            return [str(name) for name in found]
    text = folder / "classes.txt"
    return [line.strip() for line in text.read_text(encoding="utf-8").splitlines() if line.strip()] if text.is_file() else []


def _label_file(folder: Path, stem: Path) -> Path | None:
    """The file of labels of a picture: beside it, or with the folder `images` called `labels`."""
    parts = stem.parts
    places = [stem, *(Path(*parts[:i], "labels", *parts[i + 1:]) for i, name in enumerate(parts) if name == "images")]
    return next((file for place in places if (file := folder / f"{place}.txt").is_file()), None)


def _part(stem: Path) -> int:
    return next((part for name in stem.parts[:-1] if (part := part_named(name)) >= 0), -1)


def _objects(file: Path, classes: int | None) -> tuple[np.ndarray, np.ndarray]:
    rows, labels = [], []
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            which, *values = map(float, line.split())
        except ValueError as error:
            raise ValueError(f"line {number}: {line.strip()[:60]!r} is not a class and numbers") from error
        if not (which >= 0 and which.is_integer()) or (classes is not None and which >= classes):
            raise ValueError(f"line {number}: there is no class {which:g}" + (f" of {classes}" if classes else ""))
        rows.append(_corners(values, number))
        labels.append(int(which))
    return boxes_of(rows), np.array(labels, np.int64)


def _corners(values: list[float], line: int) -> list[float]:
    if not all(-0.01 <= v <= 1.01 for v in values):
        raise ValueError(f"line {line}: numbers must be parts of the sides, from 0 to 1")
    if len(values) == 4:
        x, y, width, height = values
        return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    if len(values) < 6 or len(values) % 2:
        raise ValueError(f"line {line}: needs a class and 4 numbers (or a polygon's, 6 or more), got {len(values)}")
    return [min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])]
