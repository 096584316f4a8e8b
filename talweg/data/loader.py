"""DataLoader: batches from a dataset, in an order that does not depend on the number of workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic

from ..tensor import Generator, Tensor
from ..tensor.pending import computed
from ..tensor.trees import leaves
from .collate import default_collate
from .dataset import Dataset, IterableDataset, Sample
from .prefetch import prefetched, prefetched_stream
from .sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader(Generic[Sample]):
    """Batches of `dataset`, with PyTorch's arguments.

    Workers are threads: with `num_workers` > 0 up to `num_workers * prefetch_factor` batches are
    fetched ahead and handed out in order. A stream (IterableDataset) is read by one thread whatever
    the number, so that no sample comes twice. An exception keeps its type and gains a note that
    names the sample. `timeout` is in seconds, 0 means none. Tensors are shared with threads anyway:
    `pin_memory`, `persistent_workers`, `in_order` and `multiprocessing_context` are accepted and
    change nothing.

    Raises ValueError for contradictory arguments.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor or 2
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.pin_memory = pin_memory
        self.is_stream = isinstance(dataset, IterableDataset)
        if self.is_stream:
            _check_stream(shuffle, sampler, batch_sampler)
        if batch_sampler is not None:
            _check_batch_sampler(batch_size, shuffle, sampler, drop_last)
            batch_size = None
        if batch_size is None and batch_sampler is None and drop_last:
            raise ValueError("DataLoader: batch_size=None turns batching off, so drop_last must be False")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: give sampler or shuffle=True, not both: the sampler sets the order")
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler: Any = sampler if sampler is not None else _order(dataset, shuffle, generator)
        self.batch_sampler = batch_sampler
        if batch_size is not None:
            self.batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self.is_batched = self.batch_sampler is not None
        self._epoch = 0
        self._ready_made = collate_fn is None and self.is_batched and hasattr(dataset, "batch")
        self.collate_fn = collate_fn or (default_collate if self.is_batched else _as_it_is)

    def __iter__(self) -> Iterator[Any]:
        return self.batches()

    def batches(self, start: int = 0) -> Iterator[Any]:
        """A pass from batch `start` on. The batches before are not fetched, unless the dataset is a stream."""
        if self.is_stream:
            samples = map(_with_values, itertools.islice(self._stream(), start, None))
            if self.num_workers == 0:
                return samples
            return prefetched_stream(samples, self.num_workers * self.prefetch_factor, self._worker_setup())
        source = self._of_this_pass()
        orders = self.batch_sampler if self.is_batched else self.sampler
        jobs = ((source, *job) for job in itertools.islice(enumerate(orders), start, None))  # type: ignore
        if self.num_workers == 0:
            return (self._made(job) for job in jobs)
        return prefetched(
            self._made, jobs, self.num_workers, self.num_workers * self.prefetch_factor, self._worker_setup()
        )

    def __len__(self) -> int:
        """How many batches a pass gives. Raises TypeError for a stream, which does not know."""
        if not self.is_stream:
            return len(self.batch_sampler if self.is_batched else self.sampler)  # type: ignore[arg-type]
        count = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass the one of this epoch: a resumed run sees the order it would have seen."""
        self._epoch = epoch
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def _of_this_pass(self) -> Dataset:
        """The dataset as the pass that starts now sees it: augmentations depend on the epoch."""
        self._epoch += 1
        return self.dataset.at_epoch(self._epoch - 1) if hasattr(self.dataset, "at_epoch") else self.dataset

    def _made(self, job: tuple[Dataset, int, Any]) -> Any:
        return _with_values(self._fetch(*job))

    def _fetch(self, source: Dataset, number: int, indices: Any) -> Any:
        if not self.is_batched:
            return self.collate_fn(self._sample(source, indices, number))
        if self._ready_made:
            with _noted(f"while fetching samples {_listed(indices)} (batch {number})"):
                return source.batch(indices)  # type: ignore[attr-defined]
        samples = [self._sample(source, i, number) for i in indices]
        with _noted(f"while collating samples {_listed(indices)} (batch {number})"):
            return self.collate_fn(samples)

    def _sample(self, source: Dataset, index: Any, number: int) -> Any:
        with _noted(f"while fetching sample {index} (batch {number})"):
            return source[index]

    def _stream(self) -> Iterator[Any]:
        if self.batch_size is None:
            yield from map(self.collate_fn, self.dataset)  # type: ignore[arg-type, call-overload]
            return
        batch: list[Any] = []
        for sample in self.dataset:  # type: ignore[attr-defined]
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield self.collate_fn(batch)
                batch = []
        if batch and not self.drop_last:
            yield self.collate_fn(batch)

    def _worker_setup(self) -> tuple[Dataset, Callable[[int], None] | None, float]:
        return self.dataset, self.worker_init_fn, self.timeout


def _with_values(batch: Any) -> Any:
    """The batch, computed: a step's graph begins with it whoever fetched it, and workers do the work that is theirs."""
    computed([x.node for x in leaves(batch) if isinstance(x, Tensor)])
    return batch


class _noted:
    """Adds where it happened to an exception that passes through."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, Exception):
            error.add_note(f"raised by the DataLoader {self.where}")


def _listed(indices: Sequence[int], most: int = 8) -> str:
    shown = ", ".join(str(i) for i in list(indices)[:most])
    return f"{shown}, ..." if len(indices) > most else shown


def _as_it_is(sample: Any) -> Any:
    return sample


def _order(dataset: Dataset, shuffle: bool | None, generator: Generator | None) -> Iterable[int]:
    if isinstance(dataset, IterableDataset):
        return ()
    if shuffle:
        if len(dataset) == 0:  # type: ignore[arg-type]
            raise ValueError("DataLoader: shuffle=True needs at least one sample, the dataset is empty")
        return RandomSampler(dataset, generator=generator)  # type: ignore[arg-type]
    return SequentialSampler(dataset)  # type: ignore[arg-type]


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None) -> None:
    if not isinstance(num_workers, int) or num_workers < 0:
        raise ValueError(f"DataLoader: num_workers must be 0 (no threads) or more, got {num_workers!r}")
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout is in seconds and must not be negative, got {timeout}")
    if prefetch_factor is not None and (num_workers == 0 or prefetch_factor < 1):
        raise ValueError(
            f"DataLoader: prefetch_factor must be at least 1 and needs num_workers > 0, "
            f"got prefetch_factor={prefetch_factor}, num_workers={num_workers}"
        )


def _check_stream(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    if shuffle or sampler is not None or batch_sampler is not None:
        raise ValueError(
            "DataLoader: an IterableDataset sets its own order: give no shuffle, sampler or batch_sampler"
        )


def _check_batch_sampler(batch_size: int | None, shuffle: bool | None, sampler: Any, drop_last: bool) -> None:
    if batch_size != 1 or shuffle or sampler is not None or drop_last:
        raise ValueError(
            "DataLoader: batch_sampler says which samples make each batch: "
            "give no batch_size, shuffle, sampler or drop_last beside it"
        )
