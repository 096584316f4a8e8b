"""Threads and kept memory."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from talweg.runtime import memory, threads

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _same_count_afterwards():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, **environment}, capture_output=True,
        text=True, timeout=60, check=True,
    )
    return done.stdout.strip()


def test_the_default_is_the_cores_this_process_may_run_on():
    script = "from talweg.runtime import threads; print(threads.get_num_threads(), threads.available_cores())"
    given, cores = map(int, run(script, OMP_NUM_THREADS="").split())
    assert given == cores
    assert 1 <= cores <= (os.cpu_count() or 1)
    assert run(script, OMP_NUM_THREADS="3").split()[0] == "3"
    assert run(script, OMP_NUM_THREADS="many").split()[0] == str(cores)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity masks")
def test_an_affinity_mask_is_heeded():
    script = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from talweg.runtime import threads
print(threads.get_num_threads())
"""
    assert run(script, OMP_NUM_THREADS="") == "1"


def test_every_python_thread_tells_the_runtime_once_for_each_change(monkeypatch):
    heard: list[tuple[int, int]] = []
    monkeypatch.setattr(threads._State, "setters", [])
    threads.attach(lambda count: heard.append((threading.get_ident(), count)))

    def compute_twice():
        threads.apply()
        threads.apply()

    threads.set_num_threads(3)
    compute_twice()
    other = threading.Thread(target=compute_twice)
    other.start()
    other.join()
    threads.set_num_threads(2)
    compute_twice()
    assert [count for _, count in heard] == [3, 3, 2]
    assert heard[0][0] == heard[2][0] == threading.get_ident() != heard[1][0]


@pytest.mark.parametrize(("count", "error"), [
    (0, RuntimeError),
    (-2, RuntimeError),
    (1.5, TypeError),
    (True, TypeError),
])
def test_a_thread_count_is_a_positive_int(count, error):
    before = threads.get_num_threads()
    with pytest.raises(error, match="set_num_threads"):
        threads.set_num_threads(count)
    assert threads.get_num_threads() == before


def test_a_workspace_is_aligned_and_only_grows():
    workspace = memory.Workspace()
    assert workspace.reserve(0) == 0
    first = workspace.reserve(1000)
    assert first % memory.ALIGNMENT == 0
    assert workspace.reserve(10) == first
    assert workspace.reserve(1000) == first
    larger = workspace.reserve(10_000_000)
    assert larger % memory.ALIGNMENT == 0
    assert workspace.size == 10_000_000
    assert [memory.aligned(n) for n in (0, 1, 64, 65)] == [0, 64, 64, 128]


def test_kept_memory_is_not_faulted_in_again():
    script = """
import resource
import numpy as np
if {keep}:
    import talweg.facade  # asks the allocator to keep freed pages
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
x = np.ones(12 << 20, np.float32)
x + 1
before = faults()
for _ in range(4):
    x + 1
print(faults() - before)
"""
    if not memory._glibc():
        pytest.skip("needs glibc")
    fresh, kept = (int(run(script.format(keep=keep))) for keep in (False, True))
    assert kept < fresh / 4


def test_keeping_and_releasing_can_be_asked_for_at_any_time():
    assert memory.keep_freed_pages() == (memory._glibc() is not None)
    assert memory.keep_freed_pages() == (memory._glibc() is not None)
    block = np.ones(1 << 20)
    del block
    assert memory.release() in (True, False)
