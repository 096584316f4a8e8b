"""One step of a recurrent layer, forward and backward, in graph functions (L "missing bits", N 6).

`x` (B, gates H) is the input's share of the pre-activations and `p` of the same shape the hidden state's, to which
`bias` (gates H,) is added. Everything else is (B, H).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..node import Node
from .movement import slice_along
from .pointwise import add, gt, mul, number, relu, sigmoid, sub, tanh, where


@dataclass(frozen=True)
class Cell:
    """What a kind of recurrent layer does at one step.

    gates        how many pre-activations of width H the input and the hidden state give
    saved        how many values of width H the backward pass needs besides the states
    grads        how many gradients of width H it gives. The last `gates` are those of the hidden state's share. Where the
                 input's share differs in its last one, that stands in front of them.
    has_memory   whether a second state is carried on (the LSTM's c)
    has_carry    whether a gradient goes to the step before besides the one through the product
    forward      (x, p, bias, h before, c before) -> (h, [c,] *saved)
    backward     (gradient of h, carry, h before, c before, h, c, *saved) -> ([carry,] *gradients)
    """

    gates: int
    saved: int
    grads: int
    has_memory: bool
    has_carry: bool
    forward: Callable
    backward: Callable

    @property
    def states(self) -> int:
        return 2 if self.has_memory else 1

    @property
    def hidden_from(self) -> int:
        """Where the gradients of the hidden state's share begin: they are the last `gates` ones."""
        return self.grads - self.gates


def _parts(x: Node, count: int) -> list[Node]:
    width = x.shape[1] // count
    return [slice_along(x, 1, j * width, (j + 1) * width) for j in range(count)]


def _slope_of_sigmoid(y: Node) -> Node:
    return mul(y, sub(number(1, y), y))


def _slope_of_tanh(y: Node) -> Node:
    return sub(number(1, y), mul(y, y))


def _lstm(x, p, bias, h, c):
    """i, f, o = sigmoid; g = tanh; c' = f c + i g; h' = o tanh(c') (Hochreiter and Schmidhuber, 1997)."""
    a, b, d, e = _parts(add(x, add(p, bias)), 4)
    i, f, g, o = sigmoid(a), sigmoid(b), tanh(d), sigmoid(e)
    c = add(mul(f, c), mul(i, g))
    return mul(o, tanh(c)), c, i, f, g, o


def _lstm_backward(dh, dc, h_before, c_before, h, c, i, f, g, o):
    squashed = tanh(c)
    dc = add(dc, mul(mul(dh, o), _slope_of_tanh(squashed)))
    di = mul(mul(dc, g), _slope_of_sigmoid(i))
    df = mul(mul(dc, c_before), _slope_of_sigmoid(f))
    dg = mul(mul(dc, i), _slope_of_tanh(g))
    do = mul(mul(dh, squashed), _slope_of_sigmoid(o))
    return mul(dc, f), di, df, dg, do


def _gru(x, p, bias, h, c):
    """r, z = sigmoid; m the hidden share of n; n = tanh(x_n + r m); h' = (1 - z) n + z h (Cho et al., 2014)."""
    xr, xz, xn = _parts(x, 3)
    pr, pz, m = _parts(add(p, bias), 3)
    r, z = sigmoid(add(xr, pr)), sigmoid(add(xz, pz))
    n = tanh(add(xn, mul(r, m)))
    return add(n, mul(z, sub(h, n))), r, z, n, m


def _gru_backward(dh, carry, h_before, c_before, h, c, r, z, n, m):
    dh = add(dh, carry)
    dn = mul(mul(dh, sub(number(1, z), z)), _slope_of_tanh(n))
    dr = mul(mul(dn, m), _slope_of_sigmoid(r))
    dz = mul(mul(dh, sub(h_before, n)), _slope_of_sigmoid(z))
    return mul(dh, z), dn, dr, dz, mul(dn, r)


def _tanh(x, p, bias, h, c):
    return (tanh(add(x, add(p, bias))),)


def _tanh_backward(dh, carry, h_before, c_before, h, c):
    return (mul(dh, _slope_of_tanh(h)),)


def _relu(x, p, bias, h, c):
    return (relu(add(x, add(p, bias))),)


def _relu_backward(dh, carry, h_before, c_before, h, c):
    return (where(gt(h, number(0, h)), dh, number(0, dh)),)


CELLS = {
    "lstm": Cell(4, 4, 4, True, True, _lstm, _lstm_backward),
    "gru": Cell(3, 4, 4, False, True, _gru, _gru_backward),
    "tanh": Cell(1, 0, 1, False, False, _tanh, _tanh_backward),
    "relu": Cell(1, 0, 1, False, False, _relu, _relu_backward),
}
"""The kinds of recurrent layers, by the names that the operations' `kind` attribute takes."""
