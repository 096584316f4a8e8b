"""Attention over tiles of queries: the whole operator's numbers and gradients, in memory linear in the length (L 4.8)."""

import sys

import numpy as np
import pytest
import torch
from compiling import compiling

import talweg as tw
from talweg.inspection import macs_of, recorded
from talweg.nn import functional as F
from talweg.tensor.costs import count_costs

torch.set_num_threads(1)
attention = sys.modules["talweg.nn.functional.attention"]
theirs = torch.nn.functional.scaled_dot_product_attention


@pytest.fixture
def in_tiles(monkeypatch):
    """Tiles of 4 queries, whatever the length."""
    monkeypatch.setattr(attention, "TILED_FROM", 0)
    monkeypatch.setattr(attention, "TILE", 4)


def arrays(*shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def masks(T, S):
    seen = np.random.default_rng(1).random((2, 1, T, S)) < 0.6
    seen[0, 0, 2] = False  # a query that may see nothing
    return {"none": None, "bool": seen, "added": np.random.default_rng(2).standard_normal((T, S)), "of keys": seen[:, :, :1],
            "row of keys": np.random.default_rng(3).standard_normal((1, S))}


CASES = [(T, S, name, causal) for T, S in ((10, 10), (11, 7), (3, 9)) for name in masks(T, S) for causal in (False, True)
         if not causal or name == "none"]


@pytest.mark.parametrize(("T", "S", "mask", "causal"), CASES)
@pytest.mark.parametrize("compiled", [False, True])
def test_values_and_gradients_are_pytorchs(in_tiles, T, S, mask, causal, compiled):
    given = arrays((2, 3, T, 8), (2, 3, S, 8), (2, 3, S, 5))
    mask = masks(T, S)[mask] if mask in ("none", "bool", "of keys") else masks(T, S)[mask].astype(np.float64)
    ours, others = ([kind(a).requires_grad_() for a in given] for kind in (tw.from_numpy, torch.from_numpy))
    wanted = theirs(*others, attn_mask=None if mask is None else torch.from_numpy(mask), is_causal=causal)
    weights = arrays(wanted.shape)[0]
    (wanted * torch.from_numpy(weights)).sum().backward()

    def step():
        found = F.scaled_dot_product_attention(*ours, attn_mask=None if mask is None else tw.from_numpy(mask), is_causal=causal)
        (found * tw.from_numpy(weights)).sum().backward()
        return found.detach().numpy()

    if compiled:
        with compiling(poison=True) as seen:
            found = step()
        assert not seen.errors
    else:
        found = step()
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-10, atol=1e-12)
    for a, b in zip(ours, others):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.nan_to_num().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("T", "S"), [(4, 4), (5, 5), (16, 16), (13, 9), (6, 20)])
@pytest.mark.parametrize("compiled", [False, True])
def test_short_causal_attention_leaves_out_what_nobody_sees(monkeypatch, T, S, compiled):
    shape = ((2, 3, T, 8), (2, 3, S, 8), (2, 3, S, 5))
    whole = count_costs(lambda *a: F.scaled_dot_product_attention(*a, is_causal=True), *map(tw.from_numpy, arrays(*shape)))
    monkeypatch.setattr(attention, "CAUSAL_TILE", 2)
    test_values_and_gradients_are_pytorchs(None, T, S, "none", True, compiled)
    less = count_costs(lambda *a: F.scaled_dot_product_attention(*a, is_causal=True), *map(tw.from_numpy, arrays(*shape)))
    assert less.forward < whole.forward


def test_heads_that_share_keys_and_another_scale(in_tiles):
    q, k, v = arrays((1, 4, 9, 8), (1, 2, 9, 8), (1, 2, 9, 8))
    found = F.scaled_dot_product_attention(*map(tw.from_numpy, (q, k, v)), scale=0.7, enable_gqa=True, is_causal=True)
    wanted = theirs(*map(torch.from_numpy, (q, k, v)), scale=0.7, enable_gqa=True, is_causal=True)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-10, atol=1e-12)


def test_second_derivatives(in_tiles):
    q, k, v = (tw.from_numpy(a).requires_grad_() for a in arrays((1, 5, 2), (1, 5, 2), (1, 5, 1)))
    assert tw.autograd.gradgradcheck(lambda *a: F.scaled_dot_product_attention(*a, is_causal=True), (q, k, v))


