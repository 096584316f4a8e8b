"""What the report of telling texts apart shows: the worst mistakes with their text, and which words decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import nn
from ..data import TensorDataset
from ..tensor import from_numpy
from ..training import softmax
from ..training.report_parts import percent, section, table, text
from .bert_reader import Reader
from .classify import outputs_of

MOST_TEXTS = 30
EXPLAINED = 6
FULL_COLOUR = 0.5  # a fall of the probability by so much


def worst_texts(texts: Sequence[str], labels: np.ndarray, shares: np.ndarray, classes: Sequence[str]) -> str:
    """The mistakes that were most certain, with their whole text."""
    predicted, certainty = shares.argmax(1), shares.max(1)
    wrong = np.flatnonzero(predicted != labels)
    if len(wrong) == 0:
        return section("The worst mistakes", "<p>There are none.</p>")
    worst = wrong[np.argsort(-certainty[wrong], kind="stable")][:MOST_TEXTS]
    rows = [[texts[i], classes[labels[i]], classes[predicted[i]], percent(certainty[i]), percent(shares[i, labels[i]])]
            for i in worst.tolist()]
    note = f'<p class="soft">The most certain first; {len(worst)} of {len(wrong)} shown.</p>'
    return section("The worst mistakes", note + table(["text", "is", "taken for", "certainty", "of the label"], rows, (3, 4)))


def deciding_words(
    model: nn.Module, reader: Reader, texts: Sequence[str], labels: np.ndarray, shares: np.ndarray, classes: Sequence[str],
) -> str:
    """The right answers that are most certain, each of a class of its own, with their words in a colour: how much the class's
    probability falls where one word is hidden."""
    right = np.flatnonzero(shares.argmax(1) == labels)
    ranked = right[np.argsort(-shares.max(1)[right], kind="stable")]
    chosen = [int(i) for n, i in enumerate(ranked) if labels[i] not in labels[ranked[:n]]][:EXPLAINED]
    if not chosen:
        return ""
    blocks = [_explained(model, reader, texts[i], int(labels[i]), classes) for i in chosen]
    note = ('<p class="soft">The redder a word, the more the probability of the class falls when it is hidden: no colour is no '
            f"fall, full colour {percent(FULL_COLOUR)} or more. The pointer shows the fall.</p>")
    return section("Which words decided", note + "".join(blocks))


def _explained(model: nn.Module, reader: Reader, content: str, label: int, classes: Sequence[str]) -> str:
    tokenizer = reader.built()
    ids = tokenizer.enclosed(content, reader.context)
    words = _words(reader, ids)
    rows = np.repeat(reader.read(tokenizer, [content]), len(words) + 1, 0)  # (1 + words, T)
    for row, places in zip(rows[1:], words):
        row[places] = tokenizer["[MASK]"]
    found = softmax(outputs_of(model, TensorDataset(from_numpy(rows))))[:, label]
    spans = []
    for places, share in zip(words, found[1:]):
        fall = float(found[0] - share)
        strength = 0.75 * min(1.0, max(0.0, fall) / FULL_COLOUR)
        shown = text(tokenizer.decode([ids[i] for i in places]))
        colour = f"background:rgb(var(--wrong) / {strength:.2f})"
        spans.append(f'<span title="{100 * fall:.1f} points" style="{colour}">{shown}</span>')
    return f"<p><b>{text(classes[label])}</b> ({percent(float(found[0]))}): {' '.join(spans)}</p>"


def _words(reader: Reader, ids: Sequence[int]) -> list[list[int]]:
    """The places of each word's pieces, without [CLS] and [SEP]."""
    words: list[list[int]] = []
    for place in range(1, len(ids) - 1):
        if words and reader.tokens[ids[place]].startswith("##"):
            words[-1].append(place)
        else:
            words.append([place])
    return words
