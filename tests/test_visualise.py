"""Activation maps and filters as grids of pictures, and the command that writes them."""

from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

import talweg as tw
from talweg import nn
from talweg.cli.main import main
from talweg.inspection.maps import activation_maps, filters, first_convolution, grid
from talweg.io import save_best, write_settings
from talweg.models import ResNet, build
from talweg.recipes.classify_settings import Settings
from talweg.recipes.prepared import Prepared


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder as training leaves it; what the weights are does not matter here."""
    folder = tmp_path_factory.mktemp("runs") / "lenet"
    folder.mkdir()
    prepared = Prepared([1, 28, 28], 0.1, 0.3, [str(i) for i in range(10)], 8)
    config = {"recipe": "classify", "settings": asdict(Settings(model="lenet")), "input": asdict(prepared)}
    write_settings(folder / "config.yaml", config)
    save_best(folder, build("lenet", (1, 28, 28), 10), {"epoch": 1})
    return folder


@pytest.fixture
def digit(tmp_path):
    pixels = np.full((28, 28), 255, np.uint8)
    pixels[4:24, 12:16] = 0
    Image.fromarray(pixels).save(tmp_path / "one.png")
    return tmp_path / "one.png"


@pytest.fixture
def talk(capsys):
    def say(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return say


def test_maps_are_what_the_layer_gives():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.9)).train()
    x = tw.randn(1, 1, 6, 6)
    np.testing.assert_array_equal(activation_maps(model, x, "1"), model[1](model[0](x))[0].detach().numpy())
    assert model.training
    assert not model[1]._forward_hooks


def test_filters_are_in_colour_where_colours_are_read():
    colour, deep = nn.Conv2d(3, 5, 2), nn.Conv2d(4, 2, 3)
    model = nn.Sequential(colour, nn.ReLU(), deep)
    np.testing.assert_array_equal(filters(model, "0")[4, 1, 0], colour.weight[4, :, 1, 0].detach().numpy())
    assert filters(model, "2").shape == (8, 3, 3)
    assert first_convolution(model) == "0"


def test_a_grid_shows_every_picture_in_its_range():
    pictures = np.stack([np.array([[0.0, 1.0], [2.0, 4.0]]), np.full((2, 2), 3.0), np.array([[-5.0, 5.0], [0.0, 0.0]])])
    page = grid(pictures, smallest=2)
    assert page.shape == (5, 5)
    assert page[:2, :2].tolist() == [[0, 64], [128, 255]]
    assert (page[:2, 3:] == 0).all()
    assert (page[2] == 255).all()
    assert (page[3:, 3:] == 255).all()  # no fourth picture
    signed = grid(pictures, signed=True, smallest=2)
    assert signed[3:, :2].tolist() == [[0, 255], [128, 128]]
    assert grid(pictures, smallest=20).shape == (50, 50)
    assert grid(np.zeros((7, 4, 4, 3)), smallest=4).shape == (14, 14, 3)


def test_a_grid_survives_what_is_not_finite_and_refuses_nothing_at_all():
    assert grid(np.array([[[np.nan, np.inf], [1.0, 0.0]]]), smallest=2).tolist() == [[0, 0], [255, 0]]
    for empty in (np.zeros((0, 3, 3)), np.zeros((3, 3))):
        with pytest.raises(ValueError, match="expected pictures"):
            grid(empty)


@pytest.mark.parametrize(("layer", "words"), [("nothing", "no layer 'nothing'; it has 0"), ("", "no layer ''"),
                                              ("2", r"gives \[1, 48\]"), ("4.0", "does not run")])
def test_layers_without_maps_are_refused(layer, words):
    class Partly(nn.Sequential):
        def forward(self, x):
            return self[2](self[1](self[0](x)))

    model = Partly(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.ReLU(), nn.Sequential(nn.Conv2d(1, 1, 1)))
    with pytest.raises(ValueError, match=words):
        activation_maps(model, tw.zeros(1, 1, 6, 6), layer)


def test_filters_of_other_layers_are_refused():
    with pytest.raises(ValueError, match="is a ReLU"):
        filters(nn.Sequential(nn.ReLU()), "0")
    with pytest.raises(ValueError, match="no two-dimensional convolution"):
        first_convolution(nn.Linear(2, 2))


def test_row_63_the_command_writes_a_grid_of_a_runs_layer(talk, run, digit, tmp_path, monkeypatch):
    out = tmp_path / "maps.png"
    code, said, _ = talk("visualise", "layer", "conv1", "--image", digit, "--of", run, "--out", out)
    assert code == 0
    assert "32 maps of 24 x 24" in said
    assert Image.open(out).size == (2 * (6 * 25 - 1), 2 * (6 * 25 - 1))
    monkeypatch.chdir(run.parent.parent)
    (run.parent / "runs").mkdir(exist_ok=True)
    assert talk("visualise", "filters", "--of", run, "--out", out)[0] == 0
    assert "32 filters of 5 x 5 of conv1" in talk("visualise", "filters", "--of", run, "--out", out)[1]


def test_without_a_name_the_newest_run_is_looked_at(talk, run, digit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no run in the folder runs" in talk("visualise", "layer", "conv1", "--image", digit)[2]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "lenet").symlink_to(run)
    assert talk("visualise", "layer", "conv1", "--image", digit)[0] == 0
    assert Image.open("conv1.png").mode == "L"


def test_a_named_model_with_published_weights(talk, tmp_path):
    ResNet("basic", (1, 1, 1, 1), (8, 8, 8, 8)).save_pretrained(tmp_path / "weights")
    picture = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (260, 300, 3)).astype(np.uint8)).save(picture)
    out = tmp_path / "f.png"
    where = ("--of", "resnet18", "--weights", tmp_path / "weights", "--out", out)
    assert "8 filters of 7 x 7" in talk("visualise", "filters", *where)[1]
    assert Image.open(out).mode == "RGB"
    assert "8 maps of 56 x 56" in talk("visualise", "layer", "layer1", "--image", picture, *where)[1]


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (("layer", "conv1"), 2, "--image"),
    (("layer", "conv1", "--image", "missing.png", "--of", "RUN"), 1, "missing.png"),
    (("layer", "conv9", "--image", "DIGIT", "--of", "RUN"), 1, "no layer 'conv9'; it has conv1, conv2"),
    (("layer", "fc1", "--image", "DIGIT", "--of", "RUN"), 1, "expected maps"),
    (("layer", "conv1", "--image", "DIGIT", "--of", "RUN", "--out", "x.jpg"), 2, "ends in .png"),
    (("layer", "conv1", "--image", "DIGIT", "--of", "RUN", "--weights", "w"), 2, "belong to a MODEL"),
    (("filters", "--of", "resnet18"), 2, "needs --weights"),
    (("filters", "--of", "lenet"), 1, "no published weights"),
    (("filters", "--of", "nowhere"), 1, "no such run folder"),
])
def test_what_is_wrong_is_told_in_one_line(talk, run, digit, arguments, code, words):
    filled = [{"RUN": run, "DIGIT": digit}.get(a, a) for a in arguments]
    found, _, err = talk("visualise", *filled)
    assert found == code
    assert words in err
    assert err.count("\n") == 1
