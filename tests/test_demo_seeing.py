"""Filters (rows 57 to 59), causality (rows 23 and 24), depth (row 41) and decision boundaries as demonstrations."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

import talweg as tw
from talweg.demos import boundary, causal, depth, filters
from talweg.models import GPT, RecurrentLM

torch.set_num_threads(1)


# --- rows 57 and 58
@pytest.fixture(scope="module")
def picture():
    return tw.from_numpy(filters.grey_picture("china")[100:160, 200:280].copy())


@pytest.mark.parametrize("name", list(filters.KERNELS))
def test_row_58_filters_are_scipys_in_the_interior(picture, name):
    kernel = filters.KERNELS[name]
    expected = ndimage.convolve(picture.numpy(), kernel)[1:-1, 1:-1]
    np.testing.assert_allclose(filters.convolve(picture, kernel).numpy(), expected, atol=1e-12)
    expected = ndimage.correlate(picture.numpy(), kernel)[1:-1, 1:-1]
    np.testing.assert_allclose(filters.correlate(picture, kernel).numpy(), expected, atol=1e-12)


def test_row_57_turning_the_kernel_round_changes_sobels_sign_and_leaves_the_blur(picture):
    for name in ("sobel x", "sobel y"):
        kernel = filters.KERNELS[name]
        np.testing.assert_allclose(filters.correlate(picture, kernel).numpy(), -filters.convolve(picture, kernel).numpy(),
                                   atol=1e-12)
    for name in ("blur", "sharpen"):
        kernel = filters.KERNELS[name]
        np.testing.assert_allclose(filters.correlate(picture, kernel).numpy(), filters.convolve(picture, kernel).numpy(),
                                   atol=1e-12)


def test_filters_of_ramps_and_flat_pictures():
    rows, columns = np.mgrid[0:6, 0:7].astype(float)
    flat, ramp = tw.from_numpy(np.full((6, 7), 0.3)), tw.from_numpy(0.1 * columns + 0.02 * rows)
    for name, of_flat in (("blur", 0.3), ("sobel x", 0.0), ("sobel y", 0.0), ("sharpen", 0.3)):
        np.testing.assert_allclose(filters.correlate(flat, filters.KERNELS[name]).numpy(), of_flat, atol=1e-12)
    np.testing.assert_allclose(filters.correlate(ramp, filters.KERNELS["sobel x"]).numpy(), 8 * 0.1, atol=1e-12)
    np.testing.assert_allclose(filters.correlate(ramp, filters.KERNELS["sobel y"]).numpy(), 8 * 0.02, atol=1e-12)


def test_pictures_by_name_by_path_in_colour_and_in_grey(tmp_path):
    assert filters.grey_picture("china").shape == (427, 640)
    assert not np.array_equal(filters.grey_picture("china"), filters.grey_picture("flower"))
    colours = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / "colours.png")
    np.testing.assert_allclose(filters.grey_picture(str(tmp_path / "colours.png")), colours.mean(2) / 255)
    Image.fromarray(colours[..., 0]).save(tmp_path / "grey.png")
    np.testing.assert_allclose(filters.grey_picture(str(tmp_path / "grey.png")), colours[..., 0] / 255)


def test_pictures_that_cannot_be_filtered_are_named(tmp_path):
    Image.new("L", (2, 9)).save(tmp_path / "narrow.png")
    (tmp_path / "words.png").write_text("no picture")
    with pytest.raises(ValueError, match="2 x 9"):
        filters.grey_picture(str(tmp_path / "narrow.png"))
    with pytest.raises(ValueError, match=r"words\.png"):
        filters.grey_picture(str(tmp_path / "words.png"))
    with pytest.raises(FileNotFoundError, match="missing"):
        filters.grey_picture(str(tmp_path / "missing.png"))


def test_row_59_features_are_the_pixels_their_blur_and_edges_to_four_sides():
    x = tw.from_numpy(np.random.default_rng(0).standard_normal((2, 1, 8, 8)).astype(np.float32))
    found = filters.features(x).numpy()
    assert found.shape == (2, 6, 8, 8)
    np.testing.assert_array_equal(found[:, 0], x.numpy()[:, 0])
    edges = (filters.SOBEL_X / 4, filters.SOBEL_X.T / 4)
    for image, result in zip(x.numpy()[:, 0], found):
        np.testing.assert_allclose(result[1], ndimage.correlate(image, filters.BLUR, mode="constant"), atol=1e-6)
        for k, kernel in enumerate((*edges, *(-e for e in edges))):
            expected = np.maximum(ndimage.correlate(image, kernel, mode="constant"), 0)
            np.testing.assert_allclose(result[2 + k], expected, atol=1e-6)


def test_rows_57_to_59_hold():
    shown = filters.run(draws=3)
    assert shown.holds
    assert len(shown.facts["digits"]) == 3
    assert len(shown.figures["filters"]().axes) == 6


# --- rows 23 and 24
def test_row_23_probabilities_of_all_strings_add_up_to_one():
    for name in ("GPT", "GPT-2", "LSTM"):
        assert causal.total_probability(causal.MODELS[name], seed=3) == pytest.approx(1, abs=1e-5)


def test_row_24_what_comes_later_has_no_derivative_and_changes_no_bit():
    for f in (causal.examine(name, causal.MODELS[name], 9, seed=1) for name in ("GPT", "GPT-2", "LSTM")):
        assert f.ahead == 0
        assert f.changed == 0
        assert (f.sizes[np.tril_indices(9)] > 0).all()


def test_a_model_that_looks_ahead_is_found_out():
    found = causal.examine("BERT", causal.MODELS["BERT"], 6, seed=0)
    assert found.ahead > 0
    assert found.changed > 0


def test_derivatives_are_difference_quotients():
    tw.manual_seed(0)
    model = causal.FirstOutput(RecurrentLM(causal.VOCABULARY, 4, 4)).double()
    tokens = tw.randint(0, causal.VOCABULARY, (1, 5))
    sizes = causal.derivatives(model, tokens)
    embedding = model.model.tokens
    exact, step = embedding.weight.detach().clone(), 1e-6
    weights = tw.tensor(np.cos(np.arange(causal.VOCABULARY) ** 2.0))
    first = tokens[0, 0].item()
    if (tokens[0, 1:] == first).any().item():
        pytest.skip("the first token occurs again, so that its embedding is not of one place alone")
    changes = []
    for unit in np.eye(4):
        outputs = []
        for sign in (1, -1):
            moved = exact.clone()
            moved[first] += sign * step * tw.from_numpy(unit)
            with tw.no_grad():
                embedding.weight.copy_(moved)
                outputs.append((model(tokens)[0] @ weights).numpy())
        changes.append(np.abs(outputs[0] - outputs[1]) / (2 * step))
    np.testing.assert_allclose(sizes[:, 0], np.max(changes, 0), rtol=1e-5, atol=1e-9)


def test_a_mask_that_is_off_by_one_fails_the_claim(monkeypatch):
    class Peeking(GPT):
        def forward(self, tokens):
            return tw.roll(super().forward(tokens), -1, 1)  # output t is that of t + 1

    monkeypatch.setitem(causal.MODELS, "GPT", causal._small(Peeking))
    assert not causal.run(length=5).holds


def test_rows_23_and_24_hold():
    shown = causal.run(length=6, seed=2)
    assert shown.holds
    assert len(shown.figures["causal"]().axes) == 8  # each with its colour bar


# --- row 41
def test_row_41_holds_for_other_depths_and_seeds():
    shown = depth.run(depth=24, width=64, samples=64, seed=5)
    assert shown.holds, [c for c in shown.claims if not c.holds]
    shown.figures["depth"]()


def test_activations_and_gradients_are_pytorchs():
    found = depth.measure("it", depth.STACKS["ReLU, He"], 3, 16, 8, seed=0)
    tw.manual_seed(0)
    layers = [depth.STACKS["ReLU, He"](16).double() for _ in range(3)]
    x, out = (torch.tensor(tw.randn(8, 16).double().numpy()) for _ in range(2))
    weights = [torch.tensor(layer.linear.weight.detach().numpy(), requires_grad=True) for layer in layers]
    spread = []
    for w in weights:
        x = (x @ w.T).relu()
        spread.append(x.square().mean().sqrt().item())
    (x * out).mean().backward()
    np.testing.assert_allclose(found.spread, spread, rtol=1e-9)
    np.testing.assert_allclose(found.slopes, [w.grad.norm().item() for w in weights], rtol=1e-9)


# --- decision boundaries
@pytest.mark.parametrize("name", boundary.SETS)
def test_points_are_balanced_and_depend_on_the_seed(name):
    x, y = boundary.points_of(name, 60, 0)
    assert x.shape == (60, 2)
    assert y.sum().item() == 0
    assert not np.array_equal(x.numpy(), boundary.points_of(name, 60, 1)[0].numpy())


@pytest.mark.parametrize("seed", range(3))
def test_the_perceptron_ends_within_novikoffs_bound(seed):
    trial = boundary.Trial("separable", *boundary.points_of("separable", 80, seed))
    found = boundary.perceptron(trial, seed)
    assert found.ended
    assert found.accuracy == 1
    gap = boundary.margin(trial, tw.tensor([0.6, 0.4, 0.0], dtype=tw.float64))  # the line between the clusters
    radius = math.sqrt(1 + (trial.x**2).sum(1).max().item())
    assert gap > 0
    assert found.mistakes <= (radius / gap) ** 2


def test_no_line_tells_the_exclusive_or(monkeypatch):
    monkeypatch.setattr(boundary, "PASSES", 20)
    x, y = boundary.points_of("exclusive or", 100, 0)
    angles = np.linspace(0, 2 * np.pi, 120)
    sides = x.numpy() @ np.stack([np.cos(angles), np.sin(angles)])  # (N, 120)
    right = max(((sides[:, [i]] > sides[:, i]) * 2 - 1 == y.numpy()[:, None]).mean(0).max() for i in range(120))
    clusters = [((x.numpy()[:, 0] * a > 0) & (x.numpy()[:, 1] * b > 0)).mean() for a in (-1, 1) for b in (-1, 1)]
    assert right <= 1 - min(clusters)  # the claim's bound, for all lines through a point in 120 directions
    assert not boundary.perceptron(boundary.Trial("exclusive or", x, y), 0).ended


def test_claims_on_boundaries_hold():
    shown = boundary.run(points=60, steps=300, seed=1)
    assert shown.holds, [c for c in shown.claims if not c.holds]
    assert len(shown.figures["boundary"]().axes) == 9


@pytest.mark.parametrize(("call", "words"), [
    (lambda: filters.run(draws=0), "--draws"), (lambda: causal.run(length=1), "--length"),
    (lambda: causal.run(length=65), "--length"), (lambda: depth.run(depth=3), "--depth"),
    (lambda: depth.run(width=3), "--width"), (lambda: boundary.run(points=3), "--points"),
    (lambda: boundary.run(steps=0), "--steps"),
])
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
