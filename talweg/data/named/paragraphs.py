"""topics:paragraphs: which help topic of Python's manual a paragraph is from."""

from __future__ import annotations

import re
from collections import Counter
from pydoc_data import topics as _topics

from ..labelled_texts import LabelledTexts, split_texts

LEAST = 40  # characters of a paragraph
CLASSES = 20
EMPTY_LINE = re.compile(r"\n\s*\n")


def owned_paragraphs() -> dict[str, str]:
    """Every different paragraph of at least 40 characters, its spaces made one, with its topic.

    Long topics hold whole shorter ones: a paragraph belongs to the shortest topic that has it.
    """
    found: dict[str, str] = {}
    for topic, text in sorted(_topics.topics.items(), key=lambda item: (len(item[1]), item[0])):
        for part in EMPTY_LINE.split(text):
            paragraph = " ".join(part.split())
            if len(paragraph) >= LEAST:
                found.setdefault(paragraph, topic)
    return found


def topic_paragraphs(seed: int = 0) -> LabelledTexts:
    """The paragraphs of the 20 topics that own the most, 70 / 15 / 15 % of each; those of other topics have no label.

    The text differs from one Python release to the next: compare with baselines on the same text only.
    """
    owned = owned_paragraphs()
    ranked = sorted(Counter(owned.values()).items(), key=lambda item: (-item[1], item[0]))
    chosen = sorted(topic for topic, _ in ranked[:CLASSES])
    samples = [(text, topic) for text, topic in owned.items() if topic in chosen]
    others = [text for text, topic in owned.items() if topic not in chosen]
    return split_texts("topics:paragraphs", samples, seed, unlabelled=others)


def paragraphs_content() -> list[str]:
    """What the data are made from, for their hash."""
    return [f"{topic}\n{text}" for text, topic in owned_paragraphs().items()]
