"""GPT: a causal transformer trained to predict the next token (Radford et al., 2018; L 5.3, fig. 5.8).

As the first Transformer it normalises after each sum; there is no norm before the head.
"""

from __future__ import annotations

from typing import Any

from ..io.layouts import Layout, Rule
from ..io.published import Checkpoint
from .blocks import CausalLM
from .gpt2 import TRANSFORMERS as GPT2_NAMES

TRANSFORMERS = Layout(
    "transformers",
    rules=(Rule("tokens_embed.**", "tokens.**"), Rule("positions_embed.**", "positions.**"), *GPT2_NAMES.rules[2:-1]),
    ignored=("position_ids", *GPT2_NAMES.ignored),
    prefixes=("transformer.",),
    saved_under="transformer.",
)


class GPT(CausalLM):
    """Tokens (B, T) to logits (B, T, vocabulary). GPT() is the published one, 116,534,784 parameters."""

    layouts = (TRANSFORMERS,)

    def __init__(
        self, vocabulary: int = 40478, context: int = 512, width: int = 768, layers: int = 12, heads: int = 12, *,
        activation: str = "gelu_new", dropout: float = 0.0, eps: float = 1e-5,
    ) -> None:
        super().__init__(vocabulary, context, width, layers, heads, norm_first=False, hidden=None,
                         activation=activation, dropout=dropout, eps=eps)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config = checkpoint.config
        # The published configuration says "gelu" and means the approximation by tanh.
        name = config.get("afn", "gelu")
        return {
            "vocabulary": config["vocab_size"], "context": config["n_positions"], "width": config["n_embd"],
            "layers": config["n_layer"], "heads": config["n_head"], "activation": "gelu_new" if name == "gelu" else name,
            "eps": config.get("layer_norm_epsilon", 1e-5),
        }

    def config_of(self, layout: str) -> dict[str, Any]:
        return {
            "model_type": "openai-gpt", "architectures": ["OpenAIGPTLMHeadModel"], "vocab_size": self.vocabulary,
            "n_positions": self.context, "n_embd": self.width, "n_layer": len(self.blocks), "n_head": self.heads,
            "afn": "gelu" if self.activation == "gelu_new" else self.activation, "layer_norm_epsilon": self.eps,
        }
