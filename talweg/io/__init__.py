"""Files: checkpoints and settings, written so that a kill at any moment leaves a good one; published weights."""

from .atomic import write_atomically
from .checkpoint import Kept, load_matching, load_model, load_training, read_state, read_training, save_best, save_last
from .layouts import Layout, Rule
from .preprocessing import ImagePreprocessing
from .pretrained import LoadReport, Pretrained, load_published, save_published
from .published import Checkpoint, read_checkpoint
from .settings import read_settings, write_settings
from .tensors import read_tensors, write_tensors

__all__ = [
    "Checkpoint",
    "ImagePreprocessing",
    "Kept",
    "Layout",
    "LoadReport",
    "Pretrained",
    "Rule",
    "load_matching",
    "load_model",
    "load_published",
    "load_training",
    "read_checkpoint",
    "read_settings",
    "read_state",
    "read_tensors",
    "read_training",
    "save_best",
    "save_last",
    "save_published",
    "write_atomically",
    "write_settings",
    "write_tensors",
]
