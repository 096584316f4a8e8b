"""Edges of a graph: figures against scikit-learn, pairs without an edge, the parts, commands, the drawing, bad input."""

import json
import xml.etree.ElementTree as xml

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from resuming import resumed_differs

from talweg.cli.main import main
from talweg.data.graphs import read_edges, read_graph
from talweg.recipes.link_drawing import drawing
from talweg.recipes.link_pairs import Pairs, drawn_pairs, missing_pairs
from talweg.recipes.links import RECIPE, PairBatches, best_missing, split_edges
from talweg.recipes.links_settings import Settings
from talweg.training import area_under_curve, average_ranked_precision

networkx = pytest.importorskip("networkx")
SMALL = {"epochs": 2, "repeats": 4, "hidden": 8, "code": 4}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40).filter(
    lambda found: len({kind for _, kind in found}) == 2))
def test_figures_are_scikit_learns_with_equal_scores_too(found):
    metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = (np.array(part, np.float64) for part in zip(*found))
    assert area_under_curve(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert average_ranked_precision(scores, labels) == pytest.approx(metrics.average_precision_score(labels, scores))


@pytest.mark.parametrize(("scores", "labels"), [([1.0, 2.0], [1, 1]), ([1.0, float("nan")], [0, 1]), ([1.0], [0, 1]), ([], [])])
def test_figures_refuse_what_has_none(scores, labels):
    for figure in (area_under_curve, average_ranked_precision):
        with pytest.raises(ValueError, match=figure.__name__):
            figure(np.array(scores), np.array(labels))


@given(st.integers(4, 30), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_pairs_without_an_edge_are_none(nodes, seed):
    graph = networkx.gnm_random_graph(nodes, nodes, seed=seed)
    edges = np.array(sorted(map(sorted, graph.edges)), np.int64)
    free = nodes * (nodes - 1) // 2 - len(edges)
    if free < 1:
        return
    for found in (drawn_pairs(edges, nodes, 20, seed, 0, 0), missing_pairs(edges, nodes, min(free, 5), seed)):
        assert not {tuple(pair) for pair in found.tolist()} & {tuple(edge) for edge in edges.tolist()}
        assert (found[:, 0] < found[:, 1]).all()
    assert len(np.unique(found, axis=0)) == len(found) == min(free, 5)


def test_nearly_complete_graphs_are_refused():
    edges = np.array([(a, b) for a in range(6) for b in range(a)][::-1])[:, ::-1]
    with pytest.raises(ValueError, match="15 of the 15 pairs of 6 nodes are edges"):
        drawn_pairs(edges, 6, 3, 0, 0, 0)


def test_half_full_graphs_are_learned_from_however_few_edges_are_shown(tmp_path):
    every = [(a, b) for b in range(10) for a in range(b)]
    (tmp_path / "e.csv").write_text("a,b\n" + "".join(f"n{a},n{b}\n" for i, (a, b) in enumerate(every) if i % 3))
    material = RECIPE.material(Settings(data=str(tmp_path / "e.csv")))
    free = 45 - len(material.graph.edges)
    for (_, _, pairs), labels in PairBatches(material, 3, 0.05, 0):
        assert int((labels.numpy() == 0).sum()) == len(pairs) // 2 > free
    with pytest.raises(ValueError, match="30 of the 45 pairs of 10 nodes are edges"):
        missing_pairs(material.graph.edges, 10, free + 1, 0)


def test_nodes_need_no_columns_but_names(tmp_path):
    (tmp_path / "e.csv").write_text("a,b\n" + "".join(f"n{i},n{j}\n" for j in range(5) for i in range(j)))
    (tmp_path / "n.csv").write_text("node\n" + "".join(f"n{i}\n" for i in range(5)) + "alone\n")
    graph = read_edges(str(tmp_path / "e.csv"), str(tmp_path / "n.csv"))
    assert graph.names[-1] == "alone"
    assert graph.degrees.tolist() == [4] * 5 + [0]


def test_parts_are_disjoint_and_messages_never_go_along_hidden_edges():
    graph = read_edges("les_miserables")
    material = split_edges(graph, Settings())
    parts = [material.train, material.validation.edges, material.test.edges]
    together = np.concatenate(parts)
    assert len(np.unique(together, axis=0)) == len(graph.edges) == len(together)
    others = np.concatenate([material.validation.others, material.test.others])
    assert len(np.unique(np.concatenate([graph.edges, others]), axis=0)) == len(graph.edges) + len(others)
    batches = PairBatches(material, 3, 0.7, seed=0)
    first = [[t.numpy() for t in inputs] for inputs, _ in batches]
    for _, ends, pairs in first:
        shown = {tuple(edge) for edge in ends.T.tolist()}
        assert shown <= {tuple(e) for e in material.train.tolist()} | {tuple(e[::-1]) for e in material.train.tolist()}
        assert not shown & {tuple(pair) for pair in pairs.tolist()}
    again = [[t.numpy() for t in inputs] for inputs, _ in batches.batches(1)]
    np.testing.assert_array_equal(first[1][2], again[0][2])
    batches.set_epoch(1)
    assert (next(iter(batches))[0][2].numpy() != first[0][2]).any()


def test_named_graphs_are_networkxs():
    for name, made in (("les_miserables", networkx.les_miserables_graph()), ("davis_southern_women",
                                                                             networkx.davis_southern_women_graph())):
        graph = read_edges(name)
        found = {frozenset((graph.names[a], graph.names[b])) for a, b in graph.edges}
        assert found == {frozenset(edge) for edge in made.edges}
        assert sorted(graph.names) == sorted(made)
    assert read_graph("davis_southern_women").classes == ["woman", "event"]
    with pytest.raises(ValueError, match="talweg train links --data les_miserables"):
        read_graph("les_miserables")


def test_a_resumed_run_ends_with_the_same_bits(tmp_path):
    assert resumed_differs(RECIPE, Settings(**SMALL), tmp_path, 5) == []


def cliques(folder):
    """Four cliques of six as a table of edges; two edges of each are left out."""
    graph = networkx.disjoint_union_all([networkx.complete_graph(6)] * 4)
    for i in range(4):
        graph.remove_edges_from([(6 * i, 6 * i + 1), (6 * i + 2, 6 * i + 3)])
    path = folder / "edges.csv"
    path.write_text("a,b\n" + "\n".join(f"n{a},n{b}" for a, b in graph.edges) + "\n")
    return path


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_find_the_edges_that_cliques_lack(tmp_path):
    path, run, svg = cliques(tmp_path), tmp_path / "run", tmp_path / "graph.svg"
    done = called("train", "links", "--data", path, "--epochs", 12, "--out", run)
    assert done.exit_code == 0, done.output
    assert json.loads(called("evaluate", run, "--json").output)["auc"] > 0.9
    inside, outside = (json.loads(called("predict", run, pair, "--json").output) for pair in ("n0,n1", "n0,n7"))
    assert inside["probability"] > outside["probability"]
    assert inside["edge"] is False
    lacks = json.loads(called("predict", run, "n2", "--json", "--out", svg).output)["lacks"]
    assert lacks[0]["node"] == "n3"
    drawn = xml.parse(svg).getroot()
    assert sum(e.tag.endswith("}circle") for e in drawn.iter()) == 24
    _, model, _ = RECIPE.load(run)
    pairs, chances = best_missing(model, RECIPE.material(Settings(data=str(path))))
    assert (np.diff(chances) <= 0).all()
    assert len(pairs) == len(np.unique(pairs, axis=0))
    for given_, words in (("n99", "'n99' is no node"), ("n1,n1", "neither a node nor two"), ("n1,n2,n3", "neither a node")):
        wrong = called("predict", run, given_)
        assert wrong.exit_code != 0
        assert words in wrong.output
    assert "ends with .svg" in called("predict", run, "n1", "--out", tmp_path / "a.png").output
    path.write_text(path.read_text() + "n0,n1\n")
    assert "has changed since" in called("predict", run, "n1").output


def test_edges_are_drawn_by_their_kind():
    pairs = [np.array(p) for p in ([[0, 1], [1, 2]], [[2, 3]], [[0, 3]], [[1, 3]])]
    drawn = xml.fromstring(drawing(["<a>", "b", "c", "d"], *pairs))
    groups = {g.get("class"): len(list(g)) for g in drawn if g.get("class")}
    assert groups == {"known": 2, "found": 1, "missed": 1, "proposed": 1}
    assert [t.text for t in drawn.iter() if t.tag.endswith("}title")][0] == "<a>"


@pytest.mark.parametrize(("content", "words"), [
    ("a,b\nx,y\n", "1 edges are too few"), ("a\nx\n", "needs 2 columns"), ("a,b\nx,y\nx,\n", "an edge needs two ends"),
    ("a,b\nx,x\n", "no edge between two nodes"),
])
def test_bad_tables_of_edges_are_refused(tmp_path, content, words):
    (tmp_path / "e.csv").write_text(content)
    with pytest.raises(ValueError, match=words):
        RECIPE.material(Settings(data=str(tmp_path / "e.csv")))


def test_what_cannot_be_is_refused():
    for wrong, words in (({"batch_size": 2}, "batch_size must be 1"), ({"kind": "cnn"}, "kind must be one of gcn"),
                         ({"shown": 1.0}, "shown must be between"), ({"code": 0}, "code must be")):
        with pytest.raises(ValueError, match=words):
            Settings(**wrong)
    with pytest.raises(ValueError, match="its nodes have no columns"):
        RECIPE.material(Settings(inputs="columns"))
    with pytest.raises(ValueError, match="choose validation or test"):
        RECIPE.material(Settings()).part("train")
    assert Pairs(np.zeros((2, 2), int), np.zeros((1, 2), int)).labels.tolist() == [1, 1, 0]
