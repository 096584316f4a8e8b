"""A whole recurrent layer as one operation, and its gradient as another: two nodes a layer instead of twenty a step.

The input's share of the pre-activations, x (T, B, gates H), has been computed before, for all steps in one product. What
is left is the recurrence, and the gradient with respect to x tells the rest: the weights' gradient is again one product
over all steps. Both directions are defined by unrolled graphs, which is also how they are differentiated further.

Values are rows of (B, H). The states of T steps lie in this order: h of every step; with a memory, c from the last step
to the first, so that all h and the last c are neighbours; then what each step saved.
"""

from __future__ import annotations

import functools
import weakref

from ..declare import NO_GRADIENT, VARIADIC, Op, same_dtype
from ..node import Node, mode
from .contraction import matmul
from .movement import cat, full, reshape, slice_along, swap_last
from .pointwise import add
from .recurrent_cells import CELLS, Cell
from .reduce import sum_


def _given(cell: Cell, nodes) -> tuple:
    """(x, h0, c0 or None, w (gates H, H), bias (gates H,))"""
    x, h0, *rest = nodes
    c0 = rest.pop(0) if cell.has_memory else None
    return x, h0, c0, *rest


def _infer_states(nodes, kind):
    cell = CELLS[kind]
    x, h0, c0, w, bias = _given(cell, nodes)
    dtype = same_dtype(kind, *nodes)
    steps, batch, width = x.shape
    hidden = h0.shape[-1]
    if steps < 1 or h0.shape != (batch, hidden) or width != cell.gates * hidden or w.shape != (width, hidden):
        raise RuntimeError(f"{kind}: pre-activations {list(x.shape)}, state {list(h0.shape)} and weight {list(w.shape)} do "
                           f"not fit: expected (T, B, {cell.gates} H), (B, H) and ({cell.gates} H, H) with T > 0")
    if (c0 is not None and c0.shape != h0.shape) or bias.shape != (width,):
        raise RuntimeError(f"{kind}: the cell state must have shape {list(h0.shape)}, the bias [{width}]")
    return (steps * (cell.states + cell.saved), batch, hidden), dtype


def _rows(parts: list[Node]) -> Node:
    """(B, H) each, as (rows, B, H)."""
    return cat(tuple([reshape(p, (1, *p.shape)) for p in parts]), 0)


def _row(x: Node, t: int) -> Node:
    return reshape(slice_along(x, 0, t, t + 1), x.shape[1:])


def _unrolled(nodes, kind) -> Node:
    cell = CELLS[kind]
    x, h, c, w, bias = _given(cell, nodes)
    hidden, memory, saved = [], [], []
    for t in range(x.shape[0]):
        h, *rest = cell.forward(_row(x, t), matmul(h, swap_last(w)), bias, h, c)
        hidden.append(h)
        if cell.has_memory:
            c = rest.pop(0)
            memory.append(c)
        saved += rest
    return _rows([*hidden, *reversed(memory), *saved])


# (x, h0, [c0,] w, bias) -> the states and what was saved, as rows.
recurrence = Op("recurrence", VARIADIC, "scan", _infer_states, decompose=_unrolled, attr_names=("kind",))


def _infer_outputs(nodes, kind):
    states, x = nodes[0], nodes[1]
    return (x.shape[0] + CELLS[kind].states - 1, *states.shape[1:]), states.dtype


class _OutputGradients:
    """The gradients of x, h0, [c0], w, bias: parts of, and sums over, one pass backward that all of them share."""

    def __getitem__(self, position):
        return NO_GRADIENT if position == 0 else functools.partial(_gradient, position)


def _gradient(position: int, g: Node, out: Node, nodes, kind: str) -> Node:
    cell = CELLS[kind]
    return _at(cell, position)(cell, _backward_pass(g, out, nodes, kind), nodes)


def _backward_pass(g: Node, out: Node, nodes, kind: str) -> Node:
    """The node of the backward pass, one for all that ask in the same reverse pass."""
    key = (g.serial, out.serial, mode.grad)
    found = _shared.get(key)
    if found is None:
        found = _shared[key] = recurrence_grad((g, nodes[0], *nodes[2:]), kind)
    return found


_shared: weakref.WeakValueDictionary[tuple, Node] = weakref.WeakValueDictionary()


