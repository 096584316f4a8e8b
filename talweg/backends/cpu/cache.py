"""A bounded cache that forgets what was used longest ago."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class LRU(Generic[V]):
    """At most `capacity` values by key. Several threads may use it."""

    def __init__(self, capacity: int):
        if capacity < 1:
            raise ValueError(f"LRU: the capacity must be positive, got {capacity}")
        self.capacity = capacity
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`; `make()` makes it if there is none. Two threads may make it; one result is kept."""
        found = self.find(key)
        return found if found is not None else self.put(key, make())

    def find(self, key: Hashable) -> V | None:
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def put(self, key: Hashable, value: V) -> V:
        with self._lock:
            value = self._values.setdefault(key, value)
            self._values.move_to_end(key)
            dropped = [self._values.popitem(last=False) for _ in range(len(self._values) - self.capacity)]
        del dropped  # outside the lock: dropping a plan calls into oneDNN
        return value

    def clear(self) -> None:
        with self._lock:
            dropped = list(self._values.values())
            self._values.clear()
        del dropped

    def __len__(self) -> int:
        return len(self._values)
