"""Data: datasets, samplers, the loader, named datasets and image files."""

from .catalogue import CATALOGUE, load
from .collate import default_collate, default_convert
from .combined import ChainDataset, StackDataset
from .dataset import ConcatDataset, Dataset, IterableDataset, Subset, TensorDataset, random_split
from .digits import digits
from .images import fitted, light_on_dark, read_grey
from .loader import DataLoader
from .prefetch import WorkerInfo, get_worker_info
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .splits import Splits, stratified

__all__ = [
    "CATALOGUE",
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Splits",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "default_collate",
    "default_convert",
    "digits",
    "fitted",
    "get_worker_info",
    "light_on_dark",
    "load",
    "random_split",
    "read_grey",
    "stratified",
]
