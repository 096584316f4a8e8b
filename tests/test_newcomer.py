"""A newcomer's walk: a folder of pictures as people have them, trained, measured and predicted from without code, and every
mistake on the way answered in one line that says what is wrong and what to do."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from talweg.cli.main import main

FAST = ["--size", 8, "--hidden", 8, "--epochs", 2]


def talweg(*words):
    """Exit code, what was printed, and what was said on stderr."""
    result = CliRunner().invoke(main, [str(w) for w in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def refused(*words):
    """The one line in which a mistake is answered."""
    code, _, line = talweg(*words)
    assert code in (1, 2), line
    assert line.startswith("talweg: ")
    assert line.count("\n") == 1, line
    assert "internal error" not in line
    assert "Errno" not in line
    return line


def picture(colour, height=8, width=8, seed=0):
    """Noise with one strong channel, so that there is something to learn."""
    pixels = np.random.default_rng([seed, height, width]).integers(0, 90, (height, width, 3)).astype(np.uint8)
    pixels[..., colour % 3] += 150
    return Image.fromarray(pixels)


def folder(root, classes=("chat", "Über", "犬"), count=10):
    """A folder of pictures of mixed sizes for each class."""
    for colour, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            picture(colour, 8 + i % 3, 8 + i % 4, seed=100 * colour + i).save(root / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def pets(home):
    """As people have them: transparency, grey, a turned photo, .JPG, what systems leave behind, folders in folders."""
    root = folder(home / "pets")
    picture(0).convert("RGBA").save(root / "chat" / "alpha.png")
    picture(1).convert("L").save(root / "Über" / "grey.png")
    picture(2, 16, 16).save(root / "犬" / "photo.JPG")
    turned = Image.Exif()
    turned[0x0112] = 6
    picture(1, 8, 16).save(root / "Über" / "turned.jpg", exif=turned)
    (root / "chat" / "more").mkdir()
    picture(0, seed=77).save(root / "chat" / "more" / "ещё.png")
    for junk in (".DS_Store", "chat/.DS_Store", "chat/Thumbs.db"):
        (root / junk).write_bytes(b"junk")
    (root / "readme.txt").write_text("my pets")
    (root / "leer").mkdir()
    return root


@pytest.fixture(scope="module")
def run(home, pets):
    code, text, error = talweg("train", "mlp", "--data", pets, *FAST, "--epochs", 8, "--lr", 0.05, "--out", home / "run")
    assert code == 0, error
    (home / "said").write_text(text)
    return home / "run"


# The way that works


def test_training_says_what_it_left_out_and_what_comes_next(home, run):
    text = (home / "said").read_text()
    assert "left out 1 files that lie beside the class folders: readme.txt" in text
    assert "left out folders without files: leer" in text
    assert "epoch 8/8" in text
    assert f"evaluate {run}" in text
    assert f"predict {run}" in text
    config = (run / "config.yaml").read_text()
    assert "犬" in config
    assert "leer" not in config


def test_without_a_model_pictures_get_a_convolutional_network(home, pets):
    code, text, error = talweg("train", "--data", pets, "--epochs", 1, "--out", home / "auto")
    assert code == 0, error
    assert "Training lenet on" in text
    assert "(28x28)" in text


def test_evaluate_by_split(run):
    code, text, _ = talweg("evaluate", run)
    assert code == 0
    assert "on the test split: accuracy" in text
    code, text, _ = talweg("evaluate", run, "--split", "train", "--json")
    facts = json.loads(text)
    assert facts["samples"] > 15
    assert facts["accuracy"] > 0.7
    assert set(facts["classes"]) == {"chat", "Über", "犬"}


def test_predict_one_file_many_and_a_folder(run, pets, tmp_path):
    code, text, _ = talweg("predict", run, pets / "chat" / "0.png")
    assert code == 0
    assert text.count("%") == 4  # the answer and a line for each class
    code, text, _ = talweg("predict", run, pets / "chat" / "0.png", pets / "犬" / "photo.JPG")
    assert code == 0
    assert len(text.splitlines()) == 2
    code, text, _ = talweg("predict", run, pets, "--json")
    answers = json.loads(text)["answers"]
    assert len(answers) == 35
    right = sum(Path(a["image"]).relative_to(pets).parts[0] == a["class"] for a in answers)
    assert right > 25
    assert all(sum(a["probabilities"].values()) == pytest.approx(1) for a in answers)


def test_one_bad_file_among_many_loses_nothing(run, pets, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG nonsense")
    code, text, error = talweg("predict", run, tmp_path / "bad.png", pets / "chat" / "0.png")
    assert code == 1
    assert text.startswith(f"{pets / 'chat' / '0.png'}: ")
    assert error == f"talweg: {tmp_path / 'bad.png'}: not read: is not an image (PNG, JPEG, BMP, GIF, WebP or TIFF)\n"


def test_config_repeats_a_run_and_resume_adds_nothing_to_one_that_is_over(home, run):
    code, _, error = talweg("train", "--config", run / "config.yaml", "--out", home / "again")
    assert code == 0, error
    before = (run / "model.safetensors").read_bytes()
    assert (home / "again" / "model.safetensors").read_bytes() == before
    code, text, error = talweg("train", "--resume", run)
    assert code == 0, error
    assert "epoch 1/8" not in text
    assert (run / "model.safetensors").read_bytes() == before
    code, text, _ = talweg("compare", run, home / "again", "--out", home / "comparison.html")
    assert code == 0
    assert "again" in text
    assert "<table" in (home / "comparison.html").read_text()


def test_a_run_is_never_written_over(run, pets):
    code, text, _ = talweg("train", "mlp", "--data", pets, *FAST, "--out", run, "--json")
    assert code == 0
    assert json.loads(text)["run"] == f"{run}-2"


def test_find_lr(home, pets):
    code, text, error = talweg("train", "mlp", "--data", pets, "--size", 8, "--hidden", 8, "--find-lr", "--out", home / "lr")
    assert code == 0, error
    assert text.startswith("Suggested learning rate: ")
    assert (home / "lr" / "lr-finder.csv").exists()


def test_diagnose(run):
    code, text, error = talweg("diagnose", run)
    assert code == 0, error
    assert text
    assert json.loads(talweg("diagnose", run, "--json")[1])["run"] == str(run)


def test_split_folders_are_taken_as_they_are(tmp_path):
    folder(tmp_path / "train", ("a", "b"), 8)
    folder(tmp_path / "val", ("a",), 4)
    folder(tmp_path / "test", ("a", "b"), 3)
    for part in ("val", "test"):
        for path in (tmp_path / part).rglob("*.png"):
            picture(0, seed=hash((part, path.name)) % 1000 + 500).save(path)
    code, text, error = talweg("train", "mlp", "--data", tmp_path, *FAST, "--out", tmp_path / "run")
    assert code == 0, error
    assert "the validation folder has no class b, so nothing is measured for it" in text


# Folders that cannot be learned from


def broken(root):
    (folder(root) / "chat" / "bad.png").write_bytes(b"\x89PNG nope")


def empty_file(root):
    (folder(root) / "chat" / "zero.jpg").write_bytes(b"")


def huge(root):
    Image.new("1", (9000, 9000)).save(folder(root) / "chat" / "huge.png")


def flat(root):
    root.mkdir()
    for i in range(6):
        picture(i).save(root / f"cat.{i}.png")


def documents(root):
    for name in "ab":
        (root / name).mkdir(parents=True)
        (root / name / "x.pdf").write_text("x")


def two_pictures(root):
    folder(root, ("a", "b"), 1)


def one_nested(root):
    folder(root, ("more",), 3)
    picture(0).save(root / "1.png")


def differently_spelt(root):
    folder(root / "train", ("cat", "dog"), 4)
    folder(root / "val", ("Cat", "dog"), 4)


def no_train(root):
    folder(root / "val", ("a", "b"), 4)


def split_and_class_folders(root):
    folder(root / "train", ("a", "b"), 4)
    folder(root, ("c",), 4)


def only_damaged(root):
    folder(root, ("a", "b"), 4)
    (root / "c").mkdir()
    (root / "c" / "x.png").write_bytes(b"no")


MISTAKES = [
    (broken, [], "chat/bad.png: is not an image"), (broken, [], "leave such samples out with --on-error skip"),
    (empty_file, [], "zero.jpg: is empty, not an image"), (huge, [], "9000 x 9000 pixels are too many: the limit is 64 million"),
    (flat, [], "holds 6 files but no class folders: put the files of each class into a folder"),
    (documents, [], "holds 2 files but no image among them, such as a/x.pdf"),
    (two_pictures, [], "2 samples are too few for 3 parts"), (one_nested, [], "has one class only (more), and 1 files beside"),
    (lambda root: folder(root, ("cat",)), [], "has one class only (cat): telling classes apart needs two folders or more"),
    (differently_spelt, [], "the train folder has no class Cat, which other splits have: is a class folder spelt differently?"),
    (no_train, [], "there is nothing to learn from"),
    (split_and_class_folders, [], "has split folders (train) and others beside them (c)"),
    (only_damaged, ["--on-error", "skip"], "no image of class c could be read: mend them or remove the folder"),
    (Path.mkdir, [], "is empty: put a folder of files for each class into it"),
    (folder, ["--size", "0"], "size must be 1 pixel or more"), (folder, ["--channels", "2"], "channels must be 1 (grey) or 3"),
    (folder, ["--augment", "shfit"], "'shift'"), (folder, ["--target", "x"], ""),
]


@pytest.mark.parametrize(("make", "flags", "words"), MISTAKES)
def test_what_cannot_be_learned_from_is_told(tmp_path, make, flags, words):
    make(tmp_path / "data")
    if not words:
        assert talweg("train", "mlp", "--data", tmp_path / "data", *FAST, *flags, "--out", tmp_path / "run")[0] == 0
        return
    assert words in refused("train", "mlp", "--data", tmp_path / "data", *FAST, *flags, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_skipping_bad_pictures_trains_on_the_others(tmp_path):
    broken(tmp_path / "data")
    flags = [*FAST, "--on-error", "skip", "--out", tmp_path / "run"]
    code, text, error = talweg("train", "mlp", "--data", tmp_path / "data", *flags)
    assert code == 0, error
    assert "skipped 1 bad samples: " in text


# Paths and names


def test_what_is_no_folder(home, pets):
    with zipfile.ZipFile(home / "pets.zip", "w") as file:
        file.write(pets / "chat" / "0.png", "0.png")
    assert "unpack it and give the folder" in refused("train", "--data", home / "pets.zip")
    assert "is one image: give the folder" in refused("train", "--data", pets / "chat" / "0.png")
    assert f"did you mean '{home / 'pets'}'?" in refused("train", "--data", home / "pest")
    assert f"{home} has no 'qqq'" in refused("train", "--data", home / "qqq" / "pets")
    (home / "notes.docx").write_text("x")
    assert "files named *.docx are not read: give a folder" in refused("train", "--data", home / "notes.docx")


def test_names_near_and_far(home, pets, monkeypatch):
    monkeypatch.chdir(home)
    assert "did you mean 'pets'?" in refused("train", "--data", "pest")
    assert "did you mean 'digits'?" in refused("train", "lenet", "--data", "digit")
    assert "pets is data and not a model: give it as --data pets" in refused("train", "pets")
    assert "iris is data and not a model: give it as --data iris" in refused("train", "iris")
    assert "did you mean 'lenet'?" in refused("train", "lenett", "--data", "pets")
    assert "name a model (talweg train lenet), data (talweg train --data FOLDER), or both" in refused("train")
    assert "did you mean 'train'?" in refused("tain", "lenet")


@pytest.mark.parametrize(("flags", "words"), [
    (["--learning-rate", 1], "it is called --lr here"), (["--epoch", 1], "--epochs"),
    (["--num-epochs", 1], "called --epochs here"),
    (["--lr", "fast"], "'fast'"), (["--lr", -1], "lr must be a positive number"), (["--epochs", 0], "epochs must be 1 or more"),
    (["--epochs", 1, "--steps", 1], "both say when training ends"), (["--set", "learning_rate=1"], "it is called 'lr' here"),
    (["--set", "lr"], "takes NAME=VALUE"), (["--set", "lr=1", "--lr", 1], "lr is given twice"),
    (["--optimizer", "adm"], "one of adam, adamw, sgd"), (["--momentum", 0.9], "momentum belongs to optimizer=sgd"),
    (["--hidden", "many"], "hidden"), (["--size", "big"], "'big'"),
    (["--config", "nowhere.yaml"], "nowhere.yaml: there is no such file"), (["--freeze", "conv1"], "freeze"),
    (["--on-error", "ignore"], "one of stop, skip"), (["--weights", "nowhere"], "nowhere"),
])
def test_flags(pets, tmp_path, flags, words):
    assert words in refused("train", "mlp", "--data", pets, *flags, "--out", tmp_path / "run")


def test_runs_that_are_none(home, run, pets, tmp_path):
    image = pets / "chat" / "0.png"
    for command in ("evaluate", "diagnose", "compare"):
        assert f"did you mean '{run}'?" in refused(command, home / "rn")
        assert "is a file, expected a run folder" in refused(command, image)
        assert "is no run itself, but holds" in refused(command, home)
        assert "is its folder a run?" in refused(command, pets)
    assert "is a file, expected a run folder" in refused("predict", image, run)
    assert "there is no such run folder" in refused("train", "--resume", home / "rn")


def test_pictures_to_predict_that_are_none(run, pets, tmp_path):
    assert f"did you mean '{pets / 'chat'}'?" in refused("predict", run, pets / "cha")
    assert "needs something to look at" in refused("predict", run)
    (tmp_path / "text.png").write_text("hello")
    assert "text.png: is not an image" in refused("predict", run, tmp_path / "text.png")
    assert f"{tmp_path / 'void'}: holds no image" in refused("predict", run, _made(tmp_path / "void"))


def _made(path):
    path.mkdir()
    return path


def test_splits_that_are_none(run):
    assert "no split is called 'val': choose train, validation or test" in refused("evaluate", run, "--split", "val")


def test_data_that_changed_or_went_away(tmp_path):
    root = folder(tmp_path / "data", ("a", "b"), 6)
    assert talweg("train", "mlp", "--data", root, *FAST, "--out", tmp_path / "run")[0] == 0
    picture(0, seed=9).save(root / "a" / "new.png")
    for words in (("evaluate", tmp_path / "run"), ("train", "--resume", tmp_path / "run")):
        assert "has changed since" in refused(*words)
    root.rename(tmp_path / "moved")
    assert "there is no such file or folder" in refused("evaluate", tmp_path / "run")
    code, text, error = talweg("predict", tmp_path / "run", tmp_path / "moved" / "a" / "0.png")
    assert code == 0, error  # the run itself needs no data
    assert text


def test_settings_given_again_must_be_the_runs(run):
    assert "the run was begun with lr 0.05, which 0.1 contradicts" in refused("train", "--resume", run, "--lr", 0.1)
    for flag in ("--config", "--out"):
        assert f"so {flag} has no place beside it" in refused("train", "--resume", run, flag, "x")


def test_a_damaged_run(home, run, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.yaml", "model.safetensors"):
        (copy / name).write_bytes((run / name).read_bytes())
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    assert "is damaged: tensor" in refused("evaluate", copy)
    (copy / "model.safetensors").unlink()
    assert "model.safetensors: there is no such file" in refused("evaluate", copy)
    (copy / "config.yaml").write_text("settings: {model: mlp, dta: x}\ninput: {}\n")
    assert "did you mean 'data'?" in refused("evaluate", copy)
