"""Killed at any step, a resumed run ends with the weights of an uninterrupted one, to the last bit (A.9)."""

import json
import os
import random
import signal

import pytest
from killing import Trainer, differences, figures

from talweg.io import read_settings
from talweg.recipes.classify import RECIPE
from talweg.recipes.classify_settings import Settings
from talweg.training import Listener

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks and signals")
KILLS = int(os.environ.get("TALWEG_KILLS", "5"))  # `make kill` asks for 60
MLP = {"model": "mlp", "size": 8, "hidden": [16], "epochs": 3, "batch_size": 100}


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    found = Trainer(tmp_path_factory.mktemp("log") / "errors")
    yield found
    found.close()


@pytest.fixture(scope="module")
def whole(trainer, tmp_path_factory):
    """A run that nobody interrupts, with saves only after epochs."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert trainer.order(run, "train", **MLP) == 0, trainer.errors()
    return run


def test_killed_again_and_again_at_random_steps_it_ends_the_same(trainer, whole, tmp_path):
    """Steps, how often is saved and the number of loader threads are drawn anew each time."""
    generator = random.Random(int(os.environ.get("TALWEG_SEED", "0")))
    kills = attempt = 0
    while kills < KILLS:
        attempt += 1
        run = tmp_path / str(attempt)
        settings = MLP | {"save_every": generator.choice([1, 2, 5, 7]), "workers": generator.choice([0, 1, 3])}
        code = trainer.order(run, "train", generator.randint(1, 30), **settings)
        while code == -signal.SIGKILL:
            kills += 1
            code = trainer.order(run, "resume", generator.randint(1, 40), workers=generator.choice([0, 2]))
        assert code == 0, trainer.errors()
        assert differences(whole, run) == []
        assert not list(run.glob(".*.tmp"))


RICH = {
    "mixup, class weights, a rate by layer": MLP | {"mixup": 0.4, "class_weights": "balanced", "lr_scale": ["layers.1*=0.5"]},
    "ema, accumulation, momentum, clipping": MLP | {
        "ema": 0.9, "accumulate": 3, "batch_size": 40, "optimizer": "sgd", "momentum": 0.9, "lr": 0.1, "clip_norm": 1.0,
    },
    "ema, momentum": MLP | {"ema": 0.9, "optimizer": "sgd", "momentum": 0.9, "lr": 0.1},
    "plateau, smoothing, class weights, error": MLP | {
        "schedule": "plateau", "label_smoothing": 0.1, "class_weights": "balanced", "monitor": "error", "patience": 1,
        "warmup": 0.2, "keep_best": 2,
    },
}


@pytest.mark.parametrize("name", RICH)
def test_everything_that_has_a_state_is_resumed(trainer, tmp_path, name):
    settings = RICH[name]
    assert trainer.order(tmp_path / "whole", "train", **settings) == 0, trainer.errors()
    assert trainer.order(tmp_path / "cut", "train", 17, save_every=3, **settings) == -signal.SIGKILL
    assert trainer.order(tmp_path / "cut", "resume") == 0, trainer.errors()
    assert differences(tmp_path / "whole", tmp_path / "cut") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_the_step_they_come_in(trainer, whole, tmp_path, number):
    run = tmp_path / "run"
    assert trainer.order(run, "train", 17, number, save_every=1000, **MLP) == number, trainer.errors()
    state = json.loads((run / "state.json").read_text())
    assert (state["updates"], state["step"], state["epoch"]) == (17, 5, 1)
    assert (run / "report.html").exists()
    assert trainer.order(run, "resume") == 0, trainer.errors()
    assert differences(whole, run) == []


def test_killed_before_the_first_save_it_begins_again(trainer, whole, tmp_path):
    run = tmp_path / "run"
    assert trainer.order(run, "train", 2, save_every=1000, **MLP) == -signal.SIGKILL
    assert not (run / "last.safetensors").exists()
    assert trainer.order(run, "resume") == 0, trainer.errors()
    assert differences(whole, run) == []


def test_a_finished_run_is_resumed_to_itself(whole):
    before = figures(whole)
    model = (whole / "model.safetensors").read_bytes()
    outcome = RECIPE.resume(whole)
    assert [r.epoch for r in outcome.result.records] == [1, 2, 3]
    assert figures(whole) == before
    assert (whole / "model.safetensors").read_bytes() == model


def test_a_damaged_last_save_is_told_and_the_one_before_gone_on_from(trainer, whole, tmp_path):
    run = tmp_path / "run"
    assert trainer.order(run, "train", 20, save_every=1, **MLP) == -signal.SIGKILL
    last = run / "last.safetensors"
    content = bytearray(last.read_bytes())
    content[-100] ^= 4
    last.write_bytes(bytes(content))
    told = []

    class Ear(Listener):
        def note(self, text):
            told.append(text)

    RECIPE.resume(run, {}, [Ear()])
    assert len(told) == 1
    assert "last.safetensors: is damaged: tensor" in told[0]
    assert "previous.safetensors" in told[0]
    assert differences(whole, run) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.5}, "begun with lr 0.002, which 0.5 contradicts"),
        ({"epochs": 9}, "begun with epochs 3"),
        ({"epoch": 9}, "did you mean 'epochs'"),
        ({"seed": 1}, "begun with seed 0"),
    ],
)
def test_settings_that_contradict_the_run_are_refused(whole, changes, words):
    with pytest.raises(ValueError, match=words):
        RECIPE.resume(whole, changes)


def test_what_is_no_run_is_refused(tmp_path, whole):
    with pytest.raises(FileNotFoundError, match="no such run folder"):
        RECIPE.resume(tmp_path / "nothing")
    (tmp_path / "config.yaml").write_text((whole / "config.yaml").read_text().replace("native_size: 8", "native_size: 9"))
    with pytest.raises(ValueError, match="digits: has changed since"):
        RECIPE.resume(tmp_path)


def test_the_stored_settings_are_all_of_them_and_run_again(whole, tmp_path):
    settings = read_settings(whole / "config.yaml")["settings"]
    outcome = RECIPE.train(Settings(**settings), tmp_path / "again")
    assert differences(whole, outcome.run) == []
