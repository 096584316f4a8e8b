"""Seeing a model: what it is made of, costs, sees and keeps; drawings of it and of its activations."""

from .counting import activation_bytes, macs_of, recorded
from .drawing import draw
from .fields import Span, receptive_fields
from .summary import ModuleRow, Summary, inspect, training_flops

__all__ = [
    "ModuleRow",
    "Span",
    "Summary",
    "activation_bytes",
    "draw",
    "inspect",
    "macs_of",
    "receptive_fields",
    "recorded",
    "training_flops",
]
