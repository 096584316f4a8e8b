"""Searching settings: what is tried is a function of the seed, trials are runs, and a killed search ends as a whole one does."""

import json
import math
import os
import random
import signal

import pytest
from click.testing import CliRunner
from killing import Trainer, differences

from talweg.cli.main import main
from talweg.io import read_settings
from talweg.recipes.classify import RECIPE
from talweg.recipes.classify_settings import Settings
from talweg.recipes.search_space import Choices, Range, dimension, going_on, rungs_of, trials_of
from talweg.recipes.settings import from_mapping
from talweg.recipes.tune import Pause, Result, begin, carry_out, planned, read_plan, read_results, run_of

IRIS = {"model": "mlp", "data": "iris", "hidden": "8", "batch_size": 64, "epochs": 3}


# What is tried


def test_ranges_and_choices_are_read_by_the_settings_types():
    assert dimension("lr=1e-4..1e-1", Settings) == Range("lr", 1e-4, 0.1, False)
    assert dimension("lr=1e-4..1e-1:3", Settings).grid() == [1e-4, 0.00316, 0.1]
    assert dimension("lr=1e-4..1e-1", Settings).grid() == [1e-4, 1e-3, 1e-2, 1e-1]
    assert dimension("warmup=0..0.4", Settings).grid() == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert dimension("batch-size=16..64:3", Settings).grid() == [16, 40, 64]
    assert dimension("batch_size=32, 64", Settings) == Choices("batch_size", [32, 64])
    assert dimension("hidden=64;128,64", Settings) == Choices("hidden", [[64], [128, 64]])
    assert dimension("clip_norm=none,1", Settings) == Choices("clip_norm", [None, 1.0])
    assert dimension("tensorboard=true,false", Settings) == Choices("tensorboard", [True, False])


@pytest.mark.parametrize(("text", "words"), [
    ("lr", "takes NAME=LOW..HIGH"), ("lr=", "takes NAME="), ("lr=1..2:x", "points must be 2 or more"),
    ("lrate=1..2", "it is called 'lr' here"), ("lr=1..x", "must be a number"),
    ("lr=2..1", "first bound must be below"), ("lr=1..1", "first bound must be below"), ("lr=1..inf", "below the second"),
    ("lr=nan..1", "below the second"), ("lr=1..2:1", "points must be 2 or more"),
    ("optimizer=adam..sgd", "is no number"), ("hidden=64,32", "has one value only"), ("lr=0.1,0.1", "has one value only"),
    ("batch_size=1.5,2", "must be a whole number"),
])
def test_a_mistaken_range_is_told(text, words):
    with pytest.raises(ValueError, match=words):
        dimension(text, Settings)


def test_draws_depend_on_the_seed_alone_and_stay_within_bounds():
    space = [dimension(text, Settings) for text in ("lr=1e-5..1e-1", "batch_size=8..512", "optimizer=adam,sgd", "warmup=0..0.5")]
    drawn = trials_of("random", space, 200, 7)
    assert drawn == trials_of("halving", space, 200, 7)
    assert drawn[:20] == trials_of("random", space, 20, 7)
    assert drawn != trials_of("random", space, 200, 8)
    assert all(1e-5 <= t["lr"] <= 1e-1 and 8 <= t["batch_size"] <= 512 and 0 <= t["warmup"] <= 0.5 for t in drawn)
    # Evenly over decades and over choices: four decades of 200 draws, within four deviations.
    for decade in range(4):
        count = sum(decade <= math.log10(t["lr"]) + 5 < decade + 1 for t in drawn)
        assert abs(count - 50) < 4 * math.sqrt(200 * 0.25 * 0.75)
    assert abs(sum(t["optimizer"] == "sgd" for t in drawn) - 100) < 4 * math.sqrt(50)


def test_a_small_space_is_gone_through_once():
    space = [dimension("batch_size=8,16,32", Settings), dimension("optimizer=adam,sgd", Settings)]
    drawn = trials_of("random", space, 50, 0)
    assert len(drawn) == 6
    grid = trials_of("grid", space, None, 0)
    assert grid[0] == {"batch_size": 8, "optimizer": "adam"}
    assert sorted(map(repr, grid)) == sorted(map(repr, drawn))


