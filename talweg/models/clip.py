"""CLIP: an image encoder and a text encoder whose outputs agree for what belongs together (Radford et al., 2021; L 6.6)."""

from __future__ import annotations

import math
from typing import Any

from .. import nn
from ..io.layouts import Layout, Rule
from ..io.preprocessing import ImagePreprocessing
from ..io.pretrained import Pretrained
from ..io.published import Checkpoint
from ..nn import functional as F
from ..nn import init
from ..tensor import Tensor, arange, cat, empty, tensor
from .blocks import Block
from .clip_open import KEYS, preprocessing_by, settings_by
from .clip_resnet import ImageResNet

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of the pictures of the paper

SIZES: dict[str, dict[str, Any]] = {
    "ViT-B/32": {"embedding": 512, "text_width": 512, "image_encoder": {"patch": 32}},
    "ViT-B/16": {"embedding": 512, "text_width": 512, "image_encoder": {"patch": 16}},
    "ViT-L/14": {"embedding": 768, "text_width": 768, "image_encoder": {
        "patch": 14, "width": 1024, "layers": 24, "heads": 16}},
    "RN50": {"embedding": 1024, "text_width": 512, "image_encoder": {"kind": "resnet"}},
}
"""151,277,313, 149,620,737, 427,616,513 and 102,007,137 parameters."""

_PARTS = (("q", "query"), ("k", "key"), ("v", "value"), ("out", "out"))


def _transformers(theirs: str, ours: str) -> tuple[Rule, ...]:
    layer, block = theirs + ".encoder.layers.*.", ours + ".blocks.*."
    attention = tuple(Rule(f"{layer}self_attn.{p}_proj.**", f"{block}attention.{part}.**") for p, part in _PARTS)
    return (
        *attention,
        Rule(layer + "layer_norm1.**", block + "norm1.**"),
        Rule(layer + "layer_norm2.**", block + "norm2.**"),
        Rule(layer + "mlp.fc1.**", block + "mlp.up.**"),
        Rule(layer + "mlp.fc2.**", block + "mlp.down.**"),
    )


TRANSFORMERS = Layout("transformers", rules=(
    Rule("text_model.embeddings.token_embedding.**", "text.tokens.**"),
    Rule("text_model.embeddings.position_embedding.weight", "text.positions"),
    Rule("text_model.final_layer_norm.**", "text.norm.**"),
    Rule("text_projection.**", "text.projection.**"),
    *_transformers("text_model", "text"),
    Rule("vision_model.embeddings.class_embedding", "image.class_token"),
    Rule("vision_model.embeddings.patch_embedding.**", "image.patches.**"),
    Rule("vision_model.embeddings.position_embedding.weight", "image.positions"),
    Rule("vision_model.pre_layrnorm.**", "image.norm_before.**"),
    Rule("vision_model.post_layernorm.**", "image.norm.**"),
    Rule("visual_projection.**", "image.projection.**"),
    *_transformers("vision_model", "image"),
), ignored=("*.embeddings.position_ids",))


def _openai(theirs: str, ours: str) -> tuple[Rule, ...]:
    layer, block = theirs + "resblocks.*.", ours + ".blocks.*."

    def packed(leaf: str) -> tuple[str, ...]:
        return tuple(f"{block}attention.{part}.{leaf}" for part in ("query", "key", "value"))

    return (
        Rule(layer + "attn.in_proj_weight", packed("weight")),
        Rule(layer + "attn.in_proj_bias", packed("bias")),
        Rule(layer + "attn.out_proj.**", block + "attention.out.**"),
        Rule(layer + "ln_1.**", block + "norm1.**"),
        Rule(layer + "ln_2.**", block + "norm2.**"),
        Rule(layer + "mlp.c_fc.**", block + "mlp.up.**"),
        Rule(layer + "mlp.c_proj.**", block + "mlp.down.**"),
    )


_OPENAI_TEXT = (
    Rule("token_embedding.**", "text.tokens.**"),
    Rule("positional_embedding", "text.positions"),
    Rule("ln_final.**", "text.norm.**"),
    Rule("text_projection", "text.projection.weight", transpose=True),
    *_openai("transformer.", "text"),
)
_IGNORED = ("input_resolution", "context_length", "vocab_size", "attn_mask")

OPENAI = Layout("openai", rules=(
    *_OPENAI_TEXT,
    Rule("visual.class_embedding", "image.class_token"),
    Rule("visual.positional_embedding", "image.positions"),
    Rule("visual.conv1.**", "image.patches.**"),
    Rule("visual.ln_pre.**", "image.norm_before.**"),
    Rule("visual.ln_post.**", "image.norm.**"),
    Rule("visual.proj", "image.projection.weight", transpose=True),
    *_openai("visual.transformer.", "image"),
), ignored=_IGNORED)

