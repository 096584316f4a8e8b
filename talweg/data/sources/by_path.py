"""Which kind of data a path holds, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..examples import Examples, Request
from ..splits import Splits
from .image_folder import is_image_name, read_image_folder
from .to_splits import to_splits
from .walk import visible

Reader = Callable[[Path, Request], Examples]
LOOKED_AT = 2000  # files that decide what a folder holds

FILES: dict[str, Reader] = {}


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
        raise FileNotFoundError(f"{path}: there is no such file or folder")
    if path.is_dir():
        return _reader_of_folder(path)
    suffix = path.suffix.lower()
    if suffix in FILES:
        return FILES[suffix]
    if is_image_name(path):
        raise ValueError(f"{path}: is one image: give the folder that holds a folder of images for each class")
    raise ValueError(f"{path}: files named *{suffix} are not read: give a folder with a folder of files for each class, "
                     f"or a file of {', '.join(FILES)}")


def _reader_of_folder(folder: Path) -> Reader:
    if not visible(folder):
        raise ValueError(f"{folder}: is empty: put a folder of files for each class into it")
    return read_image_folder
