"""A program's values on one set of data: interpreted, compiled, and in float64 as the yardstick of what rounding may do."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import talweg as T
from talweg.compile.engine import compile_after

from .drawing import NAMES, Input, Program

WIDER = {"DOUBLE": T.float64, "SINGLE": T.float64, "HALF": T.float64}


@dataclass(frozen=True)
class Data:
    """Which numbers a run gets. bad: an index out of range somewhere; shake: relative changes of this size."""

    number: int = 0
    layout: int = 0
    bad: bool = False
    shake: float = 0.0


def _numbers(spec: Input, seed: int, data: Data) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(f"{seed} {spec.name} {data.number}".encode()))
    if spec.dtype == "bool":
        return rng.random(spec.shape) < 0.5
    if "int" in spec.dtype:
        found = rng.integers(spec.low, spec.high, spec.shape).astype(spec.dtype)
        if data.bad and spec.index and found.size:
            found.reshape(-1)[rng.integers(found.size)] = spec.high
        return found
    return rng.uniform(-2, 2, spec.shape)


def _laid_out(x, layout: str):
    """The same values, lying in memory in another way."""
    if layout == "plain" or not x.ndim:
        return x
    with T.no_grad():
        if layout == "transposed":
            x = x.transpose(0, -1).contiguous().transpose(0, -1)
        elif layout == "flipped":
            x = x.flip(-1).contiguous().flip(-1)
        elif layout == "stepped":
            x = T.stack([x, x + x if x.dtype is not T.bool else x], -1)[..., 0]
        else:
            x = T.cat([x, x], 0)[x.shape[0]:]
        x.numpy()
    return x.detach()


def _input(spec: Input, seed: int, data: Data, wide: bool):
    values = _numbers(spec, seed, data)
    dtype = getattr(T, spec.dtype)
    if values.dtype.kind != "f":
        x = T.tensor(values, dtype=dtype)
    else:
        x = T.tensor(values).to(dtype)
        if wide:
            x = x.double()
        if data.shake:
            rng = np.random.default_rng(zlib.crc32(f"{spec.name} {data.shake}".encode()))
            x = x * T.tensor(1 + data.shake * rng.uniform(-1, 1, spec.shape)).to(x.dtype)
        x.numpy()
    layouts = ("plain", "transposed", "flipped", "stepped", "padded")
    layout = layouts[(layouts.index(spec.layout) + data.layout) % len(layouts)]
    x = _laid_out(x.detach(), layout)
    return x.requires_grad_(spec.grad) if spec.grad else x


def _body(program: Program, wide: bool) -> Callable:
    """The lines as a function: what it leaves behind dies with it, so only outputs are asked for."""
    names = ", ".join(x.name for x in program.inputs)
    lines = [line.text for line in program.lines] or ["pass"]
    source = "\n".join([f"def body({names}):", *(f"    {line}" for line in lines),
                        f"    return [{', '.join(program.outputs)}]"])
    scope = {**NAMES, **(WIDER if wide else {})}
    exec(source, scope)  # noqa: S102
    return scope["body"]


def run(program: Program, data: Data, wide: bool = False) -> dict[str, np.ndarray]:
    """Every output by name, and the gradients of their weighted sum by the name of the input.

    A program of several steps moves its inputs against their gradients in between, in place, while somebody still
    holds what the step before has made.
    """
    with compile_after(-1):
        inputs = [_input(spec, program.seed, data, wide) for spec in program.inputs]
    body = _body(program, wide)
    T.manual_seed(program.seed + data.number)
    found, held = {}, []
    for step in range(program.steps):
        made = _step(program, inputs, body)
        T.evaluate_pending()
        found.update({f"{name} after {step}" if step else name: y for name, y in made.items()})
        if program.steps > 1:
            held += _held(program, inputs)
            _update(program, inputs, made)
            T.evaluate_pending()
    found.update({f"held {i}": y for i, y in enumerate(held)})
    with compile_after(-1):
        return {name: _array(y) for name, y in found.items()}


def _step(program: Program, inputs: list, body: Callable) -> dict:
    outputs = body(*inputs)
    found = dict(zip(program.outputs, outputs))
    leaves = {spec.name: x for spec, x in zip(program.inputs, inputs) if spec.grad}
    ends = [y for y in outputs if y.requires_grad]
    if program.backward and ends and leaves:
        seeds = [T.full_like(y, 0.7 - 0.2 * i).detach() for i, y in enumerate(ends)]
        for name, g in zip(leaves, T.grad(ends, list(leaves.values()), seeds, allow_unused=True)):
            if g is not None:
                found[f"d{name}"] = g
    return found


def _held(program: Program, inputs: list) -> list:
    """What somebody keeps of the inputs that are about to change: nothing, their memory, a copy, a part."""
    moving = [x for x in inputs if x.requires_grad]
    keep = (lambda x: x.detach(), lambda x: x.clone(), lambda x: x.flatten()[:3].detach(), None)[program.seed % 4]
    return [keep(x) for x in moving] if keep else []


def _update(program: Program, inputs: list, made: dict) -> None:
    with T.no_grad():
        for spec, x in zip(program.inputs, inputs):
            g = made.get(f"d{spec.name}")
            if g is not None:
                x.sub_(0.05 * g.clamp(-1, 1))


def _array(y) -> np.ndarray:
    y = y.detach()
    return (y.float() if y.dtype is T.bfloat16 else y).numpy()
