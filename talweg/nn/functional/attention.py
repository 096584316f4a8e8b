"""The attention operator (L 4.8)."""

from __future__ import annotations

import math

from ...tensor import Tensor, ones, softmax
from ...tensor.autocast import lowered
from .normalization import dropout


@lowered
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p: float = 0.0, is_causal: bool = False,
                                 scale: float | None = None, enable_gqa: bool = False):
    """softmax(Q Kᵀ / sqrt(D) + mask) V: query (..., T, D), key (..., S, D), value (..., S, E).

    A bool mask says which keys take part; a float mask is added. is_causal lets query t see keys up to t.
    With enable_gqa, groups of query heads (dimension -3) share a key head.
    """
    if enable_gqa:
        shared = query.shape[-3] // key.shape[-3]
        key, value = (_repeated(x, shared) for x in (key, value))
    scores = query.matmul(key.transpose(-2, -1)) * _scale(query.shape[-1], scale)
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
        future = ones(query.shape[-2], key.shape[-2]).tril() == 0
        weights = softmax(scores.masked_fill(future, -math.inf), -1)  # every query sees the first key
    elif attn_mask is None:
        weights = softmax(scores, -1)
    else:
        scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype.name == "bool" else scores + attn_mask
        weights = _masked_softmax(scores)
    return dropout(weights, dropout_p, dropout_p > 0).matmul(value)


def _scale(width: int, given: float | None) -> float:
    """What scores are multiplied by. Keys of no width: all scores are nan, as 0 / 0 is."""
    if given is not None:
        return given
    return 1 / math.sqrt(width) if width else math.inf


def _masked_softmax(scores: Tensor) -> Tensor:
    """softmax over the keys; zeros for a query that may see none of them."""
    blind = (scores == -math.inf).all(-1, keepdim=True)
    return softmax(scores.masked_fill(blind, 0.0), -1).masked_fill(blind, 0.0)


def _repeated(x: Tensor, times: int) -> Tensor:
    """Each head `times` times: (..., H, S, D) to (..., H times, S, D)."""
    wide = x.unsqueeze(-3).expand(*x.shape[:-2], times, *x.shape[-2:])
    return wide.reshape(*x.shape[:-3], x.shape[-3] * times, *x.shape[-2:])
