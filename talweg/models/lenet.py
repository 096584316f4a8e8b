"""The LeNet-like convolutional network of the book (L 5.2, fig. 5.2)."""

from __future__ import annotations

from .. import nn
from ..nn import functional as F
from ..tensor import Tensor


class LeNet(nn.Module):
    """Two convolutions, each followed by max pooling and a rectifier, then two linear layers.

    For images (B, channels, 28, 28); outputs logits (B, classes). 105,506 parameters with one channel
    and ten classes. After LeCun et al., Gradient-based learning applied to document recognition (1998).
    """

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        if channels < 1 or classes < 1:
            raise ValueError(f"LeNet: channels and classes must be 1 or more, got {channels} and {classes}")
        self.conv1 = nn.Conv2d(channels, 32, kernel_size=5)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=5)
        self.fc1 = nn.Linear(256, 200)
        self.fc2 = nn.Linear(200, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.max_pool2d(self.conv1(x), kernel_size=3))  # (B, 32, 24, 24) -> (B, 32, 8, 8)
        x = F.relu(F.max_pool2d(self.conv2(x), kernel_size=2))  # (B, 64, 4, 4) -> (B, 64, 2, 2)
        x = F.relu(self.fc1(x.flatten(1)))  # (B, 256) -> (B, 200)
        return self.fc2(x)  # (B, classes)
