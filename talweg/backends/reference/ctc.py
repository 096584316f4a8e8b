"""CTC in NumPy: forward and backward variables over the target with blanks between its labels, for a batch at once."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


def _with_blanks(targets, blank: int) -> np.ndarray:
    """(N, 2 S + 1): blank, label, blank, ..., blank."""
    batch, longest = targets.shape
    found = np.full((batch, 2 * longest + 1), blank, np.int64)
    found[:, 1::2] = targets
    return found


def _may_skip(labels, blank: int) -> np.ndarray:
    """(N, 2 S + 1): whether a state may follow the one two before it: a label different from that one."""
    found = np.zeros(labels.shape, bool)
    found[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    return found


def _shifted(x, by: int) -> np.ndarray:
    """The state `by` before each, -inf where there is none."""
    found = np.full_like(x, -np.inf)
    found[:, by:] = x[:, : x.shape[1] - by]
    return found


def _sum_of_logs(*terms) -> np.ndarray:
    return np.logaddexp.reduce(np.stack(terms), axis=0)


def _emissions(logs, labels) -> np.ndarray:
    """(T, N, 2 S + 1): the log-probability of each state's label at each frame."""
    return np.take_along_axis(logs, np.broadcast_to(labels, (len(logs), *labels.shape)), axis=2)


def _forward(emitted, skip, input_lengths) -> np.ndarray:
    """(T, N, 2 S + 1): log of the sum over the beginnings of alignments that are in each state at each frame. After an
    input's end the last frame's values stay."""
    alpha = np.full(emitted.shape, -np.inf)
    alpha[0, :, :2] = emitted[0, :, :2]
    for t in range(1, len(alpha)):
        before = alpha[t - 1]
        skipped = np.where(skip, _shifted(before, 2), -np.inf)
        moved = emitted[t] + _sum_of_logs(before, _shifted(before, 1), skipped)
        alpha[t] = np.where((t < input_lengths)[:, None], moved, before)
    return alpha


def _at_end(alpha, input_lengths, target_lengths) -> np.ndarray:
    """(N,): the logarithm of each target's probability. In the last frame it is in its last blank or its last label."""
    n = np.arange(alpha.shape[1])
    final = 2 * target_lengths
    label = np.where(target_lengths > 0, alpha[-1, n, np.maximum(final - 1, 0)], -np.inf)
    found = np.logaddexp(alpha[-1, n, final], label)
    return np.where(input_lengths > 0, found, np.where(target_lengths > 0, -np.inf, 0.0))


def _backward(emitted, skip, input_lengths, target_lengths) -> np.ndarray:
    """(T, N, 2 S + 1): log of the sum over the ends of alignments, this frame's emission included."""
    beta = np.full(emitted.shape, -np.inf)
    states = np.arange(emitted.shape[2])
    final = 2 * target_lengths[:, None]
    ends = (states == final) | ((states == final - 1) & (target_lengths > 0)[:, None])
    after = np.full(emitted.shape[1:], -np.inf)
    for t in reversed(range(len(beta))):
        next_skip = np.where(skip, after, -np.inf)[:, ::-1]
        stepped = _sum_of_logs(after, _shifted(after[:, ::-1], 1)[:, ::-1], _shifted(next_skip, 2)[:, ::-1])
        last = (t == input_lengths - 1)[:, None]
        alive = (t < input_lengths)[:, None] & (states <= final)
        after = np.where(alive, emitted[t] + np.where(last, np.where(ends, 0.0, -np.inf), stepped), -np.inf)
        beta[t] = after
    return beta


def _prepared(logs, targets, target_lengths, blank: int):
    logs = logs.astype(np.float64)
    inside = np.arange(targets.shape[1]) < target_lengths[:, None]
    labels = _with_blanks(np.where(inside, targets, blank), blank)
    return logs, labels, _emissions(logs, labels), _may_skip(labels, blank)


@kernel(ops.ctc)
def ctc(node: Node, logs, targets, input_lengths, target_lengths):
    with np.errstate(all="ignore"):
        _, _, emitted, skip = _prepared(logs, targets, target_lengths, node.attrs[0])
        alpha = _forward(emitted, skip, input_lengths)
        loss = -_at_end(alpha, input_lengths, target_lengths)
        return np.where(node.attrs[1] & np.isposinf(loss), 0.0, loss).astype(node.dtype.numpy)


@kernel(ops.ctc_grad)
def ctc_grad(node: Node, logs, targets, input_lengths, target_lengths):
    with np.errstate(all="ignore"):
        logs, labels, emitted, skip = _prepared(logs, targets, target_lengths, node.attrs[0])
        alpha = _forward(emitted, skip, input_lengths)
        total = _at_end(alpha, input_lengths, target_lengths)
        through = alpha + _backward(emitted, skip, input_lengths, target_lengths) - emitted - total[None, :, None]
        shares = np.where(np.isneginf(emitted), 0.0, np.exp(through))
        result = np.exp(logs)
        n = np.arange(labels.shape[0])[:, None]
        for t in range(len(result)):
            np.subtract.at(result[t], (np.broadcast_to(n, labels.shape), labels), shares[t])
        result[np.arange(len(logs))[:, None] >= input_lengths] = 0
        result[:, np.isneginf(total)] = 0.0 if node.attrs[1] else np.nan
        return result.astype(node.dtype.numpy)
