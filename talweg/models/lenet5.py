"""LeNet-5, as it is drawn today and as it was in 1998 (N 5.4, fig. 5.13).

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (1998), section II.B.
"""

from __future__ import annotations

import numpy as np

from .. import nn
from ..nn import functional as F
from ..tensor import Tensor, einsum, from_numpy, tanh
from .convnet import ConvNet

MODERN = "conv6k5p2-pool2-conv16k5-pool2-fc120-fc84"

# Table I of the paper: which of the six maps of S2 each of the sixteen maps of C3 reads.
CONNECTIONS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)

# The targets of the ten output units: digits as pictures of 12 rows and 7 columns, as the paper has them. The paper
# shows its pictures only in print (fig. 3), so these are drawn anew.
PICTURES = """
.#####. ...#... .#####. .#####. #.....# ####### .#####. ####### .#####. .#####.
##...## ..##... #.....# #.....# #.....# #...... #.....# ......# #.....# #.....#
#.....# .###... ......# ......# #.....# #...... #...... ......# #.....# #.....#
#.....# #..#... ......# ......# #.....# #...... #...... .....#. #.....# #.....#
#.....# ...#... .....#. ......# #.....# ######. #...... ....#.. ##...## ##...##
#.....# ...#... ....#.. ..####. ####### .....## ######. ....#.. .#####. .######
#.....# ...#... ...#... ......# ......# ......# ##...## ...#... ##...## ......#
#.....# ...#... ..#.... ......# ......# ......# #.....# ...#... #.....# ......#
#.....# ...#... .#..... ......# ......# ......# #.....# ..#.... #.....# ......#
#.....# ...#... #...... ......# ......# ......# #.....# ..#.... #.....# ......#
##...## ...#... #...... #.....# ......# #.....# ##...## .#..... ##...## #.....#
.#####. ####### ####### .#####. ......# .#####. .#####. .#..... .#####. .#####.
"""


class LeNet5(ConvNet):
    """The modern form: rectifiers, max pooling, every map connected. Images (B, 1, 28, 28), logits (B, 10).

    61,706 parameters with one channel and ten classes.
    """

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__(MODERN, (channels, 28, 28), classes)


class LeNet5Of1998(nn.Module):
    """The network of the paper: images (B, 1, 32, 32), or (B, 1, 28, 28), padded here; outputs (B, 10).

    Its 60,000 parameters are those of the paper, layer by layer: C1 156, S2 12, C3 1,516 with the connections
    of table I, S4 32, C5 48,120, F6 10,164. The outputs are minus the squared distances ||x - w_c||^2
    of F6 to fixed pictures of the digits, so that the largest is the answer and they serve as logits;
    the paper's radial basis functions are these distances without the sign.
    """

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = Subsampling(6)
        self.c3 = TableConvolution(CONNECTIONS, kernel_size=5)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.register_buffer("pictures", from_numpy(digit_pictures()), persistent=False)  # (10, 84)
        _spread_by_fan_in(self)

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[-2:]) == (28, 28):
            x = F.pad(x, (2, 2, 2, 2))
        x = squash(self.c1(x))  # (B, 1, 32, 32) -> (B, 6, 28, 28)
        x = squash(self.s2(x))  # (B, 6, 14, 14)
        x = squash(self.c3(x))  # (B, 16, 10, 10)
        x = squash(self.s4(x))  # (B, 16, 5, 5)
        x = squash(self.c5(x)).flatten(1)  # (B, 120, 1, 1) -> (B, 120)
        x = squash(self.f6(x))  # (B, 84)
        return -((x[:, None] - self.pictures) ** 2).sum(dim=-1)  # (B, 1, 84) - (10, 84) -> (B, 10)


class Subsampling(nn.Module):
    """The mean of each 2x2 window times a learned factor plus a learned bias, one of each per map."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(from_numpy(np.ones(maps, np.float32)))
        self.bias = nn.Parameter(from_numpy(np.zeros(maps, np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        # The paper adds the four inputs; their mean differs by a constant that the factor takes up.
        pooled = F.avg_pool2d(x, 2)  # (B, C, H, W) -> (B, C, H / 2, W / 2)
        return pooled * self.weight[:, None, None] + self.bias[:, None, None]


class TableConvolution(nn.Module):
    """A convolution in which each output map reads only the input maps that `table` lists for it."""

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel_size: int) -> None:
        super().__init__()
        pairs = [(out, source) for out, sources in enumerate(table) for source in sources]
        inputs = 1 + max(source for _, source in pairs)
        places = np.zeros((len(table), inputs, len(pairs)), np.float32)
        for place, (out, source) in enumerate(pairs):
            places[out, source, place] = 1
        self.weight = nn.Parameter(from_numpy(np.empty((len(pairs), kernel_size, kernel_size), np.float32)))
        self.bias = nn.Parameter(from_numpy(np.zeros(len(table), np.float32)))
        self.register_buffer("places", from_numpy(places), persistent=False)  # (out, in, pairs)
        self.fan_in = kernel_size**2 * len(pairs) / len(table)

    def forward(self, x: Tensor) -> Tensor:
        dense = einsum("oip,phw->oihw", self.places, self.weight)  # zero where there is no connection
        return F.conv2d(x, dense, self.bias)


def squash(x: Tensor) -> Tensor:
    """1.7159 tanh(2/3 x): f(1) = 1 and f(-1) = -1, which are also the targets (appendix A of the paper)."""
    return 1.7159 * tanh(2 / 3 * x)


def digit_pictures() -> np.ndarray:
    """The ten targets, (10, 84), +1 where ink is and -1 elsewhere."""
    rows = [line.split() for line in PICTURES.split("\n") if line]
    ink = [["".join(row[digit])] for digit in range(10) for row in rows]
    values = np.array([[1.0 if mark == "#" else -1.0 for mark in line] for (line,) in ink], np.float32)
    return values.reshape(10, 84)


def _spread_by_fan_in(model: LeNet5Of1998) -> None:
    """Weights uniform within 2.4 / fan-in, as the paper starts them (appendix A)."""
    fans = {model.c1: 25.0, model.c3: model.c3.fan_in, model.c5: 400.0, model.f6: 120.0}
    for layer, fan in fans.items():
        nn.init.uniform_(layer.weight, -2.4 / fan, 2.4 / fan)
        nn.init.zeros_(layer.bias)
