"""Data: datasets, samplers, the loader, named datasets and image files."""

from .arrays import ArrayDataset, targets_of
from .catalogue import CATALOGUE, entry_of, load, measured_hash, pinned_hash
from .choose import choose, holds_pictures, is_path, short_name
from .collate import default_collate, default_convert
from .combined import ChainDataset, StackDataset
from .dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from .digits import digits
from .examples import Request, content_hash
from .images import fitted, light_on_dark, read_grey, read_pixels, squared
from .loader import DataLoader
from .partition import partition
from .prefetch import WorkerInfo, get_worker_info
from .problems import ON_ERROR, BadSample
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .sources import ShardedRows, load_path, write_shards
from .sound import log_mel, read_sound
from .splits import Splits, stratified

__all__ = [
    "CATALOGUE",
    "ON_ERROR",
    "ArrayDataset",
    "BadSample",
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Request",
    "Sampler",
    "ShardedRows",
    "SequentialSampler",
    "Splits",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "choose",
    "content_hash",
    "default_collate",
    "default_convert",
    "digits",
    "entry_of",
    "fitted",
    "get_worker_info",
    "holds_pictures",
    "is_path",
    "light_on_dark",
    "load",
    "load_path",
    "log_mel",
    "measured_hash",
    "partition",
    "pinned_hash",
    "random_split",
    "read_grey",
    "read_pixels",
    "read_sound",
    "short_name",
    "squared",
    "stratified",
    "targets_of",
    "write_shards",
]
