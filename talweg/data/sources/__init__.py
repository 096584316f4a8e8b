"""Data by path alone: which kind of data a path holds, and its splits."""

from .by_path import holds_pictures, load_path, near_path
from .shards import ShardedRows, write_shards

__all__ = ["ShardedRows", "holds_pictures", "load_path", "near_path", "write_shards"]
