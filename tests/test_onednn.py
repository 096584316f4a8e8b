"""oneDNN's kernels against PyTorch, over random shapes, strides and settings, and what they refuse."""

import threading

import ml_dtypes
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from talweg.backends.cpu import convolution as conv
from talweg.backends.cpu import matmul as products
from talweg.backends.cpu import pooling as pool
from talweg.backends.cpu.arrays import pointer
from talweg.backends.cpu.bindings import Unsupported
from talweg.backends.cpu.cache import Cache
from talweg.backends.cpu.library import available, library
from talweg.runtime import threads

pytestmark = pytest.mark.skipif(not available(), reason="oneDNN is not installed")
torch.set_num_threads(1)

BF16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype(np.float32), BF16]
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def normal(rng, shape, dtype=np.float32) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def relaid(rng, array: np.ndarray) -> np.ndarray:
    """The same values in other memory: transposed, sliced with gaps, reversed, misaligned, or as they are."""
    way = rng.integers(6)
    if way == 0:
        order = rng.permutation(array.ndim)
        return np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))
    if way == 1:
        padded = np.zeros([n + int(rng.integers(3)) for n in array.shape], array.dtype)
        view = padded[tuple(slice(len_ - n, None) for len_, n in zip(padded.shape, array.shape))]
    elif way == 2:
        view = np.zeros([2 * n for n in array.shape], array.dtype)[(slice(None, None, 2),) * array.ndim]
    elif way == 3:
        view = np.empty_like(array)[::-1]
    elif way == 4:
        raw = np.zeros(array.nbytes + 1, np.uint8)
        view = raw[1:].view(array.dtype).reshape(array.shape)
    else:
        return array
    view[...] = array
    return view


def assert_close(found: np.ndarray, exact: np.ndarray, terms: int) -> None:
    """Within rounding: sums of `terms` products in float32, one rounding to the result's type."""
    assert found.shape == exact.shape
    eps = float(ml_dtypes.finfo(found.dtype).eps)
    scale = max(float(np.abs(exact).max(initial=0)), 1e-3)
    bound = scale * (eps + terms * np.finfo(np.float32).eps)
    np.testing.assert_array_less(np.abs(found.astype(np.float64) - exact), bound + 1e-30)


# Matrix products


def random_batches(rng) -> tuple[tuple, tuple]:
    shape = [int(n) for n in rng.integers(1, 4, rng.integers(0, 4))]
    a, b = ([1 if rng.random() < 0.3 else n for n in shape] for _ in range(2))
    return tuple(a[rng.integers(len(a) + 1) :]), tuple(b[rng.integers(len(b) + 1) :])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", range(60))
def test_matmul_of_random_shapes_strides_and_broadcast_batches(seed, dtype):
    rng = np.random.default_rng(seed)
    batch_a, batch_b = random_batches(rng)
    m, k, n = (int(rng.choice([1, 2, 3, 5, 16, 33, 64])) for _ in range(3))
    a = relaid(rng, normal(rng, (*batch_a, m, k), dtype))
    b = relaid(rng, normal(rng, (*batch_b, k, n), dtype))
    found = products.matmul(a, b)
    assert found.dtype == dtype
    assert_close(found, np.matmul(a.astype(np.float64), b.astype(np.float64)), k)


@pytest.mark.parametrize("seed", range(20))
def test_matmul_agrees_with_pytorch_in_float32(seed):
    rng = np.random.default_rng(seed)
    a, b = normal(rng, (3, 31, 70)), normal(rng, (3, 50, 70))
    expected = torch.matmul(torch.tensor(a), torch.tensor(b).mT).numpy()
    np.testing.assert_allclose(products.matmul(a, b.transpose(0, 2, 1)), expected, rtol=1e-5, atol=1e-4)


