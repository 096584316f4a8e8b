"""The graph as nodes and wires: values, gradients and the three gradients of every wire (N 2.4, rows 31 to 33)."""

import itertools
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from graph_expressions import expressions, names_in, pytorchs, values
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import ImageFont

import talweg as tw
from talweg.io.graph_dot import to_dot
from talweg.io.graph_expression import record
from talweg.io.graph_layout import Box, Link, arrange
from talweg.io.graph_scene import scene_of
from talweg.io.graph_style import text_width
from talweg.io.graph_svg import to_svg
from talweg.io.graph_text import to_text
from talweg.io.graph_values import read_values
from talweg.io.graph_view import view_of
from talweg.io.graph_words import gradient_text, number_text, value_text
from talweg.models import build, entry
from talweg.nn import functional as F

torch.set_num_threads(1)

FIGURE = ("(x + y) * z", ["x=-2", "y=5", "z=-4"])
NEURON = ("sigmoid(w0*x0 + w1*x1 + w2)", ["w0=2", "x0=-1", "w1=-3", "x1=-2", "w2=-3"])


def view(text, assignments, fused=False, explain=True):
    recorded = record(text, read_values(assignments), fused)
    return view_of(recorded.output, recorded.names, explain)


def view_at(text, given, **options):
    return view(text, [f"{name}={given[name]!r}" for name in names_in(text)], **options)


def model_view(name, explain=False):
    shape = entry(name).input_shape
    model = build(name, shape, 10)
    x = tw.randn(1, *shape)
    return view_of(F.cross_entropy(model(x), tw.tensor([3])), [("input", x), *model.named_parameters()], explain, "loss")


def is_tame(shown):
    """Whether every number is finite and moderate, so that two ways to compute it agree to many digits."""
    arrays = [a for n in shown.nodes for a in (n.value, n.gradient) if a is not None]
    return all(np.all(np.isfinite(a)) and np.all(np.abs(a) < 1e4) for a in arrays)


# --- row 31: forward and backward values on the nodes
def test_row_31_the_figures_of_the_lecture():
    shown = view(*FIGURE)
    assert {n.name: (n.value.item(), n.gradient.item()) for n in shown.nodes} == {
        "x": (-2, -4), "y": (5, -4), "z": (-4, 3), "q": (3, -4), "f": (-12, 1)}
    assert [n.formula for n in shown.nodes] == ["x", "y", "z", "x + y", "q * z"]
    assert shown.output.name == "f"


def test_row_32_local_upstream_and_downstream_of_the_figure():
    shown = view(*FIGURE)
    name = [n.name for n in shown.nodes]
    found = {(name[w.source], name[w.target]): (w.local.item(), w.upstream.item(), w.downstream.item()) for w in shown.wires}
    assert found == {("x", "q"): (1, -4, -4), ("y", "q"): (1, -4, -4), ("q", "f"): (-4, 1, -4), ("z", "f"): (3, 1, 3)}


