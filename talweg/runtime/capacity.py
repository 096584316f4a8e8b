"""Refusing what cannot fit into memory before the system ends the process for it.

Linux grants more memory than there is and kills whoever uses it, so a fully connected layer from a 256 x 256 image to
the same (39 thousand million weights, L 4.2) would end the program without a word. Large requests are therefore compared
with what is there; small ones are not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from .memory import release

LARGE = 2**30
"""Bytes below which nothing is asked."""
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Bytes that can be had now, None where the system does not say."""
    found = [_meminfo("MemAvailable"), _cgroup_left()]
    return min((n for n in found if n is not None), default=None)


def total_bytes() -> int | None:
    """Bytes that could be had at most, None where the system does not say."""
    found = [_meminfo("MemTotal"), _number(_CGROUP / "memory.max")]
    return min((n for n in found if n is not None), default=None)


def require_total(shape: Iterable[int], itemsize: int, call: str) -> None:
    """Raise RuntimeError if a tensor of this shape is larger than the machine's whole memory."""
    shape = tuple(shape)
    wanted = math.prod(shape) * itemsize
    if wanted < LARGE:
        return
    total = total_bytes()
    if total is not None and wanted > total:
        raise RuntimeError(
            f"{call}: can't allocate memory: a tensor of shape {list(shape)} has {math.prod(shape):,} elements and takes "
            f"{wanted:,} bytes ({_size(wanted)}), but there are {total:,} bytes ({_size(total)}) of memory at all; "
            "make it smaller, or share weights as a convolution does"
        )


def require_available(wanted: int, what: str) -> None:
    """Raise RuntimeError if so many bytes cannot be had now, after giving freed memory back to the system."""
    if wanted < LARGE:
        return
    available = available_bytes()
    if available is not None and wanted > available and release():
        available = available_bytes()
    if available is not None and wanted > available:
        raise RuntimeError(
            f"{what}: can't allocate memory: {wanted:,} bytes ({_size(wanted)}) are needed and {available:,} bytes "
            f"({_size(available)}) are available; use smaller batches or inputs, or a smaller type"
        )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def _meminfo(name: str) -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)


def _cgroup_left() -> int | None:
    """What the container's limit leaves; its page cache counts as free, because it is given up first."""
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    if limit is None or used is None:
        return None
    try:
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
    except OSError:
        lines = []
    cached = sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))
    return max(limit - used + cached, 0)


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
