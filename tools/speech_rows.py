"""Trainings behind the rows about sequence to sequence: speech recognition (102, 104, 105), spelling to phonemes (87)."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from talweg.data import load
from talweg.data.speech import Window, packed_windows
from talweg.models.transcription import Transcription
from talweg.recipes import asr, translate
from talweg.recipes.asr_settings import Settings as SpeechSettings
from talweg.recipes.listening import Options
from talweg.recipes.translate_settings import Settings as PairSettings
from talweg.training.edits import edits

FIVE_MINUTES = 300.0


@functools.cache
def heard() -> tuple[dict[str, float], Window, Transcription]:
    """One training on speech:digits: its test figures, and five minutes of a voice never heard with their transcription."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = asr.RECIPE.train(SpeechSettings(), Path(folder) / "run")
        listener = asr.RECIPE.listener(outcome.run)
        talk = five_minutes()
        return outcome.test.figures, talk, listener(talk.sound, Options())


def five_minutes() -> Window:
    """The test recordings of the most talkative voice, again and again."""
    english = [r for r in load("speech:digits").test if r.language == "en"]
    voice = max({r.speaker for r in english}, key=lambda speaker: sum(r.speaker == speaker for r in english))
    own = [r for r in english if r.speaker == voice]
    return packed_windows(own * 40, FIVE_MINUTES)[0]


def words_right() -> float:
    return 1 - heard()[0]["word_error_rate"]


def languages_right() -> float:
    return heard()[0]["language_accuracy"]


def silence_found() -> float:
    return heard()[0]["silence_found"]


def long_words_right() -> float:
    """One minus the word error rate of five minutes; 0 where a segment begins before the one before it has ended."""
    _, talk, found = heard()
    times = [time for segment in found.segments for time in (segment.start, segment.end)]
    return 0.0 if times != sorted(times) else 1 - edits(talk.text.split(), found.text.split()).rate


def phonemes_right() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return 1 - translate.RECIPE.train(PairSettings(), Path(folder) / "run").test.figures["error_rate"]
