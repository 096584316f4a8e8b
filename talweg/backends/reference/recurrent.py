"""Recurrent layers in NumPy: the loop over the steps, with the cells' formulas. Half precision is computed in float32.

A backend with a faster product or a faster cell hands them to the same loops, which only take rows and parts of rows: what
they go over may be something else than arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...graph import ops
from ...graph.node import Node
from ...graph.ops.recurrent import memory_row, saved_row
from ...graph.ops.recurrent_cells import CELLS, Cell
from .table import kernel


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _lstm(x, p, bias, h, c, new_h, new_c, i, f, g, o):
    width = h.shape[1]
    a = x + (p + bias)
    i[...] = _sigmoid(a[:, :width])
    f[...] = _sigmoid(a[:, width : 2 * width])
    g[...] = np.tanh(a[:, 2 * width : 3 * width])
    o[...] = _sigmoid(a[:, 3 * width :])
    new_c[...] = f * c + i * g
    new_h[...] = o * np.tanh(new_c)


def _lstm_backward(g, p, carry, h_before, c_before, h, c, i, f, n, o, new_carry, di, df, dn, do):
    dh = g + p
    squashed = np.tanh(c)
    dc = carry + dh * o * (1 - squashed * squashed)
    di[...] = dc * n * i * (1 - i)
    df[...] = dc * c_before * f * (1 - f)
    dn[...] = dc * i * (1 - n * n)
    do[...] = dh * squashed * o * (1 - o)
    new_carry[...] = dc * f


def _gru(x, p, bias, h, new_h, r, z, n, m):
    width = h.shape[1]
    p = p + bias
    m[...] = p[:, 2 * width :]
    r[...] = _sigmoid(x[:, :width] + p[:, :width])
    z[...] = _sigmoid(x[:, width : 2 * width] + p[:, width : 2 * width])
    n[...] = np.tanh(x[:, 2 * width :] + r * m)
    new_h[...] = n + z * (h - n)


def _gru_backward(g, p, carry, h_before, h, r, z, n, m, new_carry, dn, dr, dz, dm):
    dh = g + p + carry
    dn[...] = dh * (1 - z) * (1 - n * n)
    dr[...] = dn * m * r * (1 - r)
    dz[...] = dh * (h_before - n) * z * (1 - z)
    dm[...] = dn * r
    new_carry[...] = dh * z


def _tanh(x, p, bias, h, new_h):
    new_h[...] = np.tanh(x + (p + bias))


def _tanh_backward(g, p, h_before, h, da):
    da[...] = (g + p) * (1 - h * h)


def _relu(x, p, bias, h, new_h):
    new_h[...] = np.maximum(x + (p + bias), 0)


def _relu_backward(g, p, h_before, h, da):
    da[...] = np.where(h > 0, g + p, 0)


FORWARD: dict[str, Callable] = {"lstm": _lstm, "gru": _gru, "tanh": _tanh, "relu": _relu}
BACKWARD: dict[str, Callable] = {"lstm": _lstm_backward, "gru": _gru_backward, "tanh": _tanh_backward, "relu": _relu_backward}
"""The cells: arrays read, then arrays written, in the order of the graph functions of ops/recurrent_cells.py."""


def forward_loop(cell: Cell, arrays, states, multiply: Callable, step: Callable) -> None:
    """Fills in all states, as rows. `multiply(h)` is h times the transposed weight; `step` fills in one step's rows."""
    x, h, *rest = arrays
    c = rest.pop(0) if cell.has_memory else None
    bias = rest[1]
    steps = len(x)
    for t in range(steps):
        product = multiply(h)
        at = saved_row(cell, steps, t)
        before = [h] if c is None else [h, c]
        h = states[t]
        after = [h]
        if c is not None:
            c = states[memory_row(steps, t)]
            after.append(c)
        step(x[t], product, bias, *before, *after, *states[at : at + cell.saved])


def backward_loop(cell: Cell, arrays, grads, zeros: Callable, multiply: Callable, step: Callable, put_start: Callable) -> None:
    """Fills in the gradients of each step, then those of h0 and c0, which `put_start` writes to the first row.

    `multiply(da)` is da times the weight, and `zeros()` makes a (B, H) to work in.
    """
    g, states, h0, *rest = arrays
    c0 = rest.pop(0) if cell.has_memory else None
    steps, width = len(g) - cell.states + 1, h0.shape[1]
    carries = [g[steps] if cell.has_memory else zeros(), zeros()] if cell.has_carry else []
    product = zeros()
    for t in reversed(range(steps)):
        before, now = [states[t - 1] if t else h0], [states[t]]
        if c0 is not None:
            before.append(states[memory_row(steps, t - 1)] if t else c0)
            now.append(states[memory_row(steps, t)])
        at = saved_row(cell, steps, t)
        da = grads[t + 1]
        parts = [da[:, j * width : (j + 1) * width] for j in range(cell.grads)]
        step(g[t], product, *carries[:1], *before, *now, *states[at : at + cell.saved], *carries[1:], *parts)
        if carries:  # what was written is read next; the upstream array is never written to
            carries = [carries[1], zeros() if t == steps - 1 else carries[0]]
        product = multiply(da[:, cell.hidden_from * width :])
    put_start(cell, grads[0], product, carries)


def new_states(node: Node, cell: Cell, arrays, multiply: Callable, step: Callable) -> np.ndarray:
    states = np.empty(node.shape, arrays[0].dtype)
    forward_loop(cell, arrays, states, multiply, step)
    return states


def new_gradients(node: Node, cell: Cell, arrays, multiply: Callable, step: Callable) -> np.ndarray:
    grads = np.zeros(node.shape, arrays[0].dtype)
    backward_loop(cell, arrays, grads, lambda: np.zeros_like(arrays[2]), multiply, step, _put_start)
    return grads


def _put_start(cell: Cell, row: np.ndarray, product, carries) -> None:
    width = product.shape[1]
    row[:, :width] = product
    if cell.has_memory:
        row[:, width : 2 * width] = carries[0]
    elif carries:
        row[:, :width] += carries[0]


def _wide(arrays):
    return [a.astype(np.float32) if a.dtype.itemsize == 2 else a for a in arrays]


@kernel(ops.recurrence)
def recurrence(node: Node, *arrays):
    kind = node.attrs[0]
    cell, arrays = CELLS[kind], _wide(arrays)
    weight = arrays[3 if cell.has_memory else 2].T
    with np.errstate(all="ignore"):
        found = new_states(node, cell, arrays, lambda h: h @ weight, FORWARD[kind])
    return found.astype(node.dtype.numpy, copy=False)


@kernel(ops.recurrence_grad)
def recurrence_grad(node: Node, *arrays):
    kind = node.attrs[0]
    cell, arrays = CELLS[kind], _wide(arrays)
    weight = arrays[4 if cell.has_memory else 3]
    with np.errstate(all="ignore"):
        found = new_gradients(node, cell, arrays, lambda da: da @ weight, BACKWARD[kind])
    return found.astype(node.dtype.numpy, copy=False)


@kernel(ops.recurrence_output)
def recurrence_output(node: Node, states, *arrays):
    return states[: node.shape[0]]
