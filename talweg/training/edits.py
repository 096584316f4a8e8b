"""Errors of what was written against what was said: substitutions, deletions and insertions (Levenshtein, 1966)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Edits:
    """What turns a reference of `length` symbols into the hypothesis, with the fewest changes."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    length: int = 0

    @property
    def count(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Changes over the reference's length: the word error rate of words, the phoneme error rate of phonemes. It may be
        above 1; of an empty reference it is 0, or infinite where something was written."""
        if self.length == 0:
            return 0.0 if self.count == 0 else float("inf")
        return self.count / self.length

    def __add__(self, other: Edits) -> Edits:
        return Edits(self.substitutions + other.substitutions, self.deletions + other.deletions,
                     self.insertions + other.insertions, self.length + other.length)


def edits(reference: Sequence[Any], hypothesis: Sequence[Any]) -> Edits:
    """The fewest changes between two sequences, (R,) and (H,); of equally few, those with the most substitutions."""
    R, H = len(reference), len(hypothesis)
    # An insertion or a deletion costs a little more than a substitution, so that of equally many changes those are found
    # which leave the fewest of them; how many there were is read off the sum.
    gap = 2 * (R + H) + 2
    above = [j * gap for j in range(H + 1)]  # what turns the symbols so far into the first j of the hypothesis
    for symbol in reference:
        row = [above[0] + gap]
        for j, other in enumerate(hypothesis):
            row.append(min(above[j] + (0 if symbol == other else gap - 1), above[j + 1] + gap, row[j] + gap))
        above = row
    changes, gaps = divmod(above[H], gap - 1)
    deletions = (gaps + R - H) // 2
    return Edits(changes - gaps, deletions, gaps - deletions, R)


def total_edits(pairs: Iterable[tuple[Sequence[Any], Sequence[Any]]]) -> Edits:
    """The changes of all pairs (reference, hypothesis) together; its rate weighs long references more."""
    return sum((edits(reference, hypothesis) for reference, hypothesis in pairs), Edits())


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Changed words over words said, of all texts together. Words are what spaces part; case and marks count.

    Raises ValueError for lists of different length.
    """
    if len(references) != len(hypotheses):
        raise ValueError(f"word_error_rate: needs as many hypotheses as references, got {len(hypotheses)} and {len(references)}")
    return total_edits((r.split(), h.split()) for r, h in zip(references, hypotheses)).rate
