"""Calls at other sizes and in other layouts: some seeds of them against PyTorch, and that a fault is found. `make fuzz` runs
them for minutes."""

import os
import random
import re

import numpy as np
import pytest
import torch
from fuzzing.against_torch import disagreement
from fuzzing.calls import SIZES, draw, fits, sample_of
from fuzzing.layouts import KINDS, drawn
from samples import SAMPLES

import talweg
from talweg.backends.cpu.llvm.scalars import EMITTERS
from talweg.graph import ops

SAMPLES_BY_ID = {s.id: s for s in SAMPLES}
SEEDS = range(int(os.environ.get("TALWEG_FUZZ_SEEDS", "60")))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore")
def test_a_call_is_pytorchs(seed):
    call = draw(seed)
    found = disagreement(call)
    assert found is None, f"{call}\n{found}"


@pytest.mark.filterwarnings("ignore")
def test_what_is_drawn():
    """Nearly all calls fit at their new sizes; every size, dtype, layout and form is among them; a seed is a call."""
    calls = [draw(seed) for seed in range(0, 2000, 8)]
    assert str(draw(5)) == str(draw(5))
    assert sum(map(fits, calls)) > 0.95 * len(calls)
    shapes = [s.shape for call in calls for s in call.sample.specs()]
    assert {n for shape in shapes for n in shape} >= {*SIZES, 0}
    assert () in shapes
    assert {call.dtype for call in calls} == {"float64", "float32", "bfloat16", "int64"}
    assert {True, False} == {call.written for call in calls} == {call.late for call in calls}
    assert {kind for call in calls for layout in call.layouts for kind, _ in layout.steps} == set(KINDS)
    assert sum(call.sample.args != SAMPLES_BY_ID[call.sample.id].args for call in calls) > 0.5 * len(calls)


def test_a_layout_holds_the_same_values():
    """In both libraries; only a repeated axis changes them, to those of its first place."""
    rng, numbers = random.Random(0), np.random.default_rng(0)
    strides = set()
    for _ in range(200):
        shape = tuple(rng.choice((0, 1, 2, 3, 5)) for _ in range(rng.randrange(4)))
        values = numbers.standard_normal(shape)
        layout = drawn(rng, shape, distinct=rng.random() < 0.8)
        memory, views = layout.memory(values)
        theirs, ours = torch.tensor(memory), talweg.tensor(memory)
        for view in views:
            theirs, ours = view(theirs), view(ours)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=str(layout))
        if not any(kind == "repeated" for kind, _ in layout.steps):
            np.testing.assert_array_equal(ours.numpy(), values, err_msg=str(layout))
        strides.add(theirs.stride() == torch.empty(shape).stride())
    assert strides == {True, False}


@pytest.mark.parametrize("wrong", ["sub", "tanh"])
@pytest.mark.filterwarnings("ignore")
def test_what_is_wrong_is_found(wrong, monkeypatch):
    """A kernel that computes something else is found out in the compiled run, by every call that uses it."""
    op = getattr(ops, wrong)
    right = EMITTERS[op]
    monkeypatch.setitem(EMITTERS, op, lambda body, node, *x: right(body, node, *x[::-1]) if wrong == "sub" else x[0])
    calls = [draw(seed) for seed in range(len(SAMPLES)) if re.fullmatch(f"{wrong}-[01]", sample_of(seed).id)]
    found = [disagreement(call) for call in calls if call.dtype.startswith("float") and 0 not in call.sample.specs()[0].shape]
    assert found
    assert all(f is not None and f.startswith("compiled: result 0") for f in found), found

