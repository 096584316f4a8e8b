"""Half precision meets numbers: every bfloat16 and float16 value against PyTorch, bit for bit."""

import numpy as np
import pytest
import torch

import talweg as tw
from talweg.compile.engine import compile_after

torch.set_num_threads(1)
PATTERNS = np.arange(65536, dtype=np.uint16).view(np.int16)
NUMBERS = (0.999, 0.1, 3.14159, 1e-3, 1000.3, -0.3, 257, True)
HALVES = ("bfloat16", "float16")


def every(T, dtype):
    """All 65,536 values of a half-precision type."""
    bits = torch.from_numpy(PATTERNS.copy()).view(getattr(torch, dtype))
    return bits if T is torch else tw.tensor(bits.double().numpy()).to(getattr(tw, dtype))


def agree(ours, theirs, what):
    assert str(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2], what
    a, b = ours.double().numpy(), theirs.double().numpy()
    wrong = ~((a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b))
    assert not wrong.any(), f"{what}: {wrong.sum()} differ, first {a[wrong][0]} against {b[wrong][0]}"


OPERATIONS = {
    "x + n": lambda T, x, n: x + n,
    "x - n": lambda T, x, n: x - n,
    "n - x": lambda T, x, n: n - x,
    "x * n": lambda T, x, n: x * n,
    "n * x": lambda T, x, n: n * x,
    "x / n": lambda T, x, n: x / n,
    "n / x": lambda T, x, n: n / x,
    "x // n": lambda T, x, n: x // n,
    "x / n, towards 0": lambda T, x, n: T.div(x, n, rounding_mode="trunc"),
    # PyTorch's vectors give nan for quotients beyond what their fmod reduces
    "fmod": lambda T, x, n: T.fmod(T.where(x.abs() < 100, x, 1.0), n),
    "remainder": lambda T, x, n: T.remainder(T.where(x.abs() < 100, x, 1.0), n) + 0.0,  # whose zero may have either sign
    "x == n": lambda T, x, n: x == n,
    "x < n": lambda T, x, n: x < n,
    "x >= n": lambda T, x, n: x >= n,
    "clamp": lambda T, x, n: x.clamp(min=n),
    "where": lambda T, x, n: T.where(x > 0, x, n),
    "x + 0.3 x": lambda T, x, n: T.add(x, x, alpha=float(n)),
    "masked_fill": lambda T, x, n: x.masked_fill(x > 0, n),
}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_numbers_as_pytorch_takes_them(name, dtype):
    for n in NUMBERS:
        if isinstance(n, bool) and "-" in name:
            continue  # refused by both
        results = [OPERATIONS[name](T, every(T, dtype), n) for T in (tw, torch)]
        agree(*results, f"{name}, n = {n}")


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", ["x + n", "x * n", "x / n", "x // n", "n * x", "n / x", "x < n"])
def test_tensors_without_dimensions_as_pytorch_takes_them(name, dtype):
    for n in NUMBERS[:-2]:
        for kind in ("float32", "float64"):
            results = [OPERATIONS[name](T, every(T, dtype), T.tensor(n, dtype=getattr(T, kind))) for T in (tw, torch)]
            agree(*results, f"{name}, n = {n} in {kind}")


@pytest.mark.parametrize("name", ["x * n", "x / n", "x + n", "n / x", "x + 0.3 x"])
@pytest.mark.parametrize("dtype", HALVES)
def test_compiled_kernels_round_as_the_interpreter_does(name, dtype):
    for n in (0.999, -0.3):
        with compile_after(0):
            compiled = OPERATIONS[name](tw, every(tw, dtype), n)
            compiled.numpy()
        agree(compiled, OPERATIONS[name](torch, every(torch, dtype), n), f"{name}, n = {n}")


def test_the_fused_functions_round_once():
    generator = torch.Generator().manual_seed(0)
    x, y, z = (torch.randn(4096, generator=generator).bfloat16() for _ in range(3))
    a, b, c = (tw.tensor(t.float().numpy()).bfloat16() for t in (x, y, z))
    for value in (1, 0.3, -2.5):
        fused = tw.addcmul(a, b, c, value=value).float().numpy(), torch.addcmul(x, y, z, value=value).float().numpy()
        # PyTorch's multiplication and addition are one instruction: the last bit may differ, now and then
        np.testing.assert_allclose(*fused, rtol=2**-7)
        assert (fused[0] != fused[1]).mean() < 0.002
        agree(tw.addcdiv(a, b, c, value=value), torch.addcdiv(x, y, z, value=value), f"addcdiv {value}")
        agree(tw.sub(a, b, alpha=value), torch.sub(x, y, alpha=value), f"sub {value}")


def test_a_number_leaves_the_gradient_in_half_precision():
    gradients = []
    for T in (tw, torch):
        x = T.tensor([1.0, 2.0, 3.0], dtype=T.bfloat16, requires_grad=True)
        (x * 0.999 + x / 3).sum().backward()
        gradients.append(x.grad)
    agree(*gradients, "gradient")


def test_the_kind_of_the_number_still_decides():
    x = tw.ones(3, dtype=tw.bfloat16)
    assert (x * (1 + 2j)).dtype is tw.complex64
    assert (tw.ones(3, dtype=tw.int16) * 0.5).dtype is tw.float32
    assert (x * tw.ones(1)).dtype is tw.float32  # one dimension, so it counts
    with pytest.raises(TypeError, match="mul"):
        x.mul("0.5")
