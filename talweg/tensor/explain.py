"""`talweg.explain`: what the compiler made of a function, or of everything so far."""

from __future__ import annotations

from typing import Any

from ..compile.evaluate import engine
from ..compile.explain import engine_text, program_text
from .compiled import CompiledFunction


def explain(function: Any = None, steps: bool = False) -> str:
    """A text: the recordings and programs of a function made by `talweg.compile`, or of every graph compiled so far.

    For each program its inputs, kernels, calls of the library, layouts, arena and arithmetic; with `steps` every step
    with what it computes and reads. Without a function also how often graphs were interpreted, compiled and replayed, and
    why they were not known. Raises TypeError for a function that talweg.compile did not make.
    """
    if function is None:
        programs = [k.compiled.program for k in engine().known.values() if k.compiled is not None]
        texts = [f"program {i}\n{program_text(p, steps)}" for i, p in enumerate(programs)]
        return "\n".join([engine_text(engine()), *texts])
    if not isinstance(function, CompiledFunction):
        raise TypeError(f"talweg.explain: expected what talweg.compile returned, got {type(function).__name__}")
    lines = [f"talweg.compile({getattr(function.__wrapped__, '__qualname__', type(function.__wrapped__).__name__)})"]
    for kind, recordings in function.recordings().items():
        lines.append(f"arguments {_arguments(kind)}")
        if recordings is None:
            lines.append("  called once, as it is: the second call is traced")
        elif not recordings:
            lines.append("  not recorded: a result needs gradients through the function, or an operation cannot be compiled")
        lines += [program_text(r.program, steps) for r in recordings or ()]
    return "\n".join(lines)


def _arguments(kind: tuple) -> str:
    grad, low, *arguments = kind
    around = ("" if grad else " (under no_grad)") + (f" (autocast to {low.name})" if low else "")
    return ", ".join(map(_argument, arguments)) + around


def _argument(kind: Any) -> str:
    if isinstance(kind, tuple) and len(kind) == 5:
        _, shape, dtype, needs_grad, _ = kind
        return f"{dtype}[{','.join(map(str, shape))}]" + (" with gradient" if needs_grad else "")
    if isinstance(kind, tuple) and len(kind) == 2 and isinstance(kind[1], tuple):
        return "(" + ", ".join(map(_argument, kind[1])) + ")"
    return str(kind[1]) if isinstance(kind, tuple) else str(kind)
