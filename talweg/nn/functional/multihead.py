"""Multi-head attention with its projections: what nn.MultiheadAttention computes (L 4.8, figure 4.12)."""

from __future__ import annotations

import math

from ...tensor import Tensor, cat, full, softmax, zeros
from .attention import scaled_dot_product_attention
from .linear import linear
from .normalization import dropout


def multi_head_attention_forward(
    query, key, value, embed_dim_to_check: int, num_heads: int, in_proj_weight, in_proj_bias, bias_k, bias_v,
    add_zero_attn: bool, dropout_p: float, out_proj_weight, out_proj_bias, training: bool = True, key_padding_mask=None,
    need_weights: bool = True, attn_mask=None, use_separate_proj_weight: bool = False, q_proj_weight=None,
    k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """softmax(Q K^T / sqrt(D) + mask) V in each head, on projections of query, key and value; then one more projection.

    query (T, N, E), key (S, N, kdim), value (S, N, vdim), or all without N. in_proj_weight (3 E, E), or with
    use_separate_proj_weight three of their own. attn_mask (T, S) or (N heads, T, S) and key_padding_mask (N, S): bools say
    what is left out, floats are added. bias_k and bias_v (1, 1, E) append a learnt key and value, add_zero_attn a key and
    value of zeros. Returns the outputs (T, N, E) and, with need_weights, the weights: (N, T, S), or (N, heads, T, S)
    without average_attn_weights. Raises RuntimeError or AssertionError for shapes that do not fit.
    """
    batched = query.dim() == 3
    _check_dims(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    _check_shapes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    if is_causal and attn_mask is None:
        raise RuntimeError("multi_head_attention_forward: Need attn_mask if specifying the is_causal hint.")
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, weights, in_proj_bias)  # (T or S, N, E)
    mask = _merged_mask(attn_mask, key_padding_mask, query, key, num_heads)
    if bias_k is not None and bias_v is not None:
        k, v = (cat([x, b.expand(1, x.shape[1], b.shape[-1])]) for x, b in ((k, bias_k), (v, bias_v)))
        mask = _widened(mask)
    q = _by_head(q, num_heads)
    k = _by_head(k, num_heads) if static_k is None else _static(static_k, "static_k", k, num_heads)
    v = _by_head(v, num_heads) if static_v is None else _static(static_v, "static_v", v, num_heads)
    if add_zero_attn:
        k, v = (cat([x, zeros(*x.shape[:2], 1, x.shape[3], dtype=x.dtype)], 2) for x in (k, v))
        mask = _widened(mask)
    rate = dropout_p if training else 0.0
    attended, shown = _attended(q, k, v, mask, rate, need_weights)
    length, batch, width = query.shape
    out = linear(attended.permute(2, 0, 1, 3).reshape(length, batch, width), out_proj_weight, out_proj_bias)
    if shown is not None and average_attn_weights:
        shown = shown.mean(1)
    if not batched:
        out = out.squeeze(1)
        shown = None if shown is None else shown.squeeze(0)
    return out, shown


def _attended(q, k, v, mask, rate: float, need_weights: bool):
    """(heads' outputs (N, heads, T, D), weights (N, heads, T, S) or None)"""
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, rate), None
    scores = (q * (1 / math.sqrt(q.shape[-1]))).matmul(k.transpose(-2, -1))
    weights = dropout(softmax(scores if mask is None else scores + mask, -1), rate, rate > 0)
    return weights.matmul(v), weights


def _by_head(x: Tensor, heads: int) -> Tensor:
    """(S, N, heads D) to (N, heads, S, D)."""
    return x.reshape(x.shape[0], x.shape[1], heads, -1).permute(1, 2, 0, 3)


def _static(given: Tensor, name: str, like: Tensor, heads: int) -> Tensor:
    """(N heads, S, D) to (N, heads, S, D)."""
    batch, width = like.shape[1], like.shape[2] // heads
    if given.shape[0] != batch * heads or given.shape[2] != width:
        raise AssertionError(f"multi_head_attention_forward: expecting {name} of shape ({batch * heads}, S, {width}), got "
                             f"{list(given.shape)}")
    return given.reshape(batch, heads, given.shape[1], width)


