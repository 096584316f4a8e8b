"""Samplers: in which order a loader visits the samples, and how indices are grouped into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Generic, TypeVar

import numpy as np

from ..tensor import Generator
from .order import draw_seed, permutation, uniform

Index = TypeVar("Index", covariant=True)


class Sampler(Generic[Index]):
    """An iterable of indices, with a length if it knows one."""

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__ to be a Sampler")


class SequentialSampler(Sampler):
    """0, 1, ..., len - 1."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomnessByEpoch(Sampler):
    """A sampler whose draw is a function of (seed, epoch).

    With a generator the seed is the generator's and the epoch counts the passes since it was seeded;
    `set_epoch` moves to any of them, so that a resumed run continues in the same order. Without one,
    each pass takes a fresh seed from the global stream, as PyTorch's samplers do.
    """

    def __init__(self, generator: Generator | None) -> None:
        self.generator = generator
        self._seed: int | None = None
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self._seed = draw_seed(self.generator) if self.generator is not None else None

    def _next(self) -> tuple[int, int]:
        """The seed and epoch of the pass that starts now."""
        seed = draw_seed(self.generator)
        if self.generator is None or seed != self._seed:
            self._seed = seed
            self._epoch = 0
        self._epoch += 1
        return seed, self._epoch - 1


class RandomSampler(RandomnessByEpoch):
    """All samples in random order, or `num_samples` of them, drawn with or without replacement.

    Without replacement, more than there are means several whole orders one after the other.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.data_source = data_source
        self.replacement = _checked_flag(replacement, "RandomSampler", "replacement")
        self._num_samples = None if num_samples is None else _checked_count(num_samples, "RandomSampler")

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        seed, epoch = self._next()
        size = len(self.data_source)
        if size == 0:
            return
        if self.replacement:
            draws = uniform(self.num_samples, seed, "replacement", epoch)
            yield from (draws * size).astype(np.int64).tolist()
            return
        for start in range(0, self.num_samples, size):
            order = permutation(size, seed, f"shuffle {start // size}", epoch)
            yield from _numbers(order[: self.num_samples - start])

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(RandomnessByEpoch):
    """The given indices in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        super().__init__(generator)
        self.indices = indices

    def __iter__(self) -> Iterator[int]:
        seed, epoch = self._next()
        for i in permutation(len(self.indices), seed, "subset", epoch).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(RandomnessByEpoch):
    """Index i with probability proportional to weights[i].

    Without replacement the keys of Efraimidis and Spirakis (2006) are used: the `num_samples`
    smallest of -log(u) / w. Raises ValueError for weights that are negative, not finite or all zero,
    and when fewer of them are positive than samples are asked for without replacement.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.num_samples = _checked_count(num_samples, "WeightedRandomSampler")
        self.replacement = _checked_flag(replacement, "WeightedRandomSampler", "replacement")
        self.weights = np.asarray(weights, dtype=np.float64)
        _check_weights(self.weights, None if replacement else num_samples)

    def __iter__(self) -> Iterator[int]:
        seed, epoch = self._next()
        if self.replacement:
            edges = np.cumsum(self.weights)
            draws = uniform(self.num_samples, seed, "weighted", epoch) * edges[-1]
            return iter(np.searchsorted(edges, draws, side="right").tolist())
        positive = np.flatnonzero(self.weights)
        keys = -np.log(uniform(len(positive), seed, "weighted", epoch)) / self.weights[positive]
        return iter(positive[np.argsort(keys, kind="stable")[: self.num_samples]].tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` indices; the last one may be shorter unless `drop_last`."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = _checked_count(batch_size, "BatchSampler", "batch_size")
        self.drop_last = _checked_flag(drop_last, "BatchSampler", "drop_last")

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def _numbers(order: np.ndarray, at_once: int = 65536) -> Iterator[int]:
    """The order as Python's integers, a piece at a time: they take four times the array's memory."""
    for start in range(0, len(order), at_once):
        yield from order[start:start + at_once].tolist()


def _checked_count(value: int, call: str, name: str = "num_samples") -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{call}: {name} must be a positive integer, got {value!r}")
    return value


def _checked_flag(value: bool, call: str, name: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{call}: {name} must be True or False, got {value!r}")
    return value


def _check_weights(weights: np.ndarray, without_replacement: int | None) -> None:
    call = "WeightedRandomSampler"
    if weights.ndim != 1:
        raise ValueError(f"{call}: weights must be one-dimensional, got shape {list(weights.shape)}")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0) or not np.any(weights > 0):
        raise ValueError(f"{call}: weights must be finite, not negative and not all zero")
    positive = int(np.count_nonzero(weights))
    if without_replacement is not None and positive < without_replacement:
        raise ValueError(
            f"{call}: {without_replacement} samples without replacement need as many positive weights, "
            f"got {positive}"
        )
