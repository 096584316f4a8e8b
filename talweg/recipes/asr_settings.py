"""The meta-parameters of a speech recognition run."""

from __future__ import annotations

from dataclasses import dataclass

from ..data import ON_ERROR
from ..data.text.whisper import LANGUAGES
from .training_settings import TrainingSettings, help_of

LONGEST = 30.0


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """Those of every training, and: `width`, `layers`, `heads` and `dropout` of the network; `bands` of the spectrograms;
    `vocabulary`, the most byte pairs of texts; `windows` composed anew for each epoch, simpler ones in the first `easy` epochs;
    their length `seconds`, None for what the data suggest; `language` of recordings that do not say theirs; `translating`, the
    share of windows in another language that are learned as a translation, where one is known; `timed`, the share learned with
    timestamps; `on_error`, what becomes of a bad recording.
    """

    model: str = "whisper"
    data: str = "speech:digits"
    batch_size: int = 16
    optimizer: str = "adamw"
    lr: float = 2e-3
    warmup: float = 0.1
    clip_norm: float | None = 1.0
    width: int = 96
    layers: int = 2
    heads: int = 4
    dropout: float = 0.0
    bands: int = 80
    vocabulary: int = 512
    windows: int = 1600
    easy: int = 15
    seconds: float | None = None
    language: str = "en"
    translating: float = 0.05
    timed: float = 0.8
    on_error: str = "stop"

    DEFAULT_EPOCHS = 100

    def limits(self) -> dict[str, tuple[bool, str]]:
        return super().limits() | {
            "width": (self.width >= 8 and self.width % 2 == 0, "an even number, 8 or more"),
            "layers": (self.layers >= 1, "1 or more"),
            "heads": (self.heads >= 1 and self.width % self.heads == 0, f"a divisor of width {self.width}"),
            "dropout": (0 <= self.dropout < 1, "at least 0 and below 1"),
            "bands": (1 <= self.bands <= 128, "1 to 128"),
            "vocabulary": (self.vocabulary >= 256, "256, one for each byte, or more"),
            "windows": (self.windows >= 1, "1 or more"),
            "easy": (self.easy >= 0, "0 or more"),
            "seconds": (self.seconds is None or 0.5 <= self.seconds <= LONGEST, "from 0.5 to 30"),
            "translating": (0 <= self.translating <= 1, "between 0 and 1"),
            "timed": (0 <= self.timed <= 1, "between 0 and 1"),
        }

    def choices(self) -> dict[str, tuple[str, ...]]:
        return super().choices() | {"on_error": ON_ERROR, "language": tuple(LANGUAGES), "model": ("whisper",)}


HELP = help_of(Settings, {
    "data": "speech:digits, speech:words, a folder of sounds with texts beside them, or a CSV of path,text.",
    "width": "Width of the network's vectors.",
    "layers": "Blocks of the encoder, and of the decoder.",
    "heads": "Attention heads.",
    "dropout": "Share of the values that dropout zeroes.",
    "bands": "Bands of the log-mel spectrograms.",
    "vocabulary": "Byte pairs that texts are written in, at most.",
    "windows": "Windows of sound composed for each epoch.",
    "easy": "Epochs that begin with short recordings, one a window, and grow harder.",
    "seconds": "Length of a window. [default: what the data suggest, 4 for speech:digits]",
    "language": "Of recordings that do not say theirs.",
    "translating": "Share of windows in other languages than English that are learned as a translation, where one is known.",
    "timed": "Share of windows that are learned with timestamps.",
    "on_error": "At a recording that cannot be used: stop or skip.",
})
