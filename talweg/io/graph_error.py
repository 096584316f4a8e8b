"""What is wrong with an expression or a value, and where."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

WINDOW = 72


class ExpressionError(ValueError):
    """A mistake in a text the user typed: one line of message, and the column (from 0) where it is."""

    def __init__(self, message: str, text: str, column: int):
        super().__init__(message)
        self.text = text
        self.column = max(0, min(column, len(text)))

    def pointer(self) -> str:
        """The text, and under it a caret at the mistake; a long text is cut to what is around it."""
        start = max(0, self.column - WINDOW // 2) if len(self.text) > WINDOW else 0
        end = start + WINDOW
        before = "..." if start else ""
        after = "..." if end < len(self.text) else ""
        place = len(before) + self.column - start
        return f"{before}{self.text[start:end]}{after}\n{' ' * place}^"


def nearest(name: str, known: Iterable[str]) -> str:
    """`: did you mean 'x'?`, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else ""
