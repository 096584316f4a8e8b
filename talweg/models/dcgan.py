"""DCGAN (L "missing bits"): Radford, Metz, Chintala, Unsupervised representation learning with deep convolutional GANs (2015).

The generator is figure 1 of the paper; adversarial training is Goodfellow et al., Generative adversarial nets (2014).
"""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor


class Generator(nn.Module):
    """Noise (B, latent), or (B, latent, 1, 1), to images (B, channels, side, side) in [-1, 1].

    Transposed convolutions double the sides from 4 on, the maps halve to `width` before the last. `side` is a
    power of two from 8 on; the paper has side 64 and width 128. 3,576,704 parameters by default.
    """

    def __init__(self, latent: int = 100, channels: int = 3, width: int = 64, side: int = 64) -> None:
        super().__init__()
        widths = _widths(width, side)[::-1]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent, widths[0], kernel_size=4, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        ]  # (B, latent, 1, 1) -> (B, 8 width, 4, 4)
        for before, after in zip(widths, widths[1:]):
            doubling = nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=False)
            layers += [doubling, nn.BatchNorm2d(after), nn.ReLU()]  # (B, C, H, W) -> (B, C / 2, 2 H, 2 W)
        last = nn.ConvTranspose2d(widths[-1], channels, kernel_size=4, stride=2, padding=1, bias=False)
        self.main = nn.Sequential(*layers, last, nn.Tanh())
        _start_small(self)

    def forward(self, z: Tensor) -> Tensor:
        return self.main(z[:, :, None, None] if z.dim() == 2 else z)


class Discriminator(nn.Module):
    """Images (B, channels, side, side) in [-1, 1] to logits (B,) of being real. 2,765,568 parameters by default.

    The generator's mirror image, with leaky rectifiers and no normalisation in the first layer. A logit, not a
    probability: the loss is binary_cross_entropy_with_logits.
    """

    def __init__(self, channels: int = 3, width: int = 64, side: int = 64) -> None:
        super().__init__()
        widths = _widths(width, side)
        first = nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1, bias=False)
        layers: list[nn.Module] = [first, nn.LeakyReLU(0.2)]
        for before, after in zip(widths, widths[1:]):
            halving = nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1, bias=False)
            layers += [halving, nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]  # (B, C, H, W) -> (B, 2 C, H / 2, W / 2)
        self.main = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, kernel_size=4, bias=False))  # (B, 1, 1, 1)
        _start_small(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x).flatten()  # (B,)


def _widths(width: int, side: int) -> list[int]:
    """Maps of the layers between the image and the 4x4 ones."""
    doublings = side.bit_length() - 3
    if side < 8 or side != 2 ** (doublings + 2) or width < 1:
        raise ValueError(f"DCGAN: side must be a power of two from 8 on and width 1 or more, got {side} and {width}")
    return [width * 2**i for i in range(doublings)]


def _start_small(model: nn.Module) -> None:
    """Weights from N(0, 0.02), the scales of the normalisation from N(1, 0.02) (section 3 of the paper)."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
