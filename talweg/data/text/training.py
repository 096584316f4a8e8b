"""Learning pieces of words: again and again, the most frequent pair of neighbours becomes a token (Sennrich et al., 2016).

Pieces are of bytes, for ByteLevelBPE, or of characters, for WordPiece, where ## marks those that go on with a word.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from .bert_words import BertWords
from .byte_level import END_OF_TEXT, ByteLevelBPE, byte_characters
from .merging import Pair
from .unicode import gpt2_pattern
from .wordpiece import GOES_ON, SPECIAL, WordPiece

Ids = tuple[int, int]


def train_bpe(
    texts: Iterable[str], size: int, special: Sequence[str] = (END_OF_TEXT,), least: int = 2
) -> ByteLevelBPE:
    """A tokenizer of at most `size` tokens: `special` ones, the 256 bytes, then merges in the order they are learnt.

    A pair must occur `least` times; of equally frequent pairs the one with the smaller ids comes first. Raises
    ValueError for a size that does not hold the bytes and special tokens, or for special tokens listed twice.
    """
    first = len(special) + 256
    if size < first or len(set(special)) != len(special) or least < 1:
        raise ValueError(f"train_bpe: the size must be at least {first} (bytes and special tokens), special tokens differ and "
                         f"`least` be 1 or more; got size {size}, {list(special)}, {least}")
    names = [*special, *sorted(byte_characters())]
    ids = {name: i for i, name in enumerate(names)}
    by_byte = [ids[character] for character in byte_characters()]
    counts = Counter(word for text in texts for word in gpt2_pattern().findall(text))
    words = _Words([[by_byte[byte] for byte in word.encode("utf-8", errors="replace")] for word in counts], list(counts.values()))
    merges: list[Pair] = []
    while len(names) < size:
        best = words.most_frequent(least)
        if best is None:
            break
        merges.append((names[best[0]], names[best[1]]))
        names.append(names[best[0]] + names[best[1]])
        words.merge(best, len(names) - 1)
    vocabulary = {name: i for i, name in enumerate(names) if i >= len(special)}
    return ByteLevelBPE(vocabulary, merges, {name: i for i, name in enumerate(special)})


def train_wordpiece(
    texts: Iterable[str], size: int, words: BertWords | None = None, least: int = 2, most_characters: int = 1000,
) -> WordPiece:
    """A tokenizer of at most `size` tokens: BERT's special ones, the characters, then pieces in the order they are learnt.

    Of the characters the `most_characters` most frequent ones are kept, words with others are not learnt from. A pair must
    occur `least` times. Raises ValueError for a size that does not hold the special tokens and characters.
    """
    words = words or BertWords()
    counts = Counter(word for text in texts for word in words.cut(text))
    kept = _frequent(counts, most_characters)
    names = [*SPECIAL, *sorted({piece for word in counts for piece in spelled(word) if piece[-1] in kept})]
    if size < len(names) or least < 1:
        raise ValueError(f"train_wordpiece: the size must be at least {len(names)} (special tokens and characters) and `least` 1 "
                         f"or more; got size {size}, {least}")
    ids = {name: i for i, name in enumerate(names)}
    known = {word: times for word, times in counts.items() if kept.issuperset(word)}
    pieces = _Words([[ids[piece] for piece in spelled(word)] for word in known], list(known.values()))
    while len(names) < size:
        best = pieces.most_frequent(least)
        if best is None:
            break
        made = names[best[0]] + names[best[1]].removeprefix(GOES_ON)
        # Two pairs may make one piece: a, ##bc and ab, ##c.
        if made not in ids:
            ids[made] = len(names)
            names.append(made)
        pieces.merge(best, ids[made])
    return WordPiece(ids, words)


def spelled(word: str) -> list[str]:
    """A word as pieces of one character."""
    return [word[:1], *(GOES_ON + character for character in word[1:])]


def _frequent(counts: Counter[str], most: int) -> set[str]:
    found: Counter[str] = Counter()
    for word, times in counts.items():
        for character in word:
            found[character] += times
    ranked = sorted(found, key=lambda character: (-found[character], character))
    return set(ranked[:most])


class _Words:
    """The distinct words as ids, how often each occurs, and which pairs they hold."""

    def __init__(self, words: list[list[int]], counts: list[int]) -> None:
        self.words = words
        self.counts = counts
        self.pairs: dict[Ids, int] = defaultdict(int)
        self.places: dict[Ids, set[int]] = defaultdict(set)
        for number, word in enumerate(self.words):
            for pair in zip(word, word[1:]):
                self.pairs[pair] += self.counts[number]
                self.places[pair].add(number)
        self.heap = [(-count, pair) for pair, count in self.pairs.items()]
        heapq.heapify(self.heap)

    def most_frequent(self, least: int) -> Ids | None:
        while self.heap:
            count, pair = self.heap[0]
            current = self.pairs.get(pair, 0)
            if -count == current:
                return pair if current >= least else None
            heapq.heappop(self.heap)  # it has become rarer since it was noted
            if current > 0:
                heapq.heappush(self.heap, (-current, pair))
        return None

    def merge(self, pair: Ids, new: int) -> None:
        changed: set[Ids] = set()
        for number in self.places.pop(pair, set()):
            word, times = self.words[number], self.counts[number]
            for old in zip(word, word[1:]):
                self.pairs[old] -= times
            self.words[number] = word = _joined(word, pair, new)
            for found in zip(word, word[1:]):
                self.pairs[found] += times
                self.places[found].add(number)
                if new in found:
                    changed.add(found)
        self.pairs.pop(pair, None)
        for found in changed:
            heapq.heappush(self.heap, (-self.pairs[found], found))


def _joined(word: list[int], pair: Ids, new: int) -> list[int]:
    found: list[int] = []
    i = 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            found.append(new)
            i += 2
        else:
            found.append(word[i])
            i += 1
    return found
