"""Byte pair encoding of one word: the learnt pairs are merged, the earliest learnt first (Sennrich et al., 2016)."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

Pair = tuple[str, str]


def merged(symbols: Sequence[str], ranks: Mapping[Pair, int]) -> list[str]:
    """The symbols after all merges that apply. Time n log n, so that a word of a million letters does no harm."""
    parts = list(symbols)  # "" where a symbol has gone into the one before it
    before = list(range(-1, len(parts) - 1))
    after = list(range(1, len(parts) + 1))
    heap: list[tuple[int, int, str, str]] = []

    def consider(left: int) -> None:
        right = after[left]
        if right < len(parts) and (parts[left], parts[right]) in ranks:
            pair = (parts[left], parts[right])
            heapq.heappush(heap, (ranks[pair], left, *pair))

    for place in range(len(parts)):
        consider(place)
    while heap:
        _, left, first, second = heapq.heappop(heap)
        right = after[left]
        if parts[left] != first or right >= len(parts) or parts[right] != second:
            continue  # one of the two has been merged meanwhile
        parts[left], parts[right] = first + second, ""
        after[left] = after[right]
        if after[left] < len(parts):
            before[after[left]] = left
        if before[left] >= 0:
            consider(before[left])
        consider(left)
    return [part for part in parts if part]
