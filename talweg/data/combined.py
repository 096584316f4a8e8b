"""Datasets side by side and streams one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .dataset import Dataset, IterableDataset


class ChainDataset(IterableDataset):
    """Several streams, one after the other. Raises TypeError, when it comes to it, for a dataset that is no stream."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(f"ChainDataset only supports IterableDataset, got {type(dataset).__name__}")
            yield from dataset

    def __len__(self) -> int:
        lengths: list[int] = [len(d) for d in self.datasets]  # type: ignore
        return sum(lengths)


class StackDataset(Dataset):
    """Several datasets of one length, side by side: a sample is a tuple of theirs, or a dict if they came by keyword.

    Raises ValueError for no datasets, for both forms at once and for different lengths.
    """

    def __init__(self, *args: Dataset, **kwargs: Dataset) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: give datasets either in order or by name" if args else
                             "StackDataset: At least one dataset should be passed")
        self.datasets: Any = args or kwargs
        lengths = {len(d) for d in self._each()}  # type: ignore[arg-type]
        if len(lengths) > 1:
            raise ValueError(f"StackDataset: Size mismatch between datasets: {sorted(lengths)}")
        self._length = lengths.pop()

    def _each(self) -> list[Dataset]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return self._length
