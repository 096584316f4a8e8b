"""Every tensor that exists. They are noted when they are made: to ask the collector would be a look through the whole
process, and one that misses what `gc.freeze` has put aside."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from .box import Box

SPARE = 1000  # so many references too many may be kept before they are looked for

_noted: list[ref[Box]] = []
_limit = SPARE
_thinning = threading.Lock()


def note(box: Box) -> None:
    """Called once for each tensor that is made, or more often; by any thread."""
    _noted.append(ref(box))
    if len(_noted) > _limit:
        _thin()


def _thin() -> None:
    """Forget the dead, and what was noted again, as `x.data = y` does. What other threads note meanwhile comes behind the part
    that is replaced, which happens at once."""
    global _limit
    if not _thinning.acquire(blocking=False):
        return
    try:
        count = len(_noted)
        _noted[:count] = {id(r): r for r in _noted[:count] if r() is not None}.values()
        _limit = 2 * len(_noted) + SPARE
    finally:
        _thinning.release()


def living() -> list[Box]:
    """Every tensor that exists, each once."""
    return list({id(box): box for r in _noted[:] if (box := r()) is not None}.values())
