"""A folder of images, one folder a class: decoded once, kept at the model's size as bytes."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from ..examples import Examples, Request, content_hash
from ..images import read_pixels, squared
from ..problems import BadSample, Problems
from .walk import LabelledFiles, files_below, labelled_files, near_path

EXTENSIONS = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
IN_MEMORY = 1 << 30  # bytes; what is more is kept in a file
AT_ONCE = 256
READERS = 4


def read_image_folder(root: Path, request: Request) -> Examples:
    """All images below the class folders, (N, C, size, size) uint8; C is 3 when any has colours.

    Raises BadSample (a ValueError) for a file that is named like an image and is none; other files are left out
    with a note, images under a wrong extension are taken.
    """
    if request.size < 1:
        raise ValueError(f"size must be 1 pixel or more, got {request.size}")
    files, notes = _images_only(labelled_files(root))
    problems = Problems(request.on_error)
    pixels, contents, kept, coloured = _decoded(files, request.size, problems)
    files = files.kept(kept)
    if not len(files.paths):
        raise ValueError(f"{root}: not one image could be read: {'; '.join(problems.notes())}")
    _check_classes(root, files)
    channels = request.channels or (3 if coloured else 1)
    return Examples(
        name=root.name, inputs=_with_channels(pixels, channels), targets=files.labels, classes=files.classes,
        where=files.where, contents=contents, fixed=files.fixed, notes=notes + problems.notes(), kind="image",
    )


def is_image_name(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS


def image_files(path: str | Path) -> list[Path]:
    """The file itself, or of a folder all files at any depth that are named like images. Raises FileNotFoundError, with the
    nearest name, and ValueError for a folder without images."""
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder{near_path(path)}")
    if not path.is_dir():
        return [path]
    found = [p for p in files_below(path) if is_image_name(p)]
    if not found:
        raise ValueError(f"{path}: holds no image ({', '.join(sorted(EXTENSIONS))})")
    return found


def _images_only(files: LabelledFiles) -> tuple[LabelledFiles, list[str]]:
    """Without the files that neither are named like an image nor begin like one."""
    mask = np.array([is_image_name(p) or _begins_like_an_image(p) for p in files.paths], bool)
    if not mask.any():
        raise ValueError(f"{files.root}: holds {len(mask)} files but no image among them, such as {files.where(0)}")
    if mask.all():
        return files, files.notes
    others = [files.where(i) for i in np.flatnonzero(~mask).tolist()]
    note = f"left out {len(others)} files that are no images: {', '.join(others[:3])}"
    return files.kept(mask), [*files.notes, note]


def _begins_like_an_image(path: Path) -> bool:
    try:
        with Image.open(path):
            return True
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _decoded(files: LabelledFiles, size: int, problems: Problems) -> tuple[np.ndarray, list[bytes], np.ndarray, bool]:
    """Pixels (N, 3, size, size) and content hashes of the good files, a mask of these, and whether any has colours."""
    store = _store((len(files.paths), 3, size, size))
    kept = np.zeros(len(files.paths), bool)
    contents: list[bytes] = []
    coloured = False
    for i, found in enumerate(_each(files.paths, size)):
        if isinstance(found, BadSample):
            problems.found(found)
            continue
        pixels, content = found
        coloured |= pixels.ndim == 3
        store[len(contents)] = pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels
        kept[i] = True
        contents.append(content)
    return store[:len(contents)], contents, kept, coloured


def _each(paths: list[Path], size: int):
    """What each file gives, in order. Pillow decodes without Python's lock, so threads help."""
    with ThreadPoolExecutor(READERS, "talweg-images") as pool:
        for start in range(0, len(paths), AT_ONCE):  # no more than these are decoded and waiting
            yield from pool.map(lambda path: _read(path, size), paths[start:start + AT_ONCE])


def _read(path: Path, size: int) -> tuple[np.ndarray, bytes] | BadSample:
    try:
        pixels = read_pixels(path)
    except (ValueError, OSError) as error:
        return BadSample(path, str(error).removeprefix(f"{path}: "))
    return squared(pixels, size), content_hash(pixels)


def _store(shape: tuple[int, ...]) -> np.ndarray:
    if np.prod(shape, dtype=np.float64) <= IN_MEMORY:
        return np.empty(shape, np.uint8)
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)  # type: ignore[call-overload]


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    if channels == 3:
        return pixels
    if channels != 1:
        raise ValueError(f"images have 1 channel (grey) or 3 (colour), but {channels} are asked for")
    grey = _store((len(pixels), 1, *pixels.shape[2:]))
    weights = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]  # ITU-R 601, as Pillow's
    for start in range(0, len(pixels), AT_ONCE):
        chosen = pixels[start:start + AT_ONCE]
        grey[start:start + AT_ONCE] = np.round((chosen * weights).sum(1, keepdims=True))
    return grey


def _check_classes(root: Path, files: LabelledFiles) -> None:
    lost = [name for i, name in enumerate(files.classes) if not np.any(files.labels == i)]
    if lost:
        raise ValueError(f"{root}: no image of class {', '.join(lost)} could be read: mend them or remove the folder")
