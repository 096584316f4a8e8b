"""A linear layer of its own name, which attention's output projection has in PyTorch."""

from ...nn import Linear


class NonDynamicallyQuantizableLinear(Linear):
    """Linear under another name."""
