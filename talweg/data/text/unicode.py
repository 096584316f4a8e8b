"""Classes of characters that Python's `re` has no name for: letters, numbers and spaces as Unicode defines them."""

from __future__ import annotations

import functools
import itertools
import re
import sys
import unicodedata
from collections.abc import Iterable

# The property White_Space; Python's \s has four control characters more.
SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


@functools.cache
def category(first: str) -> str:
    r"""The characters whose category begins so, as the inside of a bracket: category("L") is \p{L}."""
    members = (code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith(first))
    runs = itertools.groupby(enumerate(members), key=lambda pair: pair[1] - pair[0])
    ranges = []
    for _, run in runs:
        codes = [code for _, code in run]
        ranges.append(f"\\U{codes[0]:08x}-\\U{codes[-1]:08x}")
    return "".join(ranges)


@functools.cache
def gpt2_pattern() -> re.Pattern[str]:
    """How GPT-2 cuts text before byte pairs are merged: contractions, words, numbers, marks with the space before them."""
    letters, numbers = category("L"), category("N")
    return re.compile(
        rf"'s|'t|'re|'ve|'m|'ll|'d| ?[{letters}]+| ?[{numbers}]+| ?[^{SPACE}{letters}{numbers}]+"
        rf"|[{SPACE}]+(?![^{SPACE}])|[{SPACE}]+"
    )


@functools.cache
def clip_pattern() -> re.Pattern[str]:
    """How CLIP cuts text: as GPT-2, but without spaces, and every digit alone."""
    letters, numbers = category("L"), category("N")
    return re.compile(rf"'s|'t|'re|'ve|'m|'ll|'d|[{letters}]+|[{numbers}]|[^{SPACE}{letters}{numbers}]+")


def splitter(special: Iterable[str]) -> re.Pattern[str] | None:
    """What cuts a text at these tokens, the longest first, and keeps them; None where there are none."""
    longest_first = sorted(special, key=lambda token: (-len(token), token))
    return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")") if longest_first else None
