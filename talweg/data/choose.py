"""`--data`: the name of a dataset, or the path of the user's own."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from . import sources
from .catalogue import CATALOGUE, load
from .examples import Request
from .splits import Splits


def choose(what: str, request: Request | None = None) -> Splits:
    """The splits of a named dataset, or of what lies at a path. A name goes before a file of that name.

    Raises ValueError for a name that is none and no path either, for a dataset that has no labels to learn, and
    as `load_path` does.
    """
    request = request or Request()
    if what in CATALOGUE:
        if not CATALOGUE[what].labelled:
            raise ValueError(f"{what} is no set of inputs with labels: `talweg data show {what}` tells what it is for")
        sized = {"size": request.size} if CATALOGUE[what].sized else {}
        return load(what, **sized, seed=request.seed)
    if not is_path(what):
        near = difflib.get_close_matches(what, CATALOGUE, n=1)
        hint = f"did you mean {near[0]!r}?" if near else sources.near_path(Path(what)).removeprefix(": ")
        hint = hint or f"datasets are {', '.join(CATALOGUE)}"
        raise ValueError(f"{what!r} is neither a dataset's name nor a file or folder: {hint}")
    return sources.load_path(what, request)


def is_path(what: str) -> bool:
    """Whether a dataset is meant by its place: it exists, or is written like one."""
    return Path(what).expanduser().exists() or os.sep in what or "/" in what or bool(Path(what).suffix)


def holds_pictures(what: str) -> bool:
    """Whether the inputs of this dataset are pictures, or sounds that are made into some."""
    return CATALOGUE[what].sized if what in CATALOGUE else sources.holds_pictures(what)


def short_name(what: str) -> str:
    """A dataset's name for titles and folders: its own, a hyphen for a colon, or the file's or folder's without ending."""
    if what in CATALOGUE:
        return what.replace(":", "-")
    path = Path(what).expanduser().resolve()
    return (path.stem if path.is_file() else path.name) or "data"
