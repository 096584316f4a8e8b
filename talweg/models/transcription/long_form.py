"""Sounds of any length: one window after the other, each begun where the last whole segment ended.

After Radford et al., 2022, section 3.8. Windows never go back, so that segments follow one another and none comes twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...data.text import WhisperTokenizer
from ...data.whisper_sound import FRAMES_A_SECOND, HOP, framed, log_mel_spectrogram
from ..whisper import Whisper
from .decoding import Heard, decode_windows
from .rules import Rules
from .segments import Segment, cut_into_segments

NO_SPEECH = 0.6
DOUBT = -1.0
SHORTEST = 0.1  # seconds: what is left of a sound behind the last segment holds no word


@dataclass(frozen=True)
class Transcription:
    """The language (None for a model that knows English alone) and the segments of a sound, in seconds from its beginning."""

    language: str | None
    segments: list[Segment] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


def transcribe(
    model: Whisper, tokenizer: WhisperTokenizer, sound: np.ndarray, *, language: str | None = None, task: str = "transcribe",
    no_speech: float = NO_SPEECH, doubt: float | None = DOUBT, rules: Rules | None = None,
    heard: Callable[[Segment], None] | None = None,
) -> Transcription:
    """What is said in a sound (samples,) at 16 kHz.

    The language is that of the first window with speech in it, unless given; task "translate" writes English. A window counts
    as silent where the probability of <|nospeech|> is above `no_speech` and the text's mean log-probability below `doubt`;
    with doubt=None the first alone decides. `heard` is called with each segment as soon as it is there. Raises ValueError as
    `log_mel_spectrogram` and `decode_windows` do.
    """
    frames = 2 * model.encoder.context
    window = frames / FRAMES_A_SECOND
    spectrogram = log_mel_spectrogram(sound, model.encoder.conv1.in_channels, padding=frames * HOP)
    length = len(sound) / HOP / FRAMES_A_SECOND
    segments: list[Segment] = []
    place = 0.0
    while place < length - SHORTEST or place == 0.0:
        cut = framed(spectrogram, round(place * FRAMES_A_SECOND), frames)[None]
        found = decode_windows(model, tokenizer, cut, language=language, task=task, rules=rules)[0]
        if _silent(found, no_speech, doubt):
            place = round(place + window, 2)
            continue
        language = language or found.language
        new, advance = cut_into_segments(found.tokens, tokenizer, window)
        for segment in new:
            moved = Segment(round(place + segment.start, 2), round(min(place + segment.end, length), 2), segment.text)
            if moved.end > moved.start:
                segments.append(moved)
                if heard is not None:
                    heard(moved)
        place = round(place + advance, 2)
    return Transcription(language, segments)


def _silent(found: Heard, no_speech: float, doubt: float | None) -> bool:
    return found.no_speech > no_speech and (doubt is None or found.log_probability < doubt)
