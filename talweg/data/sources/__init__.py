"""Data by path alone: which kind of data a path holds, and its splits."""

from .by_path import holds_pictures, load_path
from .image_folder import image_files
from .shards import ShardedRows, write_shards
from .walk import near_path

__all__ = ["ShardedRows", "holds_pictures", "image_files", "load_path", "near_path", "write_shards"]
