"""The variational autoencoder (L "missing bits"): Kingma, Welling, Auto-encoding variational Bayes (2013)."""

from __future__ import annotations

from .. import nn
from ..nn import functional as F
from ..tensor import Generator, Tensor, exp, randn, randn_like
from .autoencoder import Decoder, Encoder


class VAE(nn.Module):
    """Images in [0, 1] to a distribution over codes and back.

    `forward(x)` draws a code z = mean + exp(log_variance / 2) N(0, 1) and gives (logits, mean, log_variance),
    of shapes (B, channels, side, side), (B, latent), (B, latent). `side` must be a multiple of 4.
    """

    def __init__(
        self, channels: int = 1, side: int = 28, latent: int = 16, width: int = 32, hidden: int = 256
    ) -> None:
        super().__init__()
        self.latent = latent
        self.encoder = Encoder(channels, side, width, hidden, 2 * latent)
        self.decoder = Decoder(channels, side, width, hidden, latent)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), each (B, latent)."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """The probability of each pixel being lit."""
        return self.decoder(z).sigmoid()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encode(x)
        z = mean + exp(log_variance / 2) * randn_like(mean)  # the reparametrisation: a gradient reaches both
        return self.decoder(z), mean, log_variance

    def sample(self, count: int, generator: Generator | None = None) -> Tensor:
        """Images (count, channels, side, side) decoded from z ~ N(0, 1)."""
        return self.decode(randn(count, self.latent, generator=generator))


def negative_elbo(logits: Tensor, mean: Tensor, log_variance: Tensor, x: Tensor, beta: float = 1.0) -> Tensor:
    """-log p(x | z) + beta KL(q(z | x) || N(0, 1)), in nats, the mean over the batch.

    KL = (mean^2 + exp(log_variance) - log_variance - 1) / 2, summed over the code (appendix B of the paper). The bound on
    -log p(x) has beta 1; with less, codes tell more of a picture (Higgins et al., beta-VAE, 2017, has more).
    """
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = (mean**2 + exp(log_variance) - log_variance - 1).sum() / 2
    return (reconstruction + beta * divergence) / x.shape[0]
