"""ViT: an image as a sequence of patches, read by a transformer encoder (Dosovitskiy et al., 2021; L 5.3, fig. 5.9).

A class token goes before the patches; its last state is classified. Checkpoints, other than the book's text, have learnt
positions, a bias in the patch projection and one linear layer as head.
"""

from __future__ import annotations

import math
from typing import Any, Self

from .. import nn
from ..io.layouts import Layout, Rule
from ..io.preprocessing import ImagePreprocessing
from ..io.pretrained import Pretrained
from ..io.published import Checkpoint
from ..nn import init
from ..tensor import Tensor, cat, no_grad, tanh, zeros
from .blocks import Block, resized_grid

SIZES = {
    "vit-ti": {"width": 192, "layers": 12, "heads": 3},
    "vit-s": {"width": 384, "layers": 12, "heads": 6},
    "vit-b": {"width": 768, "layers": 12, "heads": 12},
    "vit-l": {"width": 1024, "layers": 24, "heads": 16},
    "vit-h": {"width": 1280, "layers": 32, "heads": 16},
}
"""ViT-B/16 has 86,567,656 parameters, B/32 88,224,232, L/16 304,326,632 with 1,000 classes."""

_QKV = ("query", "key", "value")


def _packed(leaf: str) -> tuple[str, ...]:
    return tuple(f"blocks.*.attention.{part}.{leaf}" for part in _QKV)


def _transformers(name: str, under: str) -> Layout:
    layer = under + "encoder.layer.*."
    pairs = (
        (under + "embeddings.cls_token", "class_token"),
        (under + "embeddings.position_embeddings", "positions"),
        (under + "embeddings.patch_embeddings.projection.**", "patches.**"),
        (layer + "attention.attention.query.**", "blocks.*.attention.query.**"),
        (layer + "attention.attention.key.**", "blocks.*.attention.key.**"),
        (layer + "attention.attention.value.**", "blocks.*.attention.value.**"),
        (layer + "attention.output.dense.**", "blocks.*.attention.out.**"),
        (layer + "layernorm_before.**", "blocks.*.norm1.**"),
        (layer + "layernorm_after.**", "blocks.*.norm2.**"),
        (layer + "intermediate.dense.**", "blocks.*.mlp.up.**"),
        (layer + "output.dense.**", "blocks.*.mlp.down.**"),
        (under + "layernorm.**", "norm.**"),
        (under + "pooler.dense.**", "pooler.**"),
        ("classifier.**", "head.**"),
    )
    return Layout(name, rules=tuple(Rule(theirs, ours) for theirs, ours in pairs))


TRANSFORMERS = _transformers("transformers", "vit.")
BODY_ALONE = _transformers("transformers, body alone", "")

TIMM = Layout("timm", rules=(
    Rule("cls_token", "class_token"),
    Rule("pos_embed", "positions"),
    Rule("patch_embed.proj.**", "patches.**"),
    Rule("blocks.*.attn.qkv.weight", _packed("weight")),
    Rule("blocks.*.attn.qkv.bias", _packed("bias")),
    Rule("blocks.*.attn.proj.**", "blocks.*.attention.out.**"),
    Rule("blocks.*.mlp.fc1.**", "blocks.*.mlp.up.**"),
    Rule("blocks.*.mlp.fc2.**", "blocks.*.mlp.down.**"),
))

_LAYER = "encoder.layers.encoder_layer_*."
TORCHVISION = Layout("torchvision", rules=(
    Rule("class_token", "class_token"),
    Rule("encoder.pos_embedding", "positions"),
    Rule("conv_proj.**", "patches.**"),
    Rule(_LAYER + "self_attention.in_proj_weight", _packed("weight")),
    Rule(_LAYER + "self_attention.in_proj_bias", _packed("bias")),
    Rule(_LAYER + "self_attention.out_proj.**", "blocks.*.attention.out.**"),
    Rule(_LAYER + "ln_1.**", "blocks.*.norm1.**"),
    Rule(_LAYER + "ln_2.**", "blocks.*.norm2.**"),
    Rule(_LAYER + "mlp.0.**", "blocks.*.mlp.up.**"),
    Rule(_LAYER + "mlp.3.**", "blocks.*.mlp.down.**"),
    Rule("encoder.ln.**", "norm.**"),
    Rule("heads.head.**", "head.**"),
), old=(
    Rule(_LAYER + "mlp.linear_1.**", "blocks.*.mlp.up.**"),
    Rule(_LAYER + "mlp.linear_2.**", "blocks.*.mlp.down.**"),
))


