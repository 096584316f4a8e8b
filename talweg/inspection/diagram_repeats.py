"""Parts that stand in a row several times are drawn once, in a dashed frame with their number (L 4.1)."""

from __future__ import annotations

from .diagram import Diagram, Part

LONGEST = 12
"""Parts that may repeat together."""


def fold_repeats(diagram: Diagram) -> Diagram:
    """The same diagram with runs of equal parts folded, from the inside out."""
    folder = _Folder(diagram)
    folder.fold(diagram.model)
    for leaf in diagram.model.leaves():
        leaf.sources = list(dict.fromkeys(folder.kept(s) for s in leaf.sources))
    diagram.outputs = list(dict.fromkeys(folder.kept(s) for s in diagram.outputs))
    return diagram


class _Folder:
    def __init__(self, diagram: Diagram) -> None:
        self.stands_for: dict[Part, Part] = {}
        self.readers: dict[Part, list[Part]] = {}
        self.outputs = set(diagram.outputs)
        for leaf in diagram.model.leaves():
            for source in leaf.sources:
                self.readers.setdefault(source, []).append(leaf)

    def kept(self, part: Part) -> Part:
        """The part drawn for this one."""
        while part in self.stands_for:
            part = self.stands_for[part]
        return part

    def fold(self, frame: Part) -> None:
        for part in frame.parts:
            if part.kind == "frame":
                self.fold(part)
        folded: list[Part] = []
        i = 0
        while i < len(frame.parts):
            period, copies = self._run(frame.parts, i)
            if copies == 1 or self._better_later(frame.parts, i, period, copies):
                folded.append(frame.parts[i])
                i += 1
                continue
            folded.append(self._folded(frame.parts[i : i + period * copies], period, copies))
            i += period * copies
        if len(folded) == 1 and folded[0].kind == "frame" and frame.copies == folded[0].copies == 1:
            folded = folded[0].parts
        frame.parts = folded

    def _better_later(self, parts: list[Part], start: int, period: int, copies: int) -> bool:
        """Whether the same run, begun a little later, starts with a layer that is trained: (conv, relu), not (relu, conv)."""
        if parts[start].kind == "frame" or parts[start].trainable:
            return False
        later = range(start + 1, min(start + period, len(parts)))
        return any(parts[i].trainable and self._run(parts, i) == (period, copies) for i in later)

    def _run(self, parts: list[Part], start: int) -> tuple[int, int]:
        """(parts that repeat, how often) from `start` on: the choice that saves most, (1, 1) where nothing repeats."""
        best = (1, 1)
        for period in range(1, min(LONGEST, (len(parts) - start) // 2) + 1):
            copies = 1
            while self._alike(parts, start, start + copies * period, period, copies):
                copies += 1
            while copies > 1 and not self._closed(parts[start : start + copies * period], period):
                copies -= 1
            if period * (copies - 1) > best[0] * (best[1] - 1):
                best = (period, copies)
        return best

    def _alike(self, parts: list[Part], a: int, b: int, period: int, copies: int) -> bool:
        """Whether what begins at b continues the run that began at a and has so many copies."""
        first, before, after = parts[a : a + period], parts[b - period : b], parts[b : b + period]
        if len(after) < period or not all(map(_same, first, after)):
            return False
        one_before = parts[b - 2 * period : b - period] if copies > 1 else []
        return self._wired(one_before, before, after)

    def _wired(self, one_before: list[Part], before: list[Part], after: list[Part]) -> bool:
        """Whether both read the same places of themselves, of the repetition before each, and the same from outside."""
        ours, theirs = _reads(before, one_before), _reads(after, before)
        for mine, other in zip(ours, theirs):
            if len(mine) != len(other):
                return False
            for (where, place), (there, same) in zip(mine, other):
                first_reads_outside = not one_before and there == "before" and where == "outside"
                if (where, place) != (there, same) and not first_reads_outside:
                    return False
        return True

    def _closed(self, run: list[Part], period: int) -> bool:
        """Whether nobody outside reads any repetition but the last, and every one but the first reads the one before."""
        leaves = {leaf for part in run for leaf in part.leaves()}
        groups = [run[i : i + period] for i in range(0, len(run), period)]
        inner = [{leaf for part in group for leaf in part.leaves()} for group in groups]
        for group in inner[:-1]:
            if group & self.outputs or any(r not in leaves for leaf in group for r in self.readers.get(leaf, ())):
                return False
        return all(
            any(s in before for leaf in after for s in leaf.sources) for before, after in zip(inner, inner[1:])
        )

    def _folded(self, run: list[Part], period: int, copies: int) -> Part:
        first, last = run[:period], run[-period:]
        for kept, gone in zip(first, last):
            for a, b in zip(kept.leaves(), gone.leaves()):
                self.stands_for[b] = a
        if period == 1 and first[0].kind == "frame" and first[0].copies == 1:
            first[0].copies = copies
            return first[0]
        return Part("frame", "", parts=first, copies=copies, shape=first[-1].shape)


def _reads(group: list[Part], before: list[Part]) -> list[list[tuple[str, object]]]:
    """For each leaf of the group what its sources are: a place inside, a place in the group before, or a part outside."""
    leaves = [leaf for part in group for leaf in part.leaves()]
    inside = {leaf: i for i, leaf in enumerate(leaves)}
    earlier = {leaf: i for i, leaf in enumerate(leaf for part in before for leaf in part.leaves())}

    def told(source: Part) -> tuple[str, object]:
        if source in inside:
            return "inside", inside[source]
        return ("before", earlier[source]) if source in earlier else ("outside", source)

    return [[told(source) for source in leaf.sources] for leaf in leaves]


def _same(a: Part, b: Part) -> bool:
    """Whether two parts are drawn alike and have as many parameters."""
    mine, theirs = (
        (p.kind, p.label, p.details, p.weights, p.trainable, p.shape, p.copies, len(p.parts)) for p in (a, b)
    )
    return mine == theirs and all(map(_same, a.parts, b.parts))