@settings(max_examples=80, deadline=None)
@given(expressions, values)
def test_gradients_are_pytorchs(text, at):
    assume(names_in(text))
    shown = view_at(text, at, explain=False)
    assume(is_tame(shown))
    value, gradients = pytorchs(text, at)
    np.testing.assert_allclose(shown.output.value, value, rtol=1e-9, atol=1e-12)
    for name, g in gradients.items():
        found = [n.gradient for n in shown.nodes if n.name == name]
        np.testing.assert_allclose(found[0] if found else 0.0, g, rtol=1e-8, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(expressions, values)
def test_row_32_local_times_upstream_is_downstream_and_downstreams_add_up(text, at):
    assume(names_in(text))
    shown = view_at(text, at)
    assume(is_tame(shown))
    arriving = {}
    for wire in shown.wires:
        if wire.downstream is not None:
            assume(np.all(np.isfinite(wire.local)))
            np.testing.assert_allclose(wire.local * wire.upstream, wire.downstream, rtol=1e-12, atol=1e-12)
            assert wire.upstream == shown.nodes[wire.target].gradient
            arriving[wire.source] = arriving.get(wire.source, 0.0) + wire.downstream
    for source, total in arriving.items():
        np.testing.assert_allclose(total, shown.nodes[source].gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("text", "assignments"), [
    ("sum(A @ x) * mean(x)", ["A=[[1,2],[3,4]]", "x=[0.5,-1]"]),
    ("sum(tanh(A @ B + c))", ["A=[[1,2]]", "B=[[0.1,0.2],[0.3,-0.4]]", "c=[0.5,1]"]),
    ("x @ y + sum(x * z)", ["x=[1,2,3]", "y=[-1,0.5,2]", "z=0.25"]),
    ("mean(maximum(x, y) ** 2)", ["x=[[1,2],[3,4]]", "y=[2.5,3.5]"]),
])
def test_jacobians_carry_the_upstream_gradient_down(text, assignments):
    shown = view(text, assignments)
    assert {w.elementwise for w in shown.wires} == {True, False}
    for wire in shown.wires:
        if wire.downstream is None:
            assert shown.nodes[wire.source].kind == "number"
        elif wire.elementwise:
            np.testing.assert_allclose(wire.upstream * wire.local, wire.downstream, rtol=1e-12)
        else:
            rank = wire.upstream.ndim
            np.testing.assert_allclose(np.tensordot(wire.upstream, wire.local, rank), wire.downstream, rtol=1e-12, atol=1e-15)
            assert wire.local.shape == wire.upstream.shape + wire.downstream.shape


# --- row 33: the sigmoid as elementary operations and as one block
def test_row_33_the_neuron_fused_and_elementary():
    parts, block = view(*NEURON), view(*NEURON, fused=True)
    assert len(block.nodes) == 10
    assert len(parts.nodes) == 13
    assert [n.operation for n in parts.nodes[-4:]] == ["neg", "exp", "add", "div"]
    assert block.output.operation == "sigmoid"
    s = 1 / (1 + np.exp(-1.0))
    for name, factor in {"w0": -1, "x0": 2, "w1": -2, "x1": -3, "w2": 1}.items():
        np.testing.assert_allclose(block.node(name).gradient, s * (1 - s) * factor, rtol=1e-12)
        np.testing.assert_allclose(parts.node(name).gradient, block.node(name).gradient, rtol=1e-12)
    np.testing.assert_allclose(parts.output.value, s, rtol=1e-15)


@settings(max_examples=40, deadline=None)
@given(expressions, values)
def test_row_33_fused_and_elementary_have_the_same_gradients(inner, at):
    text = f"sigmoid({inner}) * {names_in(inner)[0]}" if names_in(inner) else "sigmoid(a)"
    parts, block = view_at(text, at, explain=False), view_at(text, at, fused=True, explain=False)
    assume(is_tame(parts) and is_tame(block))
    for name in names_in(text):
        np.testing.assert_allclose(parts.node(name).gradient, block.node(name).gradient, rtol=1e-12, atol=1e-12)
    assert len(block.nodes) < len(parts.nodes)


# --- what is drawn, and what is not
def test_plumbing_is_not_drawn():
    w = tw.tensor([1.0, 2.0, 3.0], requires_grad=True)
    out = (2 * w.clone().reshape(1, 3).expand(4, 3) + 1).sum()
    shown = view_of(out, [("w", w)], explain=True)
    assert [n.label for n in shown.nodes] == ["w", "2 *", "+ 1", "sum"]
    assert shown.node("w").gradient.tolist() == [8, 8, 8]
    assert shown.wires[0].local.shape == (4, 3, 3)
    assert shown.wires[0].downstream.tolist() == [8, 8, 8]


def test_numbers_of_an_expression_are_drawn_as_typed():
    shown = view("2 * 3 * x + x ** -1.50", ["x=2"])
    assert [(n.name, n.gradient) for n in shown.nodes if n.kind == "number"] == [("2", None), ("3", None), ("-1.50", None)]
    assert "** -1.50" in to_text(shown)


def test_detach_and_data_without_gradient_are_ends():
    x = tw.tensor([1.0, 2.0], requires_grad=True)
    data = tw.tensor([3.0, 4.0])
    shown = view_of((x * x.detach() * data).sum(), [("x", x)], explain=True)
    kinds = [(n.kind, n.gradient is None) for n in shown.nodes if not n.operation]
    assert kinds == [("variable", False), ("input", True), ("input", True)]
    assert shown.node("x").gradient.tolist() == [3, 8]


def test_operations_without_a_rule_of_their_own_are_explained_through_their_parts():
    x = tw.tensor([0.5, -1.0], requires_grad=True, dtype=tw.float64)
    shown = view_of(F.silu(x).sum(), [("x", x)], explain=True)
    wire = shown.wires[0]
    theirs = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(torch.nn.functional.silu, theirs)
    np.testing.assert_allclose(wire.local, jacobian, rtol=1e-12, atol=1e-15)


def test_the_same_input_twice_has_two_wires():
    shown = view("x * x + maximum(x, x)", ["x=3"])
    wires = [w for w in shown.wires if shown.nodes[w.source].name == "x"]
    assert [w.downstream.item() for w in wires] == [3, 3, 0.5, 0.5]
    assert shown.node("x").gradient == 7


def test_looking_changes_nothing():
    x = tw.tensor([1.0, 2.0], requires_grad=True)
    h = x * 3
    calls = []
    h.register_hook(lambda g: calls.append(g.tolist()))
    h.retain_grad()
    out = (F.gelu(h) + h).sum()
    view_of(out, [("x", x)], explain=True)
    assert calls == []
    assert x.grad is None
    assert h.grad is None
    out.backward()
    assert len(calls) == 1
    assert h.grad.tolist() == calls[0]


def test_hooks_see_the_whole_gradient_where_an_operation_is_differentiated_by_its_parts():
    ours, theirs = tw.tensor([1.0, -2.0], requires_grad=True), torch.tensor([1.0, -2.0], requires_grad=True)
    seen = []
    for x, silu in ((ours, F.silu), (theirs, torch.nn.functional.silu)):
        h = x * 2
        h.register_hook(lambda g: seen.append(g.tolist()))
        h.register_hook(lambda g: g * 10)
        (silu(h) + h).sum().backward()
    assert len(seen) == 2
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-6)
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-6)


