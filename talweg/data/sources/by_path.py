"""Which kind of data a path holds, and reading it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ..examples import Examples, Request
from ..named.published_images import published_format, read_published_folder
from ..splits import Splits
from ..to_splits import to_splits
from . import sound_folder, text_folder
from .array_file import read_npy, read_npy_folder, read_npz
from .image_folder import is_image_name, read_image_folder
from .shards import is_sharded, read_shards
from .sound_folder import read_sound_folder
from .table_data import TABLES
from .text_folder import read_text_folder
from .walk import files_below, near_path, visible

Reader = Callable[[Path, Request], Examples]
LOOKED_AT = 2000  # files that decide what a folder holds

FILES: dict[str, Reader] = {**TABLES, ".npz": read_npz, ".npy": read_npy}
ADVICE = {
    ".xlsx": "save the sheet as CSV", ".xls": "save the sheet as CSV", ".json": "write one object a line and call it .jsonl",
    ".zip": "unpack it and give the folder", ".gz": "unpack it first", ".tar": "unpack it and give the folder",
    ".txt": "one text has no labels: give a folder with a folder of texts for each class",
}


def load_path(path: str | Path, request: Request | None = None) -> Splits:
    """The splits of the user's own data. What they can be is in the README.

    Raises FileNotFoundError for a path that is not there, ValueError for data that cannot be learned from, and
    BadSample (a ValueError) for the first bad file or row unless `on_error` is skip.
    """
    request = request or Request()
    path = Path(path).expanduser()
    examples = reader_of(path)(path, request)
    return to_splits(examples, request.seed)


def reader_of(path: Path) -> Reader:
    """What reads this path. Raises FileNotFoundError and ValueError, saying what would be read."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder{near_path(path)}")
    if path.is_dir():
        return _reader_of_folder(path)
    suffix = path.suffix.lower()
    if suffix in FILES:
        return FILES[suffix]
    if is_image_name(path):
        raise ValueError(f"{path}: is one image: give the folder that holds a folder of images for each class")
    advice = ADVICE.get(suffix, f"give a folder with a folder of files for each class, or a file of {', '.join(FILES)}")
    raise ValueError(f"{path}: files named *{suffix} are not read: {advice}")


def _reader_of_folder(folder: Path) -> Reader:
    """By what most of its files are called."""
    if not visible(folder):
        raise ValueError(f"{folder}: is empty: put a folder of files for each class into it")
    if published_format(folder):
        return read_published_folder
    if is_sharded(folder):
        return read_shards
    if any(folder.glob("*.npy")):
        return read_npy_folder
    tables = [p for p in visible(folder) if p.suffix.lower() in TABLES]
    if tables and not any(p.is_dir() for p in visible(folder)):
        raise ValueError(f"{folder}: holds tables: give one of them, such as {tables[0]}")
    counts = Counter(map(_kind_of_name, itertools.islice(files_below(folder), LOOKED_AT)))
    if counts["sound"] > max(counts["image"], counts["text"]):
        return read_sound_folder
    if counts["text"] > counts["image"]:
        return read_text_folder
    return read_image_folder


def _kind_of_name(path: Path) -> str:
    if is_image_name(path):
        return "image"
    suffix = path.suffix.lower()
    if suffix in sound_folder.EXTENSIONS:
        return "sound"
    return "text" if suffix in text_folder.EXTENSIONS else "other"


def holds_pictures(path: str | Path) -> bool:
    """Whether inputs are pictures (of sound too): what a convolutional network is for."""
    path = Path(path).expanduser()
    return path.is_dir() and _reader_of_folder(path) in (read_image_folder, read_sound_folder, read_published_folder)
