"""Fusion of reductions: how many kernels a plan has (nothing is run), and that they compute what PyTorch computes."""

import ctypes
import os

import numpy as np
import pytest
import torch

import talweg as T
from talweg.backends.cpu.llvm.commands import PARALLEL_COST
from talweg.backends.cpu.llvm.expression import Place
from talweg.backends.cpu.llvm.kernels import group_kernel
from talweg.compile.engine import Compiled
from talweg.compile.plan import Planner
from talweg.compile.rewrite import Canonical
from talweg.graph.key import structural_key

torch.set_num_threads(1)
ODD = [1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000]


def normal(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def recorded(build, arrays, backward=True, framework=T):
    """The tensors of a computation: its result, and with `backward` the gradients of all that is real."""
    inputs = [framework.tensor(np.ascontiguousarray(a)) for a in arrays]
    for tensor, array in zip(inputs, arrays):
        if framework is T:
            tensor.node.value = array  # in its own layout
        if backward and tensor.dtype.is_floating_point:
            tensor.requires_grad_()
    out = build(framework, *inputs)
    if not backward:
        return [out]
    upstream = framework.tensor(normal(*out.shape, seed=1)).to(out.dtype)
    out.backward(upstream)
    return [out, *(i.grad for i in inputs if i.grad is not None)]


def plan(build, arrays, backward=True):
    roots = [t.node for t in recorded(build, arrays, backward)]
    canonical = Canonical(roots)
    strides = [tuple(s // leaf.value.itemsize for s in leaf.value.strides) for leaf in canonical.inputs]
    return Planner(canonical.roots, list(canonical.inputs.values()), strides).plan()


def kinds(build, arrays, backward=True):
    found = []
    for step in plan(build, arrays, backward).steps:
        group = step.group
        found.append(step.kind if group is None else "pointwise" if not group.reductions
                     else "rows" if group.in_rows else "columns")
    return found


def compiled(build, arrays, backward=True):
    roots = [t.node for t in recorded(build, arrays, backward)]
    _, leaves = structural_key(roots)
    program = Compiled(roots, leaves)
    return [np.array(a) for a in program.run([n.value for n in leaves])]


def interpreted(build, arrays, backward=True):
    return [t.detach().numpy() for t in recorded(build, arrays, backward)]


def in_double(build, arrays, backward=True):
    wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
    return [t.detach().numpy() for t in recorded(build, wide, backward, torch)]


def agrees(build, arrays, backward=True, tolerance=2e-6):
    """Compiled and interpreted values against PyTorch's in float64, to a part of the largest."""
    exact = in_double(build, arrays, backward)
    for found in (compiled(build, arrays, backward), interpreted(build, arrays, backward)):
        assert len(found) == len(exact)
        for a, b in zip(found, exact):
            assert a.shape == b.shape
            scale = np.abs(b[np.isfinite(b)]).max(initial=1)
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale * max(1, b.size and arrays[0].size / b.size) ** 0.5)


def softmax(f, x):
    return f.nn.functional.softmax(x, -1)


def log_softmax(f, x):
    return f.nn.functional.log_softmax(x, -1)


def layer_norm(f, x, w, b):
    return f.nn.functional.layer_norm(x, tuple(w.shape), w, b)


def rms_norm(f, x, w):
    return f.nn.functional.rms_norm(x, tuple(w.shape), w, 1e-6)


def cross_entropy(f, x, t):
    return f.nn.functional.cross_entropy(x, t)


def batch_norm_relu(f, x, w, b):
    return f.nn.functional.relu(f.nn.functional.batch_norm(x, None, None, w, b, True))


def last(array):
    """The same values with the channels innermost in memory."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def group_norm(f, x, w, b):
    return f.nn.functional.group_norm(x, 4, w, b)


def bias_gelu(f, x, b):
    return f.nn.functional.gelu(x + b)


ROW = [normal(64, 100)]
NORMED = [normal(64, 100), normal(100, seed=2), normal(100, seed=3)]
IMAGES = [normal(4, 16, 6, 6), normal(16, seed=2), normal(16, seed=3)]
IMAGES_LAST = [last(IMAGES[0]), *IMAGES[1:]]
CLASSES = [normal(64, 100), np.arange(64)]


# --- structure
@pytest.mark.parametrize(("build", "arrays", "forward", "both"), [
    (softmax, ROW, ["rows"], ["rows"]),
    (log_softmax, ROW, ["rows"], ["rows"]),
    (layer_norm, NORMED, ["rows"], ["rows", "columns"]),
    (rms_norm, NORMED[:2], ["rows"], ["rows", "columns"]),
    (batch_norm_relu, IMAGES, ["rows"], ["rows"]),
    (batch_norm_relu, IMAGES_LAST, ["columns", "columns", "pointwise"], ["columns", "columns", "columns", "pointwise"]),
    (bias_gelu, [normal(64, 100), normal(100)], ["pointwise"], ["columns"]),
    (cross_entropy, CLASSES, ["rows", "rows"], ["rows", "rows", "rows"]),
])
def test_number_of_kernels(build, arrays, forward, both):
    assert kinds(build, arrays, backward=False) == forward
    assert kinds(build, arrays) == both


def test_what_only_one_kernel_reads_is_not_stored():
    only = plan(softmax, ROW, backward=False).steps[0]
    assert [n.op.name for n in only.outputs] == ["div"]
    assert len(only.group.reductions) == 2


def test_layer_norm_keeps_two_numbers_a_row_for_the_backward_pass():
    """Between the passes lies a product, so that they are two kernels."""
    steps = plan(lambda f, x, w, b, m: layer_norm(f, x, w, b) @ m, [*NORMED, normal(100, 100)]).steps
    forward = steps[0]
    assert sorted(n.shape for n in forward.outputs) == [(64,), (64,), (64, 100)]
    backward = [s for s in steps if s.group is not None and s.group.reductions and s is not forward]
    assert sorted(s.group.in_rows for s in backward) == [False, True]
    assert [len(s.outputs) for s in backward if not s.group.in_rows] == [2]


def test_a_bias_gradient_is_summed_where_the_gradient_is_computed():
    steps = plan(lambda f, x, b, m: f.nn.functional.relu(x @ m + b) @ m, [normal(64, 32), normal(32), normal(32, 32)]).steps
    sums = [s for s in steps if s.group is not None and s.group.reductions]
    assert len(sums) == 1
    assert sorted(n.shape for n in sums[0].outputs) == [(32,), (64, 32)]


def test_a_transformers_block():
    """One kernel for each norm, softmax and activation, forward and backward; biases on the way."""
    width, heads = 32, 4

    def block(f, x, w1, b1, w, b, w2, b2, u, c, v, d):
        functional = f.nn.functional
        q, k, value = [t.reshape(2, 16, heads, width // heads).transpose(1, 2)
                       for t in functional.linear(functional.layer_norm(x, (width,), w1, b1), w, b).split(width, 2)]
        a = functional.softmax(q @ k.transpose(2, 3), -1) @ value
        x = x + a.transpose(1, 2).reshape(2, 16, width)
        return x + functional.linear(functional.gelu(functional.linear(functional.layer_norm(x, (width,), w2, b2), u, c)), v, d)

    arrays = [normal(2, 16, width), normal(width), normal(width), normal(3 * width, width), normal(3 * width), normal(width),
              normal(width), normal(4 * width, width), normal(4 * width), normal(width, 4 * width), normal(width)]
    steps = plan(block, arrays).steps
    rows = [s for s in steps if s.group is not None and s.group.reductions and s.group.in_rows]
    assert len(rows) == 6  # two norms and the softmax, forward and backward
    assert not any(s.kind == "zero" for s in steps)
    columns = [s for s in steps if s.group is not None and s.group.reductions and not s.group.in_rows]
    assert sum(len(s.group.reductions) for s in columns) == 7  # four gradients of norms, three of biases
    assert len(columns) <= 5


def test_constant_factors_leave_sums():
    """Of batch norm's gradient two sums over the data are left, from which all three gradients are made."""
    steps = plan(batch_norm_relu, IMAGES_LAST).steps
    assert [len(s.group.reductions) for s in steps] == [1, 1, 2, 0]
    assert sum(len(s.group.reductions) for s in plan(layer_norm, NORMED).steps) == 6  # mean, variance; two; two


def test_long_sums_are_shared_among_threads():
    steps = plan(lambda f, x: (x * x).sum(), [normal(1 << 20)], backward=False).steps
    assert [s.group.parts for s in steps] == [16, 1]
    last = plan(lambda f, x: x.sum(0), [normal(20_000, 64)], backward=False).steps
    assert [s.group.parts for s in last] == [16, 1]
    assert [s.group.parts for s in plan(softmax, [normal(2000, 1000)], backward=False).steps] == [1]


def test_a_kernel_is_worth_its_threads():
    """Rows of a softmax, and the parts of a sum, are iterations that threads share."""
    for build, arrays in ((softmax, [normal(512, 256)]), (lambda f, x: x.sum(), [normal(1 << 20)])):
        step = plan(build, arrays, backward=False).steps[0]
        group = step.group
        nodes = dict.fromkeys([*step.reads, *step.outputs])
        strides = {n: tuple(T.tensor(np.empty(n.shape, np.float32)).stride()) for n in nodes}
        kernel = group_kernel("k", group, {n: Place(1 + i, 0, strides[n]) for i, n in enumerate(nodes)})
        assert kernel.work >= 8
        assert kernel.work * kernel.cost > PARALLEL_COST


# --- values
@pytest.mark.parametrize("columns", ODD)
def test_rows_of_odd_lengths(columns):
    x, w = normal(5, columns), normal(columns, seed=2)
    agrees(lambda f, x: (softmax(f, x) + log_softmax(f, x)) * x.amax(-1, True), [x])
    agrees(layer_norm, [x, w, w], tolerance=2e-5)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 9, 255, 256, 257, 1023])
