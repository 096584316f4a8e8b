"""What several models are built from: attention, transformer blocks, positions, the memory of a decoder."""

from .activations import ACTIVATIONS, activation
from .attention import Attention, attention_weights
from .cache import Cache, KeyValues
from .causal import CausalLM
from .decoder import Decoder, TextEncoder, root_scale
from .perceptron import Perceptron
from .positions import resized_grid, rotated, sinusoids, sinusoids_in_halves
from .transformer import Block, run_blocks

__all__ = [
    "ACTIVATIONS", "Attention", "Block", "Cache", "CausalLM", "Decoder", "KeyValues", "Perceptron", "TextEncoder", "activation",
    "attention_weights", "resized_grid", "root_scale", "rotated", "run_blocks", "sinusoids", "sinusoids_in_halves",
]
