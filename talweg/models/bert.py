"""BERT: a transformer encoder that reads in both directions (Devlin et al., 2019; L 5.3).

It is trained to fill in masked tokens and to say whether one sentence follows another; its first token, [CLS], then
serves to classify the whole text.
"""

from __future__ import annotations

from typing import Any

from .. import nn
from ..io.layouts import Layout, Rule
from ..io.pretrained import Pretrained
from ..io.published import Checkpoint
from ..nn import functional as F
from ..nn import init
from ..tensor import Tensor, arange, tanh, zeros_like
from .blocks import Block, activation

HEADS = ("none", "masked", "pretraining", "classes")
ARCHITECTURES = {
    "BertModel": "none", "BertForMaskedLM": "masked", "BertForPreTraining": "pretraining",
    "BertForSequenceClassification": "classes",
}
SIZES = {
    "bert-base": {"width": 768, "layers": 12, "heads": 12},
    "bert-large": {"width": 1024, "layers": 24, "heads": 16},
}


def _body(under: str) -> tuple[Rule, ...]:
    """Names of the encoder, which lie under "bert." in files that hold a head as well."""
    layer = under + "encoder.layer.*."
    pairs = (
        (under + "embeddings.word_embeddings.**", "tokens.**"),
        (under + "embeddings.position_embeddings.**", "positions.**"),
        (under + "embeddings.token_type_embeddings.**", "segments.**"),
        (under + "embeddings.LayerNorm.**", "norm.**"),
        (layer + "attention.self.query.**", "blocks.*.attention.query.**"),
        (layer + "attention.self.key.**", "blocks.*.attention.key.**"),
        (layer + "attention.self.value.**", "blocks.*.attention.value.**"),
        (layer + "attention.output.dense.**", "blocks.*.attention.out.**"),
        (layer + "attention.output.LayerNorm.**", "blocks.*.norm1.**"),
        (layer + "intermediate.dense.**", "blocks.*.mlp.up.**"),
        (layer + "output.dense.**", "blocks.*.mlp.down.**"),
        (layer + "output.LayerNorm.**", "blocks.*.norm2.**"),
        (under + "pooler.dense.**", "pooler.**"),
    )
    return tuple(Rule(theirs, ours) for theirs, ours in pairs)


_HEADS = (
    Rule("cls.predictions.bias", "masked_bias"),
    Rule("cls.predictions.transform.dense.**", "masked_transform.**"),
    Rule("cls.predictions.transform.LayerNorm.**", "masked_norm.**"),
    Rule("cls.seq_relationship.**", "following.**"),
    Rule("classifier.**", "classifier.**"),
)


