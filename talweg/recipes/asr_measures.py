"""How well a Whisper hears: word error rate, language, silence, times, on windows that hold every recording once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.speech import Recording, Window, packed_windows, silent_windows
from ..data.text import WhisperTokenizer
from ..data.whisper_sound import log_mel_spectrogram
from ..models.transcription import Heard, Segment, cut_into_segments, decode_windows
from ..models.transcription.long_form import NO_SPEECH
from ..models.transcription.rules import Rules
from ..models.whisper import Whisper
from ..training.edits import Edits, total_edits
from .asr_tokens import Prepared
from .evaluation import Evaluation

AT_ONCE = 32  # windows decoded together
SILENT = 60
TOO_LONG = 0.3  # seconds within which a segment's time counts as found


@dataclass(frozen=True)
class Read:
    """A window and what was heard in it."""

    window: Window
    heard: Heard
    segments: list[Segment]

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


@dataclass(frozen=True)
class SpeechEvaluation(Evaluation):
    """`read` are the windows with what was heard in them."""

    read: Sequence[Read] = ()


def read_windows(
    model: Whisper, tokenizer: WhisperTokenizer, prepared: Prepared, windows: Sequence[Window], task: str = "transcribe",
    timestamps: bool = True,
) -> list[Read]:
    """What the model hears in each window; it finds out the language itself."""
    found: list[Read] = []
    rules = Rules(tokenizer, timestamps, latest_start=None)
    for first in range(0, len(windows), AT_ONCE):
        part = windows[first:first + AT_ONCE]
        # A last part of another size would be compiled anew: it is filled up.
        filled = [*part, *[part[0]] * (min(AT_ONCE, len(windows)) - len(part))]
        spectrograms = np.stack([log_mel_spectrogram(window.sound, prepared.bands) for window in filled])
        heard = decode_windows(model, tokenizer, spectrograms, task=task, timestamps=timestamps, rules=rules)
        for window, h in zip(part, heard):
            silent = h.no_speech > NO_SPEECH
            segments = [] if silent else cut_into_segments(h.tokens, tokenizer, prepared.seconds)[0]
            found.append(Read(window, h, segments))
    return found


def measured(
    model: Whisper, tokenizer: WhisperTokenizer, prepared: Prepared, recordings: Sequence[Recording], split: str, seed: int = 0,
) -> SpeechEvaluation:
    """The figures on recordings, whole ones one after the other in windows, and on as many kinds of silence as there are."""
    windows = packed_windows(recordings, prepared.seconds, seed)
    read = read_windows(model, tokenizer, prepared, windows)
    silent = read_windows(model, tokenizer, prepared, silent_windows(SILENT, prepared.seconds, seed))
    edits = _edits(read)
    figures = {
        "word_error_rate": edits.rate,
        "language_accuracy": _share([r.heard.language == r.window.language for r in read]),
        "silence_found": _share([r.heard.no_speech > NO_SPEECH for r in silent]),
        "speech_taken_for_silence": _share([r.heard.no_speech > NO_SPEECH for r in read]),
        "times_found": _share([near for r in read for near in _times(r)]),
    }
    foreign = [w for w in windows if w.language != "en" and w.translation is not None]
    if foreign:
        figures["translation_word_error_rate"] = _translated(model, tokenizer, prepared, foreign).rate
    return SpeechEvaluation(
        split, len(recordings), figures, _summary(edits, figures), _tiles(edits, figures, split), _by_language(read),
        {"words": edits.length, "substitutions": edits.substitutions, "deletions": edits.deletions,
         "insertions": edits.insertions}, read,
    )


def _edits(read: Sequence[Read]) -> Edits:
    return total_edits((r.window.text.split(), r.text.split()) for r in read)


def _translated(model: Whisper, tokenizer: WhisperTokenizer, prepared: Prepared, windows: Sequence[Window]) -> Edits:
    read = read_windows(model, tokenizer, prepared, windows, "translate")
    return total_edits(((r.window.translation or "").split(), r.text.split()) for r in read)


def _times(r: Read) -> list[bool]:
    """For each recording whether a segment begins and ends where it does, to within TOO_LONG seconds."""
    return [
        any(abs(s.start - true.start) <= TOO_LONG and abs(s.end - true.end) <= TOO_LONG for s in r.segments)
        for true in r.window.segments if true.end is not None
    ]


def _share(marks: Sequence[bool]) -> float:
    return float(np.mean(marks)) if len(marks) else 0.0


def _summary(edits: Edits, figures: dict[str, float]) -> str:
    return (f"word error rate {100 * edits.rate:.2f} % ({edits.count} of {edits.length} words), language right in "
            f"{100 * figures['language_accuracy']:.1f} %, silence found in {100 * figures['silence_found']:.1f} %")


def _tiles(edits: Edits, figures: dict[str, float], split: str) -> list[tuple[str, str]]:
    tiles = [
        (f"{100 * edits.rate:.2f} %", f"{split} word error rate"), (f"{edits.count} of {edits.length}", "words wrong"),
        (f"{100 * figures['language_accuracy']:.1f} %", "languages right"),
        (f"{100 * figures['silence_found']:.1f} %", "silence found"),
        (f"{100 * figures['times_found']:.1f} %", f"segments within {TOO_LONG} s"),
    ]
    if "translation_word_error_rate" in figures:
        tiles.append((f"{100 * figures['translation_word_error_rate']:.2f} %", "translated: word error rate"))
    return tiles


def _by_language(read: Sequence[Read]) -> list[list[str]]:
    rows = [["language", "words", "wrong", "word error rate", "language right"]]
    for language in sorted({r.window.language or "" for r in read}):
        own = [r for r in read if r.window.language == language]
        edits = _edits(own)
        right = _share([r.heard.language == language for r in own])
        rows.append([language, str(edits.length), str(edits.count), f"{100 * edits.rate:.2f} %", f"{100 * right:.1f} %"])
    return rows
