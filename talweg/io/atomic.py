"""Replacing a file so that a reader, or a kill, meets either the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


def write_atomically(path: str | Path, content: bytes, keep: Path | None = None) -> None:
    """Write a temporary file beside `path`, flush it to the disk, rename it over `path`, flush the folder. What was at
    `path` gets the name `keep`, if that is given.

    Raises OSError when the disk is full or the folder cannot be written; `path` is then as it was.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        if keep is not None:
            _also_called(path, keep)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = str(path)  # a full disk names no file, and a temporary name tells nobody anything
        raise
    _flush_folder(path.parent)


def _also_called(path: Path, other: Path) -> None:
    """Give the file a second name, taken from what had it: at no moment is `path` missing."""
    if not path.exists():
        return
    between = other.with_name(f".{other.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(between)
    try:
        os.link(path, between)
    except OSError:  # a file system without links
        shutil.copyfile(path, between)
    os.replace(between, other)


def remove_leftovers(folder: str | Path) -> None:
    """Delete the temporary files that a killed process left in `folder`."""
    for leftover in Path(folder).glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there, and the rename is durable without it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
