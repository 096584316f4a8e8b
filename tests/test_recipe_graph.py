"""Learning on graphs: files against networkx, which nodes are known, the recipe from commands, the drawing."""

import json
import xml.etree.ElementTree as xml

import numpy as np
import pytest
from click.testing import CliRunner
from resuming import resumed_differs

from talweg.cli.main import main
from talweg.data.graphs import read_graph
from talweg.recipes.graph import RECIPE, chosen
from talweg.recipes.graph_drawing import layout
from talweg.recipes.graph_settings import Settings

networkx = pytest.importorskip("networkx")
SMALL = {"epochs": 2, "repeats": 4, "hidden": 8}


def two_cliques(size=8):
    """Two cliques joined by one edge, with a number, a word, and the side at each node."""
    graph = networkx.disjoint_union(networkx.complete_graph(size), networkx.complete_graph(size))
    graph = networkx.relabel_nodes(graph, {i: f"n{i}" for i in graph})
    graph.add_edge("n0", f"n{size}")
    for i, node in enumerate(graph):
        graph.nodes[node].update(weight=float(i % 3), kind="ab"[i % 2], side="left" if i < size else "right")
    return graph


def csv_folder(folder, graph):
    folder.mkdir()
    edges = "\n".join(f"{a},{b}" for a, b in graph.edges)
    (folder / "edges.csv").write_text(f"source,target\n{edges}\n")
    rows = "\n".join(f"{n},{d['weight']},{d['kind']},{d['side']}" for n, d in graph.nodes(data=True))
    (folder / "nodes.csv").write_text(f"node,weight,kind,side\n{rows}\n")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, graph = tmp_path_factory.mktemp("graphs"), two_cliques()
    networkx.write_graphml(graph, folder / "g.graphml")
    networkx.write_gexf(graph, folder / "g.gexf")
    return {"graphml": folder / "g.graphml", "gexf": folder / "g.gexf", "csv": csv_folder(folder / "tables", graph)}


@pytest.mark.parametrize("kind", ["graphml", "gexf", "csv"])
def test_files_hold_the_graph_that_networkx_wrote(files, kind):
    graph, found = two_cliques(), read_graph(str(files[kind]), target="side")
    assert found.names == list(graph)
    places = {name: i for i, name in enumerate(found.names)}
    wanted = {tuple(sorted((places[a], places[b]))) for a, b in graph.edges}
    assert set(map(tuple, found.edges.tolist())) == wanted
    assert [found.classes[i] for i in found.labels] == [graph.nodes[n]["side"] for n in graph]
    weights = np.array([graph.nodes[n]["weight"] for n in graph])
    columns = [(weights - weights.mean()) / weights.std(), *([graph.nodes[n]["kind"] == word for n in graph] for word in "ab")]
    wanted_columns = np.array(columns, np.float32).T
    order = [0, 1, 2] if kind != "graphml" else [1, 2, 0]  # networkx writes GraphML's columns backwards
    np.testing.assert_allclose(found.features, wanted_columns[:, order], rtol=1e-5)
    np.testing.assert_array_equal(found.degrees, [graph.degree[n] for n in graph])


def test_loops_directions_and_missing_classes_are_told(tmp_path):
    graph = networkx.DiGraph(two_cliques().to_directed())
    graph.add_edge("n1", "n1")
    del graph.nodes["n3"]["side"]
    networkx.write_graphml(graph, tmp_path / "d.graphml")
    found = read_graph(str(tmp_path / "d.graphml"), target="side")
    told = " ".join(found.notes)
    assert len(found.edges) == two_cliques().number_of_edges()
    assert found.labels[3] == -1
    for words in ("direction", "1 edges from a node to itself", "come twice", "1 of 16 nodes have no side"):
        assert words in told


@pytest.mark.parametrize(("name", "content", "words"), [
    ("a.graphml", "<graphml>", "no sound XML"),
    ("a.graphml", "<!DOCTYPE x><graphml/>", "document type"),
    ("a.graphml", "<gexf/>", "begins with <graphml>"),
    ("a.graphml", "<graphml/>", "no <graph>"),
    ("a.graphml", "<graphml><graph/></graphml>", "has no nodes"),
    ("a.graphml", '<graphml><graph><node id="1"/><node id="1"/></graph></graphml>', "two nodes have the id '1'"),
    ("a.graphml", '<graphml><graph><node id="1"/><edge source="1"/></graph></graphml>', "no target"),
    ("a.graphml", '<graphml><graph><node id="1"/><node id="2"/><edge source="1" target="2"/></graph></graphml>', "no column"),
    ("a.graphml", '<graphml><graph><node id="1"/><hyperedge/></graph></graphml>', "hyperedge"),
    ("a.csv", "source,target\na,b\n", "nodes=TABLE"),
    ("a.bin", "", "no graph that can be read"),
])
def test_bad_files_are_refused_by_name(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words) as error:
        read_graph(str(tmp_path / name))
    assert name in str(error.value)


