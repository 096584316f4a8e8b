"""U-Net (L 6.4, skip connections L 4.7): Ronneberger, Fischer, Brox, U-Net (2015), figure 1."""

from __future__ import annotations

from .. import nn
from ..nn import functional as F
from ..tensor import Tensor, cat


class DoubleConvolution(nn.Sequential):
    """Two 3x3 convolutions with rectifiers; without padding each takes 2 off the sides."""

    def __init__(self, maps_in: int, maps_out: int, padding: int) -> None:
        super().__init__(
            nn.Conv2d(maps_in, maps_out, kernel_size=3, padding=padding), nn.ReLU(),
            nn.Conv2d(maps_out, maps_out, kernel_size=3, padding=padding), nn.ReLU(),
        )


class UNet(nn.Module):
    """A contracting path, an expanding path, and a copy of each level's maps from one to the other.

    Images (B, channels, H, W) to logits of each position. As in the paper nothing is padded: 572 x 572 becomes
    388 x 388, the sides shrink by 184, and the copied maps are cropped. With `same` the convolutions are padded
    and the sides stay; they must then be multiples of 2^levels. 31,030,658 parameters by default.
    Raises ValueError for sides that do not fit, naming those that do.
    """

    def __init__(
        self, channels: int = 1, classes: int = 2, width: int = 64, levels: int = 4, same: bool = False
    ) -> None:
        super().__init__()
        if min(channels, classes, width, levels) < 1:
            raise ValueError(f"UNet: channels, classes, width and levels must be 1 or more, got "
                             f"{channels}, {classes}, {width} and {levels}")
        self.levels = levels
        self.same = same
        widths = [width * 2**i for i in range(levels + 1)]
        pairs = list(zip([channels, *widths], widths))
        self.down = nn.ModuleList(DoubleConvolution(a, b, int(same)) for a, b in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, b // 2, kernel_size=2, stride=2) for b in widths[:0:-1])
        self.merge = nn.ModuleList(DoubleConvolution(b, b // 2, int(same)) for b in widths[:0:-1])
        self.last = nn.Conv2d(width, classes, kernel_size=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")  # sqrt(2 / N), section 3 of the paper
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        self._check(*x.shape[-2:])
        copies = []
        for i, block in enumerate(self.down):
            if i > 0:
                x = F.max_pool2d(x, kernel_size=2)  # (B, C, H, W) -> (B, C, H / 2, W / 2)
            x = block(x)  # (B, 2 C, H / 2, W / 2), less 4 without padding
            copies.append(x)
        for up, block, copy in zip(self.up, self.merge, copies[-2::-1]):
            x = up(x)  # (B, C, H, W) -> (B, C / 2, 2 H, 2 W)
            x = block(cat([_cropped(copy, x), x], dim=1))  # (B, C, 2 H, 2 W) -> (B, C / 2, 2 H, 2 W)
        return self.last(x)  # (B, classes, H', W')

    def output_side(self, side: int) -> int | None:
        """The output's side for an input's, or None where some level's maps have an odd side or vanish."""
        loss = 0 if self.same else 4
        for _ in range(self.levels):
            side -= loss
            if side < 2 or side % 2:
                return None
            side //= 2
        side -= loss
        if side < 1:
            return None
        for _ in range(self.levels):
            side = 2 * side - loss
        return side if side > 0 else None

    def _check(self, height: int, width: int) -> None:
        for side in (height, width):
            if self.output_side(side) is None:
                near = sorted(range(1, max(side, 1) + 400), key=lambda n: abs(n - side))
                fits = next((n for n in near if self.output_side(n) is not None), None)
                raise ValueError(
                    f"UNet: maps of {height} x {width} cannot be halved {self.levels} times without a remainder; the "
                    f"side nearest to {side} that can is {fits}"
                )


def _cropped(copy: Tensor, like: Tensor) -> Tensor:
    """The middle of `copy`, as large as `like`."""
    height, width = like.shape[-2:]
    top, left = (copy.shape[-2] - height) // 2, (copy.shape[-1] - width) // 2
    return copy[:, :, top:top + height, left:left + width]
