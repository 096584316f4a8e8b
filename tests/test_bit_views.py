"""view(dtype): the same bytes as numbers of another type, against PyTorch, interpreted and compiled."""

import numpy as np
import pytest
import torch
from compiling import compiling

import talweg as tw

torch.set_num_threads(1)
TYPES = "uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()


def numbers(t, dtype, *shape):
    values = np.random.default_rng(0).integers(-100, 100, shape)
    return t.tensor(values.tolist()).reshape(shape).to(getattr(t, dtype))


def same(ours, theirs):
    assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1]
    assert (tuple(ours.shape), ours.stride(), ours.storage_offset()) == (
        tuple(theirs.shape), theirs.stride(), theirs.storage_offset())
    wide = "complex128" if theirs.dtype.is_complex else "float64"
    np.testing.assert_array_equal(ours.to(getattr(tw, wide)).numpy(), theirs.to(getattr(torch, wide)).numpy())


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_as_every_other(dtype, compiled):
    with compiling() if compiled else tw.no_grad():
        for wanted in TYPES:
            same(numbers(tw, dtype, 3, 16).view(getattr(tw, wanted)), numbers(torch, dtype, 3, 16).view(getattr(torch, wanted)))


def test_bytes_as_truth_values():
    assert tw.tensor([0, 1, 0, 7], dtype=tw.uint8).view(tw.bool).tolist() == [False, True, False, True]


@pytest.mark.parametrize("see", [
    lambda t, x: x.t().view(t.int32), lambda t, x: x[:, 2:].view(t.float64), lambda t, x: x[1:, ::2].view(t.int32),
    lambda t, x: x[0, 3].view(t.int32), lambda t, x: x[:0].view(t.float64), lambda t, x: x[:, :0].view(t.int8),
    lambda t, x: x.view(t.int8)[:, 4:].view(t.float32), lambda t, x: x.view(t.int32).t(), lambda t, x: x.view(dtype=t.int16),
    lambda t, x: x.view(t.int32).as_strided((2, 2), (4, 1), 1), lambda t, x: x.view(t.int16).as_strided((3,), (2,), 2),
])
def test_of_and_before_other_views(see):
    same(see(tw, numbers(tw, "float32", 2, 4)), see(torch, numbers(torch, "float32", 2, 4)))


@pytest.mark.parametrize("write", [
    lambda t, x: x.view(t.int32).add_(1), lambda t, x: x.view(t.int32)[:, 0].zero_(), lambda t, x: x.view(t.int8)[0].fill_(3),
    lambda t, x: x[:, 2:].view(t.float64).zero_(), lambda t, x: x.view(t.int32).bitwise_and_(-65536),
    lambda t, x: x.view(t.int16).as_strided((3,), (2,), 2).zero_(),
])
def test_a_write_reaches_the_tensor_whose_bytes_they_are(write):
    ours, theirs = numbers(tw, "float32", 2, 4), numbers(torch, "float32", 2, 4)
    shown, expected = ours.view(tw.int32), theirs.view(torch.int32)
    write(tw, ours)
    write(torch, theirs)
    same(ours, theirs)
    same(shown, expected)
    ours.mul_(2)
    theirs.mul_(2)
    same(shown, expected)


def test_no_gradient_goes_through():
    x = tw.ones(3, requires_grad=True)
    assert not x.view(tw.int32).requires_grad
    assert not x.view(tw.int32).view(tw.float32).requires_grad


def fast_inverse_root(t, x):
    """Blinn and Kahan's first guess from the exponent's bits, and one step of Newton's."""
    guess = (0x5F3759DF - (x.view(t.int32) >> 1)).view(t.float32)
    return guess * (1.5 - 0.5 * x * guess * guess)


def test_a_program_on_bits():
    x = np.linspace(0.1, 90, 100, dtype=np.float32)
    ours = fast_inverse_root(tw, tw.from_numpy(x))
    np.testing.assert_allclose(ours.numpy(), fast_inverse_root(torch, torch.from_numpy(x)).numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours.numpy(), x**-0.5, rtol=2e-3)


@pytest.mark.parametrize("see", [
    lambda t, x: x.t().view(t.int8), lambda t, x: x[:, 1:3].view(t.float64), lambda t, x: x[0, 0].view(t.int8),
    lambda t, x: x[:, :3].view(t.float64), lambda t, x: x[:, :3].clone().view(t.float64), lambda t, x: x[0, 0].view(t.float64),
    lambda t, x: x.reshape(-1)[:6].view(2, 3).view(t.float64), lambda t, x: x.view(None), lambda t, x: x.view("int32"),
])
def test_bytes_that_are_no_whole_numbers_are_refused(see):
    with pytest.raises((RuntimeError, TypeError)) as theirs:
        see(torch, numbers(torch, "float32", 2, 4))
    with pytest.raises(theirs.type):
        see(tw, numbers(tw, "float32", 2, 4))
