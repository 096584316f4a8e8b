"""MNIST, Fashion-MNIST and CIFAR-10: fetched and verified, or read from a folder with their published files."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..examples import Examples, Request, content_hash
from ..images import squared
from ..splits import Splits
from ..to_splits import to_splits
from .fetch import data_folder, fetched
from .idx import read_idx

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
CIFAR_FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CIFAR_ROW = 1 + 3 * 32 * 32
FASHION_CLASSES = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # training images and labels, test images and labels


@dataclass(frozen=True)
class Published:
    """Where a set is published, its files' MD5 sums, how a folder of them is read, and its classes."""

    address: str
    sums: dict[str, str]
    read: Callable[[Path], Arrays]
    classes: list[str]
    kind: str


def read_idx_folder(folder: Path) -> Arrays:
    """The four idx files, compressed or not, in the folder or one named raw or MNIST/raw below it."""
    train, train_labels, test, test_labels = (read_idx(_found(folder, name)) for name in IDX_FILES)
    for images, labels, name in ((train, train_labels, IDX_FILES[0]), (test, test_labels, IDX_FILES[2])):
        if images.ndim != 3 or labels.shape != (len(images),):
            raise ValueError(f"{folder / name}: has {list(images.shape)} pixels but {list(labels.shape)} labels")
    return train[:, None], train_labels, test[:, None], test_labels


def _found(folder: Path, name: str) -> Path:
    for place in (folder, folder / "raw", folder / "MNIST" / "raw", folder / "FashionMNIST" / "raw"):
        for ending in ("", ".gz"):
            path = place / f"{name}{ending}"
            if path.is_file():
                return path
    raise FileNotFoundError(f"{folder / name}: is missing: the set has the files {', '.join(IDX_FILES)}, as they are or .gz")


def read_cifar_folder(folder: Path) -> Arrays:
    """The six files of the binary version, or the archive with them."""
    inner = folder / "cifar-10-batches-bin"
    archive = folder / "cifar-10-binary.tar.gz"
    place = inner if inner.is_dir() else folder
    if not (place / CIFAR_FILES[0]).exists() and archive.exists():
        batches = [_cifar_batch(raw, archive) for raw in _from_archive(archive)]
    else:
        batches = [_cifar_batch(_bytes(place / name), place / name) for name in CIFAR_FILES]
    images = np.concatenate([x for x, _ in batches[:-1]])
    return images, np.concatenate([y for _, y in batches[:-1]]), *batches[-1]


def _bytes(path: Path) -> bytes:
    if not path.exists():
        raise FileNotFoundError(f"{path}: is missing: take CIFAR-10's binary version, {', '.join(CIFAR_FILES)}; the Python "
                                "version holds pickles, which are never opened here")
    return path.read_bytes()


def _from_archive(archive: Path) -> list[bytes]:
    try:
        with tarfile.open(archive, "r:gz") as file:
            members = {Path(m.name).name: m for m in file.getmembers() if m.isfile()}
            return [file.extractfile(members[name]).read() for name in CIFAR_FILES]  # type: ignore[union-attr]
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise ValueError(f"{archive}: is not CIFAR-10's binary archive, or is damaged ({error})") from error


def _cifar_batch(raw: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not raw or len(raw) % CIFAR_ROW:
        raise ValueError(f"{path}: has {len(raw)} bytes, which is no multiple of the {CIFAR_ROW} of an image: is it cut short?")
    rows = np.frombuffer(raw, np.uint8).reshape(-1, CIFAR_ROW)
    if rows[:, 0].max() > 9:
        raise ValueError(f"{path}: row {int(np.argmax(rows[:, 0] > 9))}: has the class {rows[:, 0].max()}, expected 0 to 9")
    return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0]


_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
PUBLISHED = {
    "mnist": Published("https://ossci-datasets.s3.amazonaws.com/mnist/", dict(zip((f"{n}.gz" for n in IDX_FILES), (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432", "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c"))), read_idx_folder, [str(i) for i in range(10)], "drawing"),
    "fashion_mnist": Published(_FASHION, dict(zip((f"{n}.gz" for n in IDX_FILES), (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe", "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310"))), read_idx_folder, FASHION_CLASSES, "image"),
    "cifar10": Published("https://www.cs.toronto.edu/~kriz/", {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
                         read_cifar_folder, CIFAR_CLASSES, "image"),
}


def build_published(name: str, size: int = 28, seed: int = 0) -> Splits:
    """The splits of a published set: its own test images, and 15 % of the others for validation.

    Raises ConnectionError, naming the files and the folder they belong into, when they cannot be fetched.
    """
    known = PUBLISHED[name]
    folder = data_folder(name)
    try:
        arrays = known.read(folder)
    except FileNotFoundError:
        _fetch_all(name, known, folder)
        arrays = known.read(folder)
    return to_splits(examples_of_arrays(name, arrays, known.classes, known.kind, size), seed)


def _fetch_all(name: str, known: Published, folder: Path) -> None:
    try:
        for file, md5 in known.sums.items():
            fetched(known.address + file, folder, md5)
    except ConnectionError as error:
        raise ConnectionError(f"{name}: {error}. Without a network put {', '.join(known.sums)} into {folder}, or give the "
                              "folder that has them with --data") from error


def examples_of_arrays(name: str, arrays: Arrays, classes: list[str], kind: str, size: int) -> Examples:
    """Samples of training and test arrays; images are resized to (C, size, size)."""
    train, train_labels, test, test_labels = arrays
    images = np.concatenate([train, test])
    targets = np.concatenate([train_labels, test_labels]).astype(np.int64)
    if targets.max() >= len(classes):
        raise ValueError(f"{name}: has the class {targets.max()}, expected 0 to {len(classes) - 1}")
    contents = [content_hash(image) for image in images]
    if images.shape[-1] != size:
        images = np.stack([np.stack([squared(channel, size) for channel in image]) for image in images])
    fixed = np.repeat([0, 2], [len(train), len(test)])
    return Examples(name, images, targets, classes, lambda i: f"{name}: image {i}", contents, fixed, kind=kind)


def published_format(folder: Path) -> Callable[[Path], Arrays] | None:
    """What reads the published files that lie in this folder, None where there are none."""
    if any(folder.glob(f"{IDX_FILES[0]}*")):
        return read_idx_folder
    if (folder / CIFAR_FILES[0]).exists() or (folder / "cifar-10-binary.tar.gz").exists():
        return read_cifar_folder
    return None


def read_published_folder(folder: Path, request: Request) -> Examples:
    """The samples of a folder with the files of MNIST, Fashion-MNIST or CIFAR-10 as they were published."""
    read = published_format(folder) or read_idx_folder
    classes = CIFAR_CLASSES if read is read_cifar_folder else [str(i) for i in range(10)]
    return examples_of_arrays(folder.name, read(folder), classes, "image", request.size)
