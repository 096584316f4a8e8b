"""From the columns of many graphs' nodes to features: what the training graphs have, for any graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..data.graphs import NodeGraph
from ..data.sources.table import number_of

MOST_WORDS = 32  # a column with more different words names nodes rather than describing them
Columns = Mapping[str, Sequence[str | None]]


@dataclass(frozen=True)
class NodeColumns:
    """For each column its name, its words (none for numbers), the numbers' mean and deviation; and up to which number of edges a
    node's count of them is told apart."""

    names: list[str]
    words: list[list[str]]
    means: list[float]
    deviations: list[float]
    degrees: int

    @classmethod
    def of(cls, graphs: Sequence[Columns], degrees: int) -> NodeColumns:
        """Of the columns that all these graphs have."""
        common = [name for name in graphs[0] if all(name in graph for graph in graphs)]
        found: list[tuple[str, list[str], float, float]] = []
        for name in common:
            cells = [cell for graph in graphs for cell in graph[name] if cell is not None]
            numbers = [n for n in map(number_of, cells) if n is not None and np.isfinite(n)]
            words = sorted(set(cells))
            if cells and len(numbers) == len(cells) and len(words) > 1:
                found.append((name, [], float(np.mean(numbers)), float(np.std(numbers)) or 1.0))
            elif 1 < len(words) <= MOST_WORDS:
                found.append((name, words, 0.0, 1.0))
        names, words_of, means, deviations = map(list, zip(*found)) if found else ([], [], [], [])
        return cls(names, words_of, means, deviations, degrees)  # type: ignore[arg-type]

    @property
    def width(self) -> int:
        return sum(len(words) or 1 for words in self.words) + self.degrees + 1

    def features(self, graph: NodeGraph, columns: Columns) -> np.ndarray:
        """Float32 (N, width): words and counts of edges as 0 and 1, numbers scaled; what is missing, new or infinite is 0. Raises
        ValueError where a column lacks."""
        parts = [np.eye(self.degrees + 1, dtype=np.float32)[np.minimum(graph.degrees, self.degrees)]]
        for name, words, mean, deviation in zip(self.names, self.words, self.means, self.deviations):
            if name not in columns:
                raise ValueError(f"{graph.name}: its nodes lack the column {name!r}, which the graphs that were learned from "
                                 "have")
            cells = columns[name]
            if words:
                parts.append(np.array([[cell == word for word in words] for cell in cells], np.float32))
            else:
                numbers = np.array([np.nan if n is None else n for n in map(number_of, cells)], np.float64)
                scaled = np.where(np.isfinite(numbers), (numbers - mean) / deviation, 0)
                parts.append(scaled[:, None].astype(np.float32))
        return np.concatenate(parts, 1)
