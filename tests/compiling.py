"""Running the compiler on purpose: at first sight, with whatever it refuses or gets wrong reported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np

from talweg.backends.cpu.llvm import commands
from talweg.backends.cpu.llvm.expression import NotInline
from talweg.compile.engine import Engine, compile_after
from talweg.runtime import threads as runtime_threads
from talweg.runtime.memory import Workspace

programs = sys.modules["talweg.compile.program"]


class Refusals:
    """What the compiler raised inside the block: evaluation falls back on the interpreter then, and hides it."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.programs = 0


@contextmanager
def compiling(poison: bool = False, threads: int = 0) -> Iterator[Refusals]:
    """Compile every graph at first sight; collect what the compiler raised.

    poison: fill the arena and the results' memory with nan (-1 as integers) before each run, so that what is read
        before it is written shows. threads: let that many share every kernel, however small.
    """
    seen = Refusals()
    replay = Engine.replay

    def watched(engine, known, outputs, leaves):
        try:
            arrays = replay(engine, known, outputs, leaves)
        except Exception as error:
            seen.errors.append(error)
            raise
        if isinstance(known.refused, NotInline):  # which the planner should have seen to
            seen.errors.append(known.refused)
        seen.programs += arrays is not None
        return arrays

    with ExitStack() as stack:
        stack.enter_context(patch.object(Engine, "replay", watched))
        if poison:
            stack.enter_context(_poisoned())
        if threads:
            stack.enter_context(_shared(threads))
        with compile_after(0):
            yield seen


@contextmanager
def _poisoned() -> Iterator[None]:
    reserve, take = Workspace.reserve, programs._Pool.take

    def poisoned_reserve(workspace, size):
        address = reserve(workspace, size)
        if workspace is programs._arena and size:
            workspace.bytes()[:size] = 255
        return address

    def poisoned_take(pool):
        array = take(pool)
        array[...] = np.full((), -1 if array.dtype.kind in "iub" else np.nan).astype(array.dtype)
        return array

    with patch.object(Workspace, "reserve", poisoned_reserve), patch.object(programs._Pool, "take", poisoned_take):
        yield


@contextmanager
def _shared(threads: int) -> Iterator[None]:
    before = runtime_threads.get_num_threads()
    runtime_threads.set_num_threads(threads)
    try:
        with patch.object(commands, "PARALLEL_COST", 0):
            yield
    finally:
        runtime_threads.set_num_threads(before)