def _old(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The first files call the norms' weights gamma and beta."""
    found = []
    for rule in rules:
        theirs, ours = str(rule.published), str(rule.own)
        if "LayerNorm" in theirs:
            for old, new in (("gamma", "weight"), ("beta", "bias")):
                found.append(Rule(theirs.replace("**", old), ours.replace("**", new)))
    return tuple(found)


def _layout(name: str, under: str) -> Layout:
    rules = (*_body(under), *_HEADS)
    # Old names come first: in the rules proper `**` would take them for weights of today.
    return Layout(name, rules=rules, ignored=(
        under + "embeddings.position_ids", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
    ))


TRANSFORMERS = _layout("transformers", "bert.")
BODY_ALONE = _layout("transformers, body alone", "")
_FIRST_RULES = (*_old((*_body("bert."), *_HEADS)), *TRANSFORMERS.rules)
FIRST_FILES = Layout("transformers, gamma and beta", rules=_FIRST_RULES, ignored=TRANSFORMERS.ignored)


class BERT(Pretrained):
    """Tokens (B, T), with the segment of each (B, T), 0 or 1, to what `head` says.

    "none": (features (B, T, width), pooled (B, width)), the pooled ones only with `pooler`; "masked": logits
    (B, T, vocabulary); "pretraining": those and logits (B, 2), first that the second sentence follows the first;
    "classes": logits (B, classes) from the pooled [CLS]. BERT() is bert-base-uncased, 109,482,240 parameters.
    """

    layouts = (TRANSFORMERS, BODY_ALONE, FIRST_FILES)

    def __init__(
        self, vocabulary: int = 30522, context: int = 512, width: int = 768, layers: int = 12, heads: int = 12, *,
        head: str = "none", classes: int = 2, pooler: bool = True, hidden: int | None = None, act: str = "gelu",
        segments: int = 2, dropout: float = 0.0, eps: float = 1e-12, padding: int | None = 0,
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"BERT: head must be one of {', '.join(HEADS)}, got {head!r}")
        self.head, self.context, self.heads, self.act, self.eps, self.padding = head, context, heads, act, eps, padding
        self.tokens = nn.Embedding(vocabulary, width, padding_idx=padding)
        self.positions = nn.Embedding(context, width)
        self.segments = nn.Embedding(segments, width)
        self.norm = nn.LayerNorm(width, eps=eps)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([
            Block(width, heads, hidden, activation=act, norm_first=False, dropout=dropout, eps=eps) for _ in range(layers)
        ])
        needs_pooler = head in ("pretraining", "classes") or (head == "none" and pooler)
        self.pooler = nn.Linear(width, width) if needs_pooler else None
        self._add_head(vocabulary, width, classes)
        self._first_values()

    def _add_head(self, vocabulary: int, width: int, classes: int) -> None:
        if self.head in ("masked", "pretraining"):
            self.masked_transform = nn.Linear(width, width)
            self.masked_norm = nn.LayerNorm(width, eps=self.eps)
            self.masked_bias = nn.Parameter(zeros_like(self.tokens.weight[:, 0]).detach())
        if self.head == "pretraining":
            self.following = nn.Linear(width, 2)
        if self.head == "classes":
            self.classifier = nn.Linear(width, classes)

    def _first_values(self) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                init.zeros_(module.bias)

    def features(self, tokens: Tensor, segments: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, T) to (B, T, width). `mask` (B, T): 1 or True for tokens that are read, 0 for padding."""
        T = tokens.shape[1]
        if self.context < T:
            raise ValueError(f"BERT: {T} tokens are more than the context of {self.context}")
        segments = zeros_like(tokens) if segments is None else segments
        x = self.tokens(tokens) + self.positions(arange(T)) + self.segments(segments)
        x = self.dropout(self.norm(x))  # (B, T, C)
        seen = None if mask is None else (mask != 0).unsqueeze(1).unsqueeze(1)  # (B, 1, 1, T)
        for block in self.blocks:
            x = block(x, seen)
        return x

    def pooled(self, features: Tensor) -> Tensor:
        """tanh(W x + b) of the first token, (B, T, width) to (B, width)."""
        if self.pooler is None:
            raise RuntimeError("BERT.pooled: this model was built without a pooler")
        return tanh(self.pooler(features[:, 0]))

    def masked_logits(self, features: Tensor) -> Tensor:
        """(B, T, width) to (B, T, vocabulary); the last matrix is the tokens' table."""
        x = self.masked_norm(activation(self.act)(self.masked_transform(features)))
        return F.linear(x, self.tokens.weight, self.masked_bias)

    def forward(self, tokens: Tensor, segments: Tensor | None = None, mask: Tensor | None = None):
        x = self.features(tokens, segments, mask)
        if self.head == "masked":
            return self.masked_logits(x)
        if self.head == "pretraining":
            return self.masked_logits(x), self.following(self.pooled(x))
        if self.head == "classes":
            return self.classifier(self.dropout(self.pooled(x)))
        return x, (None if self.pooler is None else self.pooled(x))

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        config = checkpoint.config
        head = ARCHITECTURES.get((config.get("architectures") or ["BertModel"])[0], "none")
        names = checkpoint.tensors
        settings = {
            "vocabulary": config["vocab_size"], "context": config["max_position_embeddings"],
            "width": config["hidden_size"], "layers": config["num_hidden_layers"],
            "heads": config["num_attention_heads"], "hidden": config["intermediate_size"],
            "act": config.get("hidden_act", "gelu"), "eps": config.get("layer_norm_eps", 1e-12),
            "segments": config.get("type_vocab_size", 2), "padding": config.get("pad_token_id", 0), "head": head,
            "pooler": any("pooler" in name for name in names),
        }
        if head == "classes":
            settings["classes"] = names["classifier.weight"].shape[0]
        return settings

    def config_of(self, layout: str) -> dict[str, Any]:
        names = {head: architecture for architecture, head in ARCHITECTURES.items()}
        config: dict[str, Any] = {
            "model_type": "bert", "architectures": [names[self.head]], "vocab_size": self.tokens.num_embeddings,
            "max_position_embeddings": self.context, "hidden_size": self.tokens.embedding_dim,
            "num_hidden_layers": len(self.blocks), "num_attention_heads": self.heads,
            "intermediate_size": self.blocks[0].mlp.up.out_features, "hidden_act": self.act,
            "layer_norm_eps": self.eps, "type_vocab_size": self.segments.num_embeddings, "pad_token_id": self.padding,
        }
        if self.head == "classes":
            config["num_labels"] = self.classifier.out_features
            config["id2label"] = {str(i): f"LABEL_{i}" for i in range(self.classifier.out_features)}
        return config
