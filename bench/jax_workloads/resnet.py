"""ResNet-18 and ResNet-50 in JAX: images (B, H, W, 3)."""

import jax

from bench.workloads.resnet import STAGES

from .layers import cross_entropy, max_pool


def block(L, name, x, deep, stride):
    """x + branch(x): two 3x3 convolutions, or a 3x3 between two 1x1."""
    kernels, strides = ((1, 3, 1), (1, stride, 1)) if deep else ((3, 3), (stride, 1))
    y = x
    for i, (kernel, step) in enumerate(zip(kernels, strides)):
        y = L.conv(f"{name}.convs.{i}", jax.nn.relu(y) if i else y, step, kernel // 2)
        y = L.batch_norm(f"{name}.norms.{i}", y)
    if f"{name}.shortcut.0.weight" in L.parameters:
        x = L.batch_norm(f"{name}.shortcut.1", L.conv(f"{name}.shortcut.0", x, stride))
    return jax.nn.relu(x + y)


def forward(L, s, x):
    x = max_pool(jax.nn.relu(L.batch_norm("1", L.conv("0", x, 2, 3))), 3, 2, 1)
    place = 4
    for stage, count in enumerate(STAGES[s.depth]):
        for i in range(count):
            x = block(L, str(place), x, s.depth != 18, 2 if stage and i == 0 else 1)
            place += 1
    return L.linear(str(place + 2), x.mean((1, 2)))


def loss(L, s, x, y):
    return cross_entropy(forward(L, s, x), y)
