"""Decoding windows of sound: language and silence from the first step, then the most probable permitted tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...data.text import WhisperTokenizer
from ...tensor import from_numpy
from ..generation.decoder import CachedDecoder
from ..generation.sampling import log_softmax, softmax
from ..whisper import ENGLISH, Whisper
from .rules import Rules

MOST = 224
"""Whisper writes at most half of its context of 448 tokens for one window."""


@dataclass
class Heard:
    """One window's tokens without prompt and end; its language (the given one, or the most probable; None for a model that
    knows English alone); the probability of <|nospeech|> as the first token; the tokens' mean log-probability, end included."""

    language: str | None
    no_speech: float
    tokens: list[int] = field(default_factory=list)
    log_probability: float = 0.0


def decode_windows(
    model: Whisper, tokenizer: WhisperTokenizer, spectrograms: np.ndarray, *, language: str | Sequence[str] | None = None,
    task: str = "transcribe", timestamps: bool = True, most: int | None = None, rules: Rules | None = None,
) -> list[Heard]:
    """What is said in each of the spectrograms (B, bands, frames), by the most probable token at each step.

    `language` None: what the model takes each window for; a sequence gives one each. Raises ValueError for a language or task
    that the tokenizer has no token for.
    """
    rules = rules or Rules(tokenizer, timestamps)
    known = {} if model.decoder.tokens.num_embeddings == ENGLISH else tokenizer.languages
    length = 4 if known else 2
    most = min(most or MOST, model.context - length)
    was_training = model.training
    model.eval()
    try:
        decoder = CachedDecoder.start(model, len(spectrograms), length + most, from_numpy(np.ascontiguousarray(spectrograms)))
        logits = decoder(np.full((len(spectrograms), 1), tokenizer.start))
        heard = [Heard(spoken, float(silence)) for spoken, silence in zip(
            _languages(known, logits, language), softmax(logits.astype(np.float64))[:, tokenizer.no_speech])]
        for column in np.array([tokenizer.prompt(h.language, task, timestamps)[1:] for h in heard], np.int64).T:
            logits = decoder(column[:, None])
        _write(decoder, logits, heard, rules, tokenizer.end, most)
    finally:
        model.train(was_training)
    return heard


def _languages(known: Mapping[str, int], logits: np.ndarray, given: str | Sequence[str] | None) -> list[str | None]:
    if not known:
        return [None] * len(logits)
    if given is None:
        names, tokens = list(known), list(known.values())
        return [names[i] for i in logits[:, tokens].argmax(1)]
    wanted = [given] * len(logits) if isinstance(given, str) else list(given)
    unknown = sorted(set(wanted) - set(known))
    if unknown or len(wanted) != len(logits):
        raise ValueError(f"decode_windows: language must be one of {', '.join(known)}, for all windows or for each of the "
                         f"{len(logits)}, got {given!r}")
    return [*wanted]


def _write(decoder: CachedDecoder, logits: np.ndarray, heard: list[Heard], rules: Rules, end: int, most: int) -> None:
    """Choose tokens until every window has ended, and note their probabilities."""
    running = [True] * len(heard)
    for step in range(most):
        logs = log_softmax(rules(logits, [h.tokens for h in heard]))
        chosen = logs.argmax(1)
        for i, h in enumerate(heard):
            if not running[i]:
                chosen[i] = end
                continue
            h.log_probability += float(logs[i, chosen[i]])
            running[i] = chosen[i] != end
            if running[i]:
                h.tokens.append(int(chosen[i]))
        if not any(running) or step == most - 1:
            break
        logits = decoder(chosen[:, None])
    for h in heard:
        h.log_probability /= len(h.tokens) + 1
