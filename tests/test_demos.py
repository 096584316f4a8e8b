"""The demonstrations: what they measure (rows 35 and 36), what they print and write, what they refuse."""

import importlib
import json
import math
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import talweg as tw
from talweg.cli.main import main
from talweg.demos import DEMOS, Shown, differentiation

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sweeps():
    return {dtype: differentiation.sweep(1.0, dtype) for dtype in (tw.float64, tw.float32)}


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """Run the command line in an empty folder: (exit code, output, error output)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


# --- row 35: numerical differentiation and its round-off
def test_row_35_the_best_steps_and_errors(sweeps):
    double, single = sweeps[tw.float64], sweeps[tw.float32]
    error, step = double.best(double.forward)
    assert (step, 1e-9 < error < 1e-8) == (1e-8, True)
    error, step = double.best(double.central)
    assert (step, 3e-12 < error < 3e-11) == (1e-5, True)
    assert 1e-4 < single.best(single.forward)[0] < 6e-4


def test_row_35_the_reverse_pass_has_no_round_off_of_its_own(sweeps):
    assert sweeps[tw.float64].automatic <= 1e-15
    assert sweeps[tw.float32].automatic <= np.spacing(np.float32(math.cos(1)))
    for at in (-3.0, 0.0, 0.5, 20.0):
        assert differentiation.sweep(at, tw.float64).automatic <= 1e-15


def test_row_35_the_errors_are_a_v(sweeps):
    """Above the best step the error falls with the order of the quotient; below it the rounding grows as 1 / h."""
    double = sweeps[tw.float64]
    slopes = {"forward": 1, "central": 2}
    for name, order in slopes.items():
        errors = getattr(double, name)
        falling = [math.log10(a / b) for a, b in pairwise(errors[: 8 // order - 1])]
        np.testing.assert_allclose(falling, order, atol=0.05)
    rounding = np.array(double.forward[10:15]) * np.array(double.steps[10:15])
    assert (rounding < 2**-52).all()  # at most the spacing of the two values' numbers
    assert double.forward[15] == pytest.approx(math.cos(1))  # 1 + 1e-16 is 1: the quotient is 0
    assert max(double.forward[0], double.forward[14]) > 1e5 * min(double.forward)


@pytest.mark.parametrize("name", ["float64", "float32"])
def test_the_errors_are_those_of_pytorchs_arithmetic(name):
    dtype = getattr(torch, name)
    x, h = torch.tensor(1.0, dtype=dtype), torch.tensor([10.0**-k for k in range(1, 17)], dtype=dtype)
    forward = ((x + h).sin() - x.sin()) / h
    found = differentiation.sweep(1.0, getattr(tw, name)).forward
    unit = torch.finfo(dtype).eps
    expected = (forward.double() - math.cos(1)).abs().numpy()
    assert (np.abs(found - expected) <= 1e-3 * expected + 2 * unit / h.double().numpy()).all()


# --- row 36: expression swell
@pytest.mark.skipif(find_spec("sympy") is None, reason="sympy is not installed")
def test_row_36_the_written_out_derivative_swells():
    assert [differentiation.symbolic_operations(n) for n in range(2, 7)] == [2, 21, 82, 264, 768]


def test_row_36_the_graph_grows_by_the_same_nodes_each_iteration():
    sizes = [differentiation.graph_sizes(n) for n in range(2, 30)]
    assert sizes[0] == (3, 8)
    steps = {(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(sizes)}
    assert steps == {(3, 8)}


@pytest.mark.parametrize("n", [2, 4, 6])
def test_row_36_both_are_the_derivative(n):
    x = tw.tensor(0.2, dtype=tw.float64, requires_grad=True)
    found = tw.grad(differentiation.logistic_map(x, n), x)[0].item()
    y = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(differentiation.logistic_map(y, n), y)[0].item()
    assert found == pytest.approx(expected, rel=1e-13)
    if find_spec("sympy") is not None:
        sympy = importlib.import_module("sympy")
        symbol = sympy.Symbol("x")
        exact = sympy.diff(differentiation.logistic_map(symbol, n), symbol).subs(symbol, sympy.Rational(1, 5))
        assert found == pytest.approx(float(exact), rel=1e-12)


def test_without_sympy_the_rest_is_shown(talk, monkeypatch):
    monkeypatch.setattr(differentiation, "find_spec", lambda name: None)
    code, out, _ = talk("demo", "diff")
    assert code == 0
    assert "pip install talweg[symbolic]" in out
    assert "needs sympy" in out
    assert "3.0e-09 at h = 1e-08" in out


# --- the command
def test_the_table_and_the_numbers(talk):
    code, out, _ = talk("demo", "diff")
    assert code == 0
    assert "1.1e-11 at h = 1e-05" in out
    code, out, _ = talk("demo", "diff", "--json", "--at", "0.5", "--iterations", "3")
    facts = json.loads(out)
    assert facts["derivative"] == math.cos(0.5)
    assert [s["n"] for s in facts["swell"]] == [2, 3]
    assert [len(s["forward"]) for s in facts["numerical"]] == [16, 16]


def test_figures_are_written_as_svg_and_png(talk, tmp_path):
    code, out, _ = talk("demo", "diff", "--out", "shown")
    assert code == 0
    assert "shown/differentiation.svg" in out
    for name in ("differentiation", "swell"):
        drawing = ElementTree.parse(tmp_path / "shown" / f"{name}.svg").getroot()
        assert drawing.tag.endswith("svg")
        words = " ".join(drawing.itertext())
        assert ("forward difference, float32" if name == "differentiation" else "symbolic derivative") in words
        with Image.open(tmp_path / "shown" / f"{name}.png") as picture:
            assert np.asarray(picture.convert("L")).std() > 5  # something is drawn
    assert json.loads((tmp_path / "shown" / "diff.json").read_text())["at"] == 1.0
    first = (tmp_path / "shown" / "differentiation.svg").read_bytes()
    talk("demo", "diff", "--out", "again")
    assert (tmp_path / "again" / "differentiation.svg").read_bytes() == first


def test_without_matplotlib_figures_are_refused_and_nothing_is_made(talk, monkeypatch, tmp_path):
    monkeypatch.setattr("talweg.demos.figures.find_spec", lambda name: None)
    code, _, error = talk("demo", "diff", "--out", "shown")
    assert code == 1
    assert "pip install talweg[report]" in error
    assert not (tmp_path / "shown").exists()


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["diff", "--at", "nan"], 1, "finite"), (["diff", "--at", "word"], 2, "--at"), (["diff", "--iterations", "1"], 1, "2 to 12"),
    (["diff", "--iterations", "13"], 1, "2 to 12"), (["difff"], 2, "difff"), (["diff", "--step", "1"], 2, "--step"),
])
def test_what_is_refused(talk, arguments, code, words):
    found, _, error = talk("demo", *arguments)
    assert found == code
    assert words in error
    assert error.count("\n") == 1


def test_the_list_names_every_demonstration(talk):
    code, out, _ = talk("demo")
    assert code == 0
    assert all(name in out for name in DEMOS)


@pytest.mark.parametrize("name", DEMOS)
def test_every_demonstration_is_a_documented_function_with_options_that_have_defaults(talk, name):
    run = importlib.import_module(f"talweg.demos.{DEMOS[name][0]}").run
    assert run.__doc__
    assert run.__annotations__["return"] in (Shown, "Shown")
    code, out, _ = talk("demo", name, "--help")
    assert code == 0
    assert "Raises" not in out