def _columns(x: Node, first: int, last: int, hidden: int) -> Node:
    return x if (first, last) == (0, x.shape[2] // hidden) else slice_along(x, 2, first * hidden, last * hidden)


def _of_input(cell: Cell, grads: Node, nodes) -> Node:
    hidden = nodes[0].shape[2]
    steps = slice_along(grads, 0, 1, grads.shape[0])
    if cell.grads == cell.gates:
        return steps
    return cat((_columns(steps, 1, cell.gates, hidden), _columns(steps, 0, 1, hidden)), 2)


def _of_state(which: int):
    def take(cell: Cell, grads: Node, nodes) -> Node:
        hidden = nodes[0].shape[2]
        return _row(slice_along(_columns(grads, which, which + 1, hidden), 0, 0, 1), 0)

    return take


def _hidden_share(cell: Cell, grads: Node, nodes) -> Node:
    """The gradients of the hidden state's pre-activations, (T, B, gates H)."""
    return _columns(slice_along(grads, 0, 1, grads.shape[0]), cell.hidden_from, cell.grads, nodes[0].shape[2])


def _of_weight(cell: Cell, grads: Node, nodes) -> Node:
    """sum over t of da_t^T h_(t-1): one product over the steps that have a step before them, and one for the first."""
    states, x, h0 = nodes[:3]
    steps = x.shape[0]
    _, batch, hidden = states.shape
    share = _hidden_share(cell, grads, nodes)
    first = matmul(swap_last(_row(share, 0)), h0)
    if steps == 1:
        return first
    later = reshape(slice_along(share, 0, 1, steps), ((steps - 1) * batch, cell.gates * hidden))
    before = reshape(slice_along(states, 0, 0, steps - 1), ((steps - 1) * batch, hidden))
    return add(matmul(swap_last(later), before), first)


def _of_bias(cell: Cell, grads: Node, nodes) -> Node:
    return sum_(_hidden_share(cell, grads, nodes), (0, 1), False)


def _at(cell: Cell, position: int):
    """The rule for one position of (states, x, h0, [c0,] w, bias)."""
    rules = [_of_input, _of_state(0), *([_of_state(1)] if cell.has_memory else []), _of_weight, _of_bias]
    return rules[position - 1]


# (states, x, h0, [c0,] w, bias) -> h of every step, and with a memory the last c as one more row. The value is the
# beginning of the states; the gradient is that of the layer.
recurrence_output = Op("recurrence_output", VARIADIC, "scan", _infer_outputs, _OutputGradients(), attr_names=("kind",))


def _infer_grad(nodes, kind):
    cell = CELLS[kind]
    g, states = nodes[:2]
    steps = g.shape[0] - cell.states + 1
    return (steps + 1, states.shape[1], cell.grads * states.shape[2]), states.dtype


def saved_row(cell: Cell, steps: int, t: int) -> int:
    """Where the rows begin that step t saved."""
    return steps * cell.states + t * cell.saved


def memory_row(steps: int, t: int) -> int:
    """Where c of step t lies."""
    return 2 * steps - 1 - t


def _unrolled_backward(nodes, kind) -> Node:
    cell = CELLS[kind]
    g, states, h0, c0, w, _ = nodes[0], *_given(cell, nodes[1:])
    steps = g.shape[0] - cell.states + 1
    _, batch, hidden = states.shape
    carry = _row(g, steps) if cell.has_memory else full(0, (batch, hidden), g)
    product = None
    rows: list[Node] = []
    for t in reversed(range(steps)):
        h_before = _row(states, t - 1) if t else h0
        c = _row(states, memory_row(steps, t)) if cell.has_memory else None
        c_before = (_row(states, memory_row(steps, t - 1)) if t else c0) if cell.has_memory else None
        at = saved_row(cell, steps, t)
        saved = [_row(states, at + j) for j in range(cell.saved)]
        dh = _row(g, t) if product is None else add(_row(g, t), product)
        found = list(cell.backward(dh, carry, h_before, c_before, _row(states, t), c, *saved))
        carry = found.pop(0) if cell.has_carry else carry
        rows.append(cat(tuple(found), 1))
        product = matmul(cat(tuple(found[cell.hidden_from:]), 1), w)
    assert product is not None
    rows.append(_start_row(cell, product, carry))
    return _rows(rows[::-1])


def _start_row(cell: Cell, product: Node, carry: Node) -> Node:
    """The gradients of h0 and c0, filled up with zeros to the width of the rows: (B, grads H)."""
    parts = [product, carry] if cell.has_memory else [add(product, carry) if cell.has_carry else product]
    rest = cell.grads - len(parts)
    return cat((*parts, full(0, (product.shape[0], rest * product.shape[1]), product)), 1) if rest else parts[0]


# (upstream, states, h0, [c0,] w, bias) -> (T + 1, B, grads H): the gradients of h0 and c0, then those of each step.
recurrence_grad = Op("recurrence_grad", VARIADIC, "scan", _infer_grad, decompose=_unrolled_backward, attr_names=("kind",))
