"""Data by path alone: which kind of data a path holds, and its splits."""

from .by_path import load_path
from .to_splits import to_splits

__all__ = ["load_path", "to_splits"]
