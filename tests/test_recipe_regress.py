"""Regression of table columns (row 5, L 1.4): figures against scikit-learn, a training end to end, and what is refused."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from resuming import resumed_differs
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

import talweg as tw
from talweg.cli.main import main
from talweg.data import Splits, TensorDataset, choose, targets_of
from talweg.recipes import regress
from talweg.recipes.registry import recipe, recipe_for

SMALL = ["--epochs", "2", "--hidden", "8"]


@pytest.fixture
def talk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def plane(count=120):
    """y = 2 a - 3 b + 1, exactly."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((count, 2))
    return [["a", "b", "y"], *([f"{a:.6f}", f"{b:.6f}", f"{2 * a - 3 * b + 1:.6f}"] for a, b in rows)]


def test_figures_are_scikit_learns():
    rng = np.random.default_rng(0)
    actual = rng.standard_normal((50, 3)) * [1, 10, 100]
    predicted = actual + rng.standard_normal((50, 3)) * [0.1, 5, 200]
    found = regress.evaluation("test", predicted, actual)
    assert found.figures["r2"] == pytest.approx(r2_score(actual, predicted))
    for i, target in enumerate(found.facts["targets"]):
        assert target["rmse"] == pytest.approx(mean_squared_error(actual[:, i], predicted[:, i]) ** 0.5)
        assert target["mae"] == pytest.approx(mean_absolute_error(actual[:, i], predicted[:, i]))
    assert np.isnan(regress.r_squared(np.ones((4, 1)), np.ones((4, 1)))).all()


def test_the_recipe_is_found_and_leaves_the_mlp_to_classification():
    assert recipe("regress").name == "regress"
    assert recipe_for("regress") == ("regress", "mlp")
    assert recipe_for("mlp") == ("classify", "mlp")


def test_row_5_diabetes_is_explained_as_well_as_by_least_squares(talk):
    code, out, _ = talk("train", "regress", "--data", "diabetes", "--out", "run", "--json")
    assert code == 0
    code, out, _ = talk("evaluate", "run", "--json")
    found = json.loads(out)
    splits = choose("diabetes")
    (x, y), (test_x, test_y) = ((np.stack([part[i][0].numpy() for i in range(len(part))]), targets_of(part))
                                for part in (splits.train, splits.test))
    linear = LinearRegression().fit(x, y).score(test_x, test_y)
    assert found["r2"] >= 0.35
    assert found["r2"] >= linear - 0.03


def test_a_table_by_path_several_targets_and_the_report(talk, tmp_path):
    write(tmp_path / "plane.csv", plane())
    code, _, _ = talk("train", "regress", "--data", "plane.csv", "--lr", "0.02", "--epochs", "30", "--ema", "0.9",
                      "--out", "run")
    assert code == 0
    code, out, _ = talk("evaluate", "run", "--json")
    assert json.loads(out)["r2"] > 0.95
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Predicted against actual" in report
    assert "<circle" in report
    code, out, _ = talk("train", "regress", "--data", "linnerud", *SMALL, "--out", "several")
    assert code == 0
    assert len(json.loads(talk("evaluate", "several", "--json")[1])["targets"]) == 3


def test_a_linear_network_finds_a_plane():
    settings = regress.Settings(hidden=[], lr=0.1, weight_decay=0.0, epochs=1)
    prepared = regress.Scaled([2], [0.0], [1.0])
    model = regress.RECIPE.model(settings, prepared)
    assert sum(p.numel() for p in model.parameters()) == 3


def test_a_target_that_varies_in_the_test_alone_is_refused():
    parts = [TensorDataset(tw.zeros(4, 2), tw.full((4, 1), value)) for value in (1.0, 1.0, 2.0)]
    parts[2].tensors[1][0] = 5.0
    splits = Splits("flat", *parts, [], (2,), 0.0, 1.0, kind="numbers")
    with pytest.raises(ValueError, match="same value in every training row"):
        regress.RECIPE.prepare(regress.Settings(data="flat"), splits)


def test_training_that_was_killed_goes_on_to_the_last_bit(tmp_path):
    assert resumed_differs(regress.RECIPE, regress.Settings(hidden=[8], epochs=3), tmp_path, after=13) == []


@pytest.mark.parametrize(("arguments", "words"), [
    (["--data", "iris"], "classes and not numbers"), (["--data", "digits"], "classes and not numbers"),
    (["--data", "flat.csv"], "one value only"), (["--data", "missing.csv"], "missing.csv"),
    (["--data", "topics"], "talweg data show topics"), (["--data", "plane.csv", "--target", "z"], "z"),
    (["--data", "plane.csv", "--hidden", "0"], "hidden"), (["--data", "plane.csv", "--activation", "rellu"], "relu"),
])
def test_what_is_refused(talk, tmp_path, arguments, words):
    write(tmp_path / "plane.csv", plane())
    head, *rows = plane()
    write(tmp_path / "flat.csv", [head, *([a, b, "1.5"] for a, b, _ in rows)])
    code, _, error = talk("train", "regress", *arguments, "--out", "run")
    assert code != 0
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()
