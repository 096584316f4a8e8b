"""Pictures and texts in one space: data, loss, telling pictures by words, and the commands around it (L 6.6)."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from talweg import from_numpy
from talweg.cli.main import main
from talweg.data.captioned import named_captions, read_captioned
from talweg.recipes.align import RECIPE, ensemble, pair_loss
from talweg.recipes.align_settings import Options, Settings
from talweg.training import Listener

SMALL = {"size": 16, "width": 16, "layers": 1, "heads": 2, "embedding": 8, "epochs": 2, "batch_size": 8, "lr": 5e-3}
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 230)}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Squares of three colours, with captions, as a user has them."""
    folder = tmp_path_factory.mktemp("coloured")
    rng = np.random.default_rng(0)
    lines = ["image,caption"]
    for i in range(60):
        name = list(COLOURS)[i % 3]
        pixels = np.clip(rng.normal(COLOURS[name], 20, (20, 24, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        lines.append(f"{i}.png,a {name} square of kind {i // 3}")
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder / "pairs.csv"


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    settings = Settings(**SMALL | {"epochs": 12}, data=str(table))
    return RECIPE.train(settings, tmp_path_factory.mktemp("runs") / "clip")


def test_the_loss_is_pytorchs_in_both_directions():
    logits = np.random.default_rng(0).normal(size=(6, 6))
    target = torch.arange(6)
    theirs = torch.from_numpy(logits)
    wanted = (torch.nn.functional.cross_entropy(theirs, target) + torch.nn.functional.cross_entropy(theirs.T, target)) / 2
    ours = from_numpy(logits)
    assert pair_loss((ours, ours.t()), None).item() == pytest.approx(wanted.item(), rel=1e-12)


def test_the_named_set_is_told_by_combinations_never_seen():
    found = named_captions(32)
    assert len(found.test.answers) == 40
    assert len(found.others["all"].answers) == 200
    assert all(len(wordings) == 4 for wordings in found.test.answers)
    held_out = {wording for wordings in found.test.answers for wording in wordings}
    assert not held_out & set(found.train.captions) | held_out & set(found.validation.captions)
    for part in (found.train, found.test, found.others["all"]):
        assert all(part.captions[i] in part.answers[part.labels[i]] for i in range(len(part)))
    assert len(found.train) + len(found.validation) == 4000


def test_it_learns_colours_from_a_users_table(run):
    assert run.result.records[-1].train_loss < run.result.records[0].train_loss
    told = "a red square", "a green square", "a blue square"
    folder = run.run
    right = 0
    for i, name in enumerate(COLOURS):
        Image.new("RGB", (30, 20), COLOURS[name]).save(folder / "x.png")
        [answer] = RECIPE.predict(folder, [str(folder / "x.png")], Options(labels=list(told)))
        assert sum(answer.facts["probabilities"].values()) == pytest.approx(1)
        right += answer.facts["label"] == told[i]
    assert right >= 2, right
    assert "Told" in (folder / "report.html").read_text()


def test_an_ensemble_is_the_mean_direction_of_its_wordings(run):
    _, model, prepared = RECIPE.load(run.run)
    texts = ["a red square", "red", "a square of red"]
    alone = ensemble(model, prepared, [[text] for text in texts])
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, rtol=1e-5)
    [together] = ensemble(model, prepared, [texts])
    mean = alone.mean(axis=0)
    np.testing.assert_allclose(together, mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-6)


def test_resuming_gives_the_same_weights(table, tmp_path):
    settings = {**SMALL, "data": str(table), "layers": 1}
    whole = RECIPE.train(Settings(**settings), tmp_path / "whole")

    class Stop(Exception):
        pass

    class AfterOne(Listener):
        def epoch(self, record):
            self.epochs = record.epoch

        def step(self):
            if getattr(self, "epochs", 0) == 1:
                raise Stop

    with pytest.raises(Stop):
        RECIPE.train(Settings(**settings), tmp_path / "cut", [AfterOne()])
    again = RECIPE.resume(tmp_path / "cut")
    assert [r.validation_loss for r in again.result.records] == [r.validation_loss for r in whole.result.records]
    assert (again.run / "model.safetensors").read_bytes() == (whole.run / "model.safetensors").read_bytes()


def test_by_command(run, tmp_path):
    Image.new("RGB", (30, 20), COLOURS["blue"]).save(tmp_path / "b.png")
    called = CliRunner().invoke(main, ["predict", str(run.run), str(tmp_path / "b.png"), "--labels", "red,blue square", "--json"])
    assert called.exit_code == 0, called.output
    assert set(json.loads(called.output)["probabilities"]) == {"red", "blue square"}
    called = CliRunner().invoke(main, ["evaluate", str(run.run), "--json"])
    assert called.exit_code == 0, called.output
    assert json.loads(called.output)["accuracy"] == run.test.figures["accuracy"]


@pytest.mark.parametrize(("change", "words"), [
    ({"patch": 5}, "multiple of the patch"), ({"heads": 3}, "divisor of the width"), ({"context": 2}, "3 tokens"),
    ({"batch_size": 1}, "2 pairs"),
])
def test_settings_that_cannot_be(change, words):
    with pytest.raises(ValueError, match=words):
        Settings(**{**SMALL, **change})


def test_bad_tables_and_labels_are_named(run, table, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\nx,y\n")
    with pytest.raises(ValueError, match="no column called image"):
        read_captioned(tmp_path / "t.csv", 16)
    (tmp_path / "t.csv").write_text("image,caption\nnone.png,nothing\n")
    with pytest.raises(ValueError, match=r"row 2.*none\.png"):
        read_captioned(tmp_path / "t.csv", 16)
    with pytest.raises(ValueError, match="no picture in it can be read"):
        read_captioned(tmp_path / "t.csv", 16, "skip")
    with pytest.raises(FileNotFoundError, match="image and"):
        read_captioned(tmp_path / "none.csv", 16)
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    with pytest.raises(ValueError, match="no word of 'xylophone'"):
        RECIPE.predict(run.run, [str(tmp_path / "x.png")], Options(labels=["red", "xylophone"]))
    with pytest.raises(ValueError, match="once, in the label's place"):
        Options(templates=["a picture"])
