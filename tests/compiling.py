"""Running the compiler on purpose: at first sight, with whatever it refuses or gets wrong reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from talweg.compile.engine import Engine, compile_after


class Refusals:
    """What the compiler raised inside the block: evaluation falls back on the interpreter then, and hides it."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.programs = 0


@contextmanager
def compiling() -> Iterator[Refusals]:
    """Compile every graph at first sight; collect what the compiler raised."""
    seen = Refusals()
    replay = Engine.replay

    def watched(engine, known, outputs, leaves):
        try:
            arrays = replay(engine, known, outputs, leaves)
        except Exception as error:
            seen.errors.append(error)
            raise
        seen.programs += arrays is not None
        return arrays

    Engine.replay = watched
    try:
        with compile_after(0):
            yield seen
    finally:
        Engine.replay = replay
