"""How many threads one kernel may use, told to every OpenMP runtime that kernels run on."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from pathlib import Path


def available_cores() -> int:
    """The cores this process may run on: its affinity mask, and its container's share where there is one."""
    mask = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(mask, _container_cores()))


def _container_cores() -> int:
    """The processor quota of control groups (version 2), rounded up; no quota counts as no bound."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return 1 << 30


def _default() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) > 0 else available_cores()


def set_waiting() -> None:
    """Tell libgomp, before it is loaded, how long a waiting thread keeps its core busy before it sleeps; a setting of the
    user's stands.

    A thread that sleeps takes some 40 us to wake, as long as a small matrix product: on an idle machine a step of a small
    network took 0.6 ms with long waiting and 1.0 ms with short. But where another process wants the core, the thread that
    all wait for does not get it: beside one busy process on two cores a LeNet step took 452 ms as libgomp waits by itself
    and 56 ms with short waiting. So threads wait long only where the cores are free when the library is loaded.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(LONG_WAIT if _cores_are_free() else SHORT_WAIT))


LONG_WAIT, SHORT_WAIT = 100_000, 1_000  # turns of libgomp's waiting loop: about 0.5 ms and 5 us


def _cores_are_free() -> bool:
    try:
        return os.getloadavg()[0] < 0.75 * available_cores()
    except (AttributeError, OSError):
        return True


class _State:
    count = 0  # 0: nobody has asked yet
    changes = 1  # of the count or of the setters
    setters: list[Callable[[int], object]] = []


# OpenMP keeps a thread count for each thread that calls it, so each must hear of a change: this is what it
# heard.
_heard = threading.local()


def get_num_threads() -> int:
    """Threads a kernel uses: as `set_num_threads` said, else OMP_NUM_THREADS, else the available cores."""
    if not _State.count:
        _State.count = _default()
    return _State.count


def set_num_threads(count: int) -> None:
    """Let each kernel use `count` threads from now on, in every Python thread.

    Raises TypeError unless `count` is an int, RuntimeError unless it is positive.
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"set_num_threads: expected an int, got {type(count).__name__}")
    if count < 1:
        raise RuntimeError(f"set_num_threads: expected a positive number of threads, got {count}")
    _State.count = count
    _State.changes += 1


def attach(setter: Callable[[int], object]) -> None:
    """Name a runtime's own `omp_set_num_threads`; `apply` calls it."""
    _State.setters.append(setter)
    _State.changes += 1


def apply() -> None:
    """Tell the attached runtimes the count, unless this Python thread has. Called before each kernel."""
    changes = _State.changes
    if getattr(_heard, "changes", 0) != changes:
        for setter in _State.setters:
            setter(get_num_threads())
        _heard.changes = changes


def _single_thread_after_fork() -> None:
    """A forked child has none of its parent's OpenMP threads, and libgomp would wait for them for ever."""
    _State.count = 1
    _State.changes += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_single_thread_after_fork)
