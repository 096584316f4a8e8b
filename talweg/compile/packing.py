"""Weights in the library's own layout, made once for as long as they keep their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..backends.cpu.library import library
from ..backends.cpu.llvm.commands import CommandList
from ..backends.cpu.llvm.expression import Place
from ..backends.cpu.plans import Plan as LibraryPlan

Token = Callable[[int], object]
"""By an input's number: something that is equal at two runs only if the input's values are; None where nobody knows."""


@dataclass
class _Packed:
    slot: int
    command: int
    token: object = None


class Packings:
    """The reorders of a program's inputs that need not be done at every run."""

    def __init__(self) -> None:
        self.commands = CommandList()
        self._packed: list[_Packed] = []

    def take(self, plan: LibraryPlan, places: Sequence[Place], inputs: range) -> set[int]:
        """Give the copies of those of a plan's arguments that are inputs memory of their own. The numbers of the steps
        that the plan then need not run."""
        taken = set()
        for argument, step, copy in plan.packings:
            slot = places[argument].slot
            if slot in inputs:
                plan.keep(copy)
                handle, count, arguments = plan.calls[step]
                self._packed.append(_Packed(slot, len(self.commands)))
                self.commands.primitive(handle, arguments, count, library().stream or 0, library().execute_address)
                taken.add(step)
        return taken

    def refresh(self, token: Token | None) -> None:
        """Lay out anew what may have changed."""
        for packed in self._packed:
            now = None if token is None else token(packed.slot - 1)
            if now is None or now != packed.token:
                self.commands.run(packed.command, packed.command + 1)
                packed.token = now
