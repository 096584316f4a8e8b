"""Two networks that learn against each other (L "missing bits", N 11): Goodfellow et al., Generative adversarial nets (2014).

The pairs here: of linear layers; of convolutions, DCGAN's (dcgan.py); and for the Wasserstein distance a critic without batch
normalisation, whose gradient's length is held at 1 picture by picture (Gulrajani et al., Improved training of Wasserstein
GANs, 2017, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import nn
from ..tensor import Tensor, autograd, rand
from .dcgan import Discriminator, Generator

PAIRS = ("gan", "dcgan", "wgan_gp")


class Adversaries(nn.Module):
    """`generator`: noise (B, latent) to pictures (B, C, H, W) in [-1, 1]; `discriminator`: those to logits (B,), or scores.

    Called with noise, it gives pictures: the generator is what is used. Raises ValueError for a name that is none of PAIRS,
    and for pictures that DCGAN has no layers for.
    """

    def __init__(self, kind: str, shape: Sequence[int], latent: int = 32, width: int = 128) -> None:
        super().__init__()
        if kind not in PAIRS:
            raise ValueError(f"Adversaries: the kind must be one of {', '.join(PAIRS)}, got {kind!r}")
        channels, height, wide = shape
        self.latent = latent
        if kind == "dcgan":
            if height != wide:
                raise ValueError(f"dcgan: pictures must be square, got {height} x {wide}")
            self.generator: nn.Module = Generator(latent, channels, width, height)
            self.discriminator: nn.Module = Discriminator(channels, width, height)
        else:
            self.generator = LinearGenerator(latent, shape, width)
            # Dropout keeps the discriminator from knowing few pictures by heart; a critic's slope must not jump.
            self.discriminator = LinearDiscriminator(shape, width, dropout=0.3 if kind == "gan" else 0.0)

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)


class LinearGenerator(nn.Module):
    """Noise (B, latent) to pictures (B, *shape) in [-1, 1] by three linear layers."""

    def __init__(self, latent: int, shape: Sequence[int], width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent, width), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, 2 * width), nn.BatchNorm1d(2 * width), nn.ReLU(),
            nn.Linear(2 * width, math.prod(shape)), nn.Tanh(), nn.Unflatten(1, tuple(shape)),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class LinearDiscriminator(nn.Module):
    """Pictures (B, *shape) to logits (B,) by three linear layers, without normalisation: each picture is judged alone."""

    def __init__(self, shape: Sequence[int], width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(math.prod(shape), 2 * width), nn.LeakyReLU(0.2), nn.Dropout(dropout),
            nn.Linear(2 * width, width), nn.LeakyReLU(0.2), nn.Dropout(dropout), nn.Linear(width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[:, 0]


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad_x D(x)| - 1)^2, x evenly on the lines between real and made pictures (equation 3 of the paper)."""
    share = rand(real.shape[0], *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_(True)
    (slope,) = autograd.grad(critic(between).sum(), between, create_graph=True)
    # The root of 0 has no derivative.
    length = (slope.flatten(1).square().sum(1) + 1e-12).sqrt()
    return (length - 1).square().mean()
