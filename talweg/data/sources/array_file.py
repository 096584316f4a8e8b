"""NumPy files: .npz with inputs and labels, a folder with x.npy and y.npy, and train and test arrays of either."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..examples import Examples, Request, Rows, content_hash
from .files import where_row

INPUTS = ("x", "inputs", "images", "data", "features", "arr_0")
TARGETS = ("y", "labels", "targets", "label", "target", "arr_1")
PARTS = (("train", 0), ("val", 1), ("valid", 1), ("validation", 1), ("test", 2))


def read_npz(path: Path, request: Request) -> Examples:
    """The samples of an .npz file. Nothing in it is executed: arrays of objects are refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, KeyError, EOFError) as error:
        raise ValueError(f"{path}: is no .npz file of plain arrays, or is damaged ({error})") from error
    return samples_of_arrays(path, arrays)


def read_npy_folder(folder: Path, request: Request) -> Examples:
    """The samples of a folder of .npy files, memory-mapped: x.npy and y.npy, or x_train.npy and so on."""
    return samples_of_arrays(folder, {p.stem: open_npy(p) for p in sorted(folder.glob("*.npy"))})


def read_npy(path: Path, request: Request) -> Examples:
    """A lone .npy file has no labels; the message says how to give them."""
    raise ValueError(f"{path}: is one array: put the inputs as x.npy and the labels as y.npy into a folder and give the "
                     "folder, or give an .npz file with x and y")


def open_npy(path: Path) -> np.ndarray:
    """The array of an .npy file, memory-mapped. Raises ValueError for a damaged file and for objects."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: is no .npy file of plain numbers, or is cut short ({error})") from error


def samples_of_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> Examples:
    """Samples from arrays called x and y (or images and labels, ...), or x_train, y_train, x_test, y_test."""
    pairs = _pairs(path, {name.lower(): value for name, value in arrays.items()})
    for x, y, name in ((x, y, name) for x, y, _, name in pairs):
        _check(path, x, y, name)
    inputs: Rows = pairs[0][0] if len(pairs) == 1 else np.concatenate([x for x, *_ in pairs])
    if inputs.dtype.kind == "f":
        _check_finite(path, inputs)
    fixed = np.concatenate([np.full(len(y), part) for _, y, part, _ in pairs])
    targets, classes = _targets(path, np.concatenate([np.asarray(y) for _, y, _, _ in pairs]))
    inputs, kind = _shaped(inputs)
    return Examples(
        name=path.name, inputs=inputs, targets=targets, classes=classes, where=where_row(path), fixed=fixed,
        contents=[content_hash(np.asarray(inputs[i])) for i in range(len(inputs))], kind=kind,
    )


def _pairs(path: Path, arrays: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, int, str]]:
    """(inputs, targets, part, name of the inputs) as they belong together."""
    found = []
    for suffix, part in (("", -1), *((f"_{name}", number) for name, number in PARTS)):
        x = next((n for n in INPUTS if f"{n}{suffix}" in arrays), None)
        y = next((n for n in TARGETS if f"{n}{suffix}" in arrays), None)
        if x and y:
            found.append((arrays[f"{x}{suffix}"], arrays[f"{y}{suffix}"], part, f"{x}{suffix}"))
    if not found:
        holds = ", ".join(arrays) or "nothing"
        raise ValueError(f"{path}: holds {holds}; expected inputs called x (or images, data) and labels called y "
                         "(or labels, targets), or x_train, y_train, x_test and y_test")
    return [pair for pair in found if pair[2] >= 0] or found


def _check(path: Path, x: np.ndarray, y: np.ndarray, name: str) -> None:
    if x.ndim < 2 or x.dtype.kind not in "buif":
        raise ValueError(f"{path}: {name} must be numbers with a row for each sample, got {x.dtype} {list(x.shape)}")
    if len(x) != len(y):
        raise ValueError(f"{path}: {name} has {len(x)} samples, but there are {len(y)} labels")
    if not len(x):
        raise ValueError(f"{path}: {name} has no samples")


def _check_finite(path: Path, inputs: Rows, at_once: int = 4096) -> None:
    for start in range(0, len(inputs), at_once):
        rows = np.asarray(inputs[start:start + at_once])
        bad = np.flatnonzero(~np.isfinite(rows).reshape(len(rows), -1).all(1))
        if len(bad):
            raise ValueError(f"{path}: row {start + int(bad[0])}: holds nan or infinity")


def _targets(path: Path, y: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Class numbers and names; floats that are no whole numbers, and several a row, are targets as they are."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind == "f" and not np.all(np.isfinite(y)):
        raise ValueError(f"{path}: labels hold nan or infinity")
    if y.ndim > 2 or y.dtype.kind not in "buifUS":
        raise ValueError(f"{path}: labels must be one a sample, got {y.dtype} {list(y.shape)}")
    if y.dtype.kind == "f" and (y.ndim == 2 or not np.all(y == np.round(y))):
        return np.ascontiguousarray(y.reshape(len(y), -1), np.float32), []
    if y.ndim == 2:
        raise ValueError(f"{path}: labels must be class numbers, one a sample, got {list(y.shape)}")
    names, numbers = np.unique(y, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"{path}: all labels are {names[0]}: telling classes apart needs two or more")
    return numbers.astype(np.int64).reshape(-1), [f"{n:g}" if y.dtype.kind in "buif" else str(n) for n in names]


def _shaped(inputs: Rows) -> tuple[Rows, str]:
    """Images (N, H, W) and (N, H, W, 3) as (N, C, H, W); rows of numbers as they are."""
    if len(inputs.shape) == 3:
        return inputs[:, None], "image"
    if len(inputs.shape) == 4 and inputs.shape[3] in (1, 3) and inputs.shape[1] not in (1, 3):
        return np.moveaxis(np.asarray(inputs), 3, 1), "image"
    return inputs, "image" if len(inputs.shape) == 4 else "numbers"