def test_searches_that_cannot_be():
    lr = dimension("lr=1e-4..1e-1", Settings)
    for space, search, trials, words in (
        ([], "random", 3, "nothing to search over"), ([lr], "bayes", 3, "one of random, grid, halving"),
        ([lr, lr], "random", 3, "names lr twice"), ([lr], "random", 0, "between 1 and"),
        ([lr], "grid", 3, "has 4 points, more than 3"),
    ):
        with pytest.raises(ValueError, match=words):
            trials_of(search, space, trials, 0)


def test_rungs_take_a_third_of_trials_and_epochs():
    assert rungs_of("halving", 27, 27) == [1, 3, 9, None]
    assert rungs_of("halving", 9, 100) == [11, 33, None]
    assert rungs_of("halving", 2, 100) == [None]
    assert rungs_of("halving", 27, 2) == [None]
    assert rungs_of("random", 27, 27) == [None]
    assert [going_on(n) for n in (27, 10, 2, 1)] == [9, 4, 1, 1]
    with pytest.raises(ValueError, match="give --epochs instead of --steps"):
        rungs_of("halving", 9, None)


@pytest.mark.parametrize(("settings", "over", "search", "words"), [
    (IRIS, ["momentum=0.5,0.9"], "random", r"trial 1 \(momentum 0\.[59]\): momentum belongs to optimizer=sgd"),
    (IRIS | {"lr": 0.1}, ["lr=1..2"], "random", "lr is given and searched over"),
    ({"model": "mlp", "data": "iris"}, ["epochs=3,9"], "halving", "cannot be searched over"),
    (IRIS | {"seed": "x"}, ["lr=1..2"], "random", "setting seed must be a whole number"),
    (IRIS, ["accumulate=-4,8"], "grid", r"trial 1 \(accumulate -4\): setting accumulate must be 1"),
])
def test_settings_that_contradict_each_other_are_told_before_anything_runs(settings, over, search, words):
    with pytest.raises(ValueError, match=words):
        planned("classify", settings, over, search)


# Carrying it out


@pytest.fixture(scope="module")
def halving(tmp_path_factory):
    """A search that nobody interrupts."""
    settings = {"model": "mlp", "data": "iris", "epochs": 4, "batch_size": 32}
    plan = planned("classify", settings, ["lr=1e-3..1e-1", "hidden=8;4,4"], "halving", 4)
    folder = begin(plan, tmp_path_factory.mktemp("halving") / "tune")
    return plan, folder, carry_out(plan, folder)


def test_the_best_third_is_trained_to_the_end(halving):
    plan, folder, results = halving
    assert plan.rungs == [1, None]
    noted = read_results(folder)
    assert [r.rung for r in noted] == [0] * 4 + [1] * 2
    first = sorted(noted[:4], key=lambda r: r.loss)
    assert {r.trial for r in noted[4:]} == {r.trial for r in first[:2]}
    assert [r.epochs for r in results] == [4, 4, 1, 1]
    assert results[0].loss <= results[1].loss
    assert [r.trial for r in results[2:]] == [r.trial for r in first[2:]]


def test_the_best_run_repeats_to_the_last_bit(halving, tmp_path):
    """Although it was stopped after the first rung and gone on with."""
    _, folder, results = halving
    best = run_of(folder, results[0].trial)
    again = from_mapping(Settings, read_settings(best / "config.yaml")["settings"])
    RECIPE.train(again, tmp_path / "again")
    assert differences(best, tmp_path / "again") == []


def test_a_search_that_is_over_is_only_read(halving):
    plan, folder, results = halving
    before = (folder / "trials.jsonl").read_bytes()
    told = []
    assert carry_out(read_plan(folder), folder, lambda *given: told.append(given)) == results
    assert not told
    assert (folder / "trials.jsonl").read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and signals")
def test_killed_at_any_step_it_goes_on_and_ends_the_same(halving, tmp_path):
    plan, whole, results = halving
    trainer = Trainer(tmp_path / "errors")
    draw = random.Random(0)
    folder = begin(plan, tmp_path / "tune")
    kills = 0
    try:
        while (code := trainer.order(folder, "tune", draw.randint(2, 12))) == -signal.SIGKILL:
            kills += 1
        assert code == 0, trainer.errors()
    finally:
        trainer.close()
    assert kills >= 2
    assert carry_out(plan, folder) == results
    for trial in range(len(plan.trials)):
        assert [d for d in differences(run_of(whole, trial), run_of(folder, trial)) if "last" not in d] == []


