"""Memory that is kept when it is freed, and room for kernels to work in.

The first write to a page costs far more than those after it: the system must find the page and clear it. On
the virtual machine of docs/architecture.md that first write runs at 0.4 GB/s, writing again at 10 to 25
GB/s. glibc gives every block above a threshold (128 KB at first, 32 MB at most) back to the system when it
is freed, so an array of activations is paid for again at each step. The settings below make it keep freed
pages for later blocks.

Measured for `z = (x + 1) + 1` over and over, both results freed each time (one thread, GB/s written):

    size of x      0.25 MB    1 MB    3 MB    12 MB    50 MB    200 MB
    as glibc is        2.7     2.1     1.8      1.8      1.9       2.2
    kept              24.3     9.2     6.6      5.2      4.5       4.7

No block is ever mapped on its own (M_MMAP_MAX 0): raising M_MMAP_THRESHOLD instead stops at 32 MB and leaves
the last two columns as they were. One arena for all threads (M_ARENA_MAX 1): a thread's own arena cannot
hold 64 MB, and two results of 240 MB each took 290 ms in a second thread, 78 ms so. M_TOP_PAD, memory asked
for ahead of need, changed nothing that could be measured and stays small. The price: the process keeps its
largest size until `release` is called.
"""

from __future__ import annotations

import ctypes
import mmap
import threading

import numpy as np

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8
_SETTINGS = (
    (_M_MMAP_MAX, 0),
    (_M_ARENA_MAX, 1),
    (_M_TRIM_THRESHOLD, 2**31 - 1),  # never
    (_M_TOP_PAD, 1 << 20),
)

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register
_HUGE_PAGE = 2 << 20
_LARGE = 16 * _HUGE_PAGE


class _State:
    kept: bool | None = None
    lock = threading.Lock()


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process if it is one whose allocator can be told to keep memory."""
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  (the lookup itself is the question: musl and macOS lack it)
        library.mallopt  # noqa: B018
    except (OSError, AttributeError, TypeError):
        return None
    return library


def keep_freed_pages() -> bool:
    """Ask the C allocator to keep freed memory for later. False where it is not glibc's. Done once."""
    with _State.lock:
        if _State.kept is None:
            library = _glibc()
            _State.kept = library is not None and all(library.mallopt(*setting) == 1 for setting in _SETTINGS)
        return _State.kept


def release() -> bool:
    """Give free memory back to the system now. True if some was."""
    library = _glibc()
    return library is not None and library.malloc_trim(ctypes.c_size_t(0)) == 1


def _block(size: int) -> np.ndarray:
    """New bytes. Many are asked for in pages of 2 MB where the system has them: what lies in so large a block is walked
    through again and again, and each small page costs a look into the page tables, two deep on a virtual machine."""
    if size < _LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.empty(size, np.uint8)
    room = mmap.mmap(-1, size + _HUGE_PAGE)
    room.madvise(mmap.MADV_HUGEPAGE)
    block = np.frombuffer(room, np.uint8)
    skipped = -block.ctypes.data % _HUGE_PAGE
    return block[skipped : skipped + size]


class Workspace:
    """One block of aligned memory that only grows. Kernels that run one after another share it."""

    def __init__(self) -> None:
        self.address = 0
        self.size = 0
        self._block: np.ndarray | None = None

    def reserve(self, size: int) -> int:
        """The address of at least `size` bytes; what lay there before is lost when the block has to grow."""
        if size > self.size:
            self._block = None  # freed before its successor is made: two at once might not fit
            self.size = 0
            self._block = _block(size + ALIGNMENT)
            self.address = aligned(self._block.ctypes.data)
            self.size = size
        return self.address

    def bytes(self) -> np.ndarray:
        """The block, from its aligned address on."""
        assert self._block is not None
        skipped = self.address - self._block.ctypes.data
        return self._block[skipped : skipped + self.size]


def aligned(count: int) -> int:
    """The next multiple of the alignment."""
    return -(-count // ALIGNMENT) * ALIGNMENT
