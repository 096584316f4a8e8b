"""Whether a compiled program agrees with the interpreted one: to the bit where a value is exact, else within what
rounding and small changes of the inputs do to a float64 run of the same program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from compiling import compiling

from .drawing import Program
from .running import Data, run
from .stepping import called, steppable

TRIES = (Data(0), Data(1), Data(1, bad=True), Data(2))
OTHER_LAYOUT = Data(2, layout=1)
EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52, "bfloat16": 2.0**-8}


def outcome(how: Callable, *arguments, **named):
    """(values, None) or (None, the error)."""
    try:
        return how(*arguments, **named), None
    except (RuntimeError, IndexError, ValueError, TypeError, ZeroDivisionError) as error:
        return None, error.with_traceback(None)  # it would keep the program's tensors alive, and waiting


def disagreement(program: Program) -> str | None:
    """What differs between the ways to run it, or None."""
    tries = (*TRIES, OTHER_LAYOUT) if program.seed % 3 == 0 else TRIES
    with np.errstate(all="ignore"):
        for data in tries:
            if data.bad and not any(x.index for x in program.inputs):
                continue
            found = _differs(program, data)
            if found is not None:
                return f"{data}: {found}"
        return _steps_differ(steppable(program)) if program.seed % 3 == 1 else None


def _differs(program: Program, data: Data) -> str | None:
    """Compiled at first sight, against interpreted."""
    plain, refused = outcome(run, program, data)
    with compiling(poison=True, threads=3 * (program.seed % 4 == 1)) as seen:
        fast, raised = outcome(run, program, data)
    if (refused is None) != (raised is None) or type(refused) is not type(raised):
        return f"interpreted: {refused!r}, compiled: {raised!r}"
    if plain is None:
        return None
    if seen.errors:
        return f"the compiler refused: {seen.errors[0]!r}"

    def changed(shake: float):
        return outcome(run, program, replace(data, shake=shake), wide=program.yardstick)[0]

    return _first_difference(program, fast, plain, changed)


def _steps_differ(program: Program) -> str | None:
    """`talweg.compile` of a step, against the step."""
    plain, refused = outcome(called, program, False)
    if plain is None:
        return None
    fast, raised = outcome(called, program, True)
    if raised is not None and "was read inside" in str(raised):  # one_hot looks at its indices
        return None
    if raised is not None:
        return f"talweg.compile: {raised!r}"

    def changed(shake: float):
        return outcome(called, program, False, shake, wide=program.yardstick)[0]

    found = _first_difference(program, fast, plain, changed)
    return found and f"talweg.compile: {found}"


def _first_difference(program: Program, fast: dict, plain: dict, changed: Callable) -> str | None:
    if list(fast) != list(plain):
        return f"{list(fast)} for {list(plain)}"
    yard = None
    for name, there in plain.items():
        here = fast[name]
        if here.dtype != there.dtype or here.shape != there.shape:
            return f"{name}: {here.dtype}{here.shape} for {there.dtype}{there.shape}"
        if np.array_equal(here, there, equal_nan=here.dtype.kind == "f"):
            continue
        updated = program.steps > 1  # inputs are exact no more, nor are views of them
        if there.dtype.kind != "f" and updated and name not in program.outputs:
            continue
        if there.dtype.kind != "f" or (name in program.exact and not updated):
            return f"{name} is exact, and differs: {_where(here, there)}"
        yard = _yardsticks(program, changed) if yard is None else yard
        allowed = _allowed(name, there, yard, EPSILON[_narrowest(program)])
        if allowed is None:
            continue
        off = np.abs(here.astype(np.float64) - there)
        wrong = (off > allowed) | (np.isnan(here) != np.isnan(there))
        wrong &= ~((here == there) | (np.isnan(here) & np.isnan(there)))
        if wrong.any():
            return f"{name} is off by {np.nanmax(np.where(wrong, off, 0)):.3g}: {_where(here, there, wrong)}"
    return None


def _narrowest(program: Program) -> str:
    """The least precise dtype that numbers pass through."""
    text = " ".join(line.text for line in program.lines)
    kinds = {x.dtype for x in program.inputs}
    if "HALF" in text or "bfloat16" in kinds:
        return "bfloat16"
    made = any(word in text for word in ("SINGLE", "T.rand", "T.full", "linspace"))
    return "float32" if made or kinds - {"float64"} else "float64"


def _yardsticks(program: Program, changed: Callable) -> list[dict[str, np.ndarray]]:
    """The program with its inputs a little changed, in float64 where that is the same program."""
    small = 2 * EPSILON[_narrowest(program)]
    runs = [changed(s * small) for s in (0.0, 1.0, 1.5, 2.0)]
    return [r for r in runs if r is not None]


def _allowed(name: str, plain: np.ndarray, yard: list[dict[str, np.ndarray]], epsilon: float) -> np.ndarray | None:
    """By how much each element may differ; None where the value is too sensitive to say."""
    if not yard or any(name not in y or y[name].shape != plain.shape for y in yard):
        return None
    exact = [y[name].astype(np.float64) for y in yard]
    spread = np.max([np.abs(e - exact[0]) for e in exact], axis=0)
    off = np.abs(plain - exact[0])
    if not np.isfinite(exact).all() or not np.isfinite(plain).all():
        return None
    size = np.max(np.abs(exact), initial=0)
    if max(off.max(initial=0), spread.max(initial=0)) > 0.05 * max(size, 1e-30):
        return None
    return 8 * spread + 2 * spread.max(initial=0) + 8 * off.max(initial=0) + 64 * epsilon * (np.abs(exact[0]) + size / 8 + 0.5)


def _where(here: np.ndarray, there: np.ndarray, wrong: np.ndarray | None = None) -> str:
    wrong = ~((here == there) | ((here != here) & (there != there))) if wrong is None else wrong
    at = tuple(np.argwhere(wrong)[0])
    return f"{wrong.sum()} of {wrong.size}, first at {tuple(map(int, at))}: {here[at]} for {there[at]}"
