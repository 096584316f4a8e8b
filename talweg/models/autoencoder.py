"""Autoencoders (L "missing bits"), and the denoising one (L 6.1: a network learns E[X | X~] by the squared error).

Hinton, Salakhutdinov, Reducing the dimensionality of data with neural networks (2006); Vincent, Larochelle, Bengio,
Manzagol, Extracting and composing robust features with denoising autoencoders (2008).
"""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor, randn_like


class Encoder(nn.Module):
    """Images (B, channels, side, side) to vectors (B, numbers): two convolutions of stride 2, two linear layers."""

    def __init__(self, channels: int, side: int, width: int, hidden: int, numbers: int) -> None:
        super().__init__()
        _check(channels, side, width)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (B, width, side / 2, ...)
            nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1), nn.ReLU(),  # (B, 2 width, side / 4, ...)
            nn.Flatten(),
            nn.Linear(2 * width * (side // 4) ** 2, hidden), nn.ReLU(),
            nn.Linear(hidden, numbers),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Decoder(nn.Module):
    """Vectors (B, numbers) to logits of pixels (B, channels, side, side): the encoder's layers in reverse order."""

    def __init__(self, channels: int, side: int, width: int, hidden: int, numbers: int) -> None:
        super().__init__()
        _check(channels, side, width)
        quarter = side // 4
        self.layers = nn.Sequential(
            nn.Linear(numbers, hidden), nn.ReLU(),
            nn.Linear(hidden, 2 * width * quarter**2), nn.ReLU(),
            nn.Unflatten(1, (2 * width, quarter, quarter)),
            nn.ConvTranspose2d(2 * width, width, kernel_size=4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(width, channels, kernel_size=4, stride=2, padding=1),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class Autoencoder(nn.Module):
    """Images to a short code and back: (B, channels, side, side) to (B, latent) to the same shape, values in [0, 1].

    `side` must be a multiple of 4. Trained to give back its input; what fits through the code is what it learns.
    """

    def __init__(
        self, channels: int = 1, side: int = 28, latent: int = 16, width: int = 32, hidden: int = 256
    ) -> None:
        super().__init__()
        self.encoder = Encoder(channels, side, width, hidden, latent)
        self.decoder = Decoder(channels, side, width, hidden, latent)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z).sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class DenoisingAutoencoder(nn.Module):
    """A noisy image to a clean one of the same shape (B, channels, H, W); H and W multiples of 4.

    Two convolutions of stride 2 and back, with the maps of each level added on the way up (L 4.7), and the
    input added at the end: the network learns the noise, which is the easier thing to learn
    (Zhang et al., Beyond a Gaussian denoiser, 2017).
    """

    def __init__(self, channels: int = 1, width: int = 32) -> None:
        super().__init__()
        self.first = _convolutions(channels, width)
        self.down1 = nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.middle1 = _convolutions(2 * width, 2 * width)
        self.down2 = nn.Conv2d(2 * width, 4 * width, kernel_size=4, stride=2, padding=1)
        self.middle2 = _convolutions(4 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, kernel_size=4, stride=2, padding=1)
        self.up1 = nn.ConvTranspose2d(2 * width, width, kernel_size=4, stride=2, padding=1)
        self.last = nn.Conv2d(width, channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] % 4 or x.shape[-2] % 4:
            raise ValueError(
                f"DenoisingAutoencoder: height and width must be multiples of 4, got {x.shape[-2]} x {x.shape[-1]}"
            )
        full = self.first(x)  # (B, width, H, W)
        half = self.middle1(self.down1(full).relu())  # (B, 2 width, H / 2, W / 2)
        quarter = self.middle2(self.down2(half).relu())  # (B, 4 width, H / 4, W / 4)
        y = (self.up2(quarter) + half).relu()
        y = (self.up1(y) + full).relu()  # (B, width, H, W)
        return x + self.last(y)


def with_noise(x: Tensor, sigma: float) -> Tensor:
    """X~ = X + sigma N(0, 1): what the denoiser is given. Raises ValueError for a negative sigma."""
    if not sigma >= 0:
        raise ValueError(f"with_noise: sigma must be 0 or more, got {sigma}")
    return x + sigma * randn_like(x)


def _convolutions(maps_in: int, maps_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(maps_in, maps_out, kernel_size=3, padding=1), nn.ReLU(),
        nn.Conv2d(maps_out, maps_out, kernel_size=3, padding=1), nn.ReLU(),
    )


def _check(channels: int, side: int, width: int) -> None:
    if side < 4 or side % 4 or channels < 1 or width < 1:
        raise ValueError(
            f"an autoencoder's side must be a multiple of 4, channels and width 1 or more, got {side}, {channels}, {width}"
        )
