"""One recurrent layer in one direction over all steps (L "missing bits", N 6).

The input meets its weight once, in one product over all steps; then one operation runs the recurrence
(graph/ops/recurrent.py), and the weights' gradients are one product over all steps again.
"""

from __future__ import annotations

import math

from ...graph import ops
from ...tensor import Tensor, stack, tanh, zeros
from ...tensor.tensor import wrap
from .linear import linear

IDLE = {
    "lstm": (-math.inf, math.inf, 0.0, -math.inf),
    "gru": (0.0, math.inf, 0.0),
    "tanh": (0.0,),
    "relu": (-math.inf,),
}
"""Pre-activations, a number a gate, of a step after a sequence's end: an LSTM then keeps its c, a GRU its h, and nothing
grows. No gradient passes through such a gate."""


def input_share(kind: str, x: Tensor, w_ih: Tensor, b_ih: Tensor | None, b_hh: Tensor | None) -> Tensor:
    """The input's share of the pre-activations, (..., gates H), with all biases that can be added before."""
    both = b_ih if kind == "gru" or b_ih is None else b_ih + b_hh
    return linear(x, w_ih, both)


def recurrent_steps(kind: str, x: Tensor, state: tuple, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None = None):
    """(h of every step (T, B, H), the last c or None) from the input's share x (T, B, gates H) and state (h0, [c0])."""
    if w_hr is not None:
        return _projected(x, state, w_hh, w_hr)
    given = [x, *state, w_hh]
    if kind == "gru":
        given.append(zeros(w_hh.shape[0], dtype=x.dtype) if b_hh is None else b_hh)
    nodes = tuple([t.node for t in given])
    found = wrap(ops.recurrence_output((ops.recurrence(nodes, kind), *nodes), kind))
    return (found[:-1], found[-1]) if kind == "lstm" else (found, None)


def _projected(x: Tensor, state: tuple, w_hh: Tensor, w_hr: Tensor):
    """An LSTM whose h is projected to fewer dimensions before it is used again (Sak et al., 2014), step by step."""
    h, c = state
    hidden = []
    for t in range(x.shape[0]):
        i, f, g, o = (x[t] + linear(h, w_hh)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * tanh(g)
        h = linear(o.sigmoid() * tanh(c), w_hr)
        hidden.append(h)
    return stack(hidden), c
