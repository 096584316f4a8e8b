"""Generation token by token, for several prompts of one length at a time (L 7.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .decoder import CachedDecoder
from .sampling import Sampling

Stop = Iterable[int | Sequence[int]]


def generate(
    model: Any, prompt: Any, count: int, *, temperature: float = 1.0, top_k: int | None = None,
    top_p: float | None = None, stop: Stop = (), seed: int = 0, source: Any = None, slide: bool = False,
    without: Sequence[int] = (),
) -> list[list[int]]:
    """Up to `count` new tokens after each row of `prompt` (B, T), or after one list of tokens.

    A row ends before the first of `stop`: token ids, or sequences of them. Equal seeds give equal texts. `source` is
    what an encoder-decoder reads: sources (B, S) or spectrograms (B, mels, frames). With `slide` a text may be longer than
    the context: whenever that is full, the model goes on from the last half of it. Tokens of `without` are never chosen.
    Raises ValueError for an empty prompt, tokens outside the vocabulary's range below 0, more tokens than the context, or
    unfit sampling settings.
    """
    rows = _rows(prompt)
    ends = stop_sequences(stop)
    texts: list[list[int]] = [[] for _ in rows]
    settings: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed, "without": without}
    for tokens in stream(model, rows, count, stop=ends, source=source, slide=slide, **settings):
        for text, token in zip(texts, tokens):
            if token is not None:
                text.append(token)
    return [_before(text, ends) for text in texts]


def stream(
    model: Any, prompt: Any, count: int, *, temperature: float = 1.0, top_k: int | None = None,
    top_p: float | None = None, stop: Stop = (), seed: int = 0, source: Any = None, slide: bool = False,
    without: Sequence[int] = (),
) -> Iterator[list[int | None]]:
    """The same, each step's tokens as soon as they are chosen; None for rows that have ended.

    The token that ends a row is given too.
    """
    rows = _rows(prompt)
    sampling = Sampling(temperature, top_k, top_p, tuple(without))
    ends = stop_sequences(stop)
    if count < 0:
        raise ValueError(f"generate: the count of new tokens must be 0 or more, got {count}")
    model_was_training = model.training
    model.eval()
    try:
        room = rows.shape[1] + count
        decoder = CachedDecoder.start(model, len(rows), min(room, model.context) if slide else room, source)
        yield from _steps(decoder, rows, count, sampling, ends, np.random.Generator(np.random.Philox(seed)))
    finally:
        model.train(model_was_training)


def _steps(
    decoder: CachedDecoder, fed: np.ndarray, count: int, sampling: Sampling, ends: list[tuple[int, ...]],
    rng: np.random.Generator,
) -> Iterator[list[int | None]]:
    texts: list[list[int]] = [[] for _ in fed]
    running = [True] * len(fed)
    window = fed  # (B, T), what has been read and chosen so far, as far as it may be read again
    for _ in range(count):
        if decoder.length + fed.shape[1] > decoder.cache.room:
            decoder.restart()
            fed = window[:, -max(1, decoder.cache.room // 2):]
        chosen = sampling.choose(decoder(fed), rng)
        window = np.concatenate([window, chosen[:, None]], 1)[:, -decoder.cache.room:]
        shown = [int(token) if runs else None for token, runs in zip(chosen, running)]
        for i, token in enumerate(shown):
            if token is not None:
                texts[i].append(token)
                running[i] = not _ended(texts[i], ends)
        yield shown
        if not any(running):
            return
        fed = chosen[:, None]


def _rows(prompt: Any) -> np.ndarray:
    """(B, T), from one list of tokens or several of one length."""
    value = prompt.numpy() if hasattr(prompt, "numpy") else prompt
    try:
        rows = np.atleast_2d(np.asarray(value))
    except ValueError as error:
        raise ValueError("generate: the prompts must all have the same length") from error
    if rows.ndim != 2 or rows.size == 0:
        raise ValueError(f"generate: the prompt must hold at least one token a row, got shape {list(rows.shape)}")
    if rows.dtype.kind not in "iu" or rows.min() < 0:
        raise ValueError(f"generate: the prompt must hold token ids, got {rows.dtype} from {rows.min()}")
    return rows.astype(np.int64)


def stop_sequences(stop: Stop) -> list[tuple[int, ...]]:
    """Token ids and sequences of them as sequences. Raises ValueError for an empty one."""
    found = [(int(end),) if isinstance(end, (int, np.integer)) else tuple(int(t) for t in end) for end in stop]
    if () in found:
        raise ValueError("generate: a stop sequence must not be empty")
    return found


def _ended(text: list[int], ends: list[tuple[int, ...]]) -> bool:
    return any(tuple(text[-len(end):]) == end for end in ends)


def _before(text: list[int], ends: list[tuple[int, ...]]) -> list[int]:
    for end in ends:
        if tuple(text[-len(end):]) == end:
            return text[: -len(end)]
    return text
