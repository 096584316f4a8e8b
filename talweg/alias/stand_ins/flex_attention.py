"""torch.nn.attention.flex_attention: attention whose scores and mask are functions of positions (Dong et al. 2024).

Here the functions are applied to whole arrays of positions at once, which broadcast against one another, and the
result is ordinary graph: a mask costs what a mask costs, no block of it is skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...tensor import Tensor, arange, isneginf, where

__all__ = ["AuxOutput", "AuxRequest", "BlockMask", "and_masks", "create_block_mask", "create_mask", "flex_attention",
           "noop_mask", "or_masks"]

Rule = Callable[..., Tensor]
_DEFAULT_SPARSE_BLOCK_SIZE = 128


@dataclass(frozen=True)
class AuxRequest:
    """What flex_attention returns beside its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """The logarithm of each row's normaliser, and each row's largest score, (B, H, Q) each, if asked for."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def noop_mask(batch: Tensor, head: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
    """True everywhere."""
    return (q_idx >= 0) & (kv_idx >= 0)


def and_masks(*mask_mods: Rule) -> Rule:
    """Where all hold."""

    def mask(b: Any, h: Any, q: Any, k: Any) -> Tensor:
        found = noop_mask(b, h, q, k)
        for rule in mask_mods:
            found = found & rule(b, h, q, k)
        return found

    return mask


def or_masks(*mask_mods: Rule) -> Rule:
    """Where one of them holds."""

    def mask(b: Any, h: Any, q: Any, k: Any) -> Tensor:
        found = ~noop_mask(b, h, q, k)
        for rule in mask_mods:
            found = found | rule(b, h, q, k)
        return found

    return mask


def _positions(*sizes: int) -> list[Tensor]:
    """0 to size - 1 for each axis of (B, H, Q, K), each along its own axis."""
    return [arange(n).reshape([n if i == axis else 1 for i in range(4)]) for axis, n in enumerate(sizes)]


@dataclass(frozen=True)
class BlockMask:
    """Which positions may look at which, as the function that was given and its table (B, H, Q, K)."""

    mask_mod: Rule
    table: Tensor
    BLOCK_SIZE: tuple[int, int] = (_DEFAULT_SPARSE_BLOCK_SIZE, _DEFAULT_SPARSE_BLOCK_SIZE)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.table.shape)

    @property
    def seq_lengths(self) -> tuple[int, int]:
        return self.shape[2], self.shape[3]

    def to_dense(self) -> Tensor:
        return self.table

    def to(self, device: Any) -> BlockMask:
        self.table.to(device)
        return self


def create_mask(mod_fn: Rule, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = "cpu") -> Tensor:
    """The table (B, H, Q_LEN, KV_LEN) of a mask function (b, h, q, k) -> bool."""
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    return mod_fn(*_positions(*sizes)).expand(sizes)


def create_block_mask(mask_mod: Rule, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = "cpu",
                      BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE, _compile: bool = False) -> BlockMask:
    """A mask for flex_attention, evaluated once."""
    blocks = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else tuple(BLOCK_SIZE)
    return BlockMask(mask_mod, create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device), blocks)  # type: ignore[arg-type]


def _softmax(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over keys and its logarithmic normaliser; rows without any key give 0 and -inf."""
    log_sum = scores.logsumexp(-1)
    none = isneginf(log_sum)
    return where(none[..., None], 0.0, (scores - where(none, 0.0, log_sum)[..., None]).exp()), log_sum


def flex_attention(query: Tensor, key: Tensor, value: Tensor, score_mod: Rule | None = None,
                   block_mask: BlockMask | None = None, scale: float | None = None, enable_gqa: bool = False,
                   return_lse: bool = False, kernel_options: dict | None = None,
                   *, return_aux: AuxRequest | None = None) -> Any:
    """softmax(score_mod(q k^T scale, b, h, q, k) where the mask holds) v, for q (B, H, Q, E), k (B, H', K, E), v (B, H', K, V).

    Raises ValueError where heads differ without `enable_gqa`, or where the mask's table does not fit.
    """
    batch, heads, q_len = query.shape[:3]
    if key.shape[1] != heads:
        if not enable_gqa or heads % key.shape[1]:
            raise ValueError(f"flex_attention: {heads} heads of queries and {key.shape[1]} of keys; give enable_gqa=True and "
                             "a number of query heads that is a multiple")
        key, value = (x.repeat_interleave(heads // x.shape[1], 1) for x in (key, value))
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)  # (B, H, Q, K)
    if score_mod is not None:
        scores = score_mod(scores, *_positions(*scores.shape))
    if block_mask is not None:
        if block_mask.seq_lengths != (q_len, key.shape[2]):
            raise ValueError(f"flex_attention: the mask is for {block_mask.seq_lengths} positions, queries and keys have "
                             f"{(q_len, key.shape[2])}")
        scores = where(block_mask.table, scores, -math.inf)
    weights, log_sum = _softmax(scores)
    out = weights.to(value.dtype) @ value
    if return_aux is not None:
        return out, AuxOutput(log_sum if return_aux.lse else None, scores.amax(-1) if return_aux.max_scores else None)
    return (out, log_sum) if return_lse else out
