"""Arrays to and from NumPy, PyTorch and JAX: values, dtypes, and which of them share memory."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

import talweg as tw

torch.set_num_threads(1)
DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")


def array(dtype, shape=(3, 4)):
    return (np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)


def address(x):
    return np.asarray(x).__array_interface__["data"][0]


# --- out
@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_reads_a_tensor_without_a_copy_and_may_not_write_to_it(dtype):
    x = tw.tensor(array(dtype))
    first, second = np.asarray(x), np.from_dlpack(x)
    np.testing.assert_array_equal(first, array(dtype))
    np.testing.assert_array_equal(second, array(dtype))
    assert first.dtype == second.dtype == np.dtype(dtype)
    assert address(first) == address(np.asarray(x)) == second.__array_interface__["data"][0]
    for shared in (first, second):
        with pytest.raises(ValueError, match="read-only"):
            shared[0] = 1


def test_numpys_functions_take_tensors():
    x = tw.tensor([1.0, 4.0])
    assert np.sqrt(x).tolist() == [1.0, 2.0]
    assert np.array(x, dtype="f8").dtype == np.float64
    assert np.asarray(x + 1).tolist() == [2.0, 5.0]  # computed when it is asked for


@pytest.mark.parametrize("dtype", DTYPES)
def test_pytorch_reads_a_tensor(dtype):
    x = tw.tensor(array(dtype))
    for found in (torch.from_dlpack(x), torch.tensor(x.numpy()), torch.from_numpy(x.numpy())):
        np.testing.assert_array_equal(found.numpy(), array(dtype))


@needs_jax
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
def test_jax_reads_a_tensor_and_is_read(dtype):
    jnp = pytest.importorskip("jax.numpy")
    x = tw.tensor(array(dtype))
    np.testing.assert_array_equal(np.asarray(jnp.asarray(np.asarray(x))), array(dtype))
    np.testing.assert_array_equal(np.asarray(jnp.from_dlpack(x)), array(dtype))
    theirs = jnp.asarray(array(dtype)) + 1
    for found in (tw.from_dlpack(theirs), tw.tensor(np.asarray(theirs)), tw.from_numpy(np.asarray(theirs))):
        np.testing.assert_array_equal(found.numpy(), np.asarray(theirs))


def test_a_tensor_that_is_written_leaves_what_was_handed_out_alone():
    x = tw.tensor([1.0, 2.0, 3.0])
    handed = [np.asarray(x), np.from_dlpack(x), torch.from_dlpack(x)]
    x.mul_(10)
    assert x.tolist() == [10.0, 20.0, 30.0]
    for out in handed:
        assert out.tolist() == [1.0, 2.0, 3.0]
    optimized = tw.nn.Parameter(tw.ones(4))
    seen = np.asarray(optimized.detach())
    optimizer = tw.optim.SGD([optimized], lr=1.0)
    for _ in range(40):  # compiled by then, and updated in place
        optimized.grad = tw.ones(4)
        optimizer.step()
    assert optimized.tolist() == [-39.0] * 4
    assert seen.tolist() == [1.0] * 4


def test_what_is_not_handed_out():
    x = tw.ones(2, requires_grad=True)
    with pytest.raises(BufferError, match="detach"):
        x.__dlpack__()
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(x)
    with pytest.raises(BufferError, match="CPU"):
        tw.ones(2).__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="read-only"):
        tw.ones(2).__dlpack__(copy=False)


# --- in
@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_of_other_libraries_arrays(dtype):
    given = array(dtype)
    for found in (tw.from_numpy(given), tw.from_dlpack(given), tw.from_dlpack(torch.from_numpy(given)), tw.as_tensor(given)):
        np.testing.assert_array_equal(found.numpy(), given)
        assert found.dtype is getattr(tw, dtype)


def test_what_can_be_written_is_copied_and_what_cannot_is_shared():
    """A recorded operation may run later: what others may still write to has to be copied first (docs/architecture.md)."""
    given = array("float32")
    later = tw.from_numpy(given) + 1
    through = tw.from_dlpack(torch.from_numpy(given)) + 1
    before = given + 1
    given[:] = 0
    np.testing.assert_array_equal(later.numpy(), before)
    np.testing.assert_array_equal(through.numpy(), before)
    frozen = np.frombuffer(before.tobytes(), "f4").reshape(3, 4)
    for shared in (tw.from_dlpack(frozen), tw.from_numpy(frozen)):
        assert address(shared) == frozen.__array_interface__["data"][0]
        shared.add_(1)  # the tensor may be written to all the same: it is given memory of its own
        np.testing.assert_array_equal(shared.numpy(), before + 1)
    np.testing.assert_array_equal(frozen, before)


@pytest.mark.parametrize("layout", [lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a[:0], lambda a: a[0, 0:1]])
def test_any_strides(layout):
    given = layout(array("float32"))
    np.testing.assert_array_equal(tw.from_numpy(given).numpy(), given)
    if all(s >= 0 for s in given.strides):
        np.testing.assert_array_equal(tw.from_dlpack(given).numpy(), given)


@pytest.mark.parametrize(("call", "error"), [
    (lambda: tw.from_numpy([1.0]), TypeError), (lambda: tw.from_numpy(np.array(["a"])), TypeError),
    (lambda: tw.from_numpy(np.array([None])), TypeError), (lambda: tw.from_dlpack(3), TypeError),
    (lambda: tw.from_dlpack(np.ones(2), copy=False), ValueError), (lambda: tw.from_dlpack(tw.ones(2).__dlpack__()), TypeError),
])
def test_what_is_no_array(call, error):
    with pytest.raises(error):
        call()
