"""The meta-parameters of a translation run."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from .training_settings import TrainingSettings, help_of

UNITS = ("characters", "words", "pieces")


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `width`, `layers`, `heads` and `dropout` of the Transformer, its encoder and decoder
    alike; `source_unit` and `target_unit`, what texts are cut into, None for what the data suggest; `vocabulary`, the most
    pieces or words of either side; `longest`, the tokens of a text, above which its pair is left out; `label_smoothing`;
    `beams`, how many unfinished texts are carried on in the comparison with the greedy choice; `on_error`, what becomes of a
    bad line.
    """

    model: str = "transformer"
    data: str = "g2p"
    batch_size: int = 128
    optimizer: str = "adamw"
    lr: float = 2e-3
    warmup: float = 0.1
    clip_norm: float | None = 1.0
    width: int = 96
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    source_unit: str | None = None
    target_unit: str | None = None
    vocabulary: int = 4000
    longest: int = 64
    label_smoothing: float = 0.1
    beams: int = 4
    on_error: str = "stop"

    DEFAULT_EPOCHS = 20

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "width": (self.width >= 2 and self.width % 2 == 0, "an even number, 2 or more"),
            "layers": (self.layers >= 1, "1 or more"),
            "heads": (self.heads >= 1 and self.width % self.heads == 0, f"a divisor of width {self.width}"),
            "dropout": (0 <= self.dropout < 1, "at least 0 and below 1"),
            "vocabulary": (self.vocabulary >= 256, "256, one for each byte, or more"),
            "longest": (2 <= self.longest <= 1024, "from 2 to 1024"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "at least 0 and below 1"),
            "source_unit": (self.source_unit in (None, *UNITS), f"one of {', '.join(UNITS)}"),
            "target_unit": (self.target_unit in (None, *UNITS), f"one of {', '.join(UNITS)}"),
            "beams": (self.beams >= 1, "1 or more"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"on_error": ON_ERROR, "model": ("transformer",)}


HELP = help_of(Settings, {
    "data": "g2p (spelling to phonemes), or a TSV file: a source, a tab and its target in each line.",
    "width": "Width of the network's vectors.",
    "layers": "Blocks of the encoder, and of the decoder.",
    "heads": "Attention heads.",
    "dropout": "Share of the values that dropout zeroes.",
    "source_unit": "What sources are cut into: characters, words or pieces (byte pairs). [default: as the data suggest]",
    "target_unit": "The same for targets.",
    "vocabulary": "Pieces or words of either side, at most.",
    "longest": "Tokens of a text, above which its pair is left out.",
    "label_smoothing": "Share of the target spread over all tokens.",
    "beams": "Unfinished texts that beam search carries on, where it is compared with the greedy choice.",
    "on_error": "At a bad line: stop or skip.",
})
