"""SciPy, loaded when the first kernel that needs it runs: importing it takes longer than importing Talweg."""

from __future__ import annotations

import functools
import importlib
from typing import Any


@functools.cache
def scipy(module: str) -> Any:
    """scipy.special, scipy.linalg, ..."""
    return importlib.import_module(f"scipy.{module}")
