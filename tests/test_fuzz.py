"""The fuzzer itself: some seeds of it, and that it finds what is wrong. `make fuzz` runs it for minutes."""

import faulthandler
import os
import sys
from dataclasses import replace

import pytest
from fuzzing.__main__ import passes
from fuzzing.comparing import disagreement
from fuzzing.families import draw
from fuzzing.shrinking import shrunk

from talweg.backends.cpu.llvm.scalars import EMITTERS
from talweg.compile import plan
from talweg.graph import ops

_WORDS = [
    "] = ", "mul_(", ".flip(", "::", "permute", "T.cat", "T.stack", "F.pad", ".sum(", "keepdim=True", " @ ", "F.conv2d",
    "F.conv1d", "_pool", "gather", "scatter_add", "index_", "F.softmax", "_norm", "T.where", "HALF", "int", "bool",
    "_entropy", "T.rand", "cumsum", "sort", "stepped", "flipped", "[]", "steps: 3", " grad",
]
SEEDS = range(int(os.environ.get("TALWEG_FUZZ_SEEDS", "10")))


@pytest.fixture(autouse=True)
def no_hanging():
    """A compiler that never ends is a failure, not a wait."""
    faulthandler.dump_traceback_later(300, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize("seed", SEEDS)
def test_compiled_is_interpreted(seed, capsys):
    assert passes(seed, shrink=20), capsys.readouterr().out


def test_a_seed_is_a_program():
    """The same text each time, long enough to be worth it, and each seed its own."""
    texts = [draw(seed).program().text() for seed in range(20)]
    assert texts == [draw(seed).program().text() for seed in range(20)]
    assert len(set(texts)) == 20
    assert sum(text.count("\n") for text in texts) > 20 * 20


def test_every_family_is_drawn():
    """Eighty programs hold views, writes, reductions, products, convolutions, indices and gradients."""
    programs = [draw(seed).program() for seed in range(80)]
    text = "\n".join(p.text() for p in programs)
    for word in _WORDS:
        assert word in text, word


@pytest.mark.parametrize("wrong", ["sub", "where", "layout"])
def test_what_is_wrong_is_found(wrong, monkeypatch):
    """A compiler with a fault is found out within a few seeds, and the report is short."""
    if wrong == "sub":
        right = EMITTERS[ops.sub]
        monkeypatch.setitem(EMITTERS, ops.sub, lambda body, node, x, y: right(body, node, y, x))
    elif wrong == "where":
        right = EMITTERS[ops.where]
        monkeypatch.setitem(EMITTERS, ops.where, lambda body, node, c, x, y: right(body, node, c, y, x))
    else:
        right = plan.moved_place

        def shifted(node, source):
            place = right(node, source)
            wrong = place is not None and node.op is ops.permute
            return replace(place, strides=place.strides[::-1]) if wrong else place

        monkeypatch.setattr(plan, "moved_place", shifted)
        monkeypatch.setattr(sys.modules["talweg.compile.program"], "moved_place", shifted)
    found = next((p for p in (draw(seed).program() for seed in range(200, 230)) if disagreement(p)), None)
    assert found is not None
    smaller, message = shrunk(found, 12)
    assert (len(smaller.outputs), len(smaller.lines)) < (len(found.outputs), len(found.lines))
    assert message
