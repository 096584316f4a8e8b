"""Augmentation (L 6.2): samples that are changed while their meaning stays."""

from .annotated import Annotated, Transform
from .colour import ColourJitter, Cutout, PixelNoise
from .dataset import NAMED, Augmented, transforms_of
from .draws import Draws
from .geometry import Mirror, RandomCrop, ResizedCrop, Rotate, Scale, Shift
from .mixing import MixedBatches, cutmix, mixup, one_hot
from .policy import RandAugment, Sequential
from .sound import Gain, Noise, SpecAugment, TimeShift
from .tokens import DropTokens
from .warp import warped

__all__ = [
    "NAMED", "Annotated", "Augmented", "ColourJitter", "Cutout", "Draws", "DropTokens", "Gain", "Mirror", "MixedBatches",
    "Noise", "PixelNoise", "RandAugment", "RandomCrop", "ResizedCrop", "Rotate", "Scale", "Sequential", "Shift",
    "SpecAugment", "TimeShift", "Transform", "cutmix", "mixup", "one_hot", "transforms_of", "warped",
]