def test_names_do_not_clash_with_the_users():
    shown = view("q * f + exp(q)", ["q=1", "f=2"])
    names = [n.name for n in shown.nodes]
    assert len(set(names)) == len(names)
    assert shown.node("q").kind == shown.node("f").kind == "variable"


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_models_have_their_parameters_named_and_the_gradients_of_backward(name):
    tw.manual_seed(0)
    shape = entry(name).input_shape
    model = build(name, shape, 10)
    x = tw.randn(1, *shape)
    loss = F.cross_entropy(model(x), tw.tensor([3]))
    shown = view_of(loss, [("input", x), *model.named_parameters()], output_name="loss")
    assert shown.node("input").kind == "input"
    loss.backward()
    for parameter_name, p in model.named_parameters():
        node = shown.node(parameter_name)
        assert node.shape == tuple(p.shape)
        np.testing.assert_allclose(node.gradient, p.grad.numpy(), rtol=1e-5, atol=1e-7)


# --- bad input
def test_a_view_needs_one_number():
    x = tw.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"one number, got shape \[3\].*sum\(\)"):
        view_of(x * 2)
    with pytest.raises(RuntimeError, match="one number"):
        view_of(tw.ones(0, requires_grad=True) * 2)


def test_a_view_needs_a_gradient():
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        view_of(tw.ones(3).sum())


def test_a_view_of_a_released_graph():
    x = tw.ones(3, requires_grad=True)
    out = x.exp().sum()
    out.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        view_of(out)
    kept = x.exp().sum()
    kept.backward(retain_graph=True)
    assert view_of(kept).output.value.item() == pytest.approx(3 * np.e)


def test_a_graph_nobody_can_read():
    x = tw.tensor(1.0, requires_grad=True)
    for _ in range(2100):
        x = x + x
    with pytest.raises(ValueError, match="more than 2000 nodes"):
        view_of(x)


def test_nan_and_infinity_are_shown():
    shown = view("log(x) * 0 + 1 / x", ["x=0"])
    assert "nan" in to_text(shown)
    assert "inf" in to_text(shown)
    ElementTree.fromstring(to_svg(shown))


