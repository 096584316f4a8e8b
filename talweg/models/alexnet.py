"""AlexNet (L 5.2): Krizhevsky, One weird trick for parallelizing convolutional neural networks (2014).

The one-stream form of the network of Krizhevsky, Sutskever, Hinton (2012), which had two groups of maps on two GPUs and
local response normalisation. This is the one whose weights are published.
"""

from __future__ import annotations

from typing import Any

from .. import nn
from ..io import Checkpoint, ImagePreprocessing, Layout, Pretrained
from ..tensor import Tensor


class AlexNet(Pretrained):
    """Five convolutions, three linear layers. Images (B, channels, H, W) of at least 63 x 63, logits (B, classes).

    61,100,840 parameters with 1000 classes. Names are torchvision's.
    """

    layouts = (Layout("torchvision"),)

    def __init__(self, classes: int = 1000, channels: int = 3, hidden: int = 4096, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(  # sizes for an image of 224 x 224
            nn.Conv2d(channels, 64, kernel_size=11, stride=4, padding=2), nn.ReLU(),  # (B, 64, 55, 55)
            nn.MaxPool2d(kernel_size=3, stride=2),  # (B, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (B, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1), nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (B, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, hidden), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (B, 256, 6, 6)
        return self.classifier(x.flatten(1))  # (B, 9216) -> (B, classes)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        shapes = checkpoint.shapes
        return {
            "classes": shapes["classifier.6.weight"][0], "hidden": shapes["classifier.6.weight"][1],
            "channels": shapes["features.0.weight"][1],
        }

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        return super().preprocessing_of(checkpoint) or ImagePreprocessing()
