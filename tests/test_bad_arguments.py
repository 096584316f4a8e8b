"""Bad arguments that PyTorch's operator database tries: the same exception type here, and the borders that are no errors."""

import pytest
import torch

import talweg as T

torch.set_num_threads(1)

CASES = """
fw.amax(fw.zeros(5, 0, 5))
fw.amin(fw.zeros(5, 0, 5), 1)
fw.aminmax(fw.zeros(5, 0, 5))
fw.roll(fw.arange(10).reshape(5, 2), (1,))
fw.roll(fw.arange(10).reshape(5, 2), 3, ())
fw.roll(fw.zeros(5, 2), ())
fw.roll(fw.zeros(5, 2), (1, 2))
fw.arange(0, float("inf"))
fw.arange(0, float("nan"))
F.adaptive_avg_pool1d(fw.zeros(1, 1, 2), -1)
F.adaptive_avg_pool2d(fw.zeros(2, 2), (1, 1))
F.adaptive_avg_pool2d(fw.zeros(1, 2, 2, 2), (-1, 0))
F.adaptive_avg_pool2d(fw.zeros(1, 2, 0, 2), 1)
F.adaptive_max_pool2d(fw.zeros(1, 2, 2, 2), (0, 1))
F.adaptive_max_pool2d(fw.zeros(1, 2, 2, 2), (-1, 1))
F.adaptive_max_pool2d(fw.zeros(2, 2), (1, 1))
F.adaptive_max_pool2d(fw.zeros(1, 2, 0, 2), 1)
F.max_pool1d(fw.zeros(0, 10), 1)
F.max_pool1d(fw.zeros(0, 2, 10), 1)
F.max_pool2d(fw.zeros(2, 0, 2, 10), 1)
F.max_pool2d(fw.zeros(3, 3, 3), 1, 1, 0, (1, -1))
F.max_pool3d(fw.zeros(0, 1, 2, 10), 1)
F.avg_pool2d(fw.zeros(0, 2, 10), 1)
F.prelu(fw.zeros(2, 8, 3), fw.zeros(2, 4))
F.prelu(fw.zeros(2, 8, 3), 0.25)
F.gaussian_nll_loss(fw.zeros(9, 2, 3), fw.zeros(9, 2, 3), fw.ones(9, 2, 2))
F.gaussian_nll_loss(fw.zeros(9, 2, 3), fw.zeros(9, 2, 3), fw.ones(3))
F.gaussian_nll_loss(fw.zeros(9, 2, 3), fw.zeros(9, 2, 3), fw.ones(9, 2))
F.gaussian_nll_loss(fw.zeros(9, 2, 3), fw.zeros(9, 2, 3), -1.0)
F.gaussian_nll_loss(fw.zeros(4, 3), fw.zeros(4, 3), fw.ones(1, 3))
F.gaussian_nll_loss(fw.zeros(4, 3, 2), fw.zeros(4, 3, 2), fw.ones(4, 1, 2))
F.gaussian_nll_loss(fw.zeros(4, 3), fw.zeros(4, 3), fw.ones(1, 1))
F.gaussian_nll_loss(fw.zeros(4, 3), fw.zeros(4, 3), fw.ones(1))
F.fractional_max_pool2d(fw.zeros(0, 2, 4, 4), 2, output_size=2)
F.fractional_max_pool3d(fw.zeros(2, 0, 4, 4, 4), 2, output_size=2)
F.fractional_max_pool2d(fw.zeros(2, 2, 5, 5), 2, 2, None, False, fw.zeros(1, 2, 2))
F.fractional_max_pool2d(fw.zeros(2, 2, 5, 5), 2, 2, None, False, fw.zeros(2, 1, 2))
F.fractional_max_pool3d(fw.zeros(2, 2, 5, 5, 5), 2, 2, None, False, fw.zeros(2, 2, 2))
F.scaled_dot_product_attention(fw.zeros(1, 1, 2, 4), fw.zeros(1, 3, 5, 4), fw.zeros(1, 3, 5, 4), enable_gqa=True)
F.scaled_dot_product_attention(fw.zeros(2, 4), fw.zeros(5, 4), fw.zeros(5, 4), enable_gqa=True)
fw.masked.prod(fw.zeros(1, 3), 1, mask=fw.ones(2, 3, dtype=fw.bool))
fw.masked.sum(fw.zeros(1, 3), 1, mask=fw.ones(2, 3, dtype=fw.bool))
fw.masked.mean(fw.zeros(3), 0, mask=fw.ones(2, 3, dtype=fw.bool))
fw.zeros(3).float_power_(2.0)
fw.zeros(3, dtype=fw.int64).float_power_(2.0)
fw.zeros(3, dtype=fw.float64).float_power_(fw.zeros(3, dtype=fw.complex64))
fw.zeros(0, 3).median(0)
fw.cat(fw.zeros(2, 3))
fw.stack(fw.zeros(2, 3))
fw.mm(fw.zeros(2, 2), fw.zeros(2, 2), out=fw.zeros(2, 2, dtype=fw.float64))
fw.add(fw.zeros(2), 1, out=fw.zeros(2, dtype=fw.float64))
fw.max(fw.zeros(2, 2), 1, out=(fw.zeros(2), fw.zeros(2)))
fw.sort(fw.zeros(2, 2), 0, out=(fw.zeros(2, 2), fw.zeros(2, 2, dtype=fw.int64)))
fw.multinomial(fw.ones(2, 3), 2, out=fw.zeros(2, 2))
fw.cumsum(fw.zeros(2, 2), 0, out=fw.zeros(2, 2, dtype=fw.float64))
fw.hardshrink(fw.tensor([0.25, 2.0]), out=fw.zeros(2))
fw.hardshrink(fw.zeros(2), out=fw.zeros(2, dtype=fw.float64))
fw.threshold(fw.tensor([0.25, 2.0]), 0.5, 1.0, out=fw.zeros(2, dtype=fw.float64))
fw.threshold(fw.zeros(2), 0.5, 1.0, out=fw.zeros(2, dtype=fw.int64))
fw.slice_copy(fw.ones(3), 0, 0, 2, out=fw.zeros(2))
fw.slice_copy(fw.ones(3), 0, 0, 2, out=fw.zeros(2, dtype=fw.float64))
fw.special.modified_bessel_i1(fw.zeros(2), out=fw.zeros(2))
fw.special.spherical_bessel_j0(fw.zeros(2), out=fw.ones(2, dtype=fw.float64))
fw.special.scaled_modified_bessel_k1(fw.zeros(2), out=fw.ones(2, dtype=fw.int64))
F.hardshrink(fw.zeros(2), 0.5, fw.zeros(2))
fw.ones(4).resize_(size=(2, 1))
fw.resize_as_(input=fw.ones(4), the_template=fw.ones(2))
fw.ones(4).copy_(other=fw.zeros(1))
fw.ones(4).random_(to=1)
fw.ones(4).random_(3, to=4)
fw.ones(4).random_(**{"from": 2, "to": 3})
fw.ones(4).random_(1, 2, to=4)
fw.ones(4).random_(4, unto=5)
fw.ones(2).new([1.0, 2.0])
fw.zeros(2, dtype=fw.int64).new([1, 2])
fw.ones(2).new(size=(0, 3))
fw.permute(input=fw.ones(2, 3), dims=(1, 0))
fw.reshape(shape=(6,), input=fw.ones(2, 3))
fw.tril_indices(2, 3, pin_memory=False)
fw.triu_indices(2, 3, requires_grad=True)
fw.histogram(fw.ones(2), density=True)[1][:3]
fw.randint(1, (2,), pin_memory=False)
fw.rrelu(fw.ones(2), generator=None)
""".strip().splitlines()


def outcome(fw, code):
    """The exception's type, or the results' shapes, dtypes and values."""
    try:
        result = eval(code, {"fw": fw, "F": fw.nn.functional})
    except Exception as error:
        return type(error).__name__
    parts = result if isinstance(result, tuple) else (result,)
    return [(tuple(p.shape), str(p.dtype).split(".")[-1], str(p.numpy().tolist())) for p in parts]


@pytest.mark.parametrize("code", CASES)
def test_the_outcome_is_pytorchs(code):
    assert outcome(T, code) == outcome(torch, code)
