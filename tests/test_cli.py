"""The command line: what it prints, what it keeps, and one clear line for whatever is wrong."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import talweg
from talweg.cli import main as cli
from talweg.cli.main import COMMANDS, main
from talweg.cli.options import flags_of
from talweg.recipes.registry import RECIPES, recipe
from talweg.training import read_history

ROOT = Path(__file__).parent.parent
QUICK = ["--epochs", "2", "--hidden", "32", "--set", "size=8", "--lr", "0.02"]


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """Run the command line in an empty folder; gives exit code, output and error output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TALWEG_DEBUG", raising=False)

    def run(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "quick"
    result = CliRunner().invoke(main, ["train", "mlp", *QUICK, "--out", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "digit.png"
    pixels = np.zeros((40, 30), np.uint8)
    pixels[5:35, 12:17] = 255
    Image.fromarray(255 - pixels).save(path)
    return path


def process(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=60, **options
    )


def one_line(error):
    assert error.startswith("talweg: ")
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    return error


# Training


def test_train_says_how_it_goes_and_where_everything_is(talk, tmp_path):
    code, out, err = talk("train", "mlp", *QUICK, "--seed", "3")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "mlp on digits (8x8)" in lines[0]
    assert lines[1].startswith("epoch 1/2")
    assert "Test accuracy" in out
    assert "measured once" in out
    for kept in ("model.safetensors", "report.html", "config.yaml", "history.csv"):
        assert (tmp_path / "runs" / "mlp-digits" / kept).exists()
    assert f"talweg predict {Path('runs') / 'mlp-digits'} picture.png" in lines[-1]
    code, out, _ = talk(*lines[-1].split("Next")[1].split(" or ")[0].split()[1:])  # the command it recommends
    assert code == 0
    assert "accuracy" in out


def test_the_model_may_be_an_option(talk, tmp_path):
    for words in (["--data", "digits", "--model", "mlp"], ["classify", "--model", "mlp"], ["mlp", "--model", "mlp"]):
        code, out, _ = talk("train", *words, *QUICK, "--epochs", "1")
        assert code == 0
        assert "mlp on digits (8x8)" in out
    for words, told in ((["lenet", "--model", "mlp"], "names two models, lenet and --model mlp"),
                        (["regress", "--model", "lenet"], "names two models"), (["--model", "lenot"], "did you mean 'lenet'")):
        code, _, err = talk("train", *words)
        assert code != 0
        assert told in one_line(err)


def test_an_existing_run_is_left_alone(talk, tmp_path):
    talk("train", "mlp", *QUICK, "--epochs", "1")
    first = (tmp_path / "runs/mlp-digits/model.safetensors").read_bytes()
    code, out, _ = talk("train", "mlp", *QUICK, "--epochs", "1", "--seed", "9")
    assert code == 0
    assert str(Path("runs/mlp-digits-2/model.safetensors")) in out
    assert (tmp_path / "runs/mlp-digits/model.safetensors").read_bytes() == first


def test_json_is_one_object_with_every_figure(talk):
    code, out, err = talk("train", "mlp", *QUICK, "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["test_samples"] == 360
    assert 0 < facts["test_accuracy"] < 1
    assert [r["epoch"] for r in facts["history"]] == [1, 2]
    assert Path(facts["checkpoint"]).exists()
    assert facts["history"] == [r.as_dict() for r in read_history(facts["run"])]


def test_the_seed_decides_the_losses(talk):
    def losses(seed):
        facts = json.loads(talk("train", "mlp", *QUICK, "--json", "--seed", seed)[1])
        return [(r["train_loss"], r["validation_loss"]) for r in facts["history"]]

    assert losses(1) == losses(1) != losses(2)


def test_without_matplotlib_training_goes_on_and_one_line_says_so(talk, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = talk("train", "mlp", *QUICK)
    assert code == 0
    assert "Test accuracy" in out
    assert "pip install talweg[report]" in one_line(err)


def test_without_scikit_learn_one_line_says_what_to_install(talk, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    code, _, err = talk("train", "mlp")
    assert code == 1
    assert "pip install talweg[data]" in one_line(err)
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_saves_what_there_is_and_says_so(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "talweg", "train", "mlp", "--set", "size=8", "--epochs", "100000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )
    for _ in range(3):  # the heading and two epochs
        child.stdout.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=300)
    assert child.returncode == 130
    assert err == ""
    assert "Interrupted: kept the best epoch so far" in out
    assert "train --resume runs/mlp-digits" in out
    assert "Test accuracy" in out
    assert (tmp_path / "runs/mlp-digits/report.html").exists()
    found = process("-m", "talweg", "evaluate", "runs/mlp-digits", cwd=tmp_path)
    assert found.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_sigterm_saves_and_the_command_it_recommends_goes_on(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "talweg", "train", "mlp", "--size", "8", "--hidden", "16", "--epochs", "100000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )
    for _ in range(3):
        child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=300)
    assert (child.returncode, err) == (143, "")
    assert "To go on: " in out
    assert "train --resume runs/mlp-digits" in out
    before = json.loads((tmp_path / "runs/mlp-digits/state.json").read_text())
    again = subprocess.Popen(
        [sys.executable, "-m", "talweg", "train", "--resume", "runs/mlp-digits"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )
    first = again.stdout.readline()
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=300)
    assert again.returncode == 143
    assert first.startswith(f"epoch {before['epoch'] + 1:>6}/100000"), first


def test_a_config_file_sets_what_flags_set_and_flags_go_before_it(talk, run, tmp_path):
    code, out, _ = talk("train", "--config", run / "config.yaml", "--json", "--out", "a")
    assert code == 0
    assert (tmp_path / "a/model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert (tmp_path / "a/config.yaml").read_bytes() == (run / "config.yaml").read_bytes()
    (tmp_path / "flat.yaml").write_text("model: mlp\nhidden: [32]\nepochs: 3\nsize: 8\nbatch-size: 300\n")
    facts = json.loads(talk("train", "--config", "flat.yaml", "--epochs", "1", "--json")[1])
    assert facts["epochs"] == 1
    for text, words in (("epoch: 3", "flat.yaml: there is no setting 'epoch': did you mean 'epochs'"),
                        ("settings: 3", "`settings` must hold"), ("- 1", "name: value"), ("epochs: many", "whole number")):
        (tmp_path / "flat.yaml").write_text(text)
        code, _, err = talk("train", "mlp", "--config", "flat.yaml")
        assert code == 1
        assert words in one_line(err)


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_setting_of_a_recipe_is_a_flag_with_a_line_of_help(name):
    found = recipe(name)
    for kind, lines in ((found.settings, found.help), (found.options, found.options_help)):
        if kind is None:
            continue
        flags = {option.name: option for option in flags_of(kind, lines)}
        named = {field.name for field in dataclasses.fields(kind)}
        assert set(flags) == named
        assert all(flag.help for flag in flags.values())
        assert not set(lines) - named


def test_resuming_by_command(talk, run):
    code, out, _ = talk("train", "--resume", run)
    assert code == 0
    assert "Test accuracy" in out
    for flags, code, words in ((["--lr", "1"], 1, "begun with lr 0.02"), (["--config", "x"], 2, "--config has no place"),
                               (["--out", "x"], 2, "--out has no place"), (["--find-lr"], 2, "has no place")):
        found, _, err = talk("train", "--resume", run, *flags)
        assert found == code
        assert words in one_line(err)


def test_runs_are_compared(talk, run, tmp_path):
    talk("train", "mlp", *QUICK, "--lr", "0.001", "--out", "slow")
    code, out, err = talk("compare", run, "slow", "--out", "page.html")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "validation loss" in lines[0]
    assert lines[0].rstrip().endswith("lr")
    assert str(run) in lines[1]  # the better one first
    assert "slow" in lines[2]
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 4
    assert "slow" in page
    rows = json.loads(talk("compare", run, "slow", "--json")[1])["runs"]
    assert [row["lr"] for row in rows] == ["0.02", "0.001"]
    code, _, err = talk("compare", run, "nothing")
    assert code == 1
    assert "no such run folder" in one_line(err)


def test_finders_suggest_and_train_nothing(talk, tmp_path):
    code, out, _ = talk("train", "mlp", *QUICK, "--find-lr")
    assert code == 0
    rate = float(out.split("Suggested learning rate: ")[1].split(";")[0])
    assert 1e-4 < rate < 1
    folder = tmp_path / "runs/mlp-digits-lr"
    assert {p.name for p in folder.iterdir()} == {"lr-finder.csv", "lr-finder.svg"}
    found = json.loads(talk("train", "mlp", *QUICK, "--find-batch-size", "--json")[1])
    assert str(found["batch_size"]) in found["samples_per_second"]


def test_tensorboard_files_are_written_with_no_other_package(talk, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    code, _, _ = talk("train", "mlp", *QUICK, "--tensorboard")
    assert code == 0
    file, = tmp_path.glob("runs/*/tensorboard/events.out.tfevents.*")
    assert b"train/loss" in file.read_bytes()


# Using a run


def test_evaluate_prints_the_figures_of_a_split(talk, run):
    code, out, _ = talk("evaluate", run)
    assert code == 0
    assert "of 360 wrong" in out
    assert "precision" in out
    facts = json.loads(talk("evaluate", run, "--split", "validation", "--json")[1])
    assert facts["samples"] == 237
    assert np.sum(facts["confusion"]) == 237
    assert np.trace(facts["confusion"]) / 237 == pytest.approx(facts["accuracy"])


def test_predict_gives_probabilities_in_order(talk, run, picture):
    code, out, _ = talk("predict", run, picture)
    assert code == 0
    assert out.startswith(f"{picture}: ")
    facts = json.loads(talk("predict", run, picture, "--json")[1])
    values = list(facts["probabilities"].values())
    assert sum(values) == pytest.approx(1)
    assert values == sorted(values, reverse=True)
    assert facts["probability"] == values[0]
    assert set(facts["probabilities"]) == set("0123456789")


@pytest.mark.parametrize("command", ["info", "summary"])
def test_info_counts_a_models_parameters(talk, command):
    code, out, _ = talk(command, "lenet")
    assert code == 0
    assert "105,506 parameters" in out
    assert "N x 64 x 4 x 4" in out
    facts = json.loads(talk(command, "lenet", "--json", "--classes", 2)[1])
    assert facts["parameters"] == 105_506 - 8 * 201


def test_info_of_a_run_shows_the_model_it_holds(talk, run):
    facts = json.loads(talk("info", run, "--json")[1])
    assert facts["model"] == "mlp"
    assert facts["input"] == [1, 8, 8]
    assert facts["parameters"] == 64 * 32 + 32 + 32 * 10 + 10


def test_data_list_names_the_datasets(talk):
    code, out, _ = talk("data", "list")
    assert code == 0
    assert "digits" in out
    assert set(json.loads(talk("data", "list", "--json")[1])) == set(talweg.data.CATALOGUE)


# What is wrong is one line


BAD = [
    (["trian"], 2, "did you mean 'train'"),
    (["zzz"], 2, "there are: train"),
    (["train", "lenett"], 1, "did you mean 'lenet'"),
    (["train", "lenet", "--data", "digit"], 1, "did you mean 'digits'"),
    (["train", "lenet", "--epochs", "many"], 2, "--epochs"),
    (["train", "lenet", "--epochs", "0"], 1, "epochs must be 1 or more"),
    (["train", "lenet", "--lr", "-1"], 1, "lr must be"),
    (["train", "lenet", "--batch-size", "0"], 1, "batch_size must be"),
    (["train", "lenet", "--optimizer", "adma"], 1, "adam, adamw, sgd"),
    (["train", "lenet", "--epoch", "3"], 2, "--epochs"),
    (["train", "lenet", "extra"], 2, "extra"),
    (["train", "lenet", "--hidden", "3"], 1, "does not belong"),
    (["train", "mlp", "--hidden", "a,b"], 1, "whole number"),
    (["train", "lenet", "--set", "epoch=3"], 1, "did you mean 'epochs'"),
    (["train", "lenet", "--set", "epochs"], 2, "NAME=VALUE"),
    (["train", "lenet", "--set", "lr=1", "--set", "lr=2"], 2, "given twice"),
    (["train", "lenet", "--lr", "1", "--set", "lr=2"], 2, "given twice"),
    (["train", "lenet", "--set", "size=12"], 1, "28"),
    (["train", "lenet", "--out", "file/x"], 1, "file"),
    (["evaluate"], 2, "RUN"),
    (["evaluate", "nothing"], 1, "nothing: there is no such run folder"),
    (["evaluate", "file"], 1, "expected a run folder"),
    (["evaluate", "empty"], 1, "config.yaml"),
    (["evaluate", "garbled"], 1, "not valid YAML"),
    (["info", "nothing"], 1, "no model is called 'nothing'"),
    (["info", "empty"], 1, "config.yaml"),
    (["info", "lenet", "--classes", "0"], 2, "--classes"),
    (["data", "lst"], 2, "lst"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), BAD, ids=[" ".join(b[0]) for b in BAD])
def test_whatever_is_wrong_is_one_line_and_an_exit_code(talk, tmp_path, arguments, code, words):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "empty").mkdir()
    (tmp_path / "garbled").mkdir()
    (tmp_path / "garbled" / "config.yaml").write_text("a: [1,")
    found, out, err = talk(*arguments)
    assert found == code
    assert words in one_line(err)
    assert not (tmp_path / "runs").exists()


def test_bad_images_and_damaged_runs_are_one_line(talk, run, picture, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(picture.read_bytes()[:60])
    Image.new("L", (9, 9)).save(tmp_path / "blank.png")
    for name, words in (("text.png", "is not a PNG or JPEG"), ("cut.png", "cut.png"), ("none.png", "no such file"),
                        ("blank.png", "nothing drawn")):
        code, _, err = talk("predict", run, name)
        assert code == 1
        assert words in one_line(err)
    code, _, err = talk("predict", run, ".")  # three files, each with its line
    assert code == 1
    assert [one_line(line + "\n").split()[1] for line in err.splitlines()] == ["blank.png:", "cut.png:", "text.png:"]
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    for content, words in ((None, "no such file"), (b"", "cut short"), (b"\xff" * 99, "cut short")):
        if content is not None:
            (broken / "model.safetensors").write_bytes(content)
        for command in (["evaluate", broken], ["predict", broken, picture], ["info", broken]):
            code, _, err = talk(*command)
            assert code == 1
            assert words in one_line(err)


def test_a_diverging_run_is_one_line(talk):
    with np.errstate(all="ignore"):
        code, _, err = talk("train", "mlp", *QUICK, "--optimizer", "sgd", "--set", "activation=relu", "--lr", "1e30")
    assert code == 1
    assert "smaller learning rate" in one_line(err)


def test_an_unforeseen_error_is_one_line_too_and_debug_shows_it(talk, monkeypatch):
    @click.command()
    def broken():
        raise LookupError("deep\ninside")

    monkeypatch.setattr(cli.Commands, "get_command", lambda self, ctx, name: broken)
    code, _, err = talk("info")
    assert code == 1
    assert "internal error: LookupError: deep inside (run again with --debug" in one_line(err)
    with pytest.raises(LookupError):
        talk("info", "--debug")
    monkeypatch.setenv("TALWEG_DEBUG", "1")
    with pytest.raises(LookupError):
        talk("info")


def test_notes_of_an_error_are_told(talk, monkeypatch):
    @click.command()
    def broken():
        error = ValueError("bad sample")
        error.add_note("raised by the DataLoader while fetching sample 7")
        raise error

    monkeypatch.setattr(cli.Commands, "get_command", lambda self, ctx, name: broken)
    assert "bad sample; raised by the DataLoader while fetching sample 7" in one_line(talk("info")[2])


# The program as it is started


@pytest.mark.parametrize("module", ["talweg", "talweg.cli.main"])
def test_it_runs_without_being_installed(module, tmp_path):
    found = process("-m", module, "info", "lennet", cwd=tmp_path)
    assert found.returncode == 1
    assert found.stdout == ""
    assert one_line(found.stderr) == "talweg: no model is called 'lennet': did you mean 'lenet'?\n"


def test_debug_shows_the_traceback(tmp_path):
    found = process("-m", "talweg", "info", "lennet", "--debug", cwd=tmp_path)
    assert found.returncode != 0
    assert "Traceback" in found.stderr


def test_help_lists_the_commands_and_loads_nothing_heavy():
    script = (
        "import sys; from talweg.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as e:\n    assert e.code == 0\n"
        "heavy = {'numpy', 'matplotlib', 'rich', 'PIL', 'llvmlite', 'sklearn', 'talweg.tensor'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    found = process("-c", script)
    assert found.returncode == 0, found.stderr
    for name, (_, line) in COMMANDS.items():
        assert name in found.stdout
        assert line.split()[0] in found.stdout



def test_a_reader_that_has_gone_is_no_error(tmp_path):
    command = f"{sys.executable} -m talweg info lenet | true"
    found = subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"graph"}))
def test_every_command_has_help(talk, command):
    code, out, _ = talk(command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: talweg {command}")
