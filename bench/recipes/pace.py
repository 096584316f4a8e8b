"""A training that runs in slices: it is let go for a while, and waits between two steps until it is asked again."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Enough = Callable[[list[float]], bool]


class Stopped(Exception):
    """Raised in the training that is not to go on."""


class Pacer:
    """Listens to a training loop (training/events.py) and holds it up.

    The seconds of a step run from the end of the one before, or where an epoch begins from there: what comes between
    two epochs, validating and saving, is no part of a step. The very first step is kept apart. Where a run has ended and is
    begun again, its first epochs are not counted: whatever is set up once a run was seen in the first one.
    """

    WARM_EPOCHS = 2

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.asked: queue.Queue[Enough | None] = queue.Queue()
        self.answers: queue.Queue[list[float] | BaseException] = queue.Queue()
        self.losses: list[float] = []
        self.first: float | None = None
        self.enough: Enough | None = None
        self.thread: threading.Thread | None = None
        self.times: list[float] = []
        self.since = 0.0
        self.runs = self.epochs = 0

    def advance(self, enough: Enough) -> list[float]:
        """Seconds of the steps until there are enough of them. Raises what the training raised."""
        self.asked.put(enough)
        found = self.answers.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def carry(self, run: Callable[[], None]) -> threading.Thread:
        """`run`, again and again, in a thread of its own that waits whenever nothing is asked of it."""
        def runs() -> None:
            try:
                self._wait()
                while True:
                    run()
            except Stopped:
                return
            except BaseException as error:
                self.answers.put(error)

        self.thread = threading.Thread(target=runs, daemon=True)
        self.thread.start()
        return self.thread

    def stop(self) -> None:
        """End the training, so that it leaves what it has set for the process, as `fit` does when it ends."""
        self.asked.put(None)
        if self.thread is not None:
            self.thread.join()

    def _wait(self) -> None:
        self.enough = self.asked.get()
        if self.enough is None:
            raise Stopped

    def epoch_begins(self) -> None:
        self.epochs += 1
        self.since = self.clock()

    def learned(self, loss: float) -> None:
        self.losses.append(loss)

    def step(self) -> None:
        seconds = self.clock() - self.since
        if self.first is None:
            self.first = seconds
        elif self.runs == 1 or self.epochs > self.WARM_EPOCHS:
            self.times.append(seconds)
        assert self.enough is not None
        if self.enough(self.times):
            self.answers.put(self.times)
            self.times = []
            self._wait()
        self.since = self.clock()

    def begin(self, epochs: int, first_epoch: int, batches: int) -> None:
        self.runs += 1
        self.epochs = 0

    def note(self, text: str) -> None: ...

    def batch(self, loss: float, error: float | None, samples: int) -> None: ...

    def epoch(self, record: Any) -> None: ...

    def leave(self) -> None: ...

    def end(self) -> None: ...


class Watched:
    """A loader that tells the pacer when an epoch begins, and may change its batches."""

    def __init__(self, loader: Any, pacer: Pacer, change: Callable[[Any], Any] | None = None) -> None:
        self.loader, self.pacer, self.change = loader, pacer, change

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator:
        return self.batches(0)

    def set_epoch(self, epoch: int) -> None:
        self.pacer.epoch_begins()
        if hasattr(self.loader, "set_epoch"):
            self.loader.set_epoch(epoch)

    def batches(self, start: int) -> Iterator:
        inner = self.loader.batches(start) if hasattr(self.loader, "batches") else itertools.islice(self.loader, start, None)
        return inner if self.change is None else map(self.change, inner)
