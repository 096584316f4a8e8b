"""Row 95: on 100 digits, shifting and scaling raises the mean test accuracy over ten seeds."""

import numpy as np
import pytest

from talweg import nn, optim
from talweg.data import DataLoader, Subset, digits, targets_of
from talweg.data.augment import Augmented, transforms_of
from talweg.models import build
from talweg.recipes.classify import outputs_of
from talweg.tensor import Generator, manual_seed

EPOCHS = 60
SEEDS = 10


def accuracy(seed, names):
    splits = digits(28)
    train = Subset(splits.train, np.random.default_rng(seed).permutation(len(splits.train))[:100].tolist())
    dataset = Augmented(train, transforms_of(names), seed, splits.mean, splits.std) if names else train
    order = Generator()
    order.manual_seed(seed)
    manual_seed(seed)
    model = build("lenet", splits.input_shape, 10)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    loader = DataLoader(dataset, 25, shuffle=True, generator=order)
    model.train()
    for _ in range(EPOCHS):
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    return float(np.mean(outputs_of(model, splits.test).argmax(1) == targets_of(splits.test)))


@pytest.mark.slow
def test_shift_and_scale_help_a_hundred_digits():
    plain = [accuracy(seed, []) for seed in range(SEEDS)]
    augmented = [accuracy(seed, ["shift", "scale"]) for seed in range(SEEDS)]
    print(f"plain {np.mean(plain):.4f}, augmented {np.mean(augmented):.4f}")
    assert np.mean(augmented) > np.mean(plain) + 0.005
