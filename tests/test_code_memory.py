"""Where machine code comes to lie in memory."""

import subprocess
import sys

import pytest

SCATTERED = """
import ctypes

import numpy as np

import talweg as tw
from talweg.backends.cpu.llvm import jit

PAGE, APART, HOLES = 4096, 3 << 29, 40
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def reserved(size):
    "Addresses only: private, anonymous, no access, no memory behind them."
    address = libc.mmap(None, size, 0, 0x4022, -1, 0)
    assert address != ctypes.c_void_p(-1).value, "no addresses left"
    return address


@tw.compile
def function(x):
    return x.cos() * 1.7 + x.exp() * 2.5


x = tw.linspace(-1, 1, 100_000)
length = 64 << 30
start = reserved(length)
while reserved(PAGE) > start:  # until no hole is left above
    pass
for number in range(1, HOLES + 1):
    libc.munmap(start + length - number * APART, PAGE * PAGES)
for _ in range(3):
    y = function(x).numpy()
assert jit.counts.compiled, "nothing was compiled"
np.testing.assert_allclose(y, np.cos(x.numpy()) * 1.7 + np.exp(x.numpy()) * 2.5, rtol=1e-5)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mmap's flags are Linux's")
@pytest.mark.parametrize("pages", [1, 2, 4])
def test_code_runs_where_free_memory_lies_in_pieces_gigabytes_apart(pages, tmp_path, monkeypatch):
    """An object's sections that are linked more than 2 GB apart end the process."""
    monkeypatch.setenv("TALWEG_CACHE", str(tmp_path))
    ran = subprocess.run([sys.executable, "-c", SCATTERED.replace("PAGES", str(pages))], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
