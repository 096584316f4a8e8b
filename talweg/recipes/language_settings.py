"""The meta-parameters of a language model, and what generating with it can be told."""

from __future__ import annotations

from dataclasses import dataclass

from .training_settings import TrainingSettings, help_of

TOKENIZERS = ("char", "bpe", "words")


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `tokenizer` with `vocabulary` tokens at most (bpe and words); `context` tokens are read
    at once; `width`, `layers`, `heads` and `dropout` make the model. `batch_size` counts windows of `context` tokens."""

    model: str = "gpt"
    data: str = "topics"
    tokenizer: str = "char"
    vocabulary: int = 1024
    context: int = 128
    width: int = 128
    layers: int = 4
    heads: int = 4
    dropout: float = 0.0
    batch_size: int = 32
    optimizer: str = "adamw"
    lr: float = 3e-3
    weight_decay: float = 0.01
    warmup: float = 0.05
    clip_norm: float | None = 1.0

    DEFAULT_EPOCHS = 8

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "vocabulary": (self.vocabulary >= 2, "2 tokens or more"),
            "context": (self.context >= 2, "2 tokens or more"),
            "layers": (self.layers >= 1, "1 or more"),
            "heads": (self.heads >= 1 and self.width % max(1, self.heads) == 0, f"a divisor of the width {self.width}"),
            "width": (self.width >= 1, "1 or more"),
            "dropout": (0 <= self.dropout < 1, "at least 0 and below 1"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"tokenizer": TOKENIZERS}


HELP = help_of(Settings, {
    "data": "topics, or the path of a text file or a folder of some.",
    "batch_size": "Windows of text a batch.",
    "tokenizer": "What a token is: char, bpe (pairs of bytes, learnt) or words.",
    "vocabulary": "Most tokens that bpe and words may have.",
    "context": "Tokens that are read at once.",
    "width": "Numbers that stand for a token.",
    "layers": "Transformer blocks.",
    "heads": "Attention heads a block.",
    "dropout": "Share of activations that are left out in training.",
})


@dataclass(frozen=True, kw_only=True)
class Options:
    """How text is made: see models.generation.Sampling. `beam` searches for the most probable text instead of drawing."""

    prompt: str = "\n"
    count: int = 200
    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    beam: int | None = None
    stop: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        rules = {
            "prompt": (self.prompt != "", "at least one character"),
            "count": (self.count >= 1, "1 token or more"),
            "beam": (self.beam is None or self.beam >= 1, "1 text or more"),
            "stop": (self.stop != "", "at least one character"),
            "seed": (0 <= self.seed < 2**63, "at least 0 and below 2**63"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"setting {name} must be {rule}, got {getattr(self, name)!r}")


OPTIONS_HELP = {
    "prompt": "What the text begins with. [default: a new line]",
    "count": "Most new tokens.",
    "temperature": "Below 1 probable tokens become more probable; 0 takes the most probable one.",
    "top_k": "Draw among the k most probable tokens only.",
    "top_p": "Draw among the fewest tokens that have this probability together.",
    "beam": "Search for the most probable text with so many candidates, instead of drawing.",
    "stop": "End before this text.",
    "seed": "Equal seeds give equal texts.",
}
