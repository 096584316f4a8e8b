"""Speech recognition: a small Whisper, from sound to text, language, silence and times (L 6.5; Radford et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import DataLoader, load
from ..data.catalogue import CATALOGUE
from ..data.sources.recordings import read_recordings
from ..data.speech import ComposedWindows, Speech, packed_windows, silent_windows
from ..data.text import WhisperTokenizer
from ..data.whisper_sound import log_mel_spectrogram
from ..models.transcription import cross_attention
from ..models.whisper import Whisper
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training.report_parts import gallery, picture_source, section
from .asr_measures import Read, SpeechEvaluation, measured
from .asr_pictures import attention_picture, spectrogram_picture
from .asr_settings import HELP, Settings
from .asr_tokens import Prepared, SpeechExamples, length_for, merges_of
from .evaluation import Answer, Evaluation
from .listening import Listener, Options, answer, published_listener
from .published import Weights, weights_of
from .recipe import Recipe
from .sequence_loss import token_loss
from .task import Goal, loaders_of

SHOWN = 6  # windows in the report
TIME_SCALE = 0.1  # of timestamps' first vectors, beside 0.02 of words
SILENT = 16  # windows without speech among those of validation


@dataclass(frozen=True)
class Material:
    """The recordings, and the length of windows in seconds, a multiple of 20 ms."""

    speech: Speech
    seconds: float


class SpeechRecognition(Recipe):
    name = "asr"
    takes = "sound"
    settings = Settings
    help = HELP
    prepared = Prepared
    options = Options
    options_help = {"language": "Language of the sound, such as en. [default: found out]",
                    "task": "transcribe, or translate into English."}

    def material(self, settings: Settings) -> Material:
        """Raises as `read_recordings` does, and ValueError for a named set without recordings."""
        if settings.data in CATALOGUE:
            found = load(settings.data)
            if not isinstance(found, Speech):
                raise ValueError(f"{settings.data} holds no recordings with texts: this recipe learns from speech:digits, "
                                 "speech:words, a folder of sounds with texts, or a CSV of path,text")
        else:
            found = read_recordings(settings.data, settings.language, settings.on_error, settings.seed)
        return Material(found, round(50 * (settings.seconds or found.seconds)) / 50)

    def prepare(self, settings: Settings, material: Material) -> Prepared:
        train, context = material.speech.train, round(50 * material.seconds)
        merges = merges_of(train, settings.vocabulary)
        prepared = Prepared(merges, material.speech.languages, settings.bands, context, 8, material.speech.fingerprint)
        length = length_for(train, prepared.tokenizer(), material.seconds)
        return Prepared(merges, material.speech.languages, settings.bands, context, length, material.speech.fingerprint)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        tokenizer = prepared.tokenizer()
        model = Whisper(
            settings.width, settings.layers, settings.heads, vocabulary=len(tokenizer), mels=prepared.bands,
            audio_context=prepared.context, text_context=prepared.length, dropout=settings.dropout,
        )
        _name_times(model, tokenizer)
        return model

    def goal(self, settings: Settings, material: Material, prepared: Prepared) -> Goal:
        tokenizer, speech = prepared.tokenizer(), material.speech
        composed = ComposedWindows(speech.train, prepared.seconds, settings.windows, settings.seed, easy=settings.easy)
        learned = SpeechExamples(composed, prepared, tokenizer, translating=settings.translating, timed=settings.timed,
                                 seed=settings.seed)
        windows = [*packed_windows(speech.validation, prepared.seconds), *silent_windows(SILENT, prepared.seconds)]
        train, _ = loaders_of(settings, learned, learned)
        validation: DataLoader = DataLoader(SpeechExamples(windows, prepared, tokenizer), settings.batch_size)
        return Goal(token_loss, train, validation)

    def notes(self, material: Material) -> Sequence[str]:
        return material.speech.notes

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return zeros(1, prepared.bands, 2 * prepared.context), from_numpy(np.zeros((1, prepared.length), np.int64))

    def measure(self, model: nn.Module, settings: Settings, material: Material, split: str) -> SpeechEvaluation:
        prepared = self.prepare(settings, material)
        assert isinstance(model, Whisper)
        return measured(model, prepared.tokenizer(), prepared, material.speech.part(split), split, settings.seed)

    def sections(self, model: nn.Module, settings: Settings, material: Material, test: Evaluation) -> list[str]:
        assert isinstance(test, SpeechEvaluation)
        tokenizer = self.prepare(settings, material).tokenizer()
        worst = sorted(test.read, key=lambda r: r.text == r.window.text)  # those with mistakes first
        shown = worst[:SHOWN]
        heard = gallery(
            ((picture_source(spectrogram_picture(r.window.sound, r.segments, settings.bands)), _caption(r)) for r in shown),
            least=300,
        )
        attention = gallery(((_attention_source(model, tokenizer, r, settings.bands), r.text) for r in shown[-2:]), least=460)
        return [
            section("What was heard in windows of the test split, mistakes first", heard),
            section("Where in the sound each token was found: attention of the decoder's last block, mean of its heads",
                    attention),
        ]

    def predict(self, run: str | Path | Weights, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """The transcription of sound files of any length. Raises as `load` and `read_sound` do."""
        listener = self.listener(run)
        return [answer(listener, path, options or Options()) for path in inputs]

    def listener(self, run: str | Path | Weights) -> Listener:
        """A run's model or a published Whisper, ready to transcribe."""
        weights = weights_of(run)
        if weights is not None:
            return published_listener(weights.source)
        assert not isinstance(run, Weights)
        _, model, prepared = self.load(run)
        assert isinstance(model, Whisper)
        return Listener(model, prepared.tokenizer(), doubt=None, latest_start=None)

    def heading(self, settings: Settings) -> str:
        return f"{super().heading(settings)}, {settings.windows} windows an epoch"

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"transcribe {run} talk.wav"]


def _name_times(model: Whisper, tokenizer: WhisperTokenizer) -> None:
    """Begin with vectors of timestamps that are those of the encoder's positions, which are 20 ms apart too.

    Times near each other are then alike, and what is found at a position speaks for its time: with few hours of sound each
    timestamp comes too seldom to be learned by itself.
    """
    with no_grad():
        positions = model.encoder.positions[:len(tokenizer.times) - 1]
        rows = slice(tokenizer.times.start, tokenizer.times.stop - 1)
        model.decoder.tokens.weight[rows] = TIME_SCALE * positions


def _caption(r: Read) -> str:
    if r.text == r.window.text:
        return f"{r.heard.language}: {r.text}"
    return f"said: {r.window.text} ({r.window.language}); heard: {r.text} ({r.heard.language})"


def _attention_source(model: Any, tokenizer: WhisperTokenizer, r: Read, bands: int) -> str:
    """The last block's attention for the tokens that were heard, as a picture's address."""
    prompt = tokenizer.prompt(r.heard.language, timestamps=True)
    tokens = [*prompt, *r.heard.tokens][: model.context]
    spectrogram = from_numpy(log_mel_spectrogram(r.window.sound, bands)[None])
    weights = cross_attention(model, spectrogram, from_numpy(np.array([tokens], np.int64)))[-1, 0].mean(axis=0)  # (T, S)
    # The row that reads token t - 1 is the one that writes token t.
    names = [tokenizer.decode([token]) for token in tokens[len(prompt):]]
    return picture_source(attention_picture(weights[len(prompt) - 1:len(tokens) - 1], names))


RECIPE = SpeechRecognition()
