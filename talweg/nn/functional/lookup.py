"""What looking up rows of a table may do besides: limit their norms, and weigh gradients by frequency."""

from __future__ import annotations

from ...graph import ops
from ...tensor import Tensor, no_grad, where, zeros
from ...tensor.tensor import wrap


def shrink_rows(weight: Tensor, ids: Tensor, max_norm: float, norm_type: float) -> None:
    """Rescale, in place and unseen by autograd, the rows that are looked up and whose norm is above max_norm."""
    with no_grad():
        norms = weight.norm(norm_type, 1)
        looked_up = zeros(weight.shape[0], dtype=weight.dtype).index_fill(0, ids.reshape(-1), 1) > 0
        too_large = looked_up & (norms > max_norm)
        weight.mul_(where(too_large, max_norm / (norms + 1e-7), 1.0).unsqueeze(1))


def by_frequency(rows: Tensor, ids: Tensor, count: int) -> Tensor:
    """The same values, with gradients divided by how often each id was looked up."""
    flat = ids.reshape(-1)
    often = zeros(count, dtype=rows.dtype).index_add(0, flat, zeros(flat.shape, dtype=rows.dtype) + 1)
    share = (1 / often[flat]).reshape(*ids.shape, 1)
    return wrap(ops.substitute((rows * share).node, rows.detach().node))
