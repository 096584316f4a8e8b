"""Random words and uniform numbers of the LLVM emitter: the reference's, to the bit."""

import ml_dtypes
import numpy as np
import pytest

from bench.vector_loop import vector_loop
from talweg.backends.reference import philox

SEEDS = [(0, 0, 0), (1, 2, 3), (-1, 2**40 + 5, 200), (2**63 - 1, 2**32 - 1, 2**24 - 1), (0x123456789ABCDEF, 7, 2**20)]


@pytest.mark.parametrize(("seed", "call", "stream"), SEEDS)
def test_words_are_those_of_the_reference(seed, call, stream):
    want = philox.words(seed, call, stream, 4000).astype(np.uint32)
    out = np.zeros(4000, np.uint32)
    np.testing.assert_array_equal(vector_loop("philox_word", "i32")(out, seed, call, stream), want)
    np.testing.assert_array_equal(vector_loop("philox_block", "i32")(np.zeros_like(out), seed, call, stream), want)
    np.testing.assert_array_equal(vector_loop("philox_word", "i32")(out[:3999], seed, call, stream, 1), want[1:])


def test_words_of_blocks_beyond_32_bits():
    first = 2**32 - 8
    numbers = np.arange(first, first + 16, dtype=np.uint64)
    low, high = numbers & np.uint64(2**32 - 1), numbers >> np.uint64(32)
    counters = [low, high | np.uint64(5 << 8), np.full(16, 6, np.uint64), np.zeros(16, np.uint64)]
    want = np.stack(philox.philox(counters, (7, 0)), axis=1).reshape(-1).astype(np.uint32)
    np.testing.assert_array_equal(vector_loop("philox_block", "i32")(np.zeros(64, np.uint32), 7, 6, 5, first), want)
    np.testing.assert_array_equal(vector_loop("philox_word", "i32")(np.zeros(64, np.uint32), 7, 6, 5, 4 * first), want)


@pytest.mark.parametrize(("type", "dtype"), [("float", np.float32), ("double", np.float64), ("half", np.float16),
                                             ("bfloat", ml_dtypes.bfloat16)])
@pytest.mark.parametrize(("seed", "call", "stream"), SEEDS)
def test_uniform_numbers_are_those_of_the_reference(type, dtype, seed, call, stream):
    want = philox.uniform(seed, call, stream, (4000,), np.dtype(dtype))
    for name in ("uniform", "uniform_block"):
        out = np.zeros(4000, np.float64 if type == "double" else np.float32)
        got = vector_loop(name, type)(out, seed, call, stream)
        np.testing.assert_array_equal(got.astype(dtype), want)
        assert got.min() >= 0
        assert got.max() < 1
        np.testing.assert_array_equal(got, got.astype(dtype).astype(got.dtype))  # nothing was rounded
