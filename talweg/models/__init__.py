"""Models: one readable file each, and the table of their names."""

from .bert import BERT
from .clip import CLIP
from .gpt import GPT
from .gpt2 import GPT2
from .lenet import LeNet
from .mlp import MLP
from .registry import MODELS, build, entry
from .transformer import Transformer
from .vit import ViT
from .whisper import Whisper

__all__ = ["BERT", "CLIP", "GPT", "GPT2", "MLP", "MODELS", "LeNet", "Transformer", "ViT", "Whisper", "build", "entry"]
