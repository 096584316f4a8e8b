"""A real English text that comes with every Python: the help topics of its reference manual."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pydoc_data import topics as _topics


@dataclass(frozen=True)
class Text:
    """One text in three parts that follow each other."""

    train: str
    validation: str
    test: str


def topics_text() -> str:
    """All topics in their order, a line between them."""
    return "\n".join(_topics.topics.values())


def topics() -> Text:
    """The first 80 % to learn from, 10 % and 10 %. The text differs from one Python release to the next: compare with
    baselines on the same text only."""
    text = topics_text()
    first, second = len(text) * 8 // 10, len(text) * 9 // 10
    return Text(text[:first], text[first:second], text[second:])


def python_version() -> str:
    return ".".join(map(str, sys.version_info[:3]))
