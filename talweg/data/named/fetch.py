"""Fetching a published file once, checked by the checksum it was published with."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT = 30  # seconds without an answer
AT_ONCE = 1 << 20


def data_folder(name: str) -> Path:
    """Where fetched data are kept: $TALWEG_DATA/NAME, else in the user's cache folder."""
    given = os.environ.get("TALWEG_DATA")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(given).expanduser() if given else cache / "talweg" / "data") / name


def fetched(url: str, folder: Path, md5: str, most: int = 1 << 29) -> Path:
    """The file of this address in `folder`, fetched when it is not there yet.

    Raises ConnectionError when it cannot be fetched, ValueError when what came is something else.
    """
    path = folder / url.rsplit("/", 1)[1]
    if path.exists():
        return _verified(path, md5)
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _download(url, file, most)
        _verified(partial, md5, url)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _download(url: str, file, most: int) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            while piece := answer.read(AT_ONCE):
                file.write(piece)
                if file.tell() > most:
                    raise ValueError(f"{url}: is larger than {most} bytes, so it is not the published file")
    except (urllib.error.URLError, OSError) as error:
        raise ConnectionError(f"{url}: cannot be fetched ({getattr(error, 'reason', error)})") from error


def _verified(path: Path, md5: str, called: str | None = None) -> Path:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(AT_ONCE):
            digest.update(piece)
    if digest.hexdigest() != md5:
        raise ValueError(f"{called or path}: is not the published file (MD5 {digest.hexdigest()}, expected {md5}): remove it "
                         "and fetch it again")
    return path