def test_columns_of_odd_lengths(rows):
    agrees(lambda f, x: softmax(f, x.transpose(0, 1)).transpose(0, 1) * x.sum(0), [normal(rows, 13)])
    agrees(bias_gelu, [normal(rows, 17), normal(17)])


@pytest.mark.parametrize("build", [batch_norm_relu, group_norm])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_norms_of_images(build, size):
    arrays = [normal(3, 8, size, size), normal(8, seed=2), normal(8, seed=3)]
    agrees(build, arrays, tolerance=2e-5)
    agrees(build, [last(arrays[0]), *arrays[1:]], tolerance=2e-5)


@pytest.mark.parametrize("build", [softmax, log_softmax, lambda f, x: f.nn.functional.layer_norm(x, (70_000,))])
def test_long_rows(build):
    agrees(build, [normal(2, 70_000)], tolerance=1e-5)


def test_long_sums():
    agrees(lambda f, x: (x * x).sum() + x.amax() * x.sum(0).amax(), [normal(40_000, 9)])
    agrees(lambda f, x: x.exp().sum(0), [normal(30_000, 65)])
    agrees(lambda f, x: x.sum(1), [normal(3, 100_000)])


def test_cross_entropy_of_a_few_classes():
    agrees(cross_entropy, [normal(33, 10), np.arange(33) % 10])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
