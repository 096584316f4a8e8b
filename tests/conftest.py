"""One thread a test process: the suite runs in as many processes as there are cores, and threads that wait for a core
another process holds would take most of the time."""

import gc
import os
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Kernels are kept between the processes and runs of the suite, apart from the user's own.
os.environ.setdefault("TALWEG_CACHE", str(Path(tempfile.gettempdir()) / f"talweg-tests-{os.getuid()}"))


def pytest_collection_modifyitems(items):
    """Slow tests are for `make long`."""
    if os.environ.get("TALWEG_LONG"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: make long"))


def pytest_collection_finish():
    """Thousands of tests and the libraries they compare with stay to the end: the collector need not go through them again
    and again."""
    gc.collect()
    gc.freeze()
