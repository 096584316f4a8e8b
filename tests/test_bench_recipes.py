"""The race of recipes: the same text over PyTorch gives the same losses; runs in slices; tables of made-up figures."""

import math

import numpy as np
import pytest
from click.testing import CliRunner

from bench import output
from bench.recipes.__main__ import CONTESTANTS, main
from bench.recipes.begun import begun, carried_out
from bench.recipes.entries import ENTRIES, find
from bench.recipes.over_torch import ROOT, imported
from bench.recipes.pace import Pacer, Watched
from bench.recipes.report import ratio, recipe_tables
from bench.recipes.task import RecipeTask
from talweg.compile.engine import Policy
from talweg.recipes.registry import RECIPES

torch = pytest.importorskip("torch")
shared_random = pytest.importorskip("bench.recipes.shared_random")
torch.set_num_threads(1)

# Tables do not learn by gradients, of the classifiers five are raced; the blocks of BERT are those of the vit_small that is
# raced, the layers of links and graphs those of gcn.
LEFT_OUT = ("tabular", "classify", "masked", "textclf", "links", "graphs")
QUICK = ("mlp", "gan", "vae", "gat", "ppo")


def losses(framework: str, name: str, steps: int) -> list[float]:
    pacer = Pacer()
    pacer.carry(lambda: carried_out(begun(framework, name, small=True), pacer))
    pacer.advance(lambda times: len(pacer.losses) >= steps)
    pacer.stop()
    return pacer.losses[:steps]


def test_a_training_that_is_stopped_leaves_nothing_set():
    before = Policy.sightings
    losses("talweg", "mlp", 1)
    assert Policy.sightings == before


@pytest.mark.parametrize("name", QUICK)
def test_the_same_losses_in_both(name, monkeypatch):
    """Random numbers, initial weights and batches are the same, so the first losses are, to rounding."""
    monkeypatch.setenv("TALWEG_COMPILE_AFTER", "-1")
    ours = losses("talweg", name, 2)
    with shared_random.sharing():
        theirs = losses("torch", name, 2)
    assert ours[0] != ours[1]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_every_trained_model_of_the_registry_is_named_or_a_kin_of_one():
    named = {entry.name for entry in ENTRIES}
    for kind, entry in RECIPES.items():
        if kind not in LEFT_OUT:
            assert named & {kind, *entry.models}, kind


def test_a_model_over_torch_is_a_torch_module():
    network = imported("models.mlp").MLP([3, 4, 2], "relu")
    assert isinstance(network, torch.nn.Module)
    assert type(network).__module__ == f"{ROOT}.models.mlp"
    assert network(torch.ones(5, 3)).shape == (5, 2)


def test_what_nobody_named_is_an_import_error():
    with pytest.raises(ImportError, match=r"bench/recipes/beneath.py"):
        imported("cli.train")
    with pytest.raises(ImportError):
        imported("models.no_such_model")


def test_what_training_does_not_use_refuses_to_be_called():
    absent = imported("graph.node")
    with pytest.raises(NotImplementedError, match="Node is not there"):
        absent.Node(1)


def stepping(pacer: Pacer, steps: int) -> None:
    pacer.begin(1, 1, steps)
    for number, _ in enumerate(Watched(range(steps), pacer).batches(0)):
        if number % 2 == 0:
            pacer.epoch_begins()
        pacer.learned(float(number))
        pacer.step()


def test_slices_hold_as_many_steps_as_were_asked_for():
    clock = iter(range(1000))
    pacer = Pacer(lambda: float(next(clock)))
    pacer.carry(lambda: stepping(pacer, 8))
    assert pacer.advance(lambda times: len(times) >= 3) == [1.0, 1.0, 1.0]
    assert len(pacer.losses) == 4  # the first step is kept apart
    assert pacer.first == 1.0
    assert len(pacer.advance(lambda times: len(times) >= 10)) == 10
    assert pacer.runs == 3  # of eight steps each; the first two epochs of another run are not counted
    pacer.stop()


def test_what_a_training_raises_arrives():
    def fails():
        raise FloatingPointError("the loss became nan")

    pacer = Pacer()
    pacer.carry(fails)
    with pytest.raises(FloatingPointError, match="became nan"):
        pacer.advance(lambda times: True)


def test_tasks_go_to_processes_as_text():
    task = RecipeTask("gpt", {"batch_size": 2}, threads=1, processor_time=True)
    assert RecipeTask.loads(task.dumps()) == task
    assert task.key == "recipe / gpt / batch_size 2, 1 thread, processor time"
    assert find("unet").images
    assert not find("gpt").images
    with pytest.raises(ValueError, match="no recipe 'gtp'"):
        RecipeTask("gtp")


def test_everyone_makes_as_many_steps_as_the_slowest_can():
    began = {"a": {"status": "ok", "warming": [9.0, 9.0, 0.1, 0.1]}, "b": {"status": "ok", "warming": [9.0, 9.0, 0.25, 0.25]},
             "c": {"status": "failed", "note": "x"}}
    assert RecipeTask("mlp").slice(1.0, began) == {"steps": 4}
    assert RecipeTask("mlp").slice(0.01, began) == {"steps": 1}
    assert RecipeTask("mlp").slice(1.0, {}) == {"steps": 1}


def made_up(**changes) -> dict:
    ours, theirs, last = (c.name for c in CONTESTANTS)
    good = {"status": "ok", "agrees": True, "loss_difference": 1e-7, "first": 2.0, "steps": 7}
    results = {ours: {**good, "ms": 10.0}, theirs: {**good, "ms": 30.0}, last: {"status": "timeout", "note": "a | b"}}
    return {"workload": "unet", "step": "", "detail": "", "quick": False, "threads": 0, "results": {**results, **changes},
            "origin": {"command": "x", "commit": "c", "when": "w", "versions": {},
                       "machine": {"processor": "p", "cores": 2, "instructions": []}}}


def test_the_table_says_who_was_faster():
    record = made_up()
    assert ratio(record) == 3.0
    steps, problems = recipe_tables({"recipe / unet": record})
    assert steps.rows[0][:2] == ["unet", "7"]
    assert "3.00 x" in steps.rows[0]
    assert problems.rows == [["unet", CONTESTANTS[2].name, "timeout", "a | b"]]
    assert recipe_tables({}) == []


def test_whose_losses_differ_is_not_compared():
    other = {"status": "ok", "agrees": False, "loss_difference": math.inf, "ms": 1.0, "first": 1.0, "steps": 7}
    record = made_up(Talweg=other)
    assert ratio(record) is None
    assert "losses differ" in str(recipe_tables({"r": record})[0].rows)


def test_figures_go_into_the_documents_beside_the_others(tmp_path):
    output.save({"races": {}, "recipes": {"recipe / gpt": {**made_up(), "workload": "gpt"}}}, tmp_path / "performance.json")
    (tmp_path / "performance.md").write_text("before\n")
    output.write_docs({"races": {}, "recipes": {"recipe / unet": made_up()}}, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    assert page.startswith("before")
    assert "| unet |" in page
    assert "| gpt |" in page
    with pytest.raises(Exception, match="quick run"):
        output.write_docs({"races": {}, "recipes": {"r": {**made_up(), "quick": True}}}, tmp_path)


@pytest.mark.parametrize(("arguments", "told"), [
    (["no_such"], "no_such"), (["--quick", "--write-docs"], "leave out"), (["--rounds", "0"], "rounds"),
    (["--show", "missing.json"], "missing.json"),
])
def test_bad_arguments(arguments, told):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert told in result.output