def test_empty(shape):
    for build in (lambda f, x: x.sum(0), lambda f, x: x.sum(1), lambda f, x: x.sum(), softmax, log_softmax):
        for a, b in zip(compiled(build, [np.zeros(shape, np.float32)]), in_double(build, [np.zeros(shape, np.float32)])):
            np.testing.assert_array_equal(a, b)


def test_operands_that_are_views():
    x = normal(12, 20)
    agrees(lambda f, x: softmax(f, x[::2, 3:17:2]), [x])
    agrees(lambda f, x: softmax(f, x.transpose(0, 1)).sum(1), [x])
    agrees(lambda f, x: f.nn.functional.layer_norm(x.flip(0)[:, :10], (10,)), [x], tolerance=2e-5)
    agrees(lambda f, x: (x.reshape(3, 4, 20).transpose(0, 1) * x[:1]).sum((0, 2)), [x])
    agrees(lambda f, x: (x[:, :1].expand(12, 20) * x).sum(1).amax(0), [x])


SPECIAL = np.array([[0, 1, np.nan, 2], [-np.inf, 1, 2, 3], [-np.inf] * 4, [np.inf, 0, 1, 2], [1e18, -1e18, 1e18, 0],
                    [1e-40, -1e-40, 0, -0.0], [np.inf, -np.inf, 0, 1]], np.float32)