OPENAI_RESNET = Layout("openai, ResNet", rules=(
    *_OPENAI_TEXT,
    Rule("visual.attnpool.positional_embedding", "image.attnpool.positions"),
    Rule("visual.attnpool.q_proj.**", "image.attnpool.attention.query.**"),
    Rule("visual.attnpool.k_proj.**", "image.attnpool.attention.key.**"),
    Rule("visual.attnpool.v_proj.**", "image.attnpool.attention.value.**"),
    Rule("visual.attnpool.c_proj.**", "image.attnpool.attention.out.**"),
    Rule("visual.**", "image.**"),
), ignored=_IGNORED)


class ImageTransformer(nn.Module):
    """Images (B, 3, size, size) to (B, embedding): a ViT with a norm before its blocks and a matrix as head."""

    def __init__(
        self, embedding: int, size: int = 224, patch: int = 32, width: int = 768, layers: int = 12, heads: int = 12,
        hidden: int | None = None, act: str = "quick_gelu",
    ) -> None:
        super().__init__()
        self.size, self.patch, self.act = size, patch, act
        self.patches = nn.Conv2d(3, width, kernel_size=patch, stride=patch, bias=False)
        self.class_token = nn.Parameter(empty(width))
        self.positions = nn.Parameter(empty(1 + (size // patch) ** 2, width))
        self.norm_before = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([Block(width, heads, hidden, activation=act) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embedding, bias=False)
        for parameter in (self.class_token, self.positions, self.projection.weight):
            init.normal_(parameter, std=width**-0.5)

    def forward(self, images: Tensor) -> Tensor:
        if tuple(images.shape[-2:]) != (self.size, self.size):
            raise ValueError(f"CLIP: expected images of {self.size} x {self.size}, got {list(images.shape)}")
        x = self.patches(images).flatten(2).transpose(1, 2)  # (B, C, H', W') -> (B, H' W', C)
        token = self.class_token.expand(x.shape[0], 1, -1)
        x = self.norm_before(cat([token, x], 1) + self.positions)
        for block in self.blocks:
            x = block(x)
        return self.projection(self.norm(x[:, 0]))


class TextTransformer(nn.Module):
    """Tokens (B, T) to (B, embedding): a causal transformer, read at the end token.

    That is the first token equal to `end`, or where `end` is None the largest id (the published vocabulary ends with it).
    """

    def __init__(
        self, embedding: int, vocabulary: int = 49408, context: int = 77, width: int = 512, layers: int = 12,
        heads: int = 8, hidden: int | None = None, act: str = "quick_gelu", end: int | None = None,
    ) -> None:
        super().__init__()
        self.context, self.end, self.act = context, end, act
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(empty(context, width))
        self.blocks = nn.ModuleList([Block(width, heads, hidden, activation=act) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embedding, bias=False)
        self._first_values(width, layers)

    def _first_values(self, width: int, layers: int) -> None:
        """As the paper's code: smaller on the paths into the sum."""
        init.normal_(self.tokens.weight, std=0.02)
        init.normal_(self.positions, std=0.01)
        init.normal_(self.projection.weight, std=width**-0.5)
        for block in self.blocks:
            for part in (block.attention.query, block.attention.key, block.attention.value):
                init.normal_(part.weight, std=width**-0.5)
            for part in (block.attention.out, block.mlp.down):
                init.normal_(part.weight, std=(2 * layers * width) ** -0.5)
            init.normal_(block.mlp.up.weight, std=(2 * width) ** -0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        B, T = tokens.shape
        if self.context < T:
            raise ValueError(f"CLIP: {T} tokens are more than the context of {self.context}")
        x = self.tokens(tokens) + self.positions[:T]  # (B, T, C)
        for block in self.blocks:
            x = block(x, causal=True)
        at = tokens.argmax(-1) if self.end is None else (tokens == self.end).int().argmax(-1)  # (B,)
        return self.projection(self.norm(x[arange(B), at]))


class CLIP(Pretrained):
    """Images (B, 3, size, size) and texts (N, T) to the logits of each image with each text, (B, N), and (N, B).

    exp(logit_scale) times the cosine of their embeddings, the scale at most 100 (section 2.3). `image_encoder` are
    the settings of an ImageTransformer, or with kind="resnet" of an ImageResNet. CLIP(**SIZES["ViT-B/32"]).
    """

    layouts = (TRANSFORMERS, OPENAI, OPENAI_RESNET)

    def __init__(
        self, embedding: int = 512, text_width: int = 512, *, image_encoder: dict[str, Any] | None = None,
        **text_encoder: Any,
    ) -> None:
        super().__init__()
        settings = dict(image_encoder or {})
        kind = settings.pop("kind", "vit")
        if kind not in ("vit", "resnet"):
            raise ValueError(f"CLIP: the image encoder must be of kind 'vit' or 'resnet', got {kind!r}")
        text = {"heads": max(text_width // 64, 1)} | text_encoder
        self.embedding = embedding
        self.image = (ImageTransformer if kind == "vit" else ImageResNet)(embedding, **settings)
        self.text = TextTransformer(embedding, width=text_width, **text)
        self.logit_scale = nn.Parameter(tensor(math.log(1 / 0.07)))

    def encode_images(self, images: Tensor) -> Tensor:
        """Embeddings of length 1, (B, embedding)."""
        return F.normalize(self.image(images), dim=-1)

    def encode_texts(self, tokens: Tensor) -> Tensor:
        """Embeddings of length 1, (N, embedding)."""
        return F.normalize(self.text(tokens), dim=-1)

    def forward(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        scale = self.logit_scale.exp().clamp(max=100.0)
        logits = self.encode_images(images).matmul(self.encode_texts(tokens).t()) * scale  # (B, N)
        return logits, logits.t()

    def loss(self, images: Tensor, tokens: Tensor) -> Tensor:
        """Cross-entropy of finding the text of each image and the image of each text, image i and text i being a pair."""
        by_image, by_text = self(images, tokens)
        pairs = arange(by_image.shape[0])
        return (F.cross_entropy(by_image, pairs) + F.cross_entropy(by_text, pairs)) / 2

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config = checkpoint.config
        if "text_config" in config:
            return _from_config(config)
        implied = _from_shapes(checkpoint.shapes)
        return settings_by(config, implied) if any(key in config for key in KEYS) else implied

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        """OpenAI's files say nothing: all were trained alike, and open_clip's say what is different."""
        told = super().preprocessing_of(checkpoint)
        if told is not None or "text_config" in checkpoint.config:
            return told
        side = _from_shapes(checkpoint.shapes)["image_encoder"]["size"]
        return preprocessing_by(checkpoint.config, ImagePreprocessing(side, (side, side), "bicubic", MEAN, STD))

    def config_of(self, layout: str) -> dict[str, Any]:
        if layout != TRANSFORMERS.name:
            return {}
        text, image = self.text, self.image
        return {
            "model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": self.embedding,
            "text_config": {
                **_shared(text), "model_type": "clip_text_model", "vocab_size": text.tokens.num_embeddings,
                "max_position_embeddings": text.context, "projection_dim": self.embedding,
                # transformers reads at the largest id where it finds the end token 2, as the first files have it.
                "eos_token_id": 2 if text.end is None else text.end,
            },
            "vision_config": {
                **_shared(image), "model_type": "clip_vision_model", "image_size": image.size,
                "patch_size": image.patch, "projection_dim": self.embedding,
            },
        }


def _shared(encoder) -> dict[str, Any]:
    block = encoder.blocks[0]
    return {
        "hidden_size": encoder.norm.normalized_shape[0], "intermediate_size": block.mlp.up.out_features,
        "num_hidden_layers": len(encoder.blocks), "num_attention_heads": block.attention.heads,
        "hidden_act": encoder.act,
    }


def _from_config(config: dict[str, Any]) -> dict[str, Any]:
    def shared(part: dict[str, Any]) -> dict[str, Any]:
        return {
            "layers": part.get("num_hidden_layers", 12), "hidden": part.get("intermediate_size"),
            "act": part.get("hidden_act", "quick_gelu"),
        }

    text, image = config["text_config"], config["vision_config"]
    end = text.get("eos_token_id", 49407)
    return {
        "embedding": config.get("projection_dim", 512), "text_width": text.get("hidden_size", 512), **shared(text),
        "heads": text.get("num_attention_heads", 8), "vocabulary": text.get("vocab_size", 49408),
        "context": text.get("max_position_embeddings", 77), "end": None if end == 2 else end,
        "image_encoder": {
            **shared(image), "size": image.get("image_size", 224), "patch": image.get("patch_size", 32),
            "width": image.get("hidden_size", 768), "heads": image.get("num_attention_heads", 12),
        },
    }


def _from_shapes(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Of OpenAI's files, which say nothing else: heads are 64 wide."""

    def depth(prefix: str) -> int:
        return len({name.removeprefix(prefix).split(".")[0] for name in shapes if name.startswith(prefix)})

    vocabulary, text_width = shapes["token_embedding.weight"]
    text = {
        "embedding": shapes["text_projection"][1], "text_width": text_width, "vocabulary": vocabulary,
        "context": shapes["positional_embedding"][0], "layers": depth("transformer.resblocks."),
    }
    if "visual.proj" in shapes:
        width, _, patch, _ = shapes["visual.conv1.weight"]
        side = patch * math.isqrt(shapes["visual.positional_embedding"][0] - 1)
        layers = depth("visual.transformer.resblocks.")
        image: dict[str, Any] = {"size": side, "patch": patch, "width": width, "heads": max(width // 64, 1), "layers": layers}
    else:
        image = {
            "kind": "resnet", "width": shapes["visual.layer1.0.conv1.weight"][0],
            "size": 32 * math.isqrt(shapes["visual.attnpool.positional_embedding"][0] - 1),
            "layers": tuple(depth(f"visual.layer{i}.") for i in range(1, 5)),
        }
    return {**text, "image_encoder": image}
