"""A failing program made small: lines and outputs are left out as long as it still fails."""

from __future__ import annotations

from dataclasses import replace

from .comparing import disagreement
from .drawing import Program


def shrunk(program: Program, tries: int = 400) -> tuple[Program, str]:
    """(the smallest failing program found, how it fails)"""
    message = disagreement(program) or "did not fail again"
    smaller = True
    while smaller and tries > 0:
        smaller = False
        for candidate in _smaller(program):
            tries -= 1
            if tries < 0:
                break
            found = _fails(candidate)
            if found is not None:
                program, message, smaller = candidate, found, True
                break
    return program, message


def _smaller(program: Program):
    for output in program.outputs:
        if len(program.outputs) > 1:
            yield replace(program, outputs=[output])
    if program.steps > 1:
        yield replace(program, steps=1)
    if program.backward:
        yield replace(program, backward=False, steps=1)
    count = len(program.lines)
    size = count // 2
    while size:
        for start in range(0, count, size):
            yield program.without(set(range(start, start + size)) & set(range(count)))
        size //= 2
    for output in program.outputs:
        if len(program.outputs) > 1:
            yield replace(program, outputs=[o for o in program.outputs if o != output])


def _fails(program: Program) -> str | None:
    if not program.outputs:
        return None
    try:
        return disagreement(program)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