def test_matmul_reads_transposed_and_sliced_operands_in_place():
    rng = np.random.default_rng(0)
    q = normal(rng, (2, 10, 4, 8)).transpose(0, 2, 1, 3)  # heads out of (B, T, H, D)
    k = normal(rng, (2, 10, 4, 8)).transpose(0, 2, 3, 1)
    wide = normal(rng, (40, 90))
    sliced = [(wide[3:30, 5:60], wide[:30, 5:60].T), (wide[:, 4:5].T, wide[:, :7])]
    for a, b in [(q, k), (wide.T, wide), *sliced]:
        prepared = products._prepare(a, b, None)
        assert not prepared.copy_a
        assert not prepared.copy_b
        assert not prepared.plan.steps[0][0].implementation.startswith("ref")


def test_matmul_folds_a_batch_that_shares_its_weights_into_rows():
    a, w = np.ones((4, 5, 6, 7), np.float32), np.ones((7, 3), np.float32)
    plan = products._prepare(a, w, None).plan
    assert plan.values[0].layout.strides(2) == (7, 1)  # one matrix of 120 rows


@pytest.mark.parametrize(("first", "second", "batch"), [
    ((1, 3, 40), (1, 40, 3), (2,)), ((3, 40), (40, 3), (2,)), ((1, 1, 3, 40), (4, 40, 3), (2, 4)),
    ((2, 1, 3, 40), (2, 1, 40, 3), (2, 4)), ((1, 4, 3, 40), (1, 1, 40, 3), (2, 4)),
])
def test_matmul_of_operands_that_repeat_along_one_dimension(first, second, batch):
    """As a Gram matrix of repeated features has it: only the result has a step there."""
    rng = np.random.default_rng(0)
    a, b = normal(rng, first), normal(rng, second)
    long_a, long_b = np.broadcast_to(a, (*batch, 3, 40)), np.broadcast_to(b, (*batch, 40, 3))
    expected = np.matmul(long_a, long_b)
    for x, y in ((long_a, long_b), (a, long_b), (long_a, b)):
        np.testing.assert_allclose(products.matmul(x, y), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("expanded", [(0,), (1,), (0, 1)])
def test_matmul_takes_expanded_operands(expanded):
    rng = np.random.default_rng(0)
    a, b = normal(rng, (3, 4, 5)), normal(rng, (3, 5, 2))
    small = a[tuple(slice(0, 1) if i in expanded else slice(None) for i in range(3))]
    a = np.broadcast_to(small, a.shape)
    assert_close(products.matmul(a, b), np.matmul(a.astype(np.float64), b), 5)


def test_matmul_takes_overlapping_windows():
    rng = np.random.default_rng(0)
    windows = np.lib.stride_tricks.sliding_window_view(normal(rng, 20), 6)
    b = normal(rng, (6, 3))
    assert_close(products.matmul(windows, b), windows.astype(np.float64) @ b, 6)


@pytest.mark.parametrize(("a", "b"), [
    ((0, 3, 4), (4, 5)),
    ((2, 0, 4), (2, 4, 5)),
    ((2, 3, 4), (2, 4, 0)),
    ((2, 3, 0), (2, 0, 4)),
    ((0, 0), (0, 0)),
])
def test_matmul_of_nothing(a, b):
    found = products.matmul(np.ones(a, np.float32), np.ones(b, np.float32))
    expected = np.matmul(np.ones(a), np.ones(b))
    np.testing.assert_array_equal(found, expected)
    out = np.full(expected.shape, np.nan, np.float32)
    assert products.matmul(np.ones(a, np.float32), np.ones(b, np.float32), out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("seed", range(20))
def test_matmul_into_out_of_any_strides(seed):
    rng = np.random.default_rng(seed)
    a, b = normal(rng, (3, 9, 17)), normal(rng, (17, 11))
    out = relaid(rng, normal(rng, (3, 9, 11)))
    assert products.matmul(a, b, out) is out
    assert_close(out, a.astype(np.float64) @ b, 17)


def test_matmul_into_out_that_overlaps_an_operand():
    a, b = normal(np.random.default_rng(0), (8, 8)), normal(np.random.default_rng(1), (8, 8))
    expected = a.astype(np.float64) @ b
    products.matmul(a, b, out=a)
    assert_close(a, expected, 8)


def test_matmul_of_bfloat16_into_float32_keeps_the_sums():
    rng = np.random.default_rng(0)
    a, b = normal(rng, (20, 300), BF16), normal(rng, (300, 10), BF16)
    out = np.empty((20, 10), np.float32)
    assert_close(products.matmul(a, b, out), a.astype(np.float64) @ b.astype(np.float64), 300)


def test_matmul_lets_nan_and_infinity_through():
    a, b = np.ones((3, 4), np.float32), np.ones((4, 5), np.float32)
    a[1, 2], a[2, 0] = np.nan, np.inf
    expected = torch.matmul(torch.tensor(a), torch.tensor(b)).numpy()
    np.testing.assert_array_equal(products.matmul(a, b), expected)


@pytest.mark.parametrize(("a", "b", "says"), [
    ((3, 4), (5, 6), "columns of the first"),
    ((4,), (4, 5), "two or more dimensions"),
    ((2, 3, 4), (3, 4, 5), "dimension 0"),
])
def test_matmul_refuses_shapes_that_do_not_go_together(a, b, says):
    with pytest.raises(RuntimeError, match=says):
        products.matmul(np.ones(a, np.float32), np.ones(b, np.float32))


def test_matmul_refuses_wrong_types_and_outs():
    a = np.ones((2, 2), np.float32)
    with pytest.raises(RuntimeError, match="one dtype, got float32 and bfloat16"):
        products.matmul(a, a.astype(BF16))
    with pytest.raises(Unsupported, match="float64"):
        products.matmul(a.astype(np.float64), a.astype(np.float64))
    with pytest.raises(TypeError, match="NumPy arrays, got list"):
        products.matmul([[1.0]], a)
    with pytest.raises(RuntimeError, match=r"out has shape \[2, 3\]"):
        products.matmul(a, a, np.ones((2, 3), np.float32))
    with pytest.raises(RuntimeError, match="out has dtype int32"):
        products.matmul(a, a, np.ones((2, 2), np.int32))
    fixed = np.zeros((2, 2), np.float32)
    fixed.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        products.matmul(a, a, fixed)


# Convolutions


def random_convolution(rng, dtype):
    spatial = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    per_group, filters = (int(rng.choice([1, 2, 3, 8, 17])) for _ in range(2))
    if rng.random() < 0.1:
        groups, per_group, filters = 16, 1, 1  # depthwise

    def sizes(low, high):
        return tuple(int(n) for n in rng.integers(low, high, spatial))

    kernel, stride, padding, dilation = sizes(1, 4), sizes(1, 4), sizes(0, 3), sizes(1, 3)
    x = normal(rng, (int(rng.integers(1, 4)), groups * per_group, *sizes(5, 11)), dtype)
    w = normal(rng, (groups * filters, per_group, *kernel), dtype)
    return relaid(rng, x), relaid(rng, w), (stride, padding, dilation, groups)


def torch_convolution(x, w, settings, rng):
    """PyTorch's result and both gradients in double precision, for a gradient g of the result."""
    tx, tw = (torch.tensor(v.astype(np.float64), requires_grad=True) for v in (x, w))
    stride, padding, dilation, groups = settings
    y = CONV[x.ndim - 2](tx, tw, None, stride, padding, dilation, groups)
    g = normal(rng, tuple(y.shape), x.dtype)
    y.backward(torch.tensor(g.astype(np.float64)))
    return y.detach().numpy(), g, tx.grad.numpy(), tw.grad.numpy()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", range(80))
def test_convolution_and_both_gradients(seed, dtype):
    rng = np.random.default_rng(seed)
    x, w, settings = random_convolution(rng, dtype)
    y, g, dx, dw = torch_convolution(x, w, settings, rng)
    g = relaid(rng, g)
    found = conv.convolution(x, w, *settings)
    assert found.dtype == dtype
    assert_close(found, y, w[0].size)
    assert_close(conv.convolution_input_gradient(g, w, x.shape, *settings), dx, w.size // w.shape[1])
    assert_close(conv.convolution_weight_gradient(x, g, w.shape, *settings), dw, g.size // g.shape[1])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_gradient_for_few_input_channels_is_channels_last_too(channels):
    rng = np.random.default_rng(channels)
    x, w = normal(rng, (2, channels, 12, 12)), normal(rng, (8, channels, 3, 3))
    settings = ((2, 2), (1, 1), (1, 1), 1)
    _, g, dx, _ = torch_convolution(x, w, settings, rng)
    found = conv.convolution_input_gradient(g, w, x.shape, *settings)
    assert_close(found, dx, w.size // channels)
    assert found.transpose(0, 2, 3, 1).flags.c_contiguous


def test_convolutions_in_a_chain_stay_channels_last_and_reorder_weights_only():
    x = np.ones((2, 16, 10, 10), np.float32)
    w = np.ones((32, 16, 3, 3), np.float32)
    settings = (((1, 1), (1, 1), (1, 1)), 1)
    y = conv.convolution(x, w, *settings[0], 1)
    assert y.transpose(0, 2, 3, 1).flags.c_contiguous
    w2 = np.ones((8, 32, 3, 3), np.float32)
    plan = conv._prepare(conv._FORWARD, y, w2, None, *settings).plan
    assert len(plan.steps) <= 2


@pytest.mark.parametrize(("x", "w"), [
    ((0, 3, 8, 8), (4, 3, 3, 3)),
    ((2, 0, 8, 8), (4, 0, 3, 3)),
    ((2, 3, 8, 8), (0, 3, 3, 3)),
])
def test_convolution_without_elements(x, w):
    settings = ((1, 1), (0, 0), (1, 1), 1)
    x, w = np.ones(x, np.float32), np.ones(w, np.float32)
    y = conv.convolution(x, w, *settings)
    assert y.shape == (x.shape[0], w.shape[0], 6, 6)
    assert not y.any()
    dx = conv.convolution_input_gradient(y, w, x.shape, *settings)
    dw = conv.convolution_weight_gradient(x, y, w.shape, *settings)
    assert dx.shape == x.shape
    assert dw.shape == w.shape
    assert not dx.any()
    assert not dw.any()


def test_convolution_lets_nan_through():
    x, w = np.ones((1, 3, 6, 6), np.float32), np.ones((2, 3, 3, 3), np.float32)
    x[0, 1, 2, 2] = np.nan
    found = conv.convolution(x, w, (1, 1), (0, 0), (1, 1), 1)
    np.testing.assert_array_equal(found, F.conv2d(torch.tensor(x), torch.tensor(w)).numpy())


@pytest.mark.parametrize(("changed", "says"), [
    ({"w": (4, 2, 3, 3)}, "expect 2 input channels"),
    ({"w": (4, 3, 3)}, "one rank"),
    ({"x": (2, 3), "w": (4, 3)}, "one rank"),
    ({"w": (4, 3, 9, 9)}, "does not fit"),
    ({"stride": (0, 1)}, "must be positive"),
    ({"dilation": (1, -1)}, "must be positive"),
    ({"padding": (0, -1)}, "must not be negative"),
    ({"padding": (0,)}, "one int for each of 2"),
    ({"groups": 0}, "must be positive"),
    ({"groups": 3}, "expect 9 input channels"),
    ({"groups": 3, "w": (4, 1, 3, 3)}, "divisible by 3"),
])
def test_convolution_refuses_what_does_not_go_together(changed, says):
    shapes = {"x": (2, 3, 8, 8), "w": (4, 3, 3, 3)}
    settings = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    x, w, *settings = (shapes | settings | changed).values()
    with pytest.raises(RuntimeError, match=says):
        conv.convolution(np.ones(x, np.float32), np.ones(w, np.float32), *settings)


def test_convolution_refuses_wrong_gradients_and_types():
    x, w, g = (np.ones(s, np.float32) for s in [(2, 3, 8, 8), (4, 3, 3, 3), (2, 4, 5, 5)])
    settings = ((1, 1), (0, 0), (1, 1), 1)
    with pytest.raises(RuntimeError, match=r"give \[2, 4, 6, 6\], not \[2, 4, 5, 5\]"):
        conv.convolution_input_gradient(g, w, x.shape, *settings)
    with pytest.raises(RuntimeError, match=r"give \[2, 4, 6, 6\], not \[2, 4, 5, 5\]"):
        conv.convolution_weight_gradient(x, g, w.shape, *settings)
    with pytest.raises(RuntimeError, match="one dtype"):
        conv.convolution(x, w.astype(BF16), *settings)
    with pytest.raises(Unsupported, match="int32"):
        conv.convolution(x.astype(np.int32), w.astype(np.int32), *settings)
    with pytest.raises(TypeError, match="NumPy arrays, got list"):
        conv.convolution([1.0], w, *settings)


# Pooling


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", range(60))
def test_average_pooling_and_its_gradient(seed, dtype):
    rng = np.random.default_rng(seed)
    spatial = int(rng.integers(1, 4))
    kernel, stride = (tuple(int(n) for n in rng.integers(1, 4, spatial)) for _ in range(2))
    padding = tuple(int(rng.integers(k // 2 + 1)) for k in kernel)
    ceil_mode, count_include_pad = (bool(n) for n in rng.integers(2, size=2))
    x = relaid(rng, normal(rng, (2, int(rng.choice([1, 3, 16, 17])), *rng.integers(4, 9, spatial)), dtype))
    settings = (kernel, stride, padding, ceil_mode, count_include_pad)
    if not pool.can_pool("avg", x.shape, kernel, stride, padding, None, ceil_mode, count_include_pad):
        with pytest.raises(Unsupported, match="runs past the padding"):
            pool.avg_pool(x, *settings)
        return
    tx = torch.tensor(x.astype(np.float64), requires_grad=True)
    y = AVG_POOL[spatial](tx, *settings)
    g = normal(rng, tuple(y.shape), dtype)
    y.backward(torch.tensor(g.astype(np.float64)))
    window = int(np.prod(kernel))
    assert_close(pool.avg_pool(x, *settings), y.detach().numpy(), window)
    found = pool.avg_pool_input_gradient(relaid(rng, g), x.shape, *settings)
    # In bfloat16 each of the overlapping contributions may be rounded on its own.
    assert_close(found, tx.grad.numpy(), window * (1 if dtype != BF16 else 2**17))


def test_average_pooling_of_nothing_and_of_nan():
    assert pool.avg_pool(np.ones((0, 3, 4, 4), np.float32), (2, 2), (2, 2), (0, 0)).shape == (0, 3, 2, 2)
    x = np.ones((1, 1, 4, 4), np.float32)
    x[0, 0, 1, 1] = np.nan
    found = pool.avg_pool(x, (2, 2), (2, 2), (0, 0))
    np.testing.assert_array_equal(found, F.avg_pool2d(torch.tensor(x), 2).numpy())


def test_what_cannot_be_pooled():
    shape = (2, 3, 7, 7)
    assert not pool.can_pool("max", shape, (3, 3), (2, 2), (0, 0))
    assert not pool.can_pool("avg", shape, (2, 2), (2, 2), (0, 0), dilation=(2, 2))
    assert not pool.can_pool("avg", shape, (2, 2), (2, 2), (0, 0), ceil_mode=True)
    assert pool.can_pool("avg", shape, (2, 2), (2, 2), (0, 0), ceil_mode=True, count_include_pad=False)
    with pytest.raises(ValueError, match="'max' or 'avg'"):
        pool.can_pool("median", shape, (2, 2), (2, 2), (0, 0))
    x = np.ones(shape, np.float32)
    for settings, says in [
        (((8, 8), (1, 1), (0, 0)), "does not fit"),
        (((2, 2), (1, 1), (2, 2)), "half the kernel"),
        (((2, 2), (0, 1), (0, 0)), "must be positive"),
        (((2,), (1,), (0,)), "one int for each"),
    ]:
        with pytest.raises(RuntimeError, match=says):
            pool.avg_pool(x, *settings)
    with pytest.raises(RuntimeError, match=r"pools to \[2, 3, 3, 3\]"):
        pool.avg_pool_input_gradient(x, shape, (2, 2), (2, 2), (0, 0))
    with pytest.raises(Unsupported, match="float64"):
        pool.avg_pool(x.astype(np.float64), (2, 2), (2, 2), (0, 0))
    with pytest.raises(TypeError, match="a NumPy array"):
        pool.avg_pool([1.0], (2, 2), (2, 2), (0, 0))


# What lies underneath


def test_a_plan_is_found_again_and_the_cache_stays_bounded(monkeypatch):
    cache: Cache = Cache(8)
    monkeypatch.setattr(products, "_CACHE", cache)
    b = np.ones((3, 2), np.float32)
    for rows in range(1, 30):
        products.matmul(np.ones((rows, 3), np.float32), b)
    assert len(cache) == 8
    plans = [product.plan for product in cache.values()]
    np.testing.assert_array_equal(products.matmul(np.ones((29, 3), np.float32), b), np.full((29, 2), 3))
    assert [product.plan for product in cache.values()] == plans


def test_the_cache_drops_what_was_not_used_since_it_was_last_looked_at():
    cache: Cache = Cache(3)
    for key in "abc":
        cache.put(key, key.upper())
    assert cache.find("a") == "A"
    cache.put("d", "D")
    assert cache.find("b") is None
    assert cache.find("a") == "A"
    assert cache.put("a", "other") == "A"
    cache.clear()
    assert len(cache) == 0
    with pytest.raises(ValueError, match="positive"):
        Cache(0)


def test_many_python_threads_at_once():
    rng = np.random.default_rng(0)
    problems = [(normal(rng, (m, 40)), normal(rng, (40, m))) for m in (3, 17, 64, 100)]
    x, w = normal(rng, (2, 16, 9, 9)), normal(rng, (16, 16, 3, 3))
    expected = conv.convolution(x, w, (1, 1), (1, 1), (1, 1), 1)
    wrong = []

    def work(seed):
        for turn in range(30):
            a, b = problems[(seed + turn) % len(problems)]
            if not np.allclose(products.matmul(a, b), a @ b, atol=1e-4):
                wrong.append("matmul")
            if not np.allclose(conv.convolution(x, w, (1, 1), (1, 1), (1, 1), 1), expected, atol=1e-4):
                wrong.append("convolution")

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_results_do_not_change_when_the_thread_count_does():
    rng = np.random.default_rng(0)
    a, b = normal(rng, (70, 90)), normal(rng, (90, 30))
    before = threads.get_num_threads()
    try:
        found = []
        for count in (1, 2, 1):
            threads.set_num_threads(count)
            found.append(products.matmul(a, b))
    finally:
        threads.set_num_threads(before)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found[0], found[2])


def test_the_same_call_gives_the_same_bits():
    rng = np.random.default_rng(0)
    x, w = normal(rng, (4, 8, 14, 14)), normal(rng, (16, 8, 5, 5))
    g = conv.convolution(x, w, (1, 1), (0, 0), (1, 1), 1)
    first = conv.convolution_weight_gradient(x, g, w.shape, (1, 1), (0, 0), (1, 1), 1)
    for _ in range(5):
        again = conv.convolution_weight_gradient(x, g, w.shape, (1, 1), (0, 0), (1, 1), 1)
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 3)])
def test_pointer_is_where_numpy_says(shape):
    array = np.ones((4, *shape), np.float32)[1:]
    assert pointer(array) == array.ctypes.data


def test_the_library_is_recent_enough():
    assert library().version >= (3, 0, 0)
