"""Whole graphs into classes: a batch is a loop, files, node columns, the recipe from commands, bad input."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from resuming import resumed_differs

import talweg as tw
from talweg.cli.main import main
from talweg.data import load
from talweg.data.graphs import read_graphs
from talweg.models.graph_networks import GraphNetwork
from talweg.recipes.graph_batches import Sized, joined
from talweg.recipes.graph_columns import NodeColumns
from talweg.recipes.graphs import RECIPE, WholeGraphs
from talweg.recipes.graphs_settings import Settings

networkx = pytest.importorskip("networkx")
SMALL = {"hidden": 8, "layers": 2, "degrees": 4, "batch_size": 8, "epochs": 2}


def drawn_graphs(count=5):
    rng = np.random.default_rng(0)
    found = []
    for i in range(count):
        graph = networkx.gnm_random_graph(4 + i, 5 + i, seed=i)
        edges = np.array(graph.edges).T
        found.append(Sized(rng.normal(size=(4 + i, 3)).astype(np.float32), np.concatenate([edges, edges[::-1]], 1)))
    return found


@pytest.mark.parametrize("kind", ["gcn", "gat", "sage"])
@pytest.mark.parametrize("readout", ["mean", "sum"])
def test_a_filled_batch_of_graphs_is_a_loop_over_them(kind, readout):
    graphs = drawn_graphs()
    model = WholeGraphs(3, 8, 2, kind=kind, readout=readout).of(12)
    together = model(*map(tw.from_numpy, joined(graphs, 12, 30))).detach().numpy()
    alone = [GraphNetwork.forward(model, tw.from_numpy(g.features), tw.from_numpy(g.edges),
                                  tw.zeros(len(g.features)).long(), 1).detach().numpy()[0] for g in graphs]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_readouts_are_means_and_sums():
    graphs = drawn_graphs(1)
    x, edges = tw.from_numpy(graphs[0].features), tw.from_numpy(graphs[0].edges)
    tw.manual_seed(0)
    mean = GraphNetwork(3, 8, 2)
    total = GraphNetwork(3, 8, 2, readout="sum")
    total.load_state_dict(mean.state_dict())
    one = tw.zeros(4).long()
    for model in (mean, total):
        model.head.bias.data.zero_()
    np.testing.assert_allclose(total(x, edges, one, 1).detach().numpy(), 4 * mean(x, edges, one, 1).detach().numpy(), rtol=1e-4)
    with pytest.raises(ValueError, match="readout must be one of mean, sum"):
        GraphNetwork(3, 8, 2, readout="max")


def test_a_graph_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit into 3"):
        joined(drawn_graphs(1), 3, 30)


def test_families_have_as_many_edges_for_their_nodes():
    found = load("graph_families")
    assert len(found) == 600
    for family in ("barabasi_albert", "erdos_renyi", "watts_strogatz"):
        ratios = [len(g.edges) / len(g.names) for g, label in found if label == family]
        assert len(ratios) == 200
        assert 1.7 < min(ratios) <= max(ratios) <= 2
    again = load("graph_families")
    assert all(np.array_equal(a.edges, b.edges) for (a, _), (b, _) in zip(found, again))


def molecule(ring, rng):
    """A ring or a path of atoms."""
    size = int(rng.integers(4, 9))
    graph = networkx.cycle_graph(size) if ring else networkx.path_graph(size)
    for node in graph:
        graph.nodes[node].update(atom=str(rng.choice(["C", "N", "O"])), charge=float(rng.integers(-1, 2)))
    return graph


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("molecules")
    rng = np.random.default_rng(0)
    for kind in ("ring", "chain"):
        (root / kind).mkdir()
        for i in range(24):
            write = networkx.write_gexf if i % 2 else networkx.write_graphml
            write(molecule(kind == "ring", rng), root / kind / f"{i}.{'gexf' if i % 2 else 'graphml'}")
    return root


def test_folders_of_files_are_read_with_their_columns(folder):
    found = read_graphs(str(folder))
    assert found.classes == ["chain", "ring"]
    assert len(found.graphs) == 48
    for graph, label in zip(found.graphs, found.labels):
        assert len(graph.edges) == len(graph.names) - (label == 0)
    columns = NodeColumns.of([found.columns[i] for i in found.train], 3)
    assert sorted(columns.names) == ["atom", "charge"]
    features = columns.features(found.graphs[0], found.columns[0])
    assert features.shape == (len(found.graphs[0].names), columns.width) == (len(features), 4 + 3 + 1)
    np.testing.assert_array_equal(features[:, :4].argmax(1), np.minimum(found.graphs[0].degrees, 3))
    atoms = columns.words[columns.names.index("atom")]
    assert atoms == ["C", "N", "O"]
    with pytest.raises(ValueError, match="lack the column"):
        columns.features(found.graphs[0], {})


def test_numbers_that_are_none_become_zero_in_graphs_that_were_not_learned_from(folder):
    found = read_graphs(str(folder))
    columns = NodeColumns.of(found.columns, 3)
    place = [len(words) or 1 for words in columns.words][:columns.names.index("charge")]
    graph, cells = found.graphs[0], dict(found.columns[0])
    for odd in ("inf", "-inf", "nan", None, "much"):
        cells["charge"] = [odd, *found.columns[0]["charge"][1:]]
        features = columns.features(graph, cells)
        assert np.isfinite(features).all()
        assert features[0, 4 + sum(place)] == 0


def test_json_lines_are_the_same_graphs(tmp_path, folder):
    found = read_graphs(str(folder))
    lines = []
    for graph, columns, label in zip(found.graphs, found.columns, found.labels):
        lines.append(json.dumps({"edges": graph.edges.tolist(), "nodes": columns, "label": found.classes[label]}))
    (tmp_path / "g.jsonl").write_text("\n".join(lines))
    again = read_graphs(str(tmp_path / "g.jsonl"))
    assert all(np.array_equal(a.edges, b.edges) for a, b in zip(found.graphs, again.graphs))
    assert again.columns == found.columns


@pytest.mark.parametrize(("line", "words"), [
    ("{", "Expecting"), ("[]", 'a list "edges" and a "label"'), ('{"edges": [[0, 1]]}', '"label"'),
    ('{"edges": [[0]], "label": "a"}', "list of pairs"), ('{"edges": [], "label": "a"}', "no edge"),
    ('{"edges": [[0, 1]], "label": "a", "nodes": {"x": [1], "y": [1, 2]}}', "different lengths"),
    ('{"edges": [[null, 1], [1, 2]], "label": "a"}', "neither"), ('{"edges": [[0.5, 1]], "label": "a"}', "neither"),
    ('{"edges": [[0, 5]], "label": "a", "nodes": {"x": [1, 2]}}', "there is no node '5'"),
])
def test_bad_lines_are_named_or_left_out(tmp_path, line, words):
    path = tmp_path / "g.jsonl"
    good = [json.dumps({"edges": [[i, i + 1] for i in range(n + 2)], "label": "ab"[n % 2]}) for n in range(24)]
    path.write_text("\n".join([*good, line]))
    with pytest.raises(ValueError, match=words) as caught:
        read_graphs(str(path))
    assert "row 25" in str(caught.value)
    left = read_graphs(str(path), on_error="skip")
    assert len(left.graphs) == 24
    assert "skipped 1 bad" in " ".join(left.notes)


def test_what_holds_no_graphs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="digits holds no graphs with classes"):
        read_graphs("digits")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_graphs("nowhere/graphs")
    (tmp_path / "g.txt").write_text("a")
    with pytest.raises(ValueError, match="by its name"):
        read_graphs(str(tmp_path / "g.txt"))
    (tmp_path / "g.jsonl").write_text('{"edges": [[0, 1]], "label": "a"}\n')
    with pytest.raises(ValueError, match="all of one class"):
        read_graphs(str(tmp_path / "g.jsonl"))
    with pytest.raises(ValueError, match="readout must be one of"):
        Settings(readout="max")


def test_a_resumed_run_ends_with_the_same_bits(folder, tmp_path):
    assert resumed_differs(RECIPE, Settings(data=str(folder), **SMALL), tmp_path, 5) == []


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_tell_rings_from_chains(folder, tmp_path):
    run = tmp_path / "run"
    done = called("train", "graphs", "--data", folder, "--epochs", 25, "--hidden", 16, "--layers", 2, "--batch-size", 16,
                  "--lr", 0.02, "--out", run)
    assert done.exit_code == 0, done.output
    assert json.loads(called("evaluate", run, "--json").output)["accuracy"] == 1
    assert "the least certain" in (run / "report.html").read_text()
    rng = np.random.default_rng(5)
    networkx.write_graphml(networkx.convert_node_labels_to_integers(molecule(True, rng)), tmp_path / "new.graphml")
    answer = json.loads(called("predict", run, tmp_path / "new.graphml", "--json").output)
    assert answer["class"] == "ring"
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    large = networkx.cycle_graph(30)  # larger than any that was learned from
    for node in large:
        large.nodes[node].update(atom="C", charge=0.0)
    networkx.write_gexf(large, tmp_path / "large.gexf")
    assert json.loads(called("predict", run, tmp_path / "large.gexf", "--json").output)["class"] == "ring"
    wrong = called("predict", run, tmp_path / "new.png")
    assert wrong.exit_code != 0
    assert "no graph by its name" in wrong.output
