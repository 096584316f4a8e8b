"""Windows of sound as what a Whisper reads and writes: spectrograms, prompts, texts with timestamps (Radford et al., 2.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data import Dataset
from ..data.augment import Draws
from ..data.speech import GAPS, ComposedWindows, Recording, Window
from ..data.text import WhisperTokenizer, train_bpe
from ..data.text.byte_level import byte_characters
from ..data.text.whisper import special_tokens
from ..data.whisper_sound import log_mel_spectrogram
from ..tensor import Tensor, from_numpy
from .sequence_loss import IGNORED


@dataclass(frozen=True)
class Prepared:
    """How a run hears and writes: the merges of its byte pairs in their order ("a b"), its languages, the bands of its
    spectrograms, the encoder's `context` (20 ms each), the longest text in tokens, and what stands for the data's content."""

    merges: list[str]
    languages: list[str]
    bands: int
    context: int
    length: int
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if min(self.bands, self.context, self.length - 4) < 1 or any(len(m.split(" ")) != 2 for m in self.merges):
            raise ValueError("bands and context must be 1 or more, length 5 or more, and merges pairs with a space between")

    @property
    def seconds(self) -> float:
        """A window's length."""
        return self.context / 50

    def tokenizer(self) -> WhisperTokenizer:
        """Raises ValueError for merges that do not follow from one another."""
        pairs = [(a, b) for a, b in (merge.split(" ") for merge in self.merges)]
        names = [*sorted(byte_characters()), *(a + b for a, b in pairs)]
        special = special_tokens(len(names), self.languages, self.context + 1)
        return WhisperTokenizer({name: i for i, name in enumerate(names)}, pairs, special)


def merges_of(recordings: Sequence[Recording], size: int) -> list[str]:
    """Byte pairs learned from the texts and translations, up to `size` tokens with the bytes."""
    texts = [spoken(text) for r in recordings for text in (r.text, r.translation) if text]
    return [" ".join(pair) for pair in train_bpe(texts, size, special=()).merges]


def length_for(recordings: Sequence[Recording], tokenizer: WhisperTokenizer, seconds: float, most: int = 448) -> int:
    """Room for the tokens of a window, a multiple of 8: as many as the recording with the most tokens a second gives, said
    again and again. Raises ValueError where that is more than `most`."""
    densest = max(
        (2 + len(tokenizer.encode(spoken(text), special=False))) / (r.seconds + GAPS[0])
        for r in recordings for text in (r.text, r.translation) if text
    )
    needed = max(len(tokenizer.encode(spoken(r.text), special=False)) for r in recordings) + 6
    room = 8 * math.ceil(max(needed, 4 + densest * seconds) / 8)
    if needed > most:
        raise ValueError(f"a text is {needed} tokens long, with its marks, and {most} is the most: cut the recording at a pause")
    return min(room, most)


def spoken(text: str) -> str:
    """A segment's text as it is tokenized: words begin with a space, the first one too."""
    return " " + text.strip()


def transcript(window: Window, tokenizer: WhisperTokenizer, task: str = "transcribe", timestamps: bool = True) -> list[int]:
    """All tokens of a window, from the start to the end.

    With timestamps a recording that the window cuts has its beginning only; without them it is left out. A window without
    speech is <|nospeech|>.
    """
    if window.language is None:
        return [tokenizer.start, tokenizer.no_speech, tokenizer.end]
    found = tokenizer.prompt(window.language, task, timestamps)
    for segment in window.segments:
        if timestamps:
            found.append(tokenizer.time(segment.start))
        if segment.end is None:
            break
        text = segment.translation if task == "translate" else segment.text
        found += tokenizer.encode(spoken(text or ""), special=False)
        if timestamps:
            found.append(tokenizer.time(segment.end))
    return [*found, tokenizer.end]


class SpeechExamples(Dataset):
    """Windows as ((spectrograms (B, bands, frames), tokens (B, T)), targets (B, T)).

    A target is the token that follows. Padding does not count, nor do the task and whether timestamps are wanted, which the
    user says. A share `translating` of windows with a known translation is one, a share `timed` has timestamps; which ones
    is drawn anew in each epoch.
    """

    def __init__(
        self, windows: Sequence[Window] | ComposedWindows, prepared: Prepared, tokenizer: WhisperTokenizer, *,
        translating: float = 0.0, timed: float = 1.0, seed: int = 0, epoch: int = 0,
    ) -> None:
        self.windows, self.prepared, self.tokenizer = windows, prepared, tokenizer
        self.translating, self.timed, self.seed, self.epoch = translating, timed, seed, epoch

    def __len__(self) -> int:
        return len(self.windows)

    def at_epoch(self, epoch: int) -> SpeechExamples:
        windows = self.windows.at_epoch(epoch) if isinstance(self.windows, ComposedWindows) else self.windows
        return SpeechExamples(windows, self.prepared, self.tokenizer, translating=self.translating, timed=self.timed,
                              seed=self.seed, epoch=epoch)

    def __getitem__(self, i: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
        (spectrograms, tokens), targets = self.batch([i])
        return (spectrograms[0], tokens[0]), targets[0]

    def batch(self, indices: Sequence[int]) -> tuple[tuple[Tensor, Tensor], Tensor]:
        spectrograms = np.empty((len(indices), self.prepared.bands, 2 * self.prepared.context), np.float32)
        tokens = np.full((len(indices), self.prepared.length), self.tokenizer.end, np.int64)
        targets = np.full((len(indices), self.prepared.length), IGNORED, np.int64)
        for row, i in enumerate(indices):
            window = self.windows[i]
            spectrograms[row] = log_mel_spectrogram(window.sound, self.prepared.bands)
            text = self._written(window, i)
            known = min(len(text) - 1, self.prepared.length)
            tokens[row, :known], targets[row, :known] = text[:known], text[1:known + 1]
            if window.language is not None:
                targets[row, 1] = IGNORED  # the task
        targets[targets == self.tokenizer.special["<|notimestamps|>"]] = IGNORED
        return (from_numpy(spectrograms), from_numpy(tokens)), from_numpy(targets)

    def _written(self, window: Window, i: int) -> list[int]:
        draws = Draws(self.seed, self.epoch, i, purpose="task")
        timed = draws.happens(self.timed)
        translated = draws.happens(self.translating) and window.language not in (None, "en") and window.translation is not None
        return transcript(window, self.tokenizer, "translate" if translated else "transcribe", timed)
