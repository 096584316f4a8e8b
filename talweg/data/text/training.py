"""Learning byte pairs: again and again, the most frequent pair of neighbours becomes a token (Sennrich et al., 2016)."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from .byte_level import END_OF_TEXT, ByteLevelBPE, byte_characters
from .merging import Pair
from .unicode import gpt2_pattern

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
    words = _Words(texts, {name: i for i, name in enumerate(names)})
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


class _Words:
    """The distinct words as ids, how often each occurs, and which pairs they hold."""

    def __init__(self, texts: Iterable[str], ids: dict[str, int]) -> None:
        counts = Counter(word for text in texts for word in gpt2_pattern().findall(text))
        by_byte = [ids[character] for character in byte_characters()]
        self.words = [[by_byte[byte] for byte in word.encode("utf-8", errors="replace")] for word in counts]
        self.counts = list(counts.values())
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