@pytest.mark.parametrize("width", [4, 36])
@pytest.mark.parametrize("build", [softmax, log_softmax, lambda f, x: x.amax(1), lambda f, x: x.amin(0),
                                   lambda f, x: x.sum(1), lambda f, x: f.nn.functional.layer_norm(x, (x.shape[1],))])
def test_nan_and_infinities(build, width):
    x = np.tile(SPECIAL, (1, width // 4))
    found, exact = compiled(build, [x], False)[0], build(torch, torch.tensor(x)).numpy()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", [softmax, log_softmax, lambda f, x: x.sum(0), lambda f, x: (x * x).sum(),
                                   lambda f, x: f.nn.functional.layer_norm(x, (33,))])
def test_other_dtypes(build):
    x = normal(40, 33, dtype=np.float64)
    for a, b in zip(compiled(build, [x]), in_double(build, [x])):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)

    def in_half(f, x):
        return build(f, x.to(f.bfloat16)).to(f.float32)

    ours, theirs = compiled(in_half, [x], False)[0], interpreted(in_half, [x], False)[0]
    np.testing.assert_allclose(ours, theirs, rtol=2**-6, atol=2**-6)


def test_a_product_of_factors_that_overflows_stays_finite_inside():
    """What leaves a sum does not change where the sum is finite."""
    x, tiny = normal(8, 16), np.full(8, 1e-30, np.float32)
    agrees(lambda f, x, t: (x * t[:, None] * 1e20 * -x).sum(1), [x, tiny])
    agrees(lambda f, x, t: (-(x * t[:, None])).sum((0, 1)), [x, tiny])


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor")
def test_two_threads_repeat_themselves_and_agree_with_one():
    """The order of additions depends on the shapes alone."""
    libgomp = ctypes.CDLL("libgomp.so.1")
    before = libgomp.omp_get_max_threads()
    arrays = [normal(40, 8, 64, 64)[:, :8], normal(8, seed=2), normal(8, seed=3)]
    try:
        results = []
        for threads in (2, 2, 1):
            libgomp.omp_set_num_threads(threads)
            results.append(compiled(batch_norm_relu, arrays) + compiled(lambda f, x: x.sum((0, 2, 3)), arrays[:1]))
    finally:
        libgomp.omp_set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


def test_a_value_that_two_kernels_compute_is_the_same_in_both():
    """The gradient of a maximum goes where an element equals it: products and sums may not be rounded differently there."""

    def spread(f, x, w):
        y = f.nn.functional.layer_norm(x, (17,)) * w + x * 0.3
        return (y.amax(-1) * 2).sum() + (y.amax(0) * y[0]).sum()

    agrees(spread, [normal(24, 17), normal(17, seed=2)], tolerance=2e-5)


def test_what_has_the_shape_of_what_is_summed_over_a_length_of_one_comes_after_the_sum():
    def attending(f, x, w, k):
        y = f.nn.functional.hardswish(x) * (1 + 0.3 * x)
        attended = f.nn.functional.scaled_dot_product_attention(f.nn.functional.softmax(y, 0), w, w)
        return f.nn.functional.conv2d(y, k, None, 2, 1, 2, 4).sum() + attended.sum()

    agrees(attending, [normal(1, 4, 2, 6), normal(1, 4, 2, 6, seed=2), normal(8, 1, 1, 3, seed=3)])


@pytest.mark.parametrize(("shape", "axes"), [((3_000_000,), None), ((3, 400_000, 3), (0, 1)), ((2, 100_000), 1),
                                             ((7, 4, 50_001), (0, 2))])
def test_long_sums_of_equal_numbers_keep_their_bits(shape, axes):
    """Added one by one to a large sum each is rounded the same way: of 9 million 5 digits were right."""
    values = np.full(shape, -6.9077554, np.float32)
    exact = values.astype(np.float64).sum(axes)
    for order in ("whole", "strided"):
        x = values if order == "whole" else np.repeat(values, 2, -1)[..., ::2]
        [found] = compiled(lambda f, x: (x * 1).sum() if axes is None else (x * 1).sum(axes), [x], backward=False)
        np.testing.assert_allclose(found, exact, rtol=3e-6)
