"""Datasets: what holds samples, and how they are joined, cut and split."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from ..tensor import Generator, Tensor, from_numpy
from .order import draw_seed, permutation

Sample = TypeVar("Sample", covariant=True)


class Dataset(Generic[Sample]):
    """Samples by index. A subclass writes `__getitem__` and, for most uses, `__len__`.

    It may also write `batch(indices)`, which returns what collating those samples would give; the
    loader then fetches a batch with one call; TensorDataset and Subset do. And `at_epoch(epoch)`, which
    returns the dataset as that pass sees it: augmentations do.
    """

    def __getitem__(self, index) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__ to be a Dataset")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Sample]):
    """Samples in the order in which they arrive: a stream. A subclass writes `__iter__`."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__ to be an IterableDataset")

    def __getitem__(self, index):
        raise TypeError(f"{type(self).__name__} is a stream: iterate over it, it has no sample {index}")


class TensorDataset(Dataset):
    """Tensors of equal first dimension; sample i is the tuple of their i-th entries.

    Raises ValueError when there is none, when one has no dimension, or when the sizes differ.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError("TensorDataset: expected at least one tensor, got none")
        shapes = [tuple(t.shape) for t in tensors]
        if any(not s for s in shapes) or len({s[0] for s in shapes}) != 1:
            listed = ", ".join(str(list(s)) for s in shapes)
            raise ValueError(f"TensorDataset: first dimensions count samples and must agree, got {listed}")
        self.tensors = tensors

    def __getitem__(self, index) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        return [_rows(t, indices) for t in self.tensors]

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])


def _rows(tensor: Tensor, indices: Sequence[int]) -> Tensor:
    """Entries of a tensor's first dimension, by NumPy where no gradient and no narrow dtype is in the way: a loader asks for
    other ones every time, so that there is nothing to compile. Raises IndexError for an index out of range."""
    if tensor.requires_grad or tensor.element_size() < 4:
        return tensor[list(indices)]
    return from_numpy(np.asarray(tensor)[np.asarray(indices, np.int64)])


class ConcatDataset(Dataset[Sample]):
    """Several datasets, one after the other.

    Raises ValueError for an empty list and TypeError for an IterableDataset, which has no index.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expected at least one dataset, got none")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise TypeError("ConcatDataset: an IterableDataset has no index; chain the streams instead")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int):
        index = _from_front(index, len(self), "ConcatDataset")
        which = bisect.bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]


class Subset(Dataset[Sample]):
    """The samples of `dataset` that `indices` names, in that order."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        if hasattr(dataset, "batch"):
            self.batch = self._batch
        if hasattr(dataset, "at_epoch"):
            self.at_epoch = self._at_epoch

    def __getitem__(self, index: int):
        return self.dataset[self.indices[index]]

    def _at_epoch(self, epoch: int) -> Subset:
        return Subset(self.dataset.at_epoch(epoch), self.indices)  # type: ignore[attr-defined]

    def _batch(self, indices: Sequence[int]):
        return self.dataset.batch([self.indices[i] for i in indices])  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Dataset, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset]:
    """Disjoint random subsets.

    `lengths` are counts that add up to the dataset's, or fractions that add up to 1; samples
    that fractions leave over go to the first subsets, one each. Raises ValueError otherwise.
    """
    size = len(dataset)  # type: ignore[arg-type]
    counts = _counts(lengths, size)
    order = permutation(size, draw_seed(generator), "split").tolist()
    ends = list(itertools.accumulate(counts))
    return [Subset(dataset, order[end - count:end]) for count, end in zip(counts, ends)]


def _counts(lengths: Sequence[int | float], size: int) -> list[int]:
    lengths = list(lengths)
    if any(isinstance(n, float) for n in lengths) and math.isclose(sum(lengths), 1, abs_tol=1e-9):
        if any(not 0 <= n <= 1 for n in lengths):
            raise ValueError(f"random_split: every fraction must be between 0 and 1, got {lengths}")
        counts = [math.floor(size * n) for n in lengths]
        for i in range(size - sum(counts)):
            counts[i % len(counts)] += 1
        return counts
    if sum(lengths) != size or any(n < 0 or n != int(n) for n in lengths):
        raise ValueError(
            f"random_split: lengths {lengths} must be counts that add up to the dataset's {size}, "
            "or fractions that add up to 1"
        )
    return [int(n) for n in lengths]


def _from_front(index: int, size: int, call: str) -> int:
    if -size <= index < size:
        return index % size
    raise IndexError(f"{call}: index {index} is out of range for {size} samples")


__all__ = ["ConcatDataset", "Dataset", "IterableDataset", "Subset", "TensorDataset", "random_split"]
