"""The meta-parameters of learning to fill in hidden words."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from .training_settings import TrainingSettings, help_of


@dataclass(frozen=True, kw_only=True)
class ReadingSettings(TrainingSettings):
    """Those of every training, and what reading texts takes: `text_column` and `target` name columns of a table of texts and
    classes, `on_error` is what becomes of a bad file or row; `vocabulary` pieces of words at most are learnt, `context` tokens
    read at once; `width`, `layers`, `heads` and `dropout` make the network."""

    model: str = "bert"
    data: str = "topics:paragraphs"
    text_column: str | None = None
    target: str | None = None
    on_error: str = "stop"
    vocabulary: int = 2000
    context: int = 64
    width: int = 128
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip_norm: float | None = 1.0

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "vocabulary": (self.vocabulary >= 6, "6 tokens or more"),
            "context": (self.context >= 4, "4 tokens or more"),
            "width": (self.width >= 1, "1 or more"),
            "layers": (self.layers >= 1, "1 or more"),
            "heads": (self.heads >= 1 and self.width % max(1, self.heads) == 0, f"a divisor of the width {self.width}"),
            "dropout": (0 <= self.dropout < 1, "at least 0 and below 1"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"model": ("bert",), "on_error": ON_ERROR}


READING_HELP = {
    "text_column": "Column of a table that holds the texts. [default: text, or the one that is not the target]",
    "target": "Column of a table that holds the classes. [default: label, or the one that is not the text]",
    "on_error": "At a file or row that cannot be used: stop or skip.",
    "vocabulary": "Most pieces of words that are learnt.",
    "context": "Tokens that are read at once; longer texts are cut.",
    "width": "Numbers that stand for a token.",
    "layers": "Transformer blocks.",
    "heads": "Attention heads a block.",
    "dropout": "Share of activations that are left out in training.",
}


@dataclass(frozen=True, kw_only=True)
class Settings(ReadingSettings):
    """`hidden` is the share of the tokens that is to be guessed. `batch_size` counts windows of `context` tokens."""

    hidden: float = 0.15
    lr: float = 2e-3

    DEFAULT_EPOCHS = 40

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {"hidden": (0 < self.hidden < 1, "between 0 and 1")}


HELP = help_of(Settings, {
    "data": "topics, topics:paragraphs, a text file, a folder of some, or texts by class.",
    **READING_HELP,
    "hidden": "Share of the tokens that is hidden and to be guessed.",
    "batch_size": "Windows of text a batch.",
})
