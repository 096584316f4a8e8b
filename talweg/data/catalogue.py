"""Datasets that have a name: `load("digits", size=28)`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .digits import digits
from .splits import Splits


@dataclass(frozen=True)
class Entry:
    """A named dataset: what builds it, one line about it, and the extra it needs."""

    build: Callable[..., Splits]
    summary: str
    extra: str | None = None
    labelled: bool = True
    sized: bool = False


CATALOGUE = {
    "digits": Entry(digits, "1,797 handwritten digits, 8x8 pixels, 10 classes (scikit-learn)", "data", sized=True),
}


def load(name: str, **settings: Any) -> Splits:
    """The splits of a named dataset. Raises ValueError, with the nearest name, when there is none."""
    if name not in CATALOGUE:
        near = difflib.get_close_matches(str(name), CATALOGUE, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(CATALOGUE)}"
        raise ValueError(f"no dataset is called {name!r}: {hint}")
    return CATALOGUE[name].build(**settings)
