"""The meta-parameters of telling texts apart."""

from __future__ import annotations

from dataclasses import dataclass

from .masked_settings import READING_HELP, ReadingSettings
from .masked_settings import Settings as MaskedSettings
from .training_settings import help_of

HANDED_ON = ("data", "text_column", "target", "on_error", "vocabulary", "context", "width", "layers", "heads", "dropout",
             "save_every", "workers", "seed", "precision", "on_nan")


@dataclass(frozen=True, kw_only=True)
class Settings(ReadingSettings):
    """Those of reading texts, and: `pretrain_steps` of filling in hidden words come first (0: none), with their own rate and
    batches of windows; none where `weights` are given. `drop_words` is the share of a text's tokens that are hidden while its
    class is learned. `monitor`: what the best epoch is best in."""

    pretrain_steps: int = 1500
    pretrain_lr: float = 2e-3
    pretrain_batch: int = 32
    drop_words: float = 0.2
    label_smoothing: float = 0.1
    monitor: str = "loss"
    lr: float = 1e-3

    DEFAULT_EPOCHS = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lora and self.pretrain_steps and not self.weights:
            raise ValueError("setting lora adapts weights that are given: give some with weights, or leave it out")

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "pretrain_steps": (self.pretrain_steps >= 0, "0 or more"),
            "pretrain_lr": (0 < self.pretrain_lr < float("inf"), "a positive number"),
            "pretrain_batch": (self.pretrain_batch >= 1, "1 or more"),
            "drop_words": (0 <= self.drop_words < 1, "at least 0 and below 1"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "at least 0 and below 1"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"monitor": ("loss", "error")}

    def first_stage(self) -> MaskedSettings:
        """The settings of filling in hidden words."""
        own = {name: getattr(self, name) for name in HANDED_ON}
        return MaskedSettings(**own, steps=self.pretrain_steps, lr=self.pretrain_lr, batch_size=self.pretrain_batch)


HELP = help_of(Settings, {
    "data": "topics:paragraphs, a table (.csv, .tsv, .jsonl) with columns text and label, or a folder of text files by class.",
    **READING_HELP,
    "weights": "A run of masked or textclf, or a published BERT's folder, to start from; its sizes and vocabulary are taken.",
    "pretrain_steps": "Steps of filling in hidden words, before classes are learned; none with weights.",
    "pretrain_lr": "Learning rate of those.",
    "pretrain_batch": "Windows a batch of those.",
    "drop_words": "Share of a text's tokens that are hidden in training.",
    "label_smoothing": "Share of the target spread over all classes.",
    "monitor": "What the best epoch is best in: loss or error (validation).",
})
