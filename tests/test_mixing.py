"""Mixing in the loop: a batch's mixture depends on seed, epoch and number only, and a recipe trains with it (L 6.2)."""

import numpy as np
import pytest
import torch

import talweg
from talweg.data import DataLoader, TensorDataset
from talweg.data.augment import Draws, MixedBatches, cutmix, mixup, one_hot
from talweg.recipes.classify import RECIPE
from talweg.recipes.classify_settings import Settings
from talweg.recipes.settings import from_mapping
from talweg.training import count_errors

torch.set_num_threads(1)


def loader(count=20, batch_size=8):
    draw = np.random.default_rng(0)
    images = talweg.from_numpy(draw.random((count, 1, 4, 4), np.float32))
    return DataLoader(TensorDataset(images, talweg.from_numpy(draw.integers(0, 3, count))), batch_size)


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_each_batch_is_mixed_by_its_place_in_the_run(mix):
    mixed = MixedBatches(loader(), mix, 3, 1.0, seed=5)
    mixed.set_epoch(4)
    first = [(x.numpy(), y.numpy()) for x, y in mixed]
    for number, ((x, y), (images, labels)) in enumerate(zip(first, loader())):
        expected = mix(images.numpy(), one_hot(labels.numpy(), 3), Draws(5, 4, number, purpose="mixing"), 1.0)
        np.testing.assert_array_equal(x, expected[0])
        np.testing.assert_array_equal(y, expected[1])
        np.testing.assert_allclose(y.sum(1), 1, rtol=1e-6)
    assert len(mixed) == len(first) == 3
    mixed.set_epoch(4)
    [(x, _)] = list(mixed.batches(2))
    np.testing.assert_array_equal(x.numpy(), first[2][0])
    second = next(iter(mixed))[0].numpy()  # the next epoch mixes anew
    assert not np.array_equal(second, first[0][0])


def test_the_loss_of_a_mixture_is_the_mixture_of_losses():
    """Cross-entropy is linear in the targets, with label smoothing too."""
    logits = talweg.randn(8, 3)
    labels, partners = talweg.tensor([0, 1, 2, 0, 1, 2, 0, 1]), talweg.tensor([1, 1, 0, 2, 0, 2, 1, 0])
    loss = talweg.nn.CrossEntropyLoss(label_smoothing=0.1)
    shares = 0.3 * one_hot(labels.numpy(), 3) + 0.7 * one_hot(partners.numpy(), 3)
    expected = 0.3 * loss(logits, labels) + 0.7 * loss(logits, partners)
    assert loss(logits, talweg.from_numpy(shares.astype(np.float32))).item() == pytest.approx(expected.item(), rel=1e-6)


def test_errors_count_against_the_largest_share():
    outputs = talweg.tensor([[2.0, 1.0], [2.0, 1.0], [float("nan"), 1.0]])
    assert count_errors(outputs, talweg.tensor([[0.6, 0.4], [0.1, 0.9], [0.0, 1.0]])) == 2
    with pytest.raises(ValueError, match=r"or shares \(N, C\)"):
        count_errors(outputs, talweg.tensor([[0.6, 0.4, 0.0]] * 3))


@pytest.mark.parametrize("how", [{"mixup": 0.4}, {"cutmix": 1.0}])
def test_a_recipe_trains_with_mixed_batches(tmp_path, how):
    """Training figures are those of mixtures, which nobody gets right; validation and test are not mixed."""
    settings = Settings(model="mlp", size=8, hidden=[32], epochs=6, lr=0.01, class_weights="balanced", **how)
    outcome = RECIPE.train(settings, tmp_path / "run")
    last = outcome.result.records[-1]
    assert last.validation_error < 0.25
    assert last.train_loss > 1.3 * last.validation_loss
    assert outcome.test.figures["accuracy"] > 0.75


@pytest.mark.parametrize(("values", "words"), [
    ({"mixup": 0}, "mixup must be a positive number"), ({"cutmix": -1}, "cutmix must be a positive number"),
    ({"mixup": 0.2, "cutmix": 1}, "both mix a batch: give one"), ({"mixup": "nan"}, "mixup must be a positive number"),
])
def test_settings_that_cannot_be(values, words):
    with pytest.raises(ValueError, match=words):
        from_mapping(Settings, {"model": "mlp"} | values)


def test_windows_need_images(tmp_path):
    with pytest.raises(ValueError, match="cutmix is for images, but iris has inputs of shape"):
        RECIPE.train(Settings(model="mlp", data="iris", cutmix=1.0), tmp_path / "run")
    with pytest.raises(ValueError, match="alpha must be positive"):
        MixedBatches(loader(), mixup, 3, 0.0)
