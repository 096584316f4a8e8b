"""Models: one readable file each, and the table of their names."""

from .lenet import LeNet
from .mlp import MLP
from .registry import MODELS, build, entry

__all__ = ["MLP", "MODELS", "LeNet", "build", "entry"]
