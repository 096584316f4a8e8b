"""g2p: words as they are spelled and as they are pronounced, the words of Python's own library (L 5.3)."""

from __future__ import annotations

import re
import sysconfig
from collections import Counter
from pathlib import Path

from ..pairs import Pairs, split_pairs
from .espeak import phonemes
from .topics import topics_text

WORD = re.compile(r"[A-Za-z]+")
LEAST = 3  # uses of a word, so that misspellings stay out
SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "encodings", "__pycache__"}
LENGTHS = range(2, 16)


def library_words(folder: Path | None = None, least: int = LEAST) -> list[str]:
    """The words, in lower case and alphabetical order, that occur `least` times in the sources of the standard library
    without its tests, and in the topics' text.

    Words that are a name in mixed case, or longer than 15 letters, are left out: they are not spelled as they sound.
    """
    folder = folder or Path(sysconfig.get_paths()["stdlib"])
    counts: Counter[str] = Counter(_words(topics_text()))
    for path in sorted(folder.rglob("*.py")):
        if SKIPPED.intersection(path.relative_to(folder).parts):
            continue
        counts.update(_words(path.read_text(encoding="utf-8", errors="replace")))
    return sorted(word for word, count in counts.items() if count >= least and len(word) in LENGTHS)


def g2p(seed: int = 0) -> Pairs:
    """Each word with its phonemes, a space between two; from characters to words of phonemes.

    Raises ModuleNotFoundError without the extra `speech`. The words differ from one Python release to the next.
    """
    words = library_words()
    found = [(word, " ".join(sounds)) for word, sounds in zip(words, phonemes(words, "en-us")) if sounds and not _spelled(word)]
    return split_pairs("g2p", found, seed, source_unit="characters", target_unit="words")


def _words(text: str) -> list[str]:
    """Runs of letters, in lower case; those with a capital letter inside are none."""
    return [word.lower() for word in WORD.findall(text) if word[1:].islower() or word[1:].isupper()]


def _spelled(word: str) -> bool:
    """Whether a word is an abbreviation that is read letter by letter: it has no vowel."""
    return not set(word) & set("aeiouy")
