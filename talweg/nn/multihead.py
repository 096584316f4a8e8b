"""Multi-head attention as a layer (L 4.8, figure 4.12)."""

from __future__ import annotations

from ..tensor import Tensor, empty
from . import functional as F
from . import init
from .linear import Linear
from .module import Module
from .parameter import Parameter


class NonDynamicallyQuantizableLinear(Linear):
    """Linear, under the name that the output projection has in PyTorch."""


class MultiheadAttention(Module):
    """Attention in `num_heads` heads of width embed_dim / num_heads, with projections in and out (Vaswani et al., 2017).

    Parameters: in_proj_weight (3 E, E), or q_proj_weight (E, E), k_proj_weight (E, kdim), v_proj_weight (E, vdim) where
    kdim or vdim differ from E, all Xavier uniform; in_proj_bias (3 E) and out_proj.bias (E), zero; out_proj.weight (E, E);
    with add_bias_kv bias_k and bias_v (1, 1, E), Xavier normal. Raises ValueError for sizes that are not positive,
    AssertionError where the heads do not divide embed_dim.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device=None, dtype=None,
    ):
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"MultiheadAttention: embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} "
                             f"and num_heads={num_heads} instead")
        if embed_dim % num_heads:
            raise AssertionError(f"MultiheadAttention: embed_dim {embed_dim} must be divisible by num_heads {num_heads}")
        factory = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        self._add_projections(bias, add_bias_kv, factory)
        self._reset_parameters()

    def _add_projections(self, bias: bool, add_bias_kv: bool, factory: dict) -> None:
        width = self.embed_dim
        together = self._qkv_same_embed_dim
        self._own("in_proj_weight", (3 * width, width) if together else None, factory)
        for name, columns in (("q", width), ("k", self.kdim), ("v", self.vdim)):
            self._own(f"{name}_proj_weight", None if together else (width, columns), factory)
        self._own("in_proj_bias", (3 * width,) if bias else None, factory)
        self.out_proj = NonDynamicallyQuantizableLinear(width, width, bias=bias, **factory)
        for name in ("bias_k", "bias_v"):
            self._own(name, (1, 1, width) if add_bias_kv else None, factory)

    def _own(self, name: str, shape: tuple | None, factory: dict) -> None:
        self.register_parameter(name, None if shape is None else Parameter(empty(*shape, **factory)))

    def _reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def __setstate__(self, state: dict) -> None:
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(outputs, weights or None): see nn.functional.multi_head_attention_forward for shapes and masks.

        Inputs are (T, N, E), with batch_first (N, T, E), or (T, E).
        """
        swap = self.batch_first and query.dim() == 3
        if swap:
            same = query is key, key is value
            query = query.transpose(1, 0)
            key = query if same[0] else key.transpose(1, 0)
            value = key if same[1] else value.transpose(1, 0)
        out, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal,
        )
        return (out.transpose(1, 0) if swap else out), weights
