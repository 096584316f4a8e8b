"""A program as a step function: `talweg.compile` of it does, call for call, what the function itself does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import talweg as T
from talweg.compile.engine import compile_after

from .drawing import Program
from .running import Data, _array, _body, _input, _step, _update

CALLS = 4


def called(program: Program, compiled: bool, shake: float = 0.0, wide: bool = False) -> dict[str, np.ndarray]:
    """What some calls of the step return, and what it leaves in the inputs that persist: those with gradients."""
    body = _body(program, wide)

    def step(*inputs):
        made = _step(program, inputs, body)
        _update(program, inputs, made)
        return [y.detach().clone() for y in made.values()]  # a replayed result is no alias of an input

    function = T.compile(step) if compiled else step
    T.manual_seed(program.seed)
    kept: dict[str, object] = {}
    found = {}
    for number in range(CALLS):
        with compile_after(-1):
            inputs = [kept.get(spec.name) if spec.name in kept else _input(spec, program.seed, Data(number, shake=shake), wide)
                      for spec in program.inputs]
        kept.update({spec.name: x for spec, x in zip(program.inputs, inputs) if spec.grad})
        results = function(*inputs)
        T.evaluate_pending()
        found.update({f"result {i} of call {number}": y for i, y in enumerate(results)})
    found.update({f"{name} at the end": x for name, x in kept.items()})
    with compile_after(-1):
        return {name: _array(y) for name, y in found.items()}


def steppable(program: Program) -> Program:
    """Without lines that look at a value: a traced function may not."""
    return replace(program, lines=[line for line in program.lines if ".item()" not in line.text], steps=2, exact=set())
