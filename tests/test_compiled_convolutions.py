"""Convolutions that the compiler makes matrix products: the same values and gradients, and which ones they are."""

import numpy as np
import pytest

import talweg as tw
from talweg.nn import functional as F  # noqa: N812

# input, weights, stride, padding, dilation
AS_PRODUCTS = [
    ((3, 8, 5, 5), (6, 8, 1, 1), 1, 0, 1),
    ((3, 8, 5, 5), (6, 8, 1, 1), 2, 0, 1),
    ((3, 8, 5, 6), (6, 8, 1, 1), 2, 1, 1),
    ((2, 32, 2, 2), (5, 32, 3, 3), 1, 1, 1),
    ((2, 32, 3, 4), (5, 32, 3, 3), 2, 1, 1),
    ((2, 32, 5, 5), (5, 32, 3, 3), 2, 0, 1),
    ((2, 32, 5, 5), (5, 32, 3, 2), 3, 1, 2),
    ((2, 40, 7), (5, 40, 3), 2, 1, 1),
    ((2, 33, 2, 2, 2), (4, 33, 3, 3, 3), 2, 1, 1),
    ((2, 32, 1, 1), (4, 32, 3, 3), 1, 1, 1),
    ((2, 32, 4, 4), (4, 32, 4, 4), 1, 0, 1),
]
AS_CONVOLUTIONS = [
    ((2, 8, 9, 9), (4, 8, 3, 3), 1, 1, 1),
    ((2, 8, 2, 2), (4, 8, 3, 3), 1, 1, 1),  # few channels
    ((2, 32, 2, 2), (32, 16, 3, 3), 1, 1, 1),  # groups
]


def convolved(x, w, stride, padding, dilation):
    """The result and both gradients of the sum of its squares."""
    x, w = x.detach().requires_grad_(True), w.detach().requires_grad_(True)
    groups = x.shape[1] // w.shape[1]
    convolve = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[x.dim()]
    y = convolve(x, w, None, stride, padding, dilation, groups)
    return y.detach(), *tw.autograd.grad(y.square().sum(), [x, w])


def compiled(x, w, *how):
    run = tw.compile(convolved)
    for _ in range(3):
        found = run(x, w, *how)
    (recording,) = next(iter(run.recordings().values()))
    return found, [s.outputs[0].op.name for s in recording.program.plan.steps]


@pytest.mark.parametrize(("x_shape", "w_shape", "stride", "padding", "dilation"), AS_PRODUCTS + AS_CONVOLUTIONS)
def test_values_and_gradients(x_shape, w_shape, stride, padding, dilation):
    rng = np.random.default_rng(0)
    x = tw.tensor(rng.standard_normal(x_shape).astype(np.float32))
    w = tw.tensor(rng.standard_normal(w_shape).astype(np.float32))
    expected = convolved(x.double(), w.double(), stride, padding, dilation)
    found, names = compiled(x, w, stride, padding, dilation)
    for a, b in zip(found, expected):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-6 * float(b.abs().max()), rtol=1e-5)
    is_product = (x_shape, w_shape, stride, padding, dilation) in AS_PRODUCTS
    assert ("matmul" in names) is is_product
    assert any(n.startswith("conv") for n in names) is not is_product


def test_a_channels_last_chain_of_one_by_one_kernels_copies_nothing():
    """conv 3x3, relu, conv 1x1, relu: the product reads the activations where they lie."""
    x, w3, w1 = tw.rand(2, 16, 8, 8), tw.rand(16, 16, 3, 3), tw.rand(8, 16, 1, 1)  # not ones, which are one number

    def chain(x):
        return F.relu(F.conv2d(F.relu(F.conv2d(x, w3, padding=1)), w1))

    run = tw.compile(chain)
    run(x)
    run(x)
    (recording,) = next(iter(run.recordings().values()))
    assert [s.outputs[0].op.name for s in recording.program.plan.steps] == ["conv", "relu", "matmul", "relu"]