def _projected(query, key, value, weights, bias) -> list[Tensor]:
    if isinstance(weights, tuple):
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]
    if query is key and key is value:
        return list(linear(query, weights, bias).chunk(3, -1))
    parts = weights.chunk(3)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), parts, biases)]


def _check_dims(query, key, value, key_padding_mask, attn_mask, heads: int) -> None:
    call = "multi_head_attention_forward"
    if query.dim() not in (2, 3):
        raise AssertionError(f"{call}: query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query")
    if key.dim() != query.dim() or value.dim() != query.dim():
        raise AssertionError(f"{call}: For a {query.dim()}-D query, expected key and value to be {query.dim()}-D but found "
                             f"{key.dim()}-D and {value.dim()}-D tensors respectively")
    if key_padding_mask is not None and key_padding_mask.dim() != query.dim() - 1:
        raise AssertionError(f"{call}: For a {query.dim()}-D query, expected key_padding_mask to be {query.dim() - 1}-D but "
                             f"found {key_padding_mask.dim()}-D")
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise AssertionError(f"{call}: expected attn_mask to be 2-D or 3-D, got {attn_mask.dim()}-D")


def _check_shapes(query, key, value, width: int, heads: int, separate: bool) -> None:
    call = "multi_head_attention_forward"
    if query.shape[-1] != width:
        raise AssertionError(f"{call}: was expecting embedding dimension of {width}, but got {query.shape[-1]}")
    if width % heads:
        raise AssertionError(f"{call}: embed_dim {width} not divisible by num_heads {heads}")
    same = key.shape[:2] == value.shape[:2] if separate else key.shape == value.shape
    if not same:
        raise AssertionError(f"{call}: key shape {list(key.shape)} does not match value shape {list(value.shape)}")


def _additive(mask: Tensor, like: Tensor, name: str) -> Tensor:
    """A mask of bools as 0 where allowed and -inf where not."""
    if mask.dtype.name == "bool":
        return zeros(mask.shape, dtype=like.dtype).masked_fill(mask, -math.inf)
    if not mask.is_floating_point():
        raise AssertionError(f"multi_head_attention_forward: only bool and floating types of {name} are supported, got "
                             f"{mask.dtype}")
    return mask.to(like.dtype)


def _merged_mask(attn_mask, key_padding_mask, query, key, heads: int) -> Tensor | None:
    """One mask to add to the scores (N, heads, T, S)."""
    (length, batch), source = query.shape[:2], key.shape[0]
    mask = None
    if attn_mask is not None:
        wanted = (length, source) if attn_mask.dim() == 2 else (batch * heads, length, source)
        if tuple(attn_mask.shape) != wanted:
            raise RuntimeError(f"multi_head_attention_forward: The shape of the {attn_mask.dim()}D attn_mask is "
                               f"{list(attn_mask.shape)}, but should be {list(wanted)}.")
        mask = _additive(attn_mask, query, "attn_mask")
        mask = mask.reshape((1, 1) + wanted if mask.dim() == 2 else (batch, heads, length, source))
    if key_padding_mask is not None:
        if tuple(key_padding_mask.shape) != (batch, source):
            raise AssertionError(f"multi_head_attention_forward: expecting key_padding_mask shape of {(batch, source)}, but "
                                 f"got {tuple(key_padding_mask.shape)}")
        padding = _additive(key_padding_mask, query, "key_padding_mask").reshape(batch, 1, 1, source)
        mask = padding if mask is None else mask + padding
    return mask


def _widened(mask: Tensor | None) -> Tensor | None:
    """One more key, which everyone may see."""
    return None if mask is None else cat([mask, full((*mask.shape[:-1], 1), 0.0, dtype=mask.dtype)], -1)
