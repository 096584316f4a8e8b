"""Showing what the passes made: TALWEG_DUMP=simplify,fuse,memory,lower (or all) prints each pass's result to stderr.

    simplify   the graph: decomposed, simplified, equal nodes one
    fuse       the steps in their order: kernels with what each computes and reads, calls of the library; layouts
    memory     the arena: where each value lies and for how long; inputs that are updated in place
    lower      the commands, and the LLVM text of each different kernel
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..backends.cpu.llvm.commands import module_text
from ..core.shapes import contiguous_strides
from ..graph.node import Node
from ..graph.text import to_text
from .memory import lifetimes
from .places import channels_last, is_dense
from .steps import Plan, Step

if TYPE_CHECKING:
    from .program import Program

PASSES = ("simplify", "fuse", "memory", "lower")


def wanted() -> set[str]:
    """The passes whose results are to be printed. Raises ValueError for a name that is none."""
    names = {n.strip() for n in os.environ.get("TALWEG_DUMP", "").split(",") if n.strip()}
    unknown = names - {*PASSES, "all"}
    if unknown:
        raise ValueError(f"TALWEG_DUMP: there is no pass {sorted(unknown)[0]!r}; there are {', '.join(PASSES)}, all")
    return set(PASSES) if "all" in names else names


def show(program: Program) -> None:
    for name in PASSES:
        if name in wanted():
            print(f"--- {name}\n{text_of(program, name)}\n", file=sys.stderr)


def text_of(program: Program, name: str) -> str:
    """What the pass of that name left behind. Raises ValueError for a name that is none."""
    plan = program.plan
    if name == "simplify":
        return to_text(plan.roots)
    if name == "fuse":
        return "\n".join(f"{i:4d} {step_line(step, plan)}" for i, step in enumerate(plan.steps))
    if name == "memory":
        return _memory(program)
    if name == "lower":
        return _lowered(program)
    raise ValueError(f"there is no pass {name!r}; there are {', '.join(PASSES)}")


def step_line(step: Step, plan: Plan) -> str:
    made = ", ".join(f"{value_text(n)} {layout(n, plan)}" for n in step.outputs)
    read = ", ".join(dict.fromkeys(value_text(n) for n in [*step.sources, *step.reads]))
    return f"{step.kind:9s} {made}  from  {read or 'nothing'}"


def value_text(node: Node) -> str:
    return f"{node.op.name}:{node.dtype.name}[{','.join(map(str, node.shape))}]"


def layout(node: Node, plan: Plan) -> str:
    strides = plan.strides.get(node)
    if strides is None:
        return "nowhere"
    if strides == contiguous_strides(node.shape):
        return "contiguous"
    if len(node.shape) >= 3 and strides == channels_last(node.shape):
        return "channels-last"
    return "dense" if is_dense(node.shape, strides) else "strided"


def _memory(program: Program) -> str:
    spans = lifetimes(program.plan)
    lines = [f"arena {program.arena_bytes} bytes, scratch {program.scratch_bytes} bytes"]
    for node, (first, last) in sorted(spans.items(), key=lambda item: item[1]):
        place = program.place(node)
        where = f"at {place.offset}" if place.slot == 0 else f"slot {place.slot}"
        taken = program.plan.in_place.get(node)
        lines.append(f"steps {first:4d} to {last:4d} {where:>14s}  {value_text(node)}{' over its input' if taken else ''}")
    return "\n".join(lines)


def _lowered(program: Program) -> str:
    lines = [f"{i:4d} {program.describe(i)}" for i in range(len(program.commands))]
    texts = dict.fromkeys(module_text(k) for k in program.commands.kernels())
    return "\n".join([*lines, *texts])
