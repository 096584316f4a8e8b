"""The attention operator (L 4.8), whole or in tiles of queries."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ...tensor import Tensor, arange, cat, softmax
from ...tensor.autocast import lowered
from ...tensor.checkpoint import checkpoint
from .normalization import dropout

TILED_FROM = 2**22
"""Scores of one head, T times S, from which on they are never all in memory: 16 MiB of them."""
TILE = 256
CAUSAL_TILE = 64
"""Fewest queries in a tile of causal attention that is short enough to be kept."""
KEY_PARTS = 4


class _Tiling(threading.local):
    """Whether this thread's attention may go over tiles."""

    allowed = True


_tiling = _Tiling()


@contextmanager
def undivided() -> Iterator[None]:
    """Attention is recorded as the operator that it is, at any length: for passes that are looked at and not computed."""
    before, _tiling.allowed = _tiling.allowed, False
    try:
        yield
    finally:
        _tiling.allowed = before


@lowered
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p: float = 0.0, is_causal: bool = False,
                                 scale: float | None = None, enable_gqa: bool = False):
    """softmax(Q Kᵀ / sqrt(D) + mask) V: query (..., T, D), key (..., S, D), value (..., S, E).

    A bool mask says which keys take part; a float mask is added. is_causal lets query t see keys up to t.
    With enable_gqa, groups of query heads (dimension -3) share a key head.

    Causal attention of 128 queries and more goes over up to four tiles of queries, each with the keys that one of them
    sees: three eighths of the scores are not computed. From 2,048 queries and keys on the operator goes over tiles of 256
    queries and computes their scores again for the gradient: memory is then linear in T and S (Rabe and Staats,
    Self-attention does not need O(n²) memory, 2021).
    """
    if enable_gqa:
        key, value = (_shared(x, query) for x in (key, value))
    if is_causal and attn_mask is not None:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    attend = partial(_attended, dropout_p=dropout_p, scale=_scale(query.shape[-1], scale))
    if not _tiling.allowed:
        return attend(query, key, value, attn_mask, first=0 if is_causal else None)
    if query.shape[-2] * key.shape[-2] >= TILED_FROM:
        return _in_tiles(partial(checkpoint, attend), TILE, query, key, value, attn_mask, is_causal)
    if is_causal and query.shape[-2] >= 2 * CAUSAL_TILE:
        tile = max(CAUSAL_TILE, -(-query.shape[-2] // KEY_PARTS))
        return _in_tiles(attend, tile, query, key, value, None, is_causal)
    return attend(query, key, value, attn_mask, first=0 if is_causal else None)


def _attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, first: int | None, dropout_p: float,
              scale: float) -> Tensor:
    """The operator on some queries, (..., T, E). Where attention is causal, `first` is the place of the first of them."""
    scores = query.matmul(key.transpose(-2, -1)) * scale  # (..., T, S)
    if first is not None:
        T, S = query.shape[-2], key.shape[-2]
        future = arange(S) > arange(first, first + T).unsqueeze(1)  # (T, S)
        weights = softmax(scores.masked_fill(future, -math.inf), -1)  # every query sees the first key
    elif mask is None:
        weights = softmax(scores, -1)
    else:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype.name == "bool" else scores + mask
        weights = _masked_softmax(scores)
    return dropout(weights, dropout_p, dropout_p > 0).matmul(value)


def _in_tiles(attend, tile: int, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    """The operator on `tile` queries after another.

    Of causal attention, keys that all queries of a tile are blind to are left out, in a few sizes only: each size of a
    tile is compiled.
    """
    T, S = query.shape[-2], key.shape[-2]
    part = -(-S // KEY_PARTS)
    found = []
    for start in range(0, T, tile):
        stop = min(start + tile, T)
        seen = min(-(-stop // part) * part, S) if is_causal else S
        given = (query[..., start:stop, :], key[..., :seen, :], value[..., :seen, :])
        rows = mask[..., start:stop, :] if mask is not None and mask.dim() > 1 and mask.shape[-2] != 1 else mask
        found.append(attend(*given, rows, first=start if is_causal else None))
    return cat(found, -2)


def _scale(width: int, given: float | None) -> float:
    """What scores are multiplied by. Keys of no width: all scores are nan, as 0 / 0 is."""
    if given is not None:
        return given
    return 1 / math.sqrt(width) if width else math.inf


def _masked_softmax(scores: Tensor) -> Tensor:
    """softmax over the keys; zeros for a query that may see none of them."""
    blind = (scores == -math.inf).all(-1, keepdim=True)
    return softmax(scores.masked_fill(blind, 0.0), -1).masked_fill(blind, 0.0)


def _shared(x: Tensor, query: Tensor) -> Tensor:
    """Each head as often as groups of the query's share it: (..., H, S, D) to (..., query's heads, S, D)."""
    if min(x.dim(), query.dim()) < 3:
        raise IndexError(f"scaled_dot_product_attention: enable_gqa needs heads in dimension -3, which is out of range of "
                         f"{list(query.shape)} and {list(x.shape)}")
    heads, wanted = x.shape[-3], query.shape[-3]
    if heads == 0 or wanted % heads:
        raise RuntimeError("scaled_dot_product_attention: Number of heads in key and value must divide the number of heads in "
                           f"query: {heads} and {wanted}")
    times = wanted // heads
    wide = x.unsqueeze(-3).expand(*x.shape[:-2], times, *x.shape[-2:])
    return wide.reshape(*x.shape[:-3], x.shape[-3] * times, *x.shape[-2:])