def test_bad_tables_names_and_columns_are_refused(tmp_path, files):
    folder = csv_folder(tmp_path / "t", two_cliques())
    with (folder / "edges.csv").open("a") as file:
        file.write("n0,nobody\n")
    with pytest.raises(ValueError, match=r"row \d+: node 'nobody' is not in the table"):
        read_graph(str(folder))
    with pytest.raises(ValueError, match="no column 'colour', they have"):
        read_graph(str(files["gexf"]), target="colour")
    with pytest.raises(ValueError, match="digits is no graph"):
        read_graph("digits")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.gexf"):
        read_graph("nowhere.gexf")
    with pytest.raises(ValueError, match="say with --target which"):
        read_graph(str(files["graphml"]))
    (folder / "edges.csv").write_text("source,target\na,b\n")
    (folder / "nodes.csv").write_text("node,number\na,1\nb,2\n")
    with pytest.raises(ValueError, match="holds no classes"):
        read_graph(str(folder))
    (folder / "nodes.csv").write_text("node,number\na,1\nb,2\n,1\n")
    with pytest.raises(ValueError, match=r"nodes\.csv: row 4: a node needs a name"):
        read_graph(str(folder))
    (folder / "nodes.csv").write_text("node\na\nb\n")
    with pytest.raises(ValueError, match="no column of classes"):
        read_graph(str(folder))


def test_known_nodes_are_the_best_connected_of_each_class():
    graph = read_graph("karate")
    train, validation, test = chosen(graph, Settings())
    assert train.tolist() == [0, 33]
    np.testing.assert_array_equal(train, validation)
    assert sorted([*train, *test]) == list(range(34))
    parts = chosen(graph, Settings(known=3, known_by="chance", held_out=2))
    assert [len(p) for p in parts] == [6, 4, 24]
    assert len(np.unique(np.concatenate(parts))) == 34
    with pytest.raises(ValueError, match="has 17 nodes, too few to know 17"):
        chosen(graph, Settings(known=17))


def test_row_123_the_karate_club_by_two_labels(tmp_path):
    outcome = RECIPE.train(Settings(epochs=8), tmp_path / "run")
    assert outcome.test.figures["accuracy"] >= 0.94
    assert outcome.test.samples == 32
    assert 'aria-label="the graph by predicted class"' in (tmp_path / "run" / "report.html").read_text()


def test_a_resumed_run_ends_with_the_same_bits(tmp_path):
    assert resumed_differs(RECIPE, Settings(**SMALL), tmp_path, 5) == []


def test_neighbours_are_nearer_in_the_drawing_than_others():
    graph = read_graph("karate")
    places = layout(graph.edges, 34)
    assert places.min() >= 0
    assert places.max() <= 1
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert apart[graph.edges[:, 0], graph.edges[:, 1]].mean() < 0.7 * apart[np.triu_indices(34, 1)].mean()


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_train_measure_predict_and_draw(files, tmp_path):
    run = tmp_path / "run"
    done = called("train", "gat", "--data", files["gexf"], "--target", "side", "--inputs", "number", "--epochs", 2,
                  "--repeats", 10, "--out", run)
    assert done.exit_code == 0, done.output
    assert "the whole graph a step" in done.output
    assert json.loads(called("evaluate", run, "--json").output)["accuracy"] >= 0.9
    svg = tmp_path / "graph.svg"
    answer = json.loads(called("predict", run, "n12", "--json", "--out", svg).output)
    assert answer["class"] == "right"
    assert answer["probability"] == pytest.approx(answer["probabilities"]["right"])
    drawn = xml.parse(svg).getroot()
    assert sum(e.tag.endswith("}title") for e in drawn.iter()) == 16
    wrong = called("predict", run, "n99")
    assert wrong.exit_code != 0
    assert "'n99' is no node" in wrong.output
    assert "ends with .svg" in called("predict", run, "n1", "--out", tmp_path / "a.png").output


def test_a_changed_graph_is_refused(tmp_path):
    folder = csv_folder(tmp_path / "t", two_cliques())
    run = RECIPE.train(Settings(model="graphsage", data=str(folder), **SMALL), tmp_path / "run").run
    text = (folder / "edges.csv").read_text()
    (folder / "edges.csv").write_text(text + "n1,n9\n")
    with pytest.raises(ValueError, match="has changed since"):
        RECIPE.predict(run, ["n1"])


@pytest.mark.parametrize(("settings", "words"), [
    ({"batch_size": 4}, "batch_size must be 1"), ({"known": 0}, "known must be"), ({"inputs": "edges"}, "inputs must be one of"),
    ({"model": "lenet"}, "model must be one of gcn"),
])
def test_settings_that_cannot_be_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Settings(**settings)
