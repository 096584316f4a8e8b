"""Three training steps of torchvision's models, by files of its package: vision.py FOLDER prints the losses as JSON.

FOLDER holds the package torchvision without what needs its compiled library. Weights and data come from NumPy, so that
the numbers do not depend on who answers to the name torch.
"""

import json
import sys

import numpy as np
import torch
from torch import nn, optim

sys.path.insert(0, sys.argv[1])
from torchvision.models import alexnet, resnet, vgg, vision_transformer  # noqa: E402


def build():
    """(name, model, image size): the smallest that still goes through each file's own classes."""
    yield "resnet18", resnet.resnet18(num_classes=10), 32
    yield "resnext", resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=10, groups=4, width_per_group=4), 32
    yield "vgg11_bn", narrow_head(vgg.VGG(vgg.make_layers(vgg.cfgs["A"], batch_norm=True), 10, False), 25088), 32
    yield "alexnet", narrow_head(alexnet.AlexNet(num_classes=10), 9216), 64
    transformer = vision_transformer.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=64, mlp_dim=128, num_classes=10)
    yield "vit", transformer, 32


def narrow_head(model, width):
    """These two have a hundred million weights in their heads; and dropout draws other numbers in each library."""
    model.classifier = nn.Sequential(nn.Linear(width, 32), nn.ReLU(True), nn.Linear(32, 10))
    return model


def set_weights(model, rng):
    with torch.no_grad():
        for p in model.parameters():
            bound = (3.0 / max(p[0].numel(), 1)) ** 0.5 if p.dim() > 1 else 0.1
            p.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)) + (p.dim() == 1) * 0.5)


def train(model, size, steps=3):
    rng = np.random.default_rng(0)
    set_weights(model, rng)
    images = torch.from_numpy(rng.standard_normal((4, 3, size, size)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 10, 4))
    optimizer = optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


torch.set_num_threads(1)
print(json.dumps({name: train(model, size) for name, model, size in build()}))
