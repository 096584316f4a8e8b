"""Learning-rate schedules (L 3.5): by epoch or by step, as often as step() is called."""

# ruff: noqa: F401, I001

from .base import LRScheduler
from .factors import (
    LambdaLR, MultiplicativeLR, StepLR, MultiStepLR, ConstantLR, LinearLR, ExponentialLR, PolynomialLR,
)
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .cyclic import CyclicLR
from .one_cycle import OneCycleLR
from .combined import ChainedScheduler, SequentialLR
from .plateau import ReduceLROnPlateau

_LRScheduler = LRScheduler  # its name before PyTorch 2.0, which older code imports
