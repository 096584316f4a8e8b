"""`talweg graph`: the command as a user types it, and every way to type it wrong."""

import json
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from talweg.cli.main import main
from talweg.io.graph_error import ExpressionError
from talweg.io.graph_expression import record
from talweg.io.graph_values import read_values

FIGURE = ["(x + y) * z", "x=-2", "y=5", "z=-4"]
NEURON = ["sigmoid(w0*x0 + w1*x1 + w2)", "w0=2", "x0=-1", "w1=-3", "x1=-2", "w2=-3"]


@pytest.fixture
def graph(capsys):
    """Run the command; returns exit code, output and errors. A warning is a failure."""

    def run(*arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(SystemExit) as stop:
                main(["graph", *arguments])
        written = capsys.readouterr()
        return stop.value.code or 0, written.out, written.err

    return run


def facts(graph, *arguments):
    code, out, err = graph(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


# --- rows 31 to 33
def test_row_31_as_text(graph):
    code, out, err = graph(*FIGURE)
    assert (code, err) == (0, "")
    rows = {line.lstrip("│├└─ ").split()[0]: line.split()[-2:] for line in out.splitlines()[3:]}
    assert rows == {"f": ["-12", "1"], "q": ["3", "-4"], "x": ["-2", "-4"], "y": ["5", "-4"], "z": ["-4", "3"]}


def test_row_31_as_json(graph):
    found = facts(graph, *FIGURE)
    assert found["value"] == -12
    assert {n["name"]: (n["value"], n["gradient"]) for n in found["nodes"]} == {
        "x": (-2, -4), "y": (5, -4), "z": (-4, 3), "q": (3, -4), "f": (-12, 1)}
    assert [(w["source"], w["target"]) for w in found["wires"]] == [(0, 3), (1, 3), (3, 4), (2, 4)]


@pytest.mark.parametrize("name", ["graph.svg", "graph.dot", "graph.gv", "graph.txt", "GRAPH.SVG"])
def test_row_31_as_a_file(graph, tmp_path, name):
    path = tmp_path / name
    code, out, err = graph(*FIGURE, "--out", str(path))
    assert (code, err) == (0, "")
    assert f"written to {path} (5 nodes)" in out
    drawing = path.read_text(encoding="utf-8")
    assert "-12" in drawing
    if name.lower().endswith("svg"):
        ElementTree.fromstring(drawing)


@pytest.mark.parametrize(("form", "start"), [("text", "(x + y) * z = -12\n"), ("dot", "digraph"), ("svg", "<svg")])
def test_formats_on_the_terminal(graph, form, start):
    code, out, _ = graph(*FIGURE, "--format", form)
    assert code == 0
    assert out.startswith(start)
    assert out.endswith("\n")
    assert not out.endswith("\n\n")


def test_row_32_explained(graph):
    code, out, _ = graph(*FIGURE, "--explain")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "x -> q dq/dx = 1 df/dq = -4 to x: -4" in lines
    assert "q -> f df/dq = -4 df/df = 1 to q: -4" in lines
    for wire in facts(graph, *FIGURE, "--explain")["wires"]:
        assert wire["local"] * wire["upstream"] == wire["downstream"]


def test_row_33_fused_and_elementary(graph):
    parts, block = facts(graph, *NEURON), facts(graph, *NEURON, "--fused")
    assert len(block["nodes"]) < len(parts["nodes"])
    assert "sigmoid" in [n["operation"] for n in block["nodes"]]
    assert "sigmoid" not in [n["operation"] for n in parts["nodes"]]
    variables = [{n["name"]: n["gradient"] for n in f["nodes"] if n["kind"] == "variable"} for f in (parts, block)]
    assert variables[0].keys() == variables[1].keys() == {"w0", "x0", "w1", "x1", "w2"}
    for name, gradient in variables[0].items():
        assert gradient == pytest.approx(variables[1][name], rel=1e-12)


# --- values and expressions
def test_lists_and_matrices(graph):
    found = facts(graph, "sum(A @ x)", "A=[[1, 2], [3, 4]]", "x=[1,-1]", "--explain")
    nodes = {n["name"]: n for n in found["nodes"]}
    assert nodes["A"]["gradient"] == [[1, -1], [1, -1]]
    assert nodes["x"]["gradient"] == [4, 6]
    assert found["wires"][1]["local"] == [[1, 2], [3, 4]]


def test_large_values_are_drawn_by_their_shape(graph):
    numbers = ",".join(["0.5"] * 100)
    code, out, _ = graph("sum(x * x)", f"x=[{numbers}]")
    assert code == 0
    assert "norm 10" in out
    node = facts(graph, "sum(x * x)", f"x=[{numbers}]")["nodes"][0]
    assert (node["shape"], node["value"], node["gradient_norm"]) == ([100], None, 10)


@pytest.mark.parametrize(("expression", "value"), [("-x * y", -6), ("-x", -2), ("--x", 2), ("+x", 2), ("-h", -4)])
def test_an_expression_may_begin_with_a_minus(graph, expression, value):
    given = [f"{n}={v}" for n, v in {"x": 2, "y": 3, "h": 4}.items() if n in expression]
    before = ["--"] if expression in ("--x", "-h") else []
    code, out, err = graph("--json", *before, expression, *given)
    assert (code, err) == (0, "")
    assert json.loads(out)["value"] == value


def test_numbers_beyond_json_are_null(graph):
    found = facts(graph, "1 / x", "x=0")
    assert (found["value"], found["nodes"][0]["gradient"]) == (None, None)


def test_names_in_other_alphabets():
    recorded = record("λ * 𝑥", read_values(["λ=3", "𝑥=2"]))  # the mathematical x is x, as in Python
    assert recorded.output.item() == 6


# --- models
@pytest.mark.parametrize(("name", "parameters"), [("mlp", 6), ("lenet", 8)])
def test_models(graph, name, parameters):
    found = facts(graph, "--model", name)
    assert found["output"] == "loss"
    assert sum(n["kind"] == "variable" for n in found["nodes"]) == parameters
    assert next(n for n in found["nodes"] if n["name"] == "input")["shape"] == [1, 1, 28, 28]
    assert facts(graph, "--model", name)["value"] == found["value"]
    assert facts(graph, "--model", name, "--seed", "1")["value"] != found["value"]


def test_a_model_as_text_has_its_shapes(graph):
    code, out, _ = graph("--model", "lenet", "--explain")
    assert code == 0
    for words in ("conv1.weight", "32x1x5x5", "1x64x2x2", "log_softmax", "Jacobian of"):
        assert words in out


# --- what is wrong is said in one line, with a caret where it is
@pytest.mark.parametrize(("arguments", "message", "column"), [
    (["(x + w) * z", "x=1", "z=2"], "w has no value: add w=NUMBER", 5),
    (["alpha * x", "alpa=1", "x=2"], "alpha has no value: did you mean 'alpa'?", 0),
    (["x + y", "x=1"], "y has no value", 4),
    (["x + x", "x=1", "yy=2"], "yy has a value but is not in the expression", 5),
    (["expp(x)", "x=1"], "there is no function 'expp': did you mean 'exp'?", 0),
    (["x + foo(x)", "x=1"], "there is no function 'foo'; allowed are", 4),
    (["x(2)", "x=1"], "x is a variable, not a function", 0),
    (["exp + x", "x=1"], "exp is a function: write exp(x)", 0),
    (["maximum(x)", "x=1"], "maximum takes 2 arguments: maximum(x, y)", 0),
    (["exp(x, x)", "x=1"], "exp takes 1 argument: exp(x)", 0),
    (["sum(x, axis=0)", "x=1"], "sum takes 1 argument", 0),
    (["maximum(*x)", "x=1"], "maximum takes 2 arguments", 0),
    (["(x + 1)(x)", "x=1"], "only functions by their name", 0),
    (["x +* y", "x=1", "y=2"], "this is no expression: invalid syntax", 3),
    (["(x + y", "x=1", "y=2"], "this is no expression: '(' was never closed", 0),
    (["2x", "x=1"], "this is no expression: invalid decimal literal", None),
    (["x = 2", "x=1"], "an expression has no =", 2),
    (["x ^ 2", "x=1"], "^ is no power here: write **", 2),
    (["(x + 1) // 2", "x=1"], "// has no gradient: write /", 8),
    (["x % 2", "x=1"], "% is not one of the operations", 2),
    (["x << 2", "x=1"], "this operator is not allowed", 2),
    (["~x", "x=1"], "this is not allowed", 0),
    (["x < 2", "x=1"], "comparisons are not allowed", 0),
    (["x and x", "x=1"], "this is not allowed", 0),
    (["x if x else x", "x=1"], "this is not allowed", 0),
    (["lambda: x", "x=1"], "this is not allowed", 0),
    (["x.exp()", "x=1"], "only functions by their name", 0),
    (["x.real", "x=1"], "attributes are not allowed", 0),
    (["x[0]", "x=[1,2]"], "indexing is not allowed", 0),
    (["sum([x, x])", "x=1"], "lists are given as values", 4),
    (["x, x", "x=1"], "one expression at a time", 0),
    (["x * 'a'", "x=1"], "'a' is not a real number", 4),
    (["x * True", "x=1"], "True is not a real number", 4),
    (["x * 2j", "x=1"], "2j is not a real number", 4),
    (["x * 1e999", "x=1"], "too large for float64", 4),
    (["é * w", "é=1"], "w has no value", 4),
    (["2 + 3"], "the expression has no variable", 0),
    (["", "x=1"], "the expression is empty", 0),
    (["  ", "x=1"], "the expression is empty", 0),
    (["x * 2", "x=[1,2]"], "shape [2], and only one number has a gradient: wrap it in sum(...)", 0),
    (["sum(x + y)", "x=[1,2]", "y=[1,2,3]"], "+ does not fit shapes [2] and [3]", 6),
    (["sum((x) @ y)", "x=[1,2]", "y=[1,2,3]"], "@ does not fit shapes [2] and [3]", 8),
    (["x @ y", "x=1", "y=2"], "@ does not fit shapes [] and []", 2),
    (["x + x", "x=nan"], "nan is not a finite number", 2),
    (["x + x", "x=-inf"], "inf is not a finite number", 3),
    (["x + x", "x=1e999"], "too large for float64", 2),
    (["x + x", "x=" + "9" * 400], "too large for float64", 2),
    (["x + x", "x=abc"], "'abc' is neither a number nor a list", 2),
    (["x + x", "x='1'"], "'1' is not a real number", 2),
    (["x + x", "x=1+1"], "'1+1' is neither a number nor a list", 2),
    (["x + x", "x=1,2"], "'1,2' is neither a number nor a list", 2),
    (["x + x", "x=[1,"], "neither a number nor a list", None),
    (["x + x", "x="], "x has no value", 2),
    (["x + x", "x"], "a value is given as NAME=VALUE", 1),
    (["x + x", "1x=2"], "'1x' cannot be the name of a variable", 0),
    (["x + x", "x=1", "x=2"], "x is given twice", 0),
    (["sum(x)", "x=[]"], "x is empty", 2),
    (["sum(x)", "x=[[],[]]"], "x is empty", 2),
    (["sum(x)", "x=[1,[2]]"], "have different lengths", 2),
    (["sum(x)", "x=[[1,2],[3]]"], "have different lengths", 2),
    (["sum(x)", "x=[" + "1," * 5000 + "]"], "5000 numbers; at most 4096", 2),
    (["sum(x)", "x=[" + "1," * 30000 + "]"], "too long", 2),
])
def test_mistakes_in_expressions_and_values(graph, arguments, message, column):
    code, out, err = graph(*arguments)
    assert code == 1
    assert out == ""
    *pointer, said = err.splitlines()
    assert said.startswith("talweg: ")
    assert message in said
    assert len(pointer) == 2
    assert pointer[1].strip() == "^"
    if column is not None:
        assert pointer[1].index("^") == column


@pytest.mark.parametrize("expression", [
    "(" * 300 + "x" + ")" * 300, "-" * 1990 + "x", "+".join(["x"] * 1000), "x" * 3000, "x + \x00",
    "x + \uffff", "x\n+\n)",
])
def test_absurd_expressions_are_refused_in_one_line(graph, expression):
    code, _, err = graph("--", expression, "x=1")
    assert code == 1
    assert err.splitlines()[-1].startswith("talweg: ")
    assert "internal error" not in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 3


@pytest.mark.parametrize("expression", ["exp(" * 150 + "x" + ")" * 150, "x**" * 300 + "x", "+".join(["x"] * 300)])
@pytest.mark.parametrize("form", ["text", "dot", "svg"])
def test_long_expressions_are_drawn(graph, expression, form):
    code, out, err = graph(expression, "x=1", "--format", form)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) > 150


@pytest.mark.parametrize("value", ["[" * 500 + "1" + "]" * 500, "-" * 5000 + "1", "[" * 70 + "1" + "]" * 70])
def test_absurd_values_are_refused(value):
    with pytest.raises(ExpressionError):
        read_values([f"x={value}"])


def test_the_pointer_shows_a_part_of_a_long_text():
    with pytest.raises(ExpressionError) as error:
        record("x + " * 100 + "w" + " + x" * 100, read_values(["x=1"]))
    text, caret = error.value.pointer().splitlines()
    assert len(text) < 90
    assert text.startswith("...")
    assert text.endswith("...")
    assert text[caret.index("^")] == "w"


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "give an expression"),
    (["--explain"], "give an expression"),
    (["--model", "mlp", "x*x"], "leave out the expression"),
    (["--model", "mlp", "--fused"], "leave out --fused"),
    ([*FIGURE, "--out", "graph.png"], "the ending says the format"),
    ([*FIGURE, "--out", "graph"], "the ending says the format"),
    ([*FIGURE, "--out", "graph.svg", "--format", "dot"], "is svg by its ending, but --format says dot"),
    ([*FIGURE, "--format", "png"], "'png' is not one of"),
    ([*FIGURE, "--explan"], "--explan"),
    ([*FIGURE, "--seed", "-1"], "--seed"),
])
def test_misuse_of_the_options(graph, arguments, message):
    code, out, err = graph(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


def test_unknown_models_and_folders(graph, tmp_path):
    code, _, err = graph("--model", "lenett")
    assert code == 1
    assert "did you mean 'lenet'?" in err
    code, _, err = graph(*FIGURE, "--out", str(tmp_path / "missing" / "a.svg"))
    assert code == 1
    assert err.splitlines() == [f"talweg: {tmp_path / 'missing' / 'a.svg'}: no such file or directory"]


def test_as_a_program():
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "talweg", "graph", *FIGURE, "--explain"]
    done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=True)
    assert "f = q * z" in done.stdout
    assert done.stderr == ""


def test_the_expression_is_never_run_as_python():
    for text in ("__import__('os').getcwd()", "(lambda: x)()", "[x for x in (1,)]", "f'{x}'", "(x := 2)", "x if 1 else x"):
        with pytest.raises(ExpressionError):
            record(text, {"x": np.array(1.0)})
