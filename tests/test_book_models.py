"""Rows of the acceptance table on components and architectures (A.4, A.5) that no other test file holds."""

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn
from talweg.models import MODELS, ConvNet, build, entry
from talweg.models.blocks.positions import resized_grid, rotated, sinusoids, sinusoids_in_halves
from talweg.nn import functional as F
from talweg.nn import init

torch.set_num_threads(1)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# --- row 66: averages, at sizes that do not divide
@pytest.mark.parametrize("size", [(3, 5), 1, (7, 11), (None, 4)])
def test_row_66_adaptive_averages_of_sizes_that_do_not_divide(size):
    x = drawn(2, 3, 7, 11)
    ours, theirs = (m.from_numpy(x).requires_grad_() for m in (tw, torch))
    found, wanted = F.adaptive_avg_pool2d(ours, size), torch.nn.functional.adaptive_avg_pool2d(theirs, size)
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), atol=1e-6)
    (found**2).sum().backward()
    (wanted**2).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("counted", [False, True])
def test_row_66_padding_counts_or_does_not(counted):
    x = drawn(2, 3, 7, 8)
    settings = {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": counted}
    found = F.avg_pool2d(tw.from_numpy(x), **settings)
    np.testing.assert_allclose(found.numpy(), torch.nn.functional.avg_pool2d(torch.from_numpy(x), **settings), atol=1e-6)


def test_row_68_the_rate_is_that_of_channels_and_evaluation_is_the_identity():
    tw.manual_seed(0)
    layer = nn.Dropout2d(0.4)
    dropped = (layer(tw.ones(500, 40, 2, 2)).amax((2, 3)) == 0).float().mean().item()
    assert dropped == pytest.approx(0.4, abs=4 * (0.24 / 20_000) ** 0.5)  # four standard deviations
    x = tw.ones(2, 3, 4, 4)
    assert layer.eval()(x) is x


# --- row 71: norms without statistics of the batch
@pytest.mark.parametrize(("ours", "theirs"), [
    (lambda m: m.LayerNorm(6), "last"), (lambda m: m.LayerNorm((4, 5, 6)), "all"), (lambda m: m.GroupNorm(2, 4), "groups"),
    (lambda m: m.InstanceNorm2d(4, affine=True), "maps"), (lambda m: m.RMSNorm(6), "root mean square"),
])
def test_row_71_norms_are_the_same_in_training_and_test(ours, theirs):
    x = drawn(3, 4, 5, 6)
    layer, reference = ours(nn), ours(torch.nn)
    with torch.no_grad():
        for i, (p, q) in enumerate(zip(layer.parameters(), reference.parameters())):
            values = drawn(*q.shape, seed=i + 1)
            q.copy_(torch.from_numpy(values))
            p.data = tw.from_numpy(values)
        wanted = reference(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(layer.train()(tw.from_numpy(x)).detach().numpy(), wanted, atol=1e-5, err_msg=theirs)
        np.testing.assert_allclose(layer.eval()(tw.from_numpy(x)).detach().numpy(), wanted, atol=1e-5)


# --- row 72: skip connections
def first_to_last(skip):
    """The gradient's norm in the first of 30 sigmoid layers over that in the last."""
    tw.manual_seed(0)
    layers = [nn.Linear(32, 32) for _ in range(30)]
    x = tw.randn(16, 32)
    for layer in layers:
        init.xavier_normal_(layer.weight)
        y = layer(x).sigmoid()
        x = x + y if skip else y
    (x**2).mean().backward()
    return (layers[0].weight.grad.norm() / layers[-1].weight.grad.norm()).item()


def test_row_72_skip_connections_keep_the_gradient():
    assert first_to_last(skip=False) < 1e-10
    assert 1e-2 < first_to_last(skip=True) < 1e2


# --- row 75: multi-head attention
@pytest.mark.parametrize("widths", [{}, {"kdim": 5, "vdim": 7}])
def test_row_75_packed_and_separate_projections_load(widths):
    reference = torch.nn.MultiheadAttention(8, 2, batch_first=True, **widths)
    layer = nn.MultiheadAttention(8, 2, batch_first=True, **widths)
    state = {name: tw.from_numpy(value.numpy().copy()) for name, value in reference.state_dict().items()}
    assert ("in_proj_weight" in state) != bool(widths)
    layer.load_state_dict(state)
    given = drawn(2, 3, 8), drawn(2, 6, widths.get("kdim", 8), seed=1), drawn(2, 6, widths.get("vdim", 8), seed=2)
    found, weights = layer(*map(tw.from_numpy, given))
    wanted, expected = reference(*map(torch.from_numpy, given))
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(weights.detach().numpy(), expected.detach().numpy(), atol=1e-5)


def test_row_76_a_row_gathered_twice_gets_both_gradients_as_a_product_with_one_hot_rows_does():
    weight = tw.randn(7, 3, requires_grad=True)
    ids = tw.tensor([[1, 1], [5, 0]])
    upstream = tw.from_numpy(drawn(2, 2, 3))
    (F.embedding(ids, weight) * upstream).sum().backward()
    dense, weight.grad = weight.grad, None
    (F.one_hot(ids, 7).float().matmul(weight) * upstream).sum().backward()
    np.testing.assert_allclose(dense.numpy(), weight.grad.numpy(), atol=1e-6)


# --- row 77: positions
def test_row_77_the_books_sinusoids():
    row = [0.1411, -0.9900, 0.2955, 0.9553, 0.0300, 0.9996, 0.0030, 1.0000]
    np.testing.assert_allclose(sinusoids(5, 8).numpy()[3], row, atol=5e-5)


def test_row_77_halves_are_the_same_numbers_in_another_order():
    table = sinusoids(9, 8).numpy()
    np.testing.assert_allclose(sinusoids_in_halves(9, 8).numpy(), np.concatenate([table[:, ::2], table[:, 1::2]], 1), atol=1e-6)
    whisper = sinusoids_in_halves(9, 8, last=3).numpy()  # frequencies from 1 to exactly 1/10000
    np.testing.assert_allclose(whisper[:, 3], np.sin(np.arange(9) / 10000), atol=1e-6)


@pytest.mark.parametrize("interleaved", [False, True])
def test_row_77_rotary_products_depend_on_the_distance_alone(interleaved):
    q, k = (tw.from_numpy(drawn(1, 8, seed=i)) for i in range(2))

    def product(at, other):
        turned = [rotated(x, tw.tensor([t]), interleaved=interleaved) for x, t in ((q, at), (k, other))]
        return (turned[0] * turned[1]).sum().item()

    for distance in (0, 3, 40):
        assert product(distance, 0) == pytest.approx(product(distance + 100, 100), abs=1e-4)
    assert product(0, 0) == pytest.approx((q * k).sum().item(), abs=1e-6)
    assert product(3, 0) != pytest.approx(product(0, 3), abs=1e-3)


@pytest.mark.parametrize("interleaved", [False, True])
def test_row_77_rotary_positions_are_products_of_complex_numbers(interleaved):
    x = drawn(2, 5, 8)
    angles = np.arange(5)[:, None] * 10000.0 ** (-np.arange(4) / 4)
    numbers = x[..., ::2] + 1j * x[..., 1::2] if interleaved else x[..., :4] + 1j * x[..., 4:]
    turned = numbers * np.exp(1j * angles)
    wanted = np.stack([turned.real, turned.imag], -1).reshape(2, 5, 8) if interleaved else np.concatenate(
        [turned.real, turned.imag], -1)
    np.testing.assert_allclose(rotated(tw.from_numpy(x), tw.arange(5), interleaved=interleaved).numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("wrong", [
    lambda: sinusoids(4, 7), lambda: rotated(tw.ones(3, 7), tw.arange(3)), lambda: rotated(tw.ones(3, 8), tw.arange(4)),
    lambda: resized_grid(tw.ones(5, 2), (3, 3), (4, 4)),
])
def test_row_77_widths_and_grids_that_do_not_fit(wrong):
    with pytest.raises(ValueError):
        wrong()


# --- row 82: flattening breaks the structure
def test_row_82_an_mlp_cannot_tell_permuted_pixels_and_a_convolution_can():
    """With its first layer's columns permuted alike, an MLP gives the same outputs; no choice of kernels does so."""
    order = np.random.default_rng(0).permutation(64)
    x = drawn(3, 1, 8, 8)
    permuted = x.reshape(3, 64)[:, order].reshape(x.shape)
    mlp = build("mlp", (1, 8, 8), 10)
    before = mlp(tw.from_numpy(x)).detach().numpy()
    first = next(m for m in mlp.modules() if isinstance(m, nn.Linear))
    first.weight.data = first.weight.data[:, order.tolist()]
    np.testing.assert_allclose(mlp(tw.from_numpy(permuted)).detach().numpy(), before, atol=1e-5)
    convolution = ConvNet("conv4k3-pool2-fc10", (1, 8, 8), 10)
    plain, moved = (convolution(tw.from_numpy(images)).detach().numpy() for images in (x, permuted))
    assert np.abs(plain - moved).max() > 1e-2


# --- rows 86 to 91: the names of sequence models
NARROW = {"width": 16, "layers": 1, "heads": 2}


@pytest.mark.parametrize(("name", "shape", "settings", "outputs"), [
    ("gpt", (8,), {"vocabulary": 20, **NARROW}, (1, 8, 20)), ("gpt2", (8,), {"vocabulary": 20, **NARROW}, (1, 8, 20)),
    ("transformer", (8,), {"vocabulary": 20, **NARROW}, (1, 8, 20)),
    ("bert_base", (8,), {"vocabulary": 20, "head": "classes", **NARROW}, (1, 5)),
    ("vit_b_16", (3, 32, 32), NARROW, (1, 5)), ("vit_small", (1, 8, 8), {}, (1, 5)),
    ("whisper_tiny", (8, 40), {"vocabulary": 20, **NARROW}, (1, 224, 20)),
    ("rnn", (1, 8, 8), {}, (1, 5)), ("lstm", (9, 4), {"both_ways": True}, (1, 5)), ("gru", (1, 8, 8), {"layers": 2}, (1, 5)),
    ("gru_lm", (7,), {"vocabulary": 20}, (1, 7, 20)), ("realnvp", (6,), {"hidden": [8]}, (1, 6)), ("gat", (6,), {}, (4, 5)),
])
def test_a_name_builds_for_these_inputs_and_classes(name, shape, settings, outputs):
    model = build(name, shape, 5, **settings).eval()
    out = model(*entry(name).example(shape))
    assert tuple((out[0] if isinstance(out, tuple) else out).shape) == outputs


@pytest.mark.parametrize("name", [n for n, described in MODELS.items() if len(described.input_shape) != 3])
def test_a_model_for_other_inputs_refuses_images(name):
    with pytest.raises(ValueError, match="shape|spectrograms"):
        build(name, (1, 28, 28), 10)


@pytest.mark.parametrize(("name", "shape"), [("vit_b_16", (3, 32, 48)), ("clip_vit_b_32", (1, 224, 224)), ("lstm", (7,)),
                                             ("whisper_tiny", (80, 3001))])
def test_shapes_that_do_not_fit_are_refused(name, shape):
    with pytest.raises(ValueError, match="got"):
        build(name, shape, 10)
