"""Statements of the books, one test each, by the row of the acceptance table that docs/book.md ticks."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import talweg as tw
from talweg import nn
from talweg.nn import functional as F
from talweg.tensor.pending import value_of

torch.set_num_threads(1)


def near(ours, theirs, tolerance=1e-5):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


# --- row 7: the tutorial script runs with only the import line changed
TUTORIAL = """
torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(128, 8, 8), torch.arange(128) % 10
for epoch in range(30):
    pred = model(x)
    loss = loss_fn(pred, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch == 0:
        first = loss.item()
with torch.no_grad():
    correct = (model(x).argmax(1) == y).type(torch.float).sum().item()
"""


@pytest.mark.parametrize("imports", ["import torch; from torch import nn", "import talweg as torch; from talweg import nn"])
def test_row_7_the_tutorial_loop(imports):
    names: dict = {}
    exec(imports + TUTORIAL, names)
    assert names["loss"].item() < 0.9 * names["first"]
    assert names["correct"] > 13


# --- row 12: shapes and broadcasting are NumPy's
@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_row_12_broadcasting_is_numpys(data):
    full = data.draw(st.lists(st.integers(0, 4), max_size=4))

    def part():
        cut = full[data.draw(st.integers(0, len(full))):]
        return tuple(1 if data.draw(st.booleans()) else s for s in cut)

    a, b = part(), part()
    if data.draw(st.integers(0, 5)) == 0 and a:
        a = (*a[:-1], a[-1] + 1)
    x, y = np.arange(math.prod(a), dtype=np.float32).reshape(a), np.ones(b, np.float32)
    try:
        expected = x + 2 * y
    except ValueError:
        with pytest.raises(RuntimeError, match="must match"):
            tw.tensor(x) + 2 * tw.tensor(y)
        return
    found = tw.tensor(x) + 2 * tw.tensor(y)
    assert tuple(found.shape) == expected.shape
    assert np.array_equal(found.numpy(), expected)


# --- row 13: shape is separate from storage
def test_row_13_a_transpose_of_a_hundred_million_elements_moves_nothing():
    x = tw.zeros(10**4, 10**4)
    assert x.T.data_ptr() == x.data_ptr()
    assert np.shares_memory(value_of(x.T.node), value_of(x.node))


# --- rows 16 to 18: losses
def test_row_17_cross_entropy_of_huge_logits_is_finite():
    logits = tw.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], requires_grad=True)
    loss = F.cross_entropy(logits, tw.tensor([1, 0]), reduction="none")
    assert loss.tolist() == [20000.0, pytest.approx(20000.6931)]
    loss.sum().backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_row_17_cross_entropy_options(smoothing, weighted, reduction):
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(5, 4, 3)).astype("f4"), rng.integers(0, 4, (5, 3))
    target[0, 0] = -1
    weight = rng.uniform(0.5, 2, 4).astype("f4") if weighted else None
    results = []
    for T, functional in ((tw, F), (torch, torch.nn.functional)):
        x = T.tensor(logits, requires_grad=True)
        w = None if weight is None else T.tensor(weight)
        loss = functional.cross_entropy(x, T.tensor(target), w, ignore_index=-1, label_smoothing=smoothing, reduction=reduction)
        loss.sum().backward()
        results.append((loss, x.grad))
    near(results[0][0], results[1][0])
    near(results[0][1], results[1][1])


def test_row_18_the_logistic_loss_is_positive_and_pytorchs():
    x, t = np.linspace(-30, 30, 13, dtype="f4"), (np.arange(13) % 2).astype("f4")
    ours = F.binary_cross_entropy_with_logits(tw.tensor(x), tw.tensor(t), reduction="none")
    assert (ours >= 0).all()
    near(ours, torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor(x), torch.tensor(t), reduction="none"))


# --- row 27: partial sums are unbiased, the short last batch weighted right
def test_row_27_the_mean_of_mini_batch_gradients_is_the_full_gradient():
    rng = np.random.default_rng(1)
    x, y = tw.tensor(rng.normal(size=(10, 3))), tw.tensor(rng.normal(size=10))
    w = tw.tensor(rng.normal(size=3), requires_grad=True)

    def gradient(rows):
        return tw.grad(((x[rows] @ w - y[rows]) ** 2).mean(), w)[0]

    batches = [slice(0, 4), slice(4, 8), slice(8, 10)]
    weighted = sum(gradient(b) * (b.stop - b.start) for b in batches) / 10
    near(weighted, gradient(slice(0, 10)), 1e-6)


# --- row 30: the Jacobians of the layers, multiplied, are autograd
def test_row_30_layerwise_jacobians_multiply_to_the_gradient():
    rng = np.random.default_rng(2)
    matrices = [rng.normal(size=s) for s in ((5, 4), (6, 5), (3, 6))]
    x = tw.tensor(rng.normal(size=4), requires_grad=True)
    a, product = x, np.eye(4)
    for m in matrices:
        s = tw.tensor(m) @ a
        a = s.tanh()
        product = np.diag(1 - np.tanh(s.detach().numpy()) ** 2) @ m @ product
    for row in range(3):
        found = tw.grad(a[row], x, retain_graph=True)[0]
        np.testing.assert_allclose(found.numpy(), product[row], atol=1e-10)


# --- row 34: an imperative tape
def test_row_34_python_control_flow_is_differentiated():
    def power_tower(x):
        y, steps = x, 0
        while y < 100:
            y = y * x if steps % 2 == 0 else y + x
            steps += 1
        return y

    ours, theirs = tw.tensor(3.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    near(tw.grad(power_tower(ours), ours)[0], torch.autograd.grad(power_tower(theirs), theirs)[0])


def test_row_34_any_value_with_respect_to_any_other_and_again():
    x = tw.tensor([1.0, 2.0], requires_grad=True)
    middle = x**3
    y = (middle**2).sum()
    inner = tw.grad(y, middle, create_graph=True)[0]
    assert inner.tolist() == [2, 16]
    assert tw.grad(inner.sum(), x)[0].tolist() == [6, 24]


# --- row 42: initialisers keep the activations' variance (the spread of each is in test_init.py)
def test_row_42_fifty_relu_layers_with_he_initialisation_keep_the_variance():
    tw.manual_seed(0)
    a = tw.randn(256, 256)
    for _ in range(50):
        layer = nn.Linear(256, 256, bias=False)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        with tw.no_grad():
            a = F.relu(layer(a))
    assert 0.1 < (a**2).mean().item() < 10


# --- rows 53 and 54: convolutions
def _random_convolution(rng):
    rank = rng.integers(1, 4)
    groups = int(rng.integers(1, 3))
    kernel = rng.integers(1, 4, rank)
    stride, dilation = rng.integers(1, 4, rank), rng.integers(1, 3, rank)
    padding = rng.integers(0, 3, rank)
    sizes = dilation * (kernel - 1) + 1 + rng.integers(0, 5, rank)
    x = rng.normal(size=(rng.integers(1, 3), 2 * groups, *sizes)).astype("f4")
    w = rng.normal(size=(3 * groups, 2, *kernel)).astype("f4")
    how = {"stride": stride.tolist(), "padding": padding.tolist(), "dilation": dilation.tolist(), "groups": groups}
    return int(rank), x, w, how


@pytest.mark.parametrize("block", range(5))
def test_row_53_convolutions_of_all_kinds(block):
    rng = np.random.default_rng(block)
    for _ in range(100):
        rank, x, w, how = _random_convolution(rng)
        results = []
        for T, functional in ((tw, F), (torch, torch.nn.functional)):
            a, b = T.tensor(x, requires_grad=True), T.tensor(w, requires_grad=True)
            y = getattr(functional, f"conv{rank}d")(a, b, **how)
            (y * y).sum().backward()
            results.append((y, a.grad, b.grad))
        for ours, theirs in zip(*results):
            near(ours, theirs, 2e-4)


def test_row_54_the_transposed_convolution_is_the_adjoint():
    rng = np.random.default_rng(0)
    for _ in range(60):
        rank, x, w, how = _random_convolution(rng)
        x, w = tw.tensor(x).double(), tw.tensor(w).double()
        y = getattr(F, f"conv{rank}d")(x, w, **how)
        z = tw.randn(*y.shape, dtype=tw.float64)
        sizes = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, s, p, d, k in zip(
            x.shape[2:], y.shape[2:], how["stride"], how["padding"], how["dilation"], w.shape[2:])]
        if any(e >= max(s, d) for e, s, d in zip(sizes, how["stride"], how["dilation"])):
            continue
        back = getattr(F, f"conv_transpose{rank}d")(z, w, output_padding=sizes, **how)
        assert (y * z).sum().item() == pytest.approx((x * back).sum().item(), rel=1e-9, abs=1e-9)


# --- row 56: borders
@pytest.mark.parametrize(("ours", "numpys"), [("constant", "constant"), ("replicate", "edge"), ("reflect", "reflect"),
                                               ("circular", "wrap")])
def test_row_56_padding_modes_are_numpys(ours, numpys):
    x = np.random.default_rng(0).normal(size=(1, 2, 4, 5))
    found = F.pad(tw.tensor(x), (2, 1, 3, 0), mode=ours)
    assert np.array_equal(found.numpy(), np.pad(x, ((0, 0), (0, 0), (3, 0), (2, 1)), mode=numpys))


def test_row_56_same_padding_of_an_even_kernel_is_pytorchs():
    x, w = np.random.default_rng(0).normal(size=(1, 1, 7)), np.random.default_rng(1).normal(size=(1, 1, 4))
    ours = F.conv1d(tw.tensor(x), tw.tensor(w), padding="same")
    near(ours, torch.nn.functional.conv1d(torch.tensor(x), torch.tensor(w), padding="same"))


# --- row 60: two linear convolutions are one
def test_row_60_two_convolutions_without_an_activation_collapse_to_one():
    tw.manual_seed(0)
    x, first, second = tw.randn(1, 1, 12, 12), tw.randn(1, 1, 3, 3), tw.randn(1, 1, 5, 5)
    twice = F.conv2d(F.conv2d(x, first), second)
    joined = F.conv_transpose2d(second, first)  # the full (flipped twice) product of the kernels: 7 x 7
    assert joined.shape[-2:] == (7, 7)
    near(F.conv2d(x, joined), twice, 1e-4)


# --- row 64: activations
def test_row_64_activation_values():
    one = tw.tensor(1.0)
    assert F.gelu(one).item() == pytest.approx(0.841345, abs=1e-6)
    assert F.gelu(one, approximate="tanh").item() == pytest.approx(0.841192, abs=1e-6)
    assert (one * (1.702 * one).sigmoid()).item() == pytest.approx(0.845796, abs=1e-6)
    zero = tw.tensor(0.0, requires_grad=True)
    F.relu(zero).backward()
    assert zero.grad.item() == 0


# --- rows 67, 68: dropout
def test_row_67_dropout_keeps_the_mean_and_the_rate():
    tw.manual_seed(3)
    x = tw.ones(1000, 1000)
    y = F.dropout(x, 0.3)
    assert y.mean().item() == pytest.approx(1, abs=0.01)
    assert (y != 0).float().mean().item() == pytest.approx(0.7, abs=0.005)
    assert F.dropout(x, 0.3, training=False) is x


def test_row_67_all_of_k_kept_has_probability_one_minus_p_to_the_k():
    tw.manual_seed(4)
    kept = (F.dropout(tw.ones(200_000, 4), 0.2) != 0).all(1).float().mean().item()
    assert kept == pytest.approx(0.8**4, abs=0.005)


def test_row_68_whole_channels_are_dropped():
    tw.manual_seed(5)
    y = F.dropout2d(tw.ones(200, 50, 3, 3), 0.25)
    channel = y.flatten(2)
    assert ((channel == 0).all(-1) | (channel != 0).all(-1)).all()
    assert (channel[..., 0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


# --- row 70: batch norm folded into the convolution before it
def test_row_70_batch_norm_folds_into_a_convolution():
    tw.manual_seed(0)
    conv, norm = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)
    for _ in range(3):
        norm(conv(tw.randn(8, 3, 9, 9)))
    norm.eval()
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded_weight = conv.weight * scale.reshape(-1, 1, 1, 1)
    folded_bias = (conv.bias - norm.running_mean) * scale + norm.bias
    x = tw.randn(4, 3, 9, 9)
    near(F.conv2d(x, folded_weight, folded_bias), norm(conv(x)), 1e-5)


# --- rows 73, 74: attention
@pytest.mark.parametrize("causal", [False, True])
def test_row_73_attention_is_pytorchs(causal):
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 3, 5, 8)).astype("f4") for _ in range(3))
    ours = F.scaled_dot_product_attention(tw.tensor(q), tw.tensor(k), tw.tensor(v), is_causal=causal)
    near(ours, torch.nn.functional.scaled_dot_product_attention(*map(torch.tensor, (q, k, v)), is_causal=causal))


def test_row_73_a_dominant_key_returns_its_value():
    q, k, v = tw.eye(4).unsqueeze(0) * 100, tw.eye(4).unsqueeze(0) * 10, tw.randn(1, 4, 6)
    near(F.scaled_dot_product_attention(q, k, v), v, 1e-6)


def test_row_74_attention_ignores_the_order_of_keys_and_keeps_that_of_queries():
    tw.manual_seed(0)
    q, k, v = tw.randn(1, 5, 8), tw.randn(1, 7, 8), tw.randn(1, 7, 4)
    out = F.scaled_dot_product_attention(q, k, v)
    keys, queries = tw.randperm(7), tw.randperm(5)
    near(F.scaled_dot_product_attention(q, k[:, keys], v[:, keys]), out, 1e-6)
    near(F.scaled_dot_product_attention(q[:, queries], k, v), out[:, queries], 1e-6)


# --- row 76: embeddings
def test_row_76_embedding_takes_ids_of_any_shape_and_names_a_bad_one():
    weight = tw.randn(10, 3)
    for shape in ((), (4,), (2, 3), (0, 2)):
        ids = tw.zeros(*shape, dtype=tw.int64) if shape else tw.tensor(7)
        assert tuple(F.embedding(ids, weight).shape) == (*shape, 3)
    with pytest.raises(IndexError, match=r"11.*10"):
        F.embedding(tw.tensor([1, 11]), weight)


# --- seeds: the same numbers whatever is evaluated when
def test_random_numbers_do_not_depend_on_the_order_of_evaluation():
    def draw(look_in_between: bool):
        tw.manual_seed(11)
        values = []
        for _ in range(3):
            x = tw.rand(5)
            if look_in_between:
                x.tolist()
            values.append(x)
        return [v.tolist() for v in values]

    assert draw(True) == draw(False)
    first, second = itertools.islice(iter(draw(True)), 2)
    assert first != second