class ViT(Pretrained):
    """Images (B, channels, image, image) to logits (B, classes), or with classes=0 to features of the class token.

    `pooler` puts a linear layer and tanh behind the features (transformers' ViTModel). Raises ValueError where the
    patches do not divide the image, and when called with images of another size.
    """

    layouts = (TRANSFORMERS, BODY_ALONE, TIMM, TORCHVISION)

    def __init__(
        self, image: int = 224, patch: int = 16, width: int = 768, layers: int = 12, heads: int = 12, *,
        classes: int = 1000, channels: int = 3, hidden: int | None = None, act: str = "gelu", pooler: bool = False,
        dropout: float = 0.0, eps: float = 1e-6,
    ) -> None:
        super().__init__()
        if patch < 1 or image < patch or image % patch:
            raise ValueError(f"ViT: the image's side must be a multiple of the patch's, got image {image} and patch {patch}")
        self.image, self.patch, self.heads, self.act, self.eps = image, patch, heads, act, eps
        self.patches = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)
        self.class_token = nn.Parameter(zeros(1, 1, width))
        self.positions = nn.Parameter(zeros(1, 1 + (image // patch) ** 2, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([
            Block(width, heads, hidden, activation=act, dropout=dropout, eps=eps) for _ in range(layers)
        ])
        self.norm = nn.LayerNorm(width, eps=eps)
        self.pooler = nn.Linear(width, width) if pooler else None
        self.head = nn.Linear(width, classes) if classes else None
        self._first_values()

    def _first_values(self) -> None:
        """As the paper's code: products keep variances at any width."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                init.xavier_uniform_(module.weight)
                init.zeros_(module.bias)
        init.normal_(self.patches.weight, std=math.sqrt(1 / self.patches.weight[0].numel()))
        init.zeros_(self.patches.bias)
        init.normal_(self.class_token, std=0.02)
        init.normal_(self.positions, std=0.02)

    def features(self, images: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 1 + patches, width), the class token first."""
        if tuple(images.shape[-2:]) != (self.image, self.image):
            raise ValueError(f"ViT: expected images of {self.image} x {self.image}, got {list(images.shape)}; "
                             "at_resolution() makes a model for another size")
        x = self.patches(images).flatten(2).transpose(1, 2)  # (B, C, H', W') -> (B, H' W', C)
        x = cat([self.class_token.expand(x.shape[0], -1, -1), x], 1)
        x = self.dropout(x + self.positions)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)[:, 0]  # (B, C)
        if self.pooler is not None:
            x = tanh(self.pooler(x))
        return x if self.head is None else self.head(x)

    def at_resolution(self, image: int) -> Self:
        """This model for images of another size: its position vectors are interpolated, the rest stays.

        Raises ValueError where the patches do not divide the image.
        """
        if image < self.patch or image % self.patch:
            raise ValueError(f"ViT.at_resolution: the image's side must be a multiple of {self.patch}, got {image}")
        old, new = self.image // self.patch, image // self.patch
        with no_grad():
            table = resized_grid(self.positions[0], (old, old), (new, new))
        self.positions = nn.Parameter(table.unsqueeze(0))
        self.image = image
        return self

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config = checkpoint.config
        if "hidden_size" in config:
            return cls._from_transformers(checkpoint)
        shapes = checkpoint.shapes
        if "patch_embed.proj.weight" in shapes:
            first, positions, head, depth = "patch_embed.proj.weight", "pos_embed", "head.weight", "blocks."
        else:
            first, positions = "conv_proj.weight", "encoder.pos_embedding"
            head, depth = "heads.head.weight", "encoder.layers.encoder_layer_"
        width, channels, patch, _ = shapes[first]
        layers = {name.removeprefix(depth).split(".")[0] for name in shapes if name.startswith(depth)}
        up = next(s for n, s in shapes.items() if n.endswith(("mlp.fc1.weight", "mlp.0.weight", "mlp.linear_1.weight")))
        return {
            "image": patch * math.isqrt(shapes[positions][1] - 1), "patch": patch, "width": width, "layers": len(layers),
            # Every published size but the largest two has heads of 64; files of these two libraries do not say.
            "heads": {1280: 16, 1408: 16}.get(width, width // 64), "hidden": up[0], "channels": channels,
            "classes": shapes[head][0] if head in shapes else 0, "eps": 1e-6,
        }

    @classmethod
    def _from_transformers(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config, shapes = checkpoint.config, checkpoint.shapes
        return {
            "image": config["image_size"], "patch": config["patch_size"], "width": config["hidden_size"],
            "layers": config["num_hidden_layers"], "heads": config["num_attention_heads"],
            "hidden": config["intermediate_size"], "channels": config.get("num_channels", 3),
            "act": config.get("hidden_act", "gelu"), "eps": config.get("layer_norm_eps", 1e-12),
            "classes": shapes["classifier.weight"][0] if "classifier.weight" in shapes else 0,
            "pooler": any("pooler" in name for name in shapes),
        }

    @classmethod
    def preprocessing_of(cls, checkpoint: Checkpoint) -> ImagePreprocessing | None:
        """torchvision's files say nothing, but each has its preset; timm's and transformers' differ and must say."""
        told = super().preprocessing_of(checkpoint)
        if told is not None or "conv_proj.weight" not in checkpoint.shapes:
            return told
        side = cls.settings_of(checkpoint)["image"]
        if "swag" in checkpoint.path.stem:
            return ImagePreprocessing(side, (side, side), "bicubic")
        return ImagePreprocessing(242 if "vit_l_16" in checkpoint.path.stem else 256, (side, side))

    def config_of(self, layout: str) -> dict[str, Any]:
        if not layout.startswith("transformers"):
            return {}
        classes = 0 if self.head is None else self.head.out_features
        config: dict[str, Any] = {
            "model_type": "vit", "architectures": ["ViTForImageClassification" if classes else "ViTModel"],
            "image_size": self.image, "patch_size": self.patch, "hidden_size": self.class_token.shape[-1],
            "num_hidden_layers": len(self.blocks), "num_attention_heads": self.heads,
            "intermediate_size": self.blocks[0].mlp.up.out_features, "num_channels": self.patches.in_channels,
            "hidden_act": self.act, "layer_norm_eps": self.eps, "qkv_bias": True,
        }
        if classes:
            config["num_labels"] = classes
            config["id2label"] = {str(i): f"LABEL_{i}" for i in range(classes)}
        return config
