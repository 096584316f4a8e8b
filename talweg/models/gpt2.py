"""GPT-2: the causal transformer with its norms moved before each part (Radford et al., 2019; L 5.3, fig. 5.8)."""

from __future__ import annotations

from typing import Any

from ..io.layouts import Layout, Rule
from ..io.published import Checkpoint
from .blocks import CausalLM

SIZES = {
    "gpt2": {"width": 768, "layers": 12, "heads": 12},
    "gpt2-medium": {"width": 1024, "layers": 24, "heads": 16},
    "gpt2-large": {"width": 1280, "layers": 36, "heads": 20},
    "gpt2-xl": {"width": 1600, "layers": 48, "heads": 25},
}
"""The four published sizes: 124,439,808, 354,823,168, 774,030,080 and 1,557,611,200 parameters."""

_ATTENTION = tuple(f"blocks.*.attention.{part}.**" for part in ("query", "key", "value"))

TRANSFORMERS = Layout(
    "transformers",
    rules=(
        Rule("wte.**", "tokens.**"),
        Rule("wpe.**", "positions.**"),
        Rule("h.*.ln_1.**", "blocks.*.norm1.**"),
        Rule("h.*.attn.c_attn.**", _ATTENTION, transpose=True),
        Rule("h.*.attn.c_proj.**", "blocks.*.attention.out.**", transpose=True),
        Rule("h.*.ln_2.**", "blocks.*.norm2.**"),
        Rule("h.*.mlp.c_fc.**", "blocks.*.mlp.up.**", transpose=True),
        Rule("h.*.mlp.c_proj.**", "blocks.*.mlp.down.**", transpose=True),
        Rule("ln_f.**", "norm.**"),
    ),
    ignored=("h.*.attn.bias", "h.*.attn.masked_bias", "lm_head.weight"),
    prefixes=("transformer.",),
    saved_under="transformer.",
)
"""Weights lie (in, out) there, the three projections of attention in one, and the causal mask beside them."""


class GPT2(CausalLM):
    """Tokens (B, T) to logits (B, T, vocabulary), T at most the context.

    GPT2() is the smallest published one; GPT2(**SIZES["gpt2-xl"]) the largest. The head is tied to the tokens' table.
    """

    layouts = (TRANSFORMERS,)

    def __init__(
        self, vocabulary: int = 50257, context: int = 1024, width: int = 768, layers: int = 12, heads: int = 12, *,
        hidden: int | None = None, activation: str = "gelu_new", dropout: float = 0.0, eps: float = 1e-5,
    ) -> None:
        super().__init__(vocabulary, context, width, layers, heads, norm_first=True, hidden=hidden,
                         activation=activation, dropout=dropout, eps=eps)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config = checkpoint.config
        if not config.get("tie_word_embeddings", True):
            raise ValueError(f"{checkpoint.path}: its head is not tied to the tokens' table, which GPT2 takes for granted")
        return {
            "vocabulary": config["vocab_size"], "context": config["n_positions"], "width": config["n_embd"],
            "layers": config["n_layer"], "heads": config["n_head"], "hidden": config.get("n_inner"),
            "activation": config.get("activation_function", "gelu_new"), "eps": config.get("layer_norm_epsilon", 1e-5),
        }

    def config_of(self, layout: str) -> dict[str, Any]:
        return {
            "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": self.vocabulary,
            "n_positions": self.context, "n_embd": self.width, "n_layer": len(self.blocks), "n_head": self.heads,
            "n_inner": self.blocks[0].mlp.up.out_features, "activation_function": self.activation,
            "layer_norm_epsilon": self.eps, "tie_word_embeddings": True,
        }
