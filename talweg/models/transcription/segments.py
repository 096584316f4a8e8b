"""A window's tokens as segments, and where the next window begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...data.text import WhisperTokenizer

LEAST_ADVANCE = 0.2  # seconds: a window that begins with a segment which it does not hold whole is given up


@dataclass(frozen=True)
class Segment:
    """What is said from `start` to `end`, in seconds."""

    start: float
    end: float
    text: str


def cut_into_segments(
    tokens: Sequence[int], tokenizer: WhisperTokenizer, seconds: float
) -> tuple[list[Segment], float]:
    """The segments of a window that is `seconds` long, in its own time, and after how many seconds the next one begins.

    Pairs of timestamps part the segments. A last pair without text behind it says that the window's end cuts a segment: the
    next window begins at the end of the last whole one. A timestamp alone at the end: nothing more is said, the next window
    follows this one. Text without a pair is one segment, to the last timestamp or the window's end. Segments without text or
    length are left out.
    """
    times = tokenizer.times
    parts = _parts(tokens, times)
    if len(parts) == 1:
        segment, advance = _alone(tokens, tokenizer, seconds)
        return ([segment] if segment.text and segment.end > segment.start else []), advance
    found = []
    for part in parts:
        start, *_, end = (tokenizer.seconds(token) if token in times else None for token in (part[0], part[-1]))
        if len(part) > 1 and start is not None and end is not None and end > start:
            text = tokenizer.text(part).strip()
            found += [Segment(start, end, text)] if text else []
    whole = len(tokens) > 1 and tokens[-1] in times and tokens[-2] not in times
    if whole:
        return found, seconds
    last = tokenizer.seconds(parts[-2][-1]) or 0.0
    return found, last if last > 0 else seconds


def _parts(tokens: Sequence[int], times: range) -> list[Sequence[int]]:
    """Cut between two timestamps that follow each other."""
    cuts = [i for i in range(1, len(tokens)) if tokens[i - 1] in times and tokens[i] in times]
    return [tokens[a:b] for a, b in zip([0, *cuts], [*cuts, len(tokens)])]


def _alone(tokens: Sequence[int], tokenizer: WhisperTokenizer, seconds: float) -> tuple[Segment, float]:
    """One segment, or one that is cut before its text could be written: then the next window begins where it does."""
    marks = [time for time in map(tokenizer.seconds, tokens) if time is not None]
    text = tokenizer.text(tokens).strip()
    start = marks[0] if marks and tokens[0] in tokenizer.times else 0.0
    if not text:
        return Segment(start, start, ""), start if LEAST_ADVANCE <= start < seconds else seconds
    end = marks[-1] if marks and marks[-1] > start else seconds
    return Segment(start, end, text), seconds