def test_the_threshold_changes_no_number(monkeypatch):
    """At the length from which tiles are taken, in single precision."""
    given = [tw.from_numpy(a) for a in arrays((1, 1, 600, 4), (1, 1, 600, 4), (1, 1, 600, 4), dtype=np.float32)]
    found = []
    for limit in (600 * 600 + 1, 600 * 600):
        monkeypatch.setattr(attention, "TILED_FROM", limit)
        found.append([F.scaled_dot_product_attention(*given, is_causal=causal).numpy() for causal in (False, True)])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-6)


def most_bytes(T, causal, training):
    given = [tw.zeros(1, 2, T, 8).requires_grad_(training) for _ in range(3)]
    return count_costs(lambda *a: F.scaled_dot_product_attention(*a, is_causal=causal), *given).bytes


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_memory_is_linear_in_the_length(monkeypatch, causal, training):
    monkeypatch.setattr(attention, "TILE", 32)
    monkeypatch.setattr(attention, "TILED_FROM", 2**40)
    monkeypatch.setattr(attention, "CAUSAL_TILE", 2**40)
    whole = most_bytes(1024, causal, training)
    assert whole >= 3.5 * most_bytes(512, causal, training)  # twice the length, four times the scores
    monkeypatch.setattr(attention, "TILED_FROM", 0)
    short, long = (most_bytes(T, False, training) for T in (512, 1024))
    assert long <= 2.1 * short
    assert most_bytes(1024, causal, training) <= 1.05 * long  # causal tiles see fewer keys
    assert long <= 0.15 * whole


def test_dropout_keeps_the_mean_and_the_masks_of_the_forward_pass(in_tiles):
    tw.manual_seed(0)
    v = tw.ones(4, 40, 2).requires_grad_()
    q, k = (tw.from_numpy(a) for a in arrays((4, 40, 3), (4, 40, 3), dtype=np.float32))
    found = F.scaled_dot_product_attention(q, k, v, dropout_p=0.3)
    assert found.mean().item() == pytest.approx(1, abs=0.1)
    found.sum().backward()
    # Linear in the values: with the same masks, the gradient times the values is the output again.
    assert (v.grad * v).sum().item() == pytest.approx(found.sum().item(), rel=1e-4)


@pytest.mark.parametrize(("shapes", "told"), [
    (((1, 9, 4), (1, 9, 5), (1, 9, 4)), "matmul|shape|size"), (((1, 9, 4), (1, 9, 4), (1, 8, 4)), "matmul|shape|size"),
])
def test_shapes_that_do_not_fit_are_runtime_errors(in_tiles, shapes, told):
    with pytest.raises(RuntimeError, match=told):
        F.scaled_dot_product_attention(*map(tw.from_numpy, arrays(*shapes)))


def test_a_mask_and_causality_exclude_each_other(in_tiles):
    x = tw.zeros(1, 9, 4)
    with pytest.raises(RuntimeError, match="attn_mask should not be set"):
        F.scaled_dot_product_attention(x, x, x, attn_mask=tw.zeros(9, 9), is_causal=True)


@pytest.mark.parametrize("shapes", [((0, 9, 4), (0, 9, 4), (0, 9, 4)), ((1, 0, 4), (1, 9, 4), (1, 9, 4))])
def test_no_queries_and_no_batch(shapes):
    given = arrays(*shapes)
    found = F.scaled_dot_product_attention(*map(tw.from_numpy, given))
    assert tuple(found.shape) == tuple(theirs(*map(torch.from_numpy, given)).shape)


def test_nan_stays_in_its_rows(in_tiles):
    q, k, v = arrays((1, 9, 4), (1, 9, 4), (1, 9, 4))
    q[0, 5] = np.nan
    found = F.scaled_dot_product_attention(*map(tw.from_numpy, (q, k, v))).numpy()
    assert np.isnan(found[0, 5]).all()
    assert np.isfinite(np.delete(found, 5, 1)).all()


@pytest.mark.parametrize("T", [256, 4096])
def test_drawings_and_counts_show_the_operator_undivided(T):
    """A recorded pass is read by people: one product of queries and keys, whatever the length."""
    class Causal(tw.nn.Module):
        def forward(self, q, k, v):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    given = [tw.zeros(1, 2, T, 8) for _ in range(3)]
    counted = macs_of(recorded(Causal(), *given))
    assert sum(counted.values()) == 2 * (2 * T * T * 8)
    products = [n for n in recorded(Causal(), *given).nodes() if n.op.name == "matmul"]
    assert len(products) == 2
    assert attention._tiling.allowed
