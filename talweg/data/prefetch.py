"""Fetching ahead in threads, in order and with a bound on what waits."""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

_local = threading.local()


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker the calling thread is, of how many."""

    id: int
    num_workers: int
    dataset: Any


def get_worker_info() -> WorkerInfo | None:
    """The worker that calls this, or None outside of one."""
    return getattr(_local, "info", None)


Setup = tuple[Any, Callable[[int], None] | None, float]


def prefetched(fetch: Callable, jobs: Iterable, workers: int, ahead: int, setup: Setup) -> Iterator[Any]:
    """`map(fetch, jobs)` computed by threads, at most `ahead` results before the reader, in order.

    The jobs are drawn by the reader's thread, so their order cannot depend on the threads.
    """
    dataset, begin, timeout = setup
    names = itertools.count()

    def run(job: Any) -> Any:
        # Not the pool's initializer: what that raises is lost, here it reaches the reader.
        if get_worker_info() is None:
            _enter_worker(next(names), workers, dataset, begin)
        return fetch(job)

    pool = ThreadPoolExecutor(workers, "talweg-loader")
    waiting: deque[Future] = deque()
    source = iter(jobs)
    try:
        waiting.extend(pool.submit(run, job) for job in itertools.islice(source, ahead))
        while waiting:
            result = _result(waiting.popleft(), timeout)
            waiting.extend(pool.submit(run, job) for job in itertools.islice(source, 1))
            yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _enter_worker(number: int, workers: int, dataset: Any, begin: Callable[[int], None] | None) -> None:
    _local.info = WorkerInfo(number, workers, dataset)
    if begin is not None:
        begin(number)


def _result(future: Future, timeout: float) -> Any:
    try:
        return future.result(timeout or None)
    except FutureTimeout as error:
        if future.done():  # the dataset itself raised a TimeoutError
            raise
        raise RuntimeError(f"DataLoader: no batch arrived within timeout={timeout} seconds") from error


_END = object()


def prefetched_stream(stream: Iterator[Any], ahead: int, setup: Setup) -> Iterator[Any]:
    """The stream, read by one thread into a queue of at most `ahead` items."""
    dataset, begin, timeout = setup
    items: queue.Queue = queue.Queue(ahead)
    stopped = threading.Event()

    def read() -> None:
        try:
            _enter_worker(0, 1, dataset, begin)
            for item in stream:
                if not _put(items, (item, None), stopped):
                    return
            _put(items, (_END, None), stopped)
        except Exception as error:
            _put(items, (_END, error), stopped)

    threading.Thread(target=read, name="talweg-loader", daemon=True).start()
    try:
        while True:
            item, error = _get(items, timeout)
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()


def _put(items: queue.Queue, item: Any, stopped: threading.Event) -> bool:
    """Wait for room, unless the reader has gone."""
    while not stopped.is_set():
        try:
            items.put(item, timeout=0.05)
            return True
        except queue.Full:
            continue
    return False


def _get(items: queue.Queue, timeout: float) -> Any:
    try:
        return items.get(timeout=timeout or None)
    except queue.Empty as error:
        raise RuntimeError(f"DataLoader: no sample arrived within timeout={timeout} seconds") from error
