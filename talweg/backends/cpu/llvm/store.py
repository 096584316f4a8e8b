"""Machine code on disk, so that a second process does not compile what a first one has: a folder of small files.

The folder is $TALWEG_CACHE, or talweg/kernels in the user's cache directory ($XDG_CACHE_HOME or ~/.cache);
TALWEG_CACHE=off (or 0) keeps nothing. One file a kernel: a header (magic, version, key, length and sha256 of what
follows), then the ELF object. A file appears by renaming, so it is whole or not there; and whatever is found that is not
exactly what was written under that key counts as not there.

Entries are code that will be run. A folder or file that belongs to another user, or that others may write to, is not
used. A disk that is full, a folder that vanishes or cannot be written: the kernels are compiled, and nobody is told.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import struct
import tempfile
import time
from pathlib import Path

LIMIT = 256 << 20  # bytes
_STALE = 3600.0  # seconds after which a temporary file is nobody's any more, and a reading is noted anew
_SWEEP = 16 << 20  # bytes written between two looks at the size of the whole

_HEADER = struct.Struct("<8sI32sQ32s")
_MAGIC = b"TALWEGK\n"
_VERSION = 1
_SUFFIX = ".kernel"
_TEMPORARY = ".tmp"
_LOOK = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def current() -> Store | None:
    """The store that the environment asks for; None where there is none or it cannot be trusted."""
    folder = wanted_folder()
    if folder is None:
        return None
    store = _store(folder)
    return store if store.usable() else None


def wanted_folder() -> str | None:
    """Where machine code is to be kept. None: nowhere."""
    named = os.environ.get("TALWEG_CACHE", "").strip()
    if named.lower() in ("off", "0"):
        return None
    if named:
        return os.path.abspath(os.path.expanduser(named))
    root = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(root):  # the standard asks for relative ones to be ignored
        root = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(root, "talweg", "kernels") if os.path.isabs(root) else None


@functools.cache
def _store(folder: str) -> Store:
    return Store(folder)


class Store:
    """A folder of entries. Nothing here raises OSError."""

    def __init__(self, folder: str | Path, limit: int = LIMIT):
        self.folder = Path(folder)
        self.limit = limit
        self._unswept: int | None = None  # bytes written since the last sweep

    def usable(self) -> bool:
        """Whether the folder is there, or can be made, and is nobody else's."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                self.folder.mkdir(mode=0o700)
            found = os.stat(self.folder)
        except (OSError, ValueError):
            return False
        return stat.S_ISDIR(found.st_mode) and _ours(found)

    def path(self, key: bytes) -> Path:
        return self.folder / (key.hex() + _SUFFIX)

    def load(self, key: bytes) -> bytes | None:
        """The object saved under this key, to the byte, or None."""
        try:
            file = os.open(self.path(key), _LOOK)
        except OSError:
            return None
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or not _ours(found) or found.st_size > self.limit:
                return None
            content = _unpacked(key, _read(file, found.st_size))
            if content is not None and time.time() - found.st_mtime > _STALE:
                _note_reading(self.path(key))
            return content
        except OSError:
            return None
        finally:
            os.close(file)

    def save(self, key: bytes, content: bytes) -> None:
        """Keep an object. Where that fails, nothing is left behind."""
        entry = _packed(key, content)
        if len(entry) > self.limit:
            return
        with contextlib.suppress(OSError):
            self._write(self.path(key), entry)
        with contextlib.suppress(OSError):
            self._count(len(entry))

    def _write(self, path: Path, entry: bytes) -> None:
        handle, temporary = tempfile.mkstemp(suffix=_TEMPORARY, dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(entry)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _count(self, written: int) -> None:
        """Sweep with the first entry written by this process, and from time to time."""
        due = self._unswept is None or self._unswept + written > min(_SWEEP, self.limit // 8)
        self._unswept = 0 if due else (self._unswept or 0) + written
        if due:
            self.sweep()

    def sweep(self) -> None:
        """Remove stale temporary files and, above the limit, the entries not read for longest."""
        entries = []
        for path, found in self._files():
            if path.endswith(_TEMPORARY):
                if time.time() - found.st_mtime > _STALE:
                    _remove(path)
            elif path.endswith(_SUFFIX):
                entries.append((found.st_mtime, found.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self.limit:
            return
        for _, size, path in sorted(entries):
            _remove(path)
            total -= size
            if total <= self.limit * 3 // 4:  # room, so that not every entry after this one sweeps again
                return

    def _files(self) -> list[tuple[str, os.stat_result]]:
        found = []
        with os.scandir(self.folder) as listing:
            for entry in listing:
                with contextlib.suppress(OSError):
                    if entry.is_file(follow_symlinks=False):
                        found.append((entry.path, entry.stat(follow_symlinks=False)))
        return found


def _ours(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user and only this user may write to it."""
    if not hasattr(os, "geteuid"):  # Windows: the user's profile, where the folder lies, is closed to others
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _packed(key: bytes, content: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, _VERSION, key, len(content), hashlib.sha256(content).digest()) + content


def _unpacked(key: bytes, entry: bytes) -> bytes | None:
    """The object of an entry that is whole and was written under this key."""
    if len(entry) < _HEADER.size:
        return None
    content = entry[_HEADER.size :]
    header = _HEADER.pack(_MAGIC, _VERSION, key, len(content), hashlib.sha256(content).digest())
    return content if content and entry[: _HEADER.size] == header else None


def _read(file: int, size: int) -> bytes:
    parts = []
    while size > 0 and (part := os.read(file, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _note_reading(path: Path) -> None:
    """The time of the last change stands for that of the last reading: many systems do not keep the latter."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
