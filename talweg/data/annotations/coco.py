"""COCO's annotations: one JSON file of images, categories and boxes, or one for each part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..problems import BadSample
from .listing import Listed, Listing, boxes_of, inside, numbered, part_named

SPEC = "COCO's annotations are an object with lists `images`, `annotations` and `categories`"


def json_files(path: Path) -> list[Path]:
    """The file itself, or a folder's annotation files."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    return sorted([*path.glob("*.json"), *path.glob("annotations/*.json")])


def list_coco(path: Path) -> Listing:
    """The pictures of one file, or of all annotation files of a folder; a file's name may say its part (train, val, test).

    Pictures lie beside the file, or in a folder beside it or above. Crowds are left out, as in training on COCO.
    Raises ValueError for a file that is no COCO.
    """
    files = json_files(path)
    classes: list[str] = []
    pictures: list[Listed] = []
    bad: list[BadSample] = []
    crowds = 0
    for file in files:
        content = _read(file)
        part = part_named(file.stem) if len(files) > 1 or part_named(file.stem) == 2 else -1
        names = _categories(file, content["categories"], classes)
        by_image, crowds_here = _by_image(file, content["annotations"])
        crowds += crowds_here
        folders = _folders(file)
        for image in content["images"]:
            found = _listed(file, folders, image, by_image.pop(image.get("id"), []), names, part)
            (bad if isinstance(found, BadSample) else pictures).append(found)  # type: ignore[arg-type]
        bad += [BadSample(file, f"annotations speak of image {i!r}, which is not among the images") for i in by_image]
    notes = [f"left out {crowds} boxes around crowds (iscrowd)"] if crowds else []
    return Listing(path if path.is_dir() else path.parent, pictures, classes, notes, bad)


def _read(file: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: is no JSON ({error})") from error
    for name in ("images", "annotations", "categories"):
        rows = content.get(name) if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{file}: {SPEC}; `{name}` is none")
    return content


def _categories(file: Path, rows: Sequence[dict[str, Any]], classes: list[str]) -> dict[Any, int]:
    try:
        return {row["id"]: numbered(str(row["name"]), classes) for row in rows}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file}: each of `categories` needs an id and a name ({error!r})") from error


def _by_image(file: Path, rows: Sequence[dict[str, Any]]) -> tuple[dict[Any, list[dict[str, Any]]], int]:
    found: dict[Any, list[dict[str, Any]]] = {}
    crowds = 0
    for row in rows:
        if not isinstance(row.get("image_id"), int | str):
            raise ValueError(f"{file}: each of `annotations` needs an image_id, got {row.get('image_id')!r}")
        if row.get("iscrowd"):
            crowds += 1
        else:
            found.setdefault(row["image_id"], []).append(row)
    return found, crowds


def _folders(file: Path) -> list[Path]:
    """Where the pictures may lie."""
    above = file.parent.parent if file.parent.name == "annotations" else file.parent
    named = [p for p in sorted(above.iterdir()) if p.is_dir() and p.name != "annotations"]
    return [file.parent, above, *named, *(p for folder in named for p in sorted(folder.iterdir()) if p.is_dir())]


def _listed(
    file: Path, folders: Sequence[Path], image: dict[str, Any], rows: Sequence[dict[str, Any]], names: dict[Any, int], part: int,
) -> Listed | BadSample:
    try:
        name = image["file_name"]
        paths = [inside(folder, name) for folder in folders]
        path = next((p for p in paths if p.is_file()), None)
        if path is None:
            raise ValueError(f"{name}: there is no such picture beside it or in a folder near")
        boxes = boxes_of([_corners(row["bbox"]) for row in rows])
        labels = np.array([names[row["category_id"]] for row in rows], np.int64)
    except (KeyError, TypeError, AttributeError) as error:
        return BadSample(file, f"image {image.get('file_name', image.get('id'))!r}: {error!r} is missing or of another kind")
    except ValueError as error:
        return BadSample(file, f"image {image.get('file_name')!r}: {error}")
    return Listed(path, file, boxes, labels, part=part)


def _corners(box: Sequence[float]) -> list[float]:
    """COCO's (left, top, width, height)."""
    left, top, width, height = map(float, box)
    return [left, top, left + width, top + height]
