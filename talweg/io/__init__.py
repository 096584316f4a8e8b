"""Files: checkpoints and settings, written so that a kill at any moment leaves a good one."""

from .atomic import write_atomically
from .checkpoint import load_model, load_training, read_state, save_best, save_last
from .settings import read_settings, write_settings
from .tensors import read_tensors, write_tensors

__all__ = [
    "load_model",
    "load_training",
    "read_settings",
    "read_state",
    "read_tensors",
    "save_best",
    "save_last",
    "write_atomically",
    "write_settings",
    "write_tensors",
]
