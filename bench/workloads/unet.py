"""The U-Net of denoising diffusion (Ho et al. 2020; L 7.1): residual blocks told the time, attention, skips."""

from __future__ import annotations

import math

import numpy as np

from .training import Optimizer

OPTIMIZER = Optimizer("Adam", {"lr": 2e-4})
INPUTS = 2
GROUPS = 32


def plan(s):
    """What is built, in order: the blocks down and up as (kind, inputs, outputs, image size); the way up takes skips."""
    down, up, skips = [], [], [s.channels]
    width, image = s.channels, s.image
    for level, multiplier in enumerate(s.multipliers):
        for _ in range(s.blocks):
            down.append(("block", width, s.channels * multiplier, image))
            width = s.channels * multiplier
            skips.append(width)
        if level + 1 < len(s.multipliers):
            down.append(("down", width, width, image))
            skips.append(width)
            image //= 2
    for level, multiplier in reversed(list(enumerate(s.multipliers))):
        for _ in range(s.blocks + 1):
            up.append(("block", width + skips.pop(), s.channels * multiplier, image))
            width = s.channels * multiplier
        if level:
            up.append(("up", width, width, image))
            image *= 2
    return down, up, s.channels * s.multipliers[-1]


def model(T, s):
    nn, F = T.nn, T.nn.functional
    told = 4 * s.channels

    class Residual(nn.Module):
        """x + conv(silu(norm(conv(silu(norm(x))) + time))), the sum through a 1x1 where the width changes."""

        def __init__(self, inputs, outputs):
            super().__init__()
            self.norm1, self.conv1 = nn.GroupNorm(GROUPS, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
            self.time = nn.Linear(told, outputs)
            self.norm2, self.conv2 = nn.GroupNorm(GROUPS, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
            self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

        def forward(self, x, time):
            y = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(time))[:, :, None, None]
            return self.shortcut(x) + self.conv2(F.silu(self.norm2(y)))

    class Attention(nn.Module):
        """x + attention over the pixels, with one head."""

        def __init__(self, width):
            super().__init__()
            self.norm, self.qkv = nn.GroupNorm(GROUPS, width), nn.Conv2d(width, 3 * width, 1)
            self.out = nn.Conv2d(width, width, 1)

        def forward(self, x):
            B, C, H, W = x.shape
            q, k, v = [y.flatten(2).transpose(1, 2) for y in self.qkv(self.norm(x)).chunk(3, 1)]  # (B, HW, C)
            y = F.scaled_dot_product_attention(q, k, v)
            return x + self.out(y.transpose(1, 2).reshape(B, C, H, W))

    class Block(nn.Module):
        def __init__(self, inputs, outputs, attends):
            super().__init__()
            self.residual = Residual(inputs, outputs)
            self.attention = Attention(outputs) if attends else nn.Identity()

        def forward(self, x, time):
            return self.attention(self.residual(x, time))

    def made(kind, inputs, outputs, image):
        if kind == "block":
            return Block(inputs, outputs, image in s.attention)
        conv = nn.Conv2d(inputs, outputs, 3, 2 if kind == "down" else 1, padding=1)
        return conv if kind == "down" else nn.Sequential(nn.Upsample(scale_factor=2), conv)

    down, up, middle = plan(s)

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.time1, self.time2 = nn.Linear(s.channels, told), nn.Linear(told, told)
            self.start = nn.Conv2d(3, s.channels, 3, padding=1)
            self.down = nn.ModuleList([made(*step) for step in down])
            self.middle1, self.middle2 = Block(middle, middle, True), Block(middle, middle, False)
            self.up = nn.ModuleList([made(*step) for step in up])
            self.norm, self.end = nn.GroupNorm(GROUPS, s.channels), nn.Conv2d(s.channels, 3, 3, padding=1)

        def forward(self, x, t):
            time = self.time2(F.silu(self.time1(sinusoids(T, t, s.channels))))
            x = self.start(x)
            skips = [x]
            for (kind, *_), layer in zip(down, self.down):
                x = layer(x, time) if kind == "block" else layer(x)
                skips.append(x)
            x = self.middle2(self.middle1(x, time), time)
            for (kind, *_), layer in zip(up, self.up):
                x = layer(T.cat([x, skips.pop()], 1), time) if kind == "block" else layer(x)
            return self.end(F.silu(self.norm(x)))

    return UNet()


def sinusoids(T, t, width: int):
    """sin and cos of t at frequencies from 1 down to 1 / 10,000: (B,) -> (B, width)."""
    frequencies = T.exp(T.arange(width // 2) * (-math.log(10_000) / (width // 2)))
    angles = t[:, None] * frequencies
    return T.cat([T.sin(angles), T.cos(angles)], 1)


def batch(rng, s):
    """A noisy image at time t, t, and the noise in it (the schedule of Ho et al.)."""
    image = np.tanh(rng.standard_normal((s.batch, 3, s.image, s.image), np.float32))
    noise = rng.standard_normal(image.shape, np.float32)
    t = rng.integers(0, s.steps, s.batch)
    kept = np.cumprod(1 - np.linspace(1e-4, 0.02, s.steps))[t].astype(np.float32)[:, None, None, None]
    return np.sqrt(kept) * image + np.sqrt(1 - kept) * noise, t.astype(np.float32), noise


def loss(T, model, noisy, t, noise):
    return T.nn.functional.mse_loss(model(noisy, t), noise)
