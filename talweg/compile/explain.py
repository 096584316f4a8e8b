"""`talweg.explain()`: what has been compiled, what each program consists of, and what became of all other graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .costs import step_flops
from .dump import layout, step_line
from .engine import Engine
from .program import Program


def engine_text(engine: Engine) -> str:
    """How often graphs were interpreted, compiled, replayed, and why they were not known."""
    counts = engine.counts
    lines = [f"graphs: {counts.interpreted} interpreted, {counts.compiled} compiled, {counts.replayed} replayed, "
             f"{counts.forgotten} forgotten, {len(engine.known)} known"]
    lines += [f"  {number} times {reason}" for reason, number in sorted(counts.misses.items(), key=lambda item: -item[1])]
    return "\n".join(lines)


def program_text(program: Program, steps: bool = False) -> str:
    """A program in a few lines, or with each of its steps."""
    plan = program.plan
    made = Counter(program.commands.what(i) for i in range(len(program.commands)))
    layouts = Counter(layout(n, plan) for step in plan.steps for n in step.outputs)
    library = Counter(plan_.steps[-1][0].implementation for _, plan_, _ in program.library_plans)
    lines = [
        f"{len(plan.inputs)} inputs, {len(plan.roots)} results, {len(plan.in_place)} of them in place",
        f"{len(plan.steps)} steps, {len(program.commands)} commands: {_counted(made)}",
        f"{len(program.calls)} calls from Python{_of(call.node.op.name for _, call in program.calls)}",
        f"layouts: {_counted(layouts)}",
        f"library: {_counted(library)}",
        f"arena {program.arena_bytes / 1e6:.2f} MB, scratch {program.scratch_bytes / 1e6:.2f} MB, "
        f"{sum(map(step_flops, plan.steps)) / 1e9:.3f} GFLOP in products",
    ]
    if steps:
        lines += [f"{i:4d} {step_line(step, plan)}" for i, step in enumerate(plan.steps)]
    return "\n".join("  " + line for line in lines)


def _counted(counter: Counter) -> str:
    return ", ".join(f"{number} {what}" for what, number in counter.most_common()) or "none"


def _of(names: Iterable[str]) -> str:
    found = Counter(names)
    return f" ({_counted(found)})" if found else ""
