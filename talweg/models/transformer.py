"""The Transformer, encoder and decoder (Vaswani et al., 2017; L 5.3, fig. 5.7), and Marian's translators, which are it."""

from __future__ import annotations

import functools
from typing import Any

from .. import nn
from ..io.layouts import Layout, Rule
from ..io.pretrained import Pretrained
from ..io.published import Checkpoint
from ..nn import init
from ..tensor import Tensor, zeros
from .blocks import Block, Cache, Decoder, TextEncoder, root_scale, sinusoids, sinusoids_in_halves

SIZES = {
    "base": {"width": 512, "layers": 6, "heads": 8, "hidden": 2048},
    "big": {"width": 1024, "layers": 6, "heads": 16, "hidden": 4096},
}


def _attention(half: str, theirs: str, ours: str) -> tuple[Rule, ...]:
    parts = (("q", "query"), ("k", "key"), ("v", "value"), ("out", "out"))
    return tuple(
        Rule(f"model.{half}.layers.*.{theirs}.{short}_proj.**", f"{half}.blocks.*.{ours}.{part}.**") for short, part in parts
    )


def _half(half: str) -> tuple[Rule, ...]:
    """Names of one stack's blocks as transformers writes Marian, BART and Whisper."""
    layer, block = f"model.{half}.layers.*.", f"{half}.blocks.*."
    cross: tuple[Rule, ...] = ()
    if half == "decoder":
        cross = (
            *_attention(half, "encoder_attn", "cross"),
            Rule(layer + "encoder_attn_layer_norm.**", block + "norm_cross.**"),
        )
    return (
        *_attention(half, "self_attn", "attention"),
        Rule(layer + "self_attn_layer_norm.**", block + "norm1.**"),
        *cross,
        Rule(layer + "fc1.**", block + "mlp.up.**"),
        Rule(layer + "fc2.**", block + "mlp.down.**"),
        Rule(layer + "final_layer_norm.**", block + "norm2.**"),
    )


BLOCK_RULES = (*_half("encoder"), *_half("decoder"))

MARIAN = Layout(
    "transformers",
    rules=(Rule("model.shared.weight", "encoder.tokens.weight"), Rule("final_logits_bias", "logits_bias"), *BLOCK_RULES),
    old=(Rule("model.decoder.embed_tokens.weight", "decoder.tokens.weight"),),
    ignored=("model.*.embed_positions.weight", "model.encoder.embed_tokens.weight", "lm_head.weight"),
)
"""Marian's names (Helsinki-NLP/opus-mt-*). Positions are computed, so that those in the file are not read."""


class Transformer(Pretrained):
    """Source tokens (B, S) and target tokens (B, T) to logits (B, T, vocabulary) of what follows each target token.

    Source, target and head share one table of tokens, or with `target_vocabulary` source and target have their own.
    Transformer() is the paper's base model over 37,000 byte pairs: 63,082,496 parameters, of which 44,138,496 in the
    blocks. `padding` is the id that fills up short sources. `positions`: "book" for sinusoids with sines and cosines
    in turn, "halves" for Marian's. Raises ValueError for other settings.
    """

    layouts = (MARIAN,)

    def __init__(
        self, vocabulary: int = 37000, width: int = 512, layers: int = 6, heads: int = 8, hidden: int = 2048, *,
        target_vocabulary: int | None = None, context: int = 512, dropout: float = 0.0, act: str = "relu",
        norm_first: bool = False, positions: str = "book", padding: int | None = None, scaled: bool = True,
        decoder_layers: int | None = None,
    ) -> None:
        super().__init__()
        if positions not in ("book", "halves"):
            raise ValueError(f"Transformer: positions must be 'book' or 'halves', got {positions!r}")
        self.padding, self.act, self.norm_first, self.scaled = padding, act, norm_first, scaled
        table = (sinusoids if positions == "book" else sinusoids_in_halves)(context, width)
        block = functools.partial(Block, width, heads, hidden, activation=act, norm_first=norm_first, dropout=dropout)
        scale = root_scale(width, scaled)
        source = nn.Embedding(vocabulary, width, padding_idx=padding)
        target = source if target_vocabulary is None else nn.Embedding(target_vocabulary, width)
        norms = [nn.LayerNorm(width) if norm_first else None for _ in range(2)]
        self.encoder = TextEncoder(source, table, [block() for _ in range(layers)], norms[0], scale, dropout)
        decoder = [block(cross=True) for _ in range(decoder_layers or layers)]
        self.decoder = Decoder(target, table, decoder, norms[1], scale, dropout)
        self.register_buffer("logits_bias", zeros(1, target.num_embeddings))
        self._first_values()

    def _first_values(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                init.xavier_uniform_(module.weight)
                init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                init.normal_(module.weight, std=module.embedding_dim**-0.5)

    @property
    def context(self) -> int:
        """The most tokens of a target."""
        return self.decoder.context

    def source_mask(self, source: Tensor) -> Tensor | None:
        """(B, 1, 1, S): True where the source is not padding."""
        return None if self.padding is None else (source != self.padding).unsqueeze(1).unsqueeze(1)

    def encode(self, source: Tensor) -> Tensor:
        """(B, S) to (B, S, width)."""
        return self.encoder(source, self.source_mask(source))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        logits = self.decoder(target, self.encode(source), self.source_mask(source))
        return logits + self.logits_bias

    def decode(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits of the next T target tokens (B, T, vocabulary); they are remembered."""
        return self.decoder(tokens, cache=cache) + self.logits_bias

    def make_cache(self, source: Tensor, room: int) -> Cache:
        """A decoder's cache for these sources, with room for so many target tokens."""
        return self.decoder.make_cache(self.encode(source), room, self.source_mask(source))

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config = checkpoint.config
        return {
            "vocabulary": config["vocab_size"], "width": config["d_model"], "layers": config["encoder_layers"],
            "decoder_layers": config["decoder_layers"], "heads": config["encoder_attention_heads"],
            "hidden": config["encoder_ffn_dim"], "context": config["max_position_embeddings"],
            "act": config.get("activation_function", "swish"), "positions": "halves",
            "padding": config.get("pad_token_id"), "scaled": config.get("scale_embedding", False),
        }

    def config_of(self, layout: str) -> dict[str, Any]:
        first = self.encoder.blocks[0]
        shared = {"attention_heads": first.attention.heads, "ffn_dim": first.mlp.up.out_features}
        counts = {"encoder_layers": len(self.encoder.blocks), "decoder_layers": len(self.decoder.blocks)}
        halves = {f"{half}_{name}": value for half in ("encoder", "decoder") for name, value in shared.items()}
        return {
            "model_type": "marian", "architectures": ["MarianMTModel"], "vocab_size": self.encoder.tokens.num_embeddings,
            "d_model": self.encoder.tokens.embedding_dim, **counts, **halves, "max_position_embeddings": self.context,
            "activation_function": self.act, "scale_embedding": self.scaled, "pad_token_id": self.padding,
            "decoder_start_token_id": self.padding, "share_encoder_decoder_embeddings": True, "tie_word_embeddings": True,
        }
