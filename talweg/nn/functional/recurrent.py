"""One recurrent layer in one direction over all steps (L "missing bits", N 6).

The input meets its weight once, in one product over all steps; then one operation runs the recurrence
(graph/ops/recurrent.py), and the weights' gradients are one product over all steps again.
"""

from __future__ import annotations

import math

from ...graph import ops
from ...tensor import Tensor, is_autocast_enabled, stack, tanh, zeros
from ...tensor.operands import as_dtype
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


def recurrent_steps(kind: str, x: Tensor, state: tuple, weights: dict[str, Tensor]):
    """(h of every step (T, B, H), the last c or None) from the input's share x (T, B, gates H) and state (h0, [c0])."""
    if "weight_hr" in weights:
        return _projected(x, state, weights)
    operands = (x, *state, weights["weight_hh"], _bias(kind, weights, x))
    nodes = tuple([as_dtype(t.node, _dtype(kind, x, state)) for t in operands])
    found = wrap(ops.recurrence_output((ops.recurrence(nodes, kind), *nodes), kind))
    steps = x.shape[0]
    return (found.narrow(0, 0, steps), found.select(0, steps)) if kind == "lstm" else (found, None)


def _dtype(kind: str, x: Tensor, state: tuple):
    """What the recurrence computes in: under autocast the low precision, but for a GRU, as PyTorch has it, the state's."""
    if not is_autocast_enabled():
        return x.dtype
    return state[0].dtype if kind == "gru" else x.dtype


def input_share(kind: str, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """The input's share of the pre-activations, (..., gates H): for a GRU with its bias, which must stay apart."""
    return linear(x, weights["weight_ih"], weights.get("bias_ih") if kind == "gru" else None)


def _bias(kind: str, weights: dict[str, Tensor], like: Tensor) -> Tensor:
    """What is added to the hidden state's share."""
    if "bias_hh" not in weights:
        return zeros(weights["weight_hh"].shape[0], dtype=like.dtype)
    return weights["bias_hh"] if kind == "gru" else weights["bias_ih"] + weights["bias_hh"]


def _projected(x: Tensor, state: tuple, weights: dict[str, Tensor]):
    """An LSTM whose h is projected to fewer dimensions before it is used again (Sak et al., 2014), step by step."""
    h, c = state
    hidden = []
    bias = _bias("lstm", weights, x)
    for t in range(x.shape[0]):
        i, f, g, o = (x[t] + linear(h, weights["weight_hh"], bias)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * tanh(g)
        h = linear(o.sigmoid() * tanh(c), weights["weight_hr"])
        hidden.append(h)
    return stack(hidden), c
