"""The meta-parameters of a training of CLIP, and what using one can be told."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from .training_settings import TrainingSettings, help_of


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: pictures are `size` pixels wide and cut into patches of `patch`; `width`, `layers` and
    `heads` are those of both encoders, `embedding` the length of what they agree in. `vocabulary` is the most words, `context`
    the most tokens of a text. A batch of N pairs is told apart among N: large ones teach more."""

    model: str = "clip"
    data: str = "captions"
    size: int = 32
    patch: int = 8
    width: int = 128
    layers: int = 3
    heads: int = 4
    embedding: int = 64
    vocabulary: int = 4000
    context: int = 24
    on_error: str = "stop"
    batch_size: int = 128
    optimizer: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip_norm: float | None = 1.0

    DEFAULT_EPOCHS = 16

    def limits(self) -> dict[str, tuple[bool, str]]:
        positive = {name: (getattr(self, name) >= 1, "1 or more") for name in ("width", "layers", "embedding", "vocabulary")}
        return super().limits() | positive | {
            "patch": (self.patch >= 1, "1 pixel or more"),
            "size": (self.size >= 1 and self.size % max(1, self.patch) == 0, f"a multiple of the patch, {self.patch} pixels"),
            "heads": (self.heads >= 1 and self.width % max(1, self.heads) == 0, f"a divisor of the width {self.width}"),
            "context": (self.context >= 3, "3 tokens or more: a text stands between a start and an end"),
            "batch_size": (self.batch_size >= 2, "2 pairs or more: each is told apart from the others"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"on_error": ON_ERROR}


HELP = help_of(Settings, {
    "data": "captions, or a CSV, TSV or JSON lines file with the columns image and caption.",
    "batch_size": "Pairs a batch; each picture is told by its text among so many.",
    "size": "Side that pictures are resized to, in pixels.",
    "patch": "Side of a patch, in pixels.",
    "width": "Numbers that stand for a token or a patch.",
    "layers": "Transformer blocks of each encoder.",
    "heads": "Attention heads a block.",
    "embedding": "Length of the vectors in which pictures and texts agree.",
    "vocabulary": "Most words that are told apart.",
    "context": "Most tokens of a text.",
    "on_error": "At a picture that cannot be read: stop or skip.",
})


@dataclass(frozen=True)
class Options:
    """`labels` are what a picture may show; `templates` wordings with {} in the label's place, whose embeddings are
    averaged (Radford et al., 2021, section 3.1.4)."""

    labels: list[str] | None = None
    templates: list[str] | None = None

    def __post_init__(self) -> None:
        for template in self.templates or []:
            if template.count("{}") != 1:
                raise ValueError(f"setting templates: a template has {{}} once, in the label's place, got {template!r}")


OPTIONS_HELP = {
    "labels": "What a picture may show, such as \"a red seven,a green two\". [default: the captions of the test split]",
    "templates": "Wordings with {} in the label's place, which are averaged, such as \"a {},a picture of a {}\".",
}