def test_a_trial_that_diverges_comes_last_and_the_others_go_on(tmp_path):
    plan = planned("classify", IRIS | {"optimizer": "sgd"}, ["lr=1e30,1e-3"], "grid")
    folder = begin(plan, tmp_path / "tune")
    results = carry_out(plan, folder)
    assert [r.trial for r in results] == [1, 0]
    assert results[1].loss == math.inf
    assert results[1].ended.startswith("diverged: the training loss became")
    assert read_results(folder)[0] == results[1]


def test_a_run_folder_without_settings_is_begun_again(tmp_path):
    plan = planned("classify", IRIS | {"epochs": 1}, ["lr=1e-3,1e-2"], "grid")
    folder = begin(plan, tmp_path / "tune")
    run_of(folder, 0).mkdir()
    (run_of(folder, 0) / ".config.yaml.x.tmp").write_text("half")
    (folder / "trials.jsonl").write_text('{"trial": 1, "run')
    assert [r.epochs for r in carry_out(plan, folder)] == [1, 1]
    assert len(read_results(folder)) == 2


def test_what_monitor_says_decides():
    low_loss, low_error = Result(0, 0, 1, 0.1, 0.5), Result(1, 0, 1, 0.2, 0.4)
    assert sorted([low_error, low_loss], key=lambda r: r.rank("loss"))[0] is low_loss
    assert sorted([low_loss, low_error], key=lambda r: r.rank("error"))[0] is low_error
    assert Result(0, 0, 0, math.inf, None).rank("error") > low_loss.rank("error")


def test_a_pause_never_comes_without_epochs():
    pause = Pause(None)
    pause.begin(3, 5, 1)
    pause.step()
    assert not pause.over


@pytest.mark.parametrize(("name", "content", "words"), [
    ("tune.yaml", None, "holds no tune.yaml"), ("tune.yaml", "recipe: x\n", "is not the plan of a search"),
    ("tune.yaml", "[", "not valid YAML"), ("trials.jsonl", "{}\n", "line 1 is not a trial's result"),
])
def test_damaged_files_are_named(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises((ValueError, OSError), match=words):
        (read_results if name == "trials.jsonl" else read_plan)(tmp_path)


# The command


def talweg(*words):
    result = CliRunner().invoke(main, [str(w) for w in words])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_trains_tells_and_goes_on(tmp_path):
    out = tmp_path / "tune"
    code, text, _ = talweg("tune", "mlp", "--data", "iris", "--hidden", "8", "--epochs", 1, "--over", "lr=1e-3,1e-2", "--search",
                           "grid", "--out", out)
    assert code == 0
    assert "trial 2 of 2  lr 0.01: validation loss " in text
    assert f"--config {out}/trial-00" in text
    assert (out / "comparison.html").read_text().count("trial-00") >= 2
    code, text, _ = talweg("tune", "--resume", out, "--json")
    facts = json.loads(text)
    assert code == 0
    assert {t["settings"]["lr"] for t in facts["trials"]} == {0.001, 0.01}
    assert facts["best"] == facts["trials"][0]["run"]
    code, text, _ = talweg("train", "--config", f"{facts['best']}/config.yaml", "--out", tmp_path / "again")
    assert code == 0
    assert differences(facts["best"], tmp_path / "again") == []


@pytest.mark.parametrize(("words", "told"), [
    (["mlp", "--data", "iris"], "nothing to search over"),
    (["mlp", "--data", "iris", "--over", "lr=1..2", "--lr", "3"], "lr is given and searched over"),
    (["--over", "lr=1..2"], "name a model"),
    (["--resume", "nowhere"], "nowhere: holds no tune.yaml"),
    (["--resume", "nowhere", "--over", "lr=1..2"], "so --over has no place beside it"),
    (["--resume", "nowhere", "--lr", "1"], "so setting lr has no place beside it"),
])
def test_mistakes_are_one_line(words, told):
    code, _, text = talweg("tune", *words)
    assert code != 0
    assert told in text
    assert text.count("\n") == 1
