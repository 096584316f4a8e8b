"""Finding and loading oneDNN's shared library: once, when first needed, with one warning if there is none."""

from __future__ import annotations

import ctypes
import os
import site
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from ...runtime import memory, threads
from .bindings import OneDNN

VARIABLE = "TALWEG_ONEDNN"  # a path to libdnnl, or "off"
OLDEST = (3, 0, 0)
_NAMES = {
    "darwin": ("libdnnl.3.dylib", "libdnnl.dylib"),
    "win32": ("dnnl.dll",),
}.get(sys.platform, ("libdnnl.so.3", "libdnnl.so"))
_ADVICE = (
    "matrix products and convolutions run on NumPy, which is much slower. Install it with "
    f"'pip install onednn-cpu-gomp==2023.2.0', or set {VARIABLE} to the path of a libdnnl 3.0 or newer "
    f"({VARIABLE}=off asks for NumPy without this warning)"
)


class _State:
    asked = False
    loaded: OneDNN | None = None
    lock = threading.Lock()


def available() -> bool:
    """Whether oneDNN can be used. The first call loads it, or says in a RuntimeWarning why it cannot."""
    return _State.loaded is not None or _load_once() is not None


def library() -> OneDNN:
    """The loaded library. Raises RuntimeError where `available()` is False."""
    found = _State.loaded or _load_once()
    if found is None:
        raise RuntimeError(f"oneDNN is not available: {_ADVICE}")
    return found


def _load_once() -> OneDNN | None:
    with _State.lock:
        if not _State.asked:
            _State.asked = True
            _State.loaded = _load_or_warn(os.environ.get(VARIABLE, ""))
        return _State.loaded


def _load_or_warn(setting: str) -> OneDNN | None:
    if setting.lower() == "off":
        return None
    threads.set_waiting()
    try:
        found = load_first([setting] if setting else candidates())
    except OSError as reason:
        warnings.warn(f"oneDNN cannot be used: {reason}; {_ADVICE}", RuntimeWarning, stacklevel=5)
        return None
    memory.keep_freed_pages()
    threads.attach(found.omp_set_num_threads)
    return found


def candidates() -> Iterator[str]:
    """Where pip puts the wheel's library, then the bare names, which the system's loader looks up."""
    for root in (sys.prefix, site.getuserbase(), sys.base_prefix):
        for name in _NAMES:
            path = Path(root, "lib", name)
            if path.exists():
                yield str(path)
    yield from _NAMES


def load_first(paths) -> OneDNN:
    """The first of `paths` that loads and is new enough. Raises OSError with every reason when none is."""
    reasons = []
    for path in paths:
        try:
            return load(path)
        except OSError as reason:
            reasons.append(str(reason))
    raise OSError("; ".join(dict.fromkeys(reasons)))


def load(path: str) -> OneDNN:
    """Load one libdnnl. Raises OSError if it is missing, is no oneDNN, is older than 3.0 or does not work."""
    try:
        found = OneDNN(ctypes.CDLL(path), ctypes.PyDLL(path))
    except AttributeError as missing:
        raise OSError(f"{path} is not oneDNN 3.0 or newer on OpenMP ({missing})") from None
    if found.version < OLDEST:
        version = ".".join(map(str, found.version))
        raise OSError(f"{path} is oneDNN {version}, and 3.0 is the oldest that works here")
    try:
        found.start()
    except (RuntimeError, MemoryError) as reason:
        raise OSError(f"{path} does not start ({reason})") from None
    return found
