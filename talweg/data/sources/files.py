"""How a row of an array is called in messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def where_row(path: Path) -> Callable[[int], str]:
    return lambda i: f"{path}: row {i}"