@pytest.mark.parametrize(("array", "words"), [
    (np.array(-0.0), "0"), (np.array(1 / 3), "0.333333"), (np.array([1.0, -2.5]), "[1, -2.5]"), (np.array(True), "true"),
    (np.zeros((2, 2)), "[[0, 0], [0, 0]]"), (np.zeros((7, 1)), "7x1"), (np.zeros(0), "[]"), (np.array([], np.int64), "[]"),
])
def test_values_in_short(array, words):
    assert value_text(array) == words


def test_gradients_in_short():
    assert gradient_text(None) == ""
    assert gradient_text(np.full(16, 3.0)) == "norm 12"
    assert number_text(float("inf")) == "inf"


# --- drawings
def overlap(a, b):
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def check_drawing(shown, title=""):
    """No text over another or cut off, none crossed by a wire, shapes apart, wires from left to right."""
    scene = scene_of(shown, title)
    areas = [(text.area(), text.words) for text in scene.texts]
    for (a, first), (b, second) in itertools.combinations(areas, 2):
        assert not overlap(a, b), f"{first!r} over {second!r}"
    shapes = [(s.x, s.y, s.x + s.width, s.y + s.height) for s in scene.shapes]
    for a, b in itertools.combinations(shapes, 2):
        assert not overlap(a, b)
    for area in [a for a, _ in areas] + shapes:
        assert area[0] >= 0
        assert area[1] >= 0
        assert area[2] <= scene.width
        assert area[3] <= scene.height
    for line in scene.lines:
        assert all(x0 <= x1 + 1e-9 for (x0, _), (x1, _) in itertools.pairwise(line))
        for (x0, y0), (x1, y1) in itertools.pairwise(line):
            if abs(y0 - y1) < 1e-9:
                assert not any(overlap(a, (x0, y0 - 0.5, x1, y0 + 0.5)) for a, _ in areas[len(scene_heading(scene)):]
                               if not inside_a_shape(a, shapes)), "a wire through a text"
    assert {n.label for n in shown.nodes} <= {text.words for text in scene.texts}
    return scene


def scene_heading(scene):
    """The texts above the graph."""
    top = min(s.y for s in scene.shapes)
    return [t for t in scene.texts if t.y < top - 20]


def inside_a_shape(area, shapes):
    return any(s[0] <= area[0] and area[2] <= s[2] and s[1] <= area[1] and area[3] <= s[3] for s in shapes)


@settings(max_examples=60, deadline=None)
@given(expressions, values, st.booleans(), st.booleans())
def test_drawings_do_not_overlap(text, at, fused, explain):
    assume(names_in(text))
    check_drawing(view_at(text, at, fused=fused, explain=explain), text)


@pytest.mark.parametrize("name", ["mlp", "lenet"])
@pytest.mark.parametrize("explain", [False, True])
def test_drawings_of_models_do_not_overlap(name, explain):
    check_drawing(model_view(name, explain), f"{name}, with a title so long that it has to be broken " * 4)


def test_every_number_is_in_the_drawing():
    scene = check_drawing(view(*FIGURE))
    words = [t.words for t in scene.texts]
    for number in ("-2", "5", "-4", "3", "-12", "1"):
        assert number in words
    assert {t.style for t in scene.texts} >= {"value", "gradient", "local"}


def test_inputs_stand_left_and_the_output_right():
    shown = view(*NEURON, explain=False)
    xs = [s.x for s in scene_of(shown).shapes]
    leaves = [x for x, n in zip(xs, shown.nodes) if not n.inputs]
    assert len(set(leaves)) == 1
    assert max(leaves) < min(x for x, n in zip(xs, shown.nodes) if n.inputs)
    assert max(xs) == xs[shown.output.index]


def test_letters_are_as_wide_as_the_layout_thinks():
    face = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"
    text = "f = 0.1966 * w@W"
    assert ImageFont.truetype(str(face), 100).getlength(text) / 100 <= text_width(text, 1.0)


