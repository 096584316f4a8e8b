"""Whisper: speech to text by an encoder-decoder (Radford et al., 2022, section 2.2; L 6.5).

Two convolutions turn a log-mel spectrogram into half as many vectors; the rest is a Transformer, normalised first, with
sinusoids in the encoder and learnt positions in the decoder.
"""

from __future__ import annotations

import functools
from typing import Any

from .. import nn
from ..io.layouts import Layout, Rule
from ..io.pretrained import Pretrained
from ..io.published import Checkpoint
from ..nn import functional as F
from ..nn import init
from ..tensor import Tensor, empty, no_grad
from .blocks import Block, Cache, Decoder, sinusoids_in_halves
from .transformer import BLOCK_RULES

SIZES = {
    "tiny": {"width": 384, "layers": 4, "heads": 6},
    "base": {"width": 512, "layers": 6, "heads": 8},
    "small": {"width": 768, "layers": 12, "heads": 12},
    "medium": {"width": 1024, "layers": 24, "heads": 16},
    "large": {"width": 1280, "layers": 32, "heads": 20},
}
"""37,760,640, 72,593,920 and 241,734,912 parameters for the first three, the encoder's sinusoids among them."""

ENGLISH = 51864
"""The vocabulary of the models that know English alone; the others have one token more."""

TRANSFORMERS = Layout("transformers", rules=(
    Rule("model.encoder.conv1.**", "encoder.conv1.**"),
    Rule("model.encoder.conv2.**", "encoder.conv2.**"),
    Rule("model.encoder.embed_positions.weight", "encoder.positions"),
    Rule("model.encoder.layer_norm.**", "encoder.norm.**"),
    Rule("model.decoder.embed_tokens.**", "decoder.tokens.**"),
    Rule("model.decoder.embed_positions.weight", "decoder.positions"),
    Rule("model.decoder.layer_norm.**", "decoder.norm.**"),
    *BLOCK_RULES,
), ignored=("proj_out.weight",))


def _openai(half: str) -> tuple[Rule, ...]:
    block = half + ".blocks.*."
    cross: tuple[Rule, ...] = ()
    if half == "decoder":
        cross = (Rule(block + "cross_attn.**", block + "cross.**"), Rule(block + "cross_attn_ln.**", block + "norm_cross.**"))
    return (
        *cross,
        Rule(block + "attn.**", block + "attention.**"),
        Rule(block + "attn_ln.**", block + "norm1.**"),
        Rule(block + "mlp.0.**", block + "mlp.up.**"),
        Rule(block + "mlp.2.**", block + "mlp.down.**"),
        Rule(block + "mlp_ln.**", block + "norm2.**"),
    )


OPENAI = Layout("openai", rules=(
    Rule("encoder.positional_embedding", "encoder.positions"),
    Rule("encoder.ln_post.**", "encoder.norm.**"),
    Rule("decoder.token_embedding.**", "decoder.tokens.**"),
    Rule("decoder.positional_embedding", "decoder.positions"),
    Rule("decoder.ln.**", "decoder.norm.**"),
    *_openai("encoder"),
    *_openai("decoder"),
), ignored=("decoder.mask",))


LISTENING = 2.5  # spectrograms of speech deviate from their mean by about 0.1, after two convolutions by 0.5


