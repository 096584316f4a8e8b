"""Convolutional networks from one line of text: (Conv, ReLU, Pool)^N1, Flatten, (Linear, ReLU)^N2, Linear (N 5.4, fig. 5.13)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import nn
from ..tensor import Tensor, zeros

PART = re.compile(r"conv(?P<maps>\d+)k(?P<kernel>\d+)(s(?P<stride>\d+))?(p(?P<padding>\d+))?"
                  r"|pool(?P<pool>\d+)(s(?P<step>\d+))?|fc(?P<width>\d+)")
GRAMMAR = "conv<maps>k<size>[s<stride>][p<padding>], pool<size>[s<stride>] or fc<width>"


class UntiedBias(nn.Module):
    """Maps (B, C, H, W) plus a number of each place of each map, (C, H, W): the bias of N 5.2.3 as it is written there.

    Published networks have one number a map, which is the bias of `nn.Conv2d`.
    """

    def __init__(self, maps: int, height: int, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(zeros(maps, height, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.bias.shape))


class ConvNet(nn.Module):
    """The network that `text` spells, for images (B, channels, height, width); logits (B, classes).

    "conv6k5p2-pool2-conv16k5-pool2-fc120-fc84" is LeNet-5 in its modern form: convolutions of 6 and 16 maps
    with 5x5 kernels, the first padded by 2, each with a rectifier and 2x2 max pooling, then linear layers of
    120 and 84 units with rectifiers. The last linear layer, to the classes, is added. Sizes round down. With
    `untied_bias` each place of a convolution's maps has a bias of its own.
    Raises ValueError, naming the part, for text that does not fit the grammar or maps that shrink to nothing.
    """

    def __init__(self, text: str, input_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10,
                 untied_bias: bool = False) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape) < 1 or classes < 1:
            raise ValueError(f"ConvNet: needs (channels, height, width) and classes of 1 or more, got "
                             f"{list(input_shape)} and {classes}")
        self.text = text
        growing = _Growing(*input_shape, untied_bias)
        for part in text.split("-"):
            growing.add(part)
        self.features = nn.Sequential(*growing.features)
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(*growing.classifier, nn.Linear(growing.width, classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (B, C, H, W) -> (B, C', H', W')
        return self.classifier(self.flatten(x))  # (B, C' H' W') -> (B, classes)


class _Growing:
    """The layers so far, and the shape of what the last one gives."""

    def __init__(self, channels: int, height: int, width: int, untied_bias: bool) -> None:
        self.untied_bias = untied_bias
        self.features: list[nn.Module] = []
        self.classifier: list[nn.Module] = []
        self.maps = channels
        self.sides = (height, width)
        self.width = channels * height * width

    def add(self, part: str) -> None:
        found = PART.fullmatch(part)
        if found is None:
            raise ValueError(f"ConvNet: {part!r} is no layer; a layer is {GRAMMAR}, joined by hyphens")
        numbers = {name: int(value) for name, value in found.groupdict().items() if value is not None}
        if any(value == 0 for name, value in numbers.items() if name != "padding"):
            raise ValueError(f"ConvNet: {part!r} has a zero where 1 or more is needed")
        if "width" in numbers:
            self._linear(numbers["width"])
            return
        if self.classifier:
            raise ValueError(f"ConvNet: {part!r} stands after a linear layer, where there are no maps any more")
        if "maps" in numbers:
            self._convolution(part, **numbers)
        else:
            self._pooling(part, numbers["pool"], numbers.get("step", numbers["pool"]))

    def _convolution(self, part: str, maps: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        self.features.append(nn.Conv2d(self.maps, maps, kernel, stride, padding, bias=not self.untied_bias))
        self.maps = maps
        self._shrink(part, _Window(kernel, stride, padding))
        if self.untied_bias:
            self.features.append(UntiedBias(maps, *self.sides))
        self.features.append(nn.ReLU())

    def _pooling(self, part: str, size: int, stride: int) -> None:
        self.features.append(nn.MaxPool2d(size, stride))
        self._shrink(part, _Window(size, stride, 0))

    def _linear(self, width: int) -> None:
        self.classifier += [nn.Linear(self.width, width), nn.ReLU()]
        self.width = width

    def _shrink(self, part: str, window: _Window) -> None:
        before = self.sides
        self.sides = (window.over(before[0]), window.over(before[1]))
        if min(self.sides) < 1:
            raise ValueError(f"ConvNet: {part!r} leaves nothing of maps of {before[0]} x {before[1]}")
        self.width = self.maps * self.sides[0] * self.sides[1]


@dataclass(frozen=True)
class _Window:
    size: int
    stride: int
    padding: int

    def over(self, side: int) -> int:
        """Positions along a side: floor((T + 2 P - K) / S) + 1 (N eq. 5.2.3)."""
        return (side + 2 * self.padding - self.size) // self.stride + 1