def test_a_planar_graph_is_drawn_without_crossings():
    box = Box(10, 10, 10, 10)
    links = [Link(0, 4), Link(1, 5), Link(2, 4), Link(3, 5), Link(4, 6), Link(5, 6)]
    layout = arrange([box] * 7, links)
    heights = {i: layout.anchors[i][1] for i in range(4)}
    below = heights[0] < heights[1]
    assert (heights[2] < heights[1]) == (heights[0] < heights[3]) == (heights[2] < heights[3]) == below


def test_a_wire_over_several_layers_passes_between_the_boxes():
    boxes = [Box(20, 20, 15, 15)] * 5
    layout = arrange(boxes, [Link(0, 1), Link(1, 2), Link(2, 3), Link(3, 4), Link(0, 4)])
    for (x0, y0), (x1, y1) in itertools.pairwise(layout.ways[-1]):
        if y0 == y1:
            for x, y in layout.anchors[1:4]:
                assert not overlap((x - 20, y - 15, x + 20, y + 15), (x0, y0 - 0.1, x1, y1 + 0.1))


def test_an_empty_and_a_single_layout():
    assert arrange([], []).anchors == []
    assert arrange([Box(5, 7, 3, 4)], []).width == 12


def test_svg_is_xml_and_escapes_what_users_write():
    w = tw.tensor(2.0, requires_grad=True)
    picture = to_svg(view_of(w * w, [("<w> & \"co\" \x00", w)]), "a < b & \"c\" \x07")
    root = ElementTree.fromstring(picture)
    words = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert '<w> & "co" ?' in words
    assert root.attrib["viewBox"].split()[2:] == [root.attrib["width"], root.attrib["height"]]
    assert "prefers-color-scheme: dark" in picture


NODE = re.compile(r'  n\d+ \[label=<(.*)>, fillcolor="#[0-9a-f]{6}"\];')
EDGE = re.compile(r"  n(\d+) -> n(\d+)(?: \[label=<(.*)>\])?;")


@settings(max_examples=30, deadline=None)
@given(expressions, values, st.booleans())
def test_dot_is_well_formed(text, at, explain):
    assume(names_in(text))
    shown = view_at(text, at, explain=explain)
    lines = to_dot(shown, text).splitlines()
    assert lines[0] == "digraph computation {"
    assert lines[-1] == "}"
    nodes = [m for m in map(NODE.fullmatch, lines) if m]
    edges = [m for m in map(EDGE.fullmatch, lines) if m]
    assert len(nodes) == len(shown.nodes)
    assert len(lines) == 6 + len(nodes) + len(edges)
    assert [(int(m[1]), int(m[2])) for m in edges] == [(w.source, w.target) for w in shown.wires]
    for match in [m[1] for m in nodes] + [m[3] for m in edges if m[3]]:
        ElementTree.fromstring(f"<l>{match}</l>")


def test_dot_escapes_what_users_write():
    w = tw.tensor(2.0, requires_grad=True)
    text = to_dot(view_of(w * w, [("<w> & co", w)]), 'a "title" \\ here\n')
    assert "&lt;w&gt; &amp; co" in text
    assert r'label="a \"title\" \\ here ";' in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_the_dot():
    for shown in (view(*NEURON), model_view("lenet", explain=True)):
        drawn = subprocess.run(["dot", "-Tplain"], input=to_dot(shown, 'a "title"'), capture_output=True, text=True, check=True)
        assert drawn.stderr == ""
        assert sum(line.startswith("node ") for line in drawn.stdout.splitlines()) == len(shown.nodes)


# --- text
def test_the_text_has_every_node_once_and_says_where_it_stands_again():
    text = to_text(view("exp(x) * y + sin(y)", ["x=1", "y=2"], explain=False))
    assert text.count("= exp(x)") == 1
    shared = tw.tensor(2.0, requires_grad=True)
    h = shared.exp()
    text = to_text(view_of(h * h.sin(), [("s", shared)]))
    assert text.count("= exp(s)") == 1
    assert text.count("(above)") == 1


def test_long_chains_go_on_below():
    x = tw.tensor(0.5, requires_grad=True)
    out = x
    for _ in range(60):
        out = out.sin()
    text = to_text(view_of(out, [("x", x)]))
    assert text.count("sin(") == 60
    assert max(map(len, text.splitlines())) < 140
    assert text.count("(below)") == 2
