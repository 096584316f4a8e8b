"""Data larger than memory: inputs-00000.npy, labels-00000.npy, inputs-00001.npy, ... in one folder (L 3.6).

Rows are read from the files where they lie when a batch asks for them, and nothing is kept, so that memory does not
depend on the size of the data. Reading, unlike mapping, counts no page of a file as the process's own, and a file
that was cut short is an error and not a crash.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..examples import Examples, Request
from .array_file import open_npy
from .files import where_row


@dataclass(frozen=True)
class Shard:
    """One file of rows: where they begin in it, in bytes, and how many there are."""

    path: Path
    offset: int
    rows: int


class ShardedRows:
    """The rows of several .npy files of equal row shape and dtype, as one array that is indexed by row numbers."""

    def __init__(self, paths: list[Path]) -> None:
        if not paths:
            raise ValueError("ShardedRows: expected at least one file, got none")
        opened = [_header(path) for path in paths]
        _, first, self.dtype = opened[0]
        for path, (_, shape, dtype) in zip(paths, opened):
            if shape[1:] != first[1:] or dtype != self.dtype:
                raise ValueError(f"{path}: has rows of {dtype} {list(shape[1:])}, but {paths[0].name} has {self.dtype} "
                                 f"{list(first[1:])}: all shards must be alike")
        self.shards = [Shard(path, offset, shape[0]) for path, (offset, shape, _) in zip(paths, opened)]
        self.ends = np.cumsum([s.rows for s in self.shards])
        self.shape = (int(self.ends[-1]), *first[1:])
        self.row_bytes = int(np.prod(first[1:], dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Rows by a slice or an array of numbers, (len, ...); one row by a number. Raises IndexError and ValueError."""
        if isinstance(index, int | np.integer):
            return self[[int(index)]][0]
        wanted = np.arange(len(self))[index] if isinstance(index, slice) else np.asarray(index, np.int64)
        if wanted.size and not (-len(self) <= wanted.min() and wanted.max() < len(self)):
            raise IndexError(f"row {wanted.max()} is out of range for {len(self)} rows")
        wanted = wanted % max(1, len(self))
        found = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        owners = np.searchsorted(self.ends, wanted, side="right")
        for number in np.unique(owners).tolist():
            self._read(self.shards[number], number, np.flatnonzero(owners == number), wanted, found)
        return found

    def _read(self, shard: Shard, number: int, places: np.ndarray, wanted: np.ndarray, found: np.ndarray) -> None:
        begin = int(self.ends[number]) - shard.rows
        raw = found.reshape(len(found), -1).view(np.uint8)  # (len, row_bytes)
        with shard.path.open("rb", buffering=0) as file:
            for place in places[np.argsort(wanted[places], kind="stable")].tolist():
                row = int(wanted[place]) - begin
                file.seek(shard.offset + row * self.row_bytes)
                if file.readinto(memoryview(raw[place])) != self.row_bytes:
                    raise ValueError(f"{shard.path}: row {row}: the file is cut short")


def _header(path: Path) -> tuple[int, tuple[int, ...], np.dtype]:
    """Where the rows begin, the whole shape, the dtype. Mapping the file checks its length too."""
    mapped = open_npy(path)
    if not isinstance(mapped, np.memmap) or mapped.ndim == 0 or not mapped.flags.c_contiguous or not mapped.size:
        raise ValueError(f"{path}: a shard must be an array of rows in C order, got shape {list(mapped.shape)}")
    return int(mapped.offset), mapped.shape, mapped.dtype


def is_sharded(folder: Path) -> bool:
    return any(folder.glob("inputs-*.npy"))


def read_shards(folder: Path, request: Request) -> Examples:
    """The samples of a folder of shards. Labels are read whole, inputs when they are asked for."""
    inputs_files = sorted(folder.glob("inputs-*.npy"))
    labels_files = [p.with_name(p.name.replace("inputs-", "labels-", 1)) for p in inputs_files]
    for path in labels_files:
        if not path.exists():
            raise ValueError(f"{path}: is missing: each inputs file needs its labels")
    inputs = ShardedRows(inputs_files)
    labels = [np.asarray(open_npy(path)) for path in labels_files]
    for shard, found, path in zip(inputs.shards, labels, labels_files):
        if found.shape != (shard.rows,) or found.dtype.kind not in "ui":
            raise ValueError(f"{path}: must hold {shard.rows} class numbers, got {found.dtype} {list(found.shape)}")
    names, targets = np.unique(np.concatenate(labels), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"{folder}: all labels are {names[0]}: telling classes apart needs two or more")
    kind = "image" if len(inputs.shape) == 4 else "numbers"
    return Examples(folder.name, inputs, targets.astype(np.int64).reshape(-1), [str(n) for n in names],
                    where_row(folder), kind=kind)


def write_shards(folder: str | Path, samples: Iterable[tuple[np.ndarray, np.ndarray]]) -> int:
    """Write each (inputs (n, ...), labels (n,)) as a shard; returns how many samples there are.

    `samples` may be a generator, so that the whole never lies in memory. Raises ValueError for sizes that differ and
    FileExistsError for a folder that holds shards already.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if is_sharded(folder):
        raise FileExistsError(f"{folder}: holds shards already")
    count = 0
    for number, (inputs, labels) in enumerate(samples):
        if len(inputs) != len(labels):
            raise ValueError(f"write_shards: shard {number} has {len(inputs)} inputs and {len(labels)} labels")
        np.save(folder / f"labels-{number:05}.npy", np.ascontiguousarray(labels))
        np.save(folder / f"inputs-{number:05}.npy", np.ascontiguousarray(inputs))
        count += len(labels)
    return count
