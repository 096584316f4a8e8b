"""Operations that pass their input on unchanged, and differ in what a gradient does there."""

from __future__ import annotations

from ..declare import NO_GRADIENT, Op
from .movement import full

clone = Op("clone", 1, "identity", lambda x: (x.shape, x.dtype), (lambda g, out, x: g,))
detach = Op("detach", 1, "identity", lambda x: (x.shape, x.dtype), NO_GRADIENT)


def _infer_substitute(history, value):
    return history.shape, history.dtype


# The value of the second input with the gradient of the first: what a tensor with a history is
# after a write that went round autograd (`y.data.add_(1)`, or `y.add_(1)` under no_grad).
substitute = Op("substitute", 2, "identity", _infer_substitute, (lambda g, out, history, value: g, NO_GRADIENT))

# The value of the second input where the first was written over: no gradient is left for the first, but it is
# still one of the things the result was made from, as in PyTorch (`y.fill_(0)` of a y that requires grad).
overwrite = Op("overwrite", 2, "identity", _infer_substitute,
               (lambda g, out, old, value: full(0, old.shape, g), lambda g, out, old, value: g))
