"""Pascal VOC's annotations: an XML file for each picture."""

from __future__ import annotations

import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np

from ..problems import BadSample
from ..sources.walk import files_below
from .listing import Listed, Listing, boxes_of, images_by_stem, numbered, part_named


def xml_files(folder: Path) -> list[Path]:
    return [p for p in files_below(folder) if p.suffix.lower() == ".xml"] if folder.is_dir() else []


def list_voc(folder: Path) -> Listing:
    """Annotations/*.xml with JPEGImages/ and, where they are, ImageSets/Main/{train,val,test}.txt; or XML files beside
    pictures of the same name. Objects marked as difficult are taken like others."""
    pictures = {Path(stem).name: path for stem, path in images_by_stem(folder).items()}
    parts = _parts(folder)
    classes: list[str] = []
    found: list[Listed] = []
    bad: list[BadSample] = []
    for file in xml_files(folder):
        try:
            boxes, names = _objects(file)
            path = pictures.get(file.stem)
            if path is None:
                raise ValueError(f"there is no picture {file.stem} (.jpg, .png, ...) below {folder.name}")
            labels = np.array([numbered(name, classes) for name in names], np.int64)
            part = parts.get(file.stem, part_named(file.parent.name))
            found.append(Listed(path, file, boxes, labels, part=part))
        except ValueError as error:
            bad.append(BadSample(file, str(error)))
    return _with_sorted_classes(Listing(folder, found, classes, [], bad))


def _with_sorted_classes(listing: Listing) -> Listing:
    """Numbers by the alphabet, so that they do not depend on the order of files."""
    order = sorted(listing.classes)
    new = np.array([order.index(name) for name in listing.classes], np.int64)
    pictures = [Listed(p.path, p.where, p.boxes, new[p.labels], part=p.part) for p in listing.pictures]
    return Listing(listing.root, pictures, order, listing.notes, listing.bad)


def _parts(folder: Path) -> dict[str, int]:
    """Which part the lists in ImageSets/Main put each picture in."""
    found: dict[str, int] = {}
    for list_file in sorted(folder.glob("**/ImageSets/Main/*.txt")):
        if list_file.stem in ("train", "val", "test"):
            lines = list_file.read_text(encoding="utf-8", errors="replace").splitlines()
            found |= {line.split()[0]: part_named(list_file.stem) for line in lines if line.split()}
    return found


def _objects(file: Path) -> tuple[np.ndarray, list[str]]:
    """Boxes and names of a file. VOC counts pixels from 1 and includes the last one."""
    content = file.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("declares a document type, which annotations have no use for")
    try:
        root = xml.fromstring(content)
    except (xml.ParseError, ValueError) as error:
        raise ValueError(f"is no sound XML ({error})") from error
    rows: list[list[float]] = []
    names: list[str] = []
    for thing in root.iter("object"):
        box = thing.find("bndbox")
        name = (thing.findtext("name") or "").strip()
        if box is None or not name:
            raise ValueError(f"object {len(rows) + 1} has no name or no bndbox")
        try:
            left, top, right, bottom = (float(box.findtext(side) or "") for side in ("xmin", "ymin", "xmax", "ymax"))
        except ValueError as error:
            raise ValueError(f"object {len(rows) + 1}: xmin, ymin, xmax and ymax must be numbers") from error
        rows.append([left - 1, top - 1, right, bottom])
        names.append(name)
    return boxes_of(rows), names
