"""The CTC loss: sequences of labels without an alignment, as in speech recognition (Graves et al., 2006)."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...tensor import Tensor
from ...tensor.autocast import raised
from ...tensor.tensor import array_node, wrap


@raised
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank: int = 0, reduction: str = "mean",
             zero_infinity: bool = False):
    """-log of the probability that frames log_probs (T, N, C) or (T, C) spell the targets, blanks and repetitions removed.

    targets: (N, S), or all of them one after the other; input_lengths and target_lengths (N,). The mean divides each loss
    by its target's length first. With zero_infinity an impossible target counts 0. The gradient is right for
    log-probabilities made by log_softmax. Raises RuntimeError for lengths that do not fit.
    """
    single = log_probs.dim() == 2
    if log_probs.dim() not in (2, 3):
        raise RuntimeError(f"ctc_loss: log_probs must be (T, N, C) or (T, C), got {list(log_probs.shape)}")
    logs = log_probs.unsqueeze(1) if single else log_probs
    steps, batch, classes = logs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range [0, {classes}), got {blank}")
    lengths = _lengths(input_lengths, batch, "input_lengths")
    wanted = _lengths(target_lengths, batch, "target_lengths")
    if lengths.max(initial=0) > steps:
        raise RuntimeError(f"ctc_loss: Expected input_lengths to have value at most {steps}, but got value {lengths.max()}")
    table = _table(targets, wanted, single)
    _check_labels(table, wanted, classes)
    loss = wrap(ops.ctc(logs.node, *map(array_node, (table, lengths, wanted)), int(blank), bool(zero_infinity)))
    return _reduced(loss.squeeze(0) if single else loss, wanted, reduction)


def _reduced(loss: Tensor, wanted: np.ndarray, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction != "mean":
        raise ValueError(f"{reduction} is not a valid value for reduction: use 'mean', 'sum' or 'none'")
    counts = Tensor._from_array(np.maximum(wanted, 1)).to(loss.dtype)
    return (loss / counts.reshape(loss.shape)).mean()


def _lengths(given, batch: int, name: str) -> np.ndarray:
    found = given.detach().numpy() if isinstance(given, Tensor) else np.asarray([int(n) for n in given])
    found = found.reshape(-1)
    if found.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: {name} must be integral, got {found.dtype}")
    if len(found) != batch:
        raise RuntimeError(f"ctc_loss: {name} must be of size batch_size {batch}, got {len(found)}")
    if found.min(initial=0) < 0:
        raise RuntimeError(f"ctc_loss: Expected {name} to have value at least 0, but got value {found.min()}")
    return found.astype(np.int64)


def _table(targets: Tensor, wanted: np.ndarray, single: bool) -> np.ndarray:
    """The targets as (N, longest)."""
    if targets.dtype.category != "integer":
        raise RuntimeError(f"ctc_loss: targets must be integers, got {targets.dtype}")
    values = targets.detach().numpy().astype(np.int64)
    if single and values.ndim == 1:
        values = values.reshape(1, -1)
    longest = int(wanted.max(initial=0))
    if values.ndim == 2:
        if len(values) != len(wanted) or values.shape[1] < longest:
            raise RuntimeError(f"ctc_loss: Expected targets of shape ({len(wanted)}, at least {longest}), got "
                               f"{list(values.shape)}")
        return np.ascontiguousarray(values[:, :longest])
    if values.size != wanted.sum():
        raise RuntimeError(f"ctc_loss: Expected 1D targets of {int(wanted.sum())} labels, the sum of target_lengths, got "
                           f"{list(values.shape)}")
    table = np.zeros((len(wanted), longest), np.int64)
    table[np.arange(longest) < wanted[:, None]] = values
    return table


def _check_labels(table: np.ndarray, wanted: np.ndarray, classes: int) -> None:
    used = table[np.arange(table.shape[1]) < wanted[:, None]]
    if used.size and (used.min() < 0 or used.max() >= classes):
        raise RuntimeError(f"ctc_loss: targets must lie in [0, {classes}), got {used.min()} to {used.max()}")