class AudioEncoder(nn.Module):
    """Log-mel spectrograms (B, mels, 2 S) to features (B, S, width), S the context: 1,500 for 30 seconds."""

    def __init__(self, mels: int, context: int, width: int, blocks: list[Block]) -> None:
        super().__init__()
        self.context = context
        self.conv1 = nn.Conv1d(mels, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        table = sinusoids_in_halves(context, width, last=width // 2 - 1)
        self.positions = nn.Parameter(table, requires_grad=False)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)

    def forward(self, mel: Tensor) -> Tensor:
        expected = [self.conv1.in_channels, 2 * self.context]
        if list(mel.shape[1:]) != expected:
            raise ValueError(f"Whisper: expected spectrograms (B, {expected[0]}, {expected[1]}), got {list(mel.shape)}")
        x = F.gelu(self.conv1(mel))  # (B, C, 2 S)
        x = F.gelu(self.conv2(x)).transpose(1, 2)  # (B, C, S) -> (B, S, C)
        x = x + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Whisper(Pretrained):
    """Spectrograms (B, mels, 2 audio_context) and tokens (B, T) to logits (B, T, vocabulary).

    Whisper(**SIZES["tiny"]) is the multilingual tiny one; vocabulary 51864 makes the English ones. Attention has no
    bias on keys. Raises ValueError for spectrograms of another size or more tokens than text_context.
    """

    layouts = (TRANSFORMERS, OPENAI)

    def __init__(
        self, width: int = 384, layers: int = 4, heads: int = 6, *, vocabulary: int = 51865, mels: int = 80,
        audio_context: int = 1500, text_context: int = 448, hidden: int | None = None, decoder_layers: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        block = functools.partial(Block, width, heads, hidden, dropout=dropout, key_bias=False)
        self.encoder = AudioEncoder(mels, audio_context, width, [block() for _ in range(layers)])
        positions = nn.Parameter(empty(text_context, width))
        decoder = [block(cross=True) for _ in range(decoder_layers or layers)]
        self.decoder = Decoder(nn.Embedding(vocabulary, width), positions, decoder, nn.LayerNorm(width), dropout=dropout)
        self._first_values()

    def _first_values(self) -> None:
        """Convolutions enlarge what they hear until it changes over time as much as the positions that are added, which
        would drown it otherwise: a small network would learn for long without listening."""
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                init.kaiming_normal_(module.weight, nonlinearity="relu")
                with no_grad():
                    module.weight *= LISTENING
            elif isinstance(module, nn.Linear):
                init.xavier_uniform_(module.weight)
            elif isinstance(module, nn.Embedding):
                init.normal_(module.weight, std=0.02)
            if isinstance(module, (nn.Linear, nn.Conv1d)) and module.bias is not None:
                init.zeros_(module.bias)
        init.normal_(self.decoder.positions, std=0.02)

    @property
    def context(self) -> int:
        """The most tokens of a text."""
        return self.decoder.context

    def encode(self, mel: Tensor) -> Tensor:
        """(B, mels, 2 S) to (B, S, width)."""
        return self.encoder(mel)

    def forward(self, mel: Tensor, tokens: Tensor) -> Tensor:
        return self.decoder(tokens, self.encoder(mel))

    def decode(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits of the next T tokens (B, T, vocabulary); they are remembered."""
        return self.decoder(tokens, cache=cache)

    def make_cache(self, mel: Tensor, room: int) -> Cache:
        """A decoder's cache for these spectrograms, with room for so many tokens."""
        return self.decoder.make_cache(self.encoder(mel), room)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config, shapes = checkpoint.config, checkpoint.shapes
        if "d_model" in config:
            return {
                "width": config["d_model"], "layers": config["encoder_layers"], "decoder_layers": config["decoder_layers"],
                "heads": config["encoder_attention_heads"], "hidden": config["encoder_ffn_dim"],
                "vocabulary": config["vocab_size"], "mels": config["num_mel_bins"],
                "audio_context": config["max_source_positions"], "text_context": config["max_target_positions"],
            }
        vocabulary, width = shapes["decoder.token_embedding.weight"]
        return {
            # OpenAI's files do not say: each head is 64 wide.
            "width": width, "heads": width // 64, "vocabulary": vocabulary, "mels": shapes["encoder.conv1.weight"][1],
            "layers": _depth(shapes, "encoder"), "decoder_layers": _depth(shapes, "decoder"),
            "audio_context": shapes["encoder.positional_embedding"][0],
            "text_context": shapes["decoder.positional_embedding"][0],
            "hidden": shapes["encoder.blocks.0.mlp.0.weight"][0],
        }

    def config_of(self, layout: str) -> dict[str, Any]:
        if layout != TRANSFORMERS.name:
            return {}
        first = self.encoder.blocks[0]
        vocabulary, width = self.decoder.tokens.weight.shape
        end = min(50256 if vocabulary == ENGLISH else 50257, vocabulary - 2)  # <|endoftext|>, then <|startoftranscript|>
        return {
            "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "d_model": width,
            "vocab_size": vocabulary, "num_mel_bins": self.encoder.conv1.in_channels,
            "encoder_layers": len(self.encoder.blocks), "decoder_layers": len(self.decoder.blocks),
            "encoder_attention_heads": first.attention.heads, "decoder_attention_heads": first.attention.heads,
            "encoder_ffn_dim": first.mlp.up.out_features, "decoder_ffn_dim": first.mlp.up.out_features,
            "max_source_positions": self.encoder.context, "max_target_positions": self.context,
            "bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": end + 1,
        }


def _depth(shapes: dict[str, tuple[int, ...]], half: str) -> int:
    return len({name.split(".")[2] for name in shapes if name.startswith(half + ".blocks.")})
