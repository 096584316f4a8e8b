"""Activation checkpointing under PyTorch's name for it: `talweg.utils.checkpoint.checkpoint`."""

from ..tensor.checkpoint import checkpoint, checkpoint_sequential

__all__ = ["checkpoint", "checkpoint_sequential"]
