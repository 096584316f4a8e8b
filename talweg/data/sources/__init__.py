"""Data by path alone: which kind of data a path holds, and its splits."""

from .by_path import holds_pictures, load_path
from .shards import ShardedRows, write_shards
from .to_splits import to_splits

__all__ = ["ShardedRows", "holds_pictures", "load_path", "to_splits", "write_shards"]
