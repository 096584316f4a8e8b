"""Trainings at their full if small size: classes of tables (row 5), bf16 beside fp32 (row 11)."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from talweg.data import choose, targets_of
from talweg.recipes import classify
from talweg.recipes.classify_settings import Settings


def accuracy(folder, **settings):
    return classify.RECIPE.train(classify.Settings(model="mlp", **settings), folder / "run").test.figures["accuracy"]


def logistic_regression(data):
    """scikit-learn's accuracy on the same split, and what one sample of it is worth."""
    splits = choose(data)
    (x, y), (test_x, test_y) = ((np.stack([part[i][0].numpy() for i in range(len(part))]), targets_of(part))
                                for part in (splits.train, splits.test))
    return LogisticRegression(max_iter=1000).fit(x, y).score(test_x, test_y), 1 / len(test_y)


NARROW = {"epochs": 40, "batch_size": 16, "hidden": [16], "lr": 5e-3}


@pytest.mark.parametrize(("data", "bound", "settings"), [
    ("iris", 0.93, {}), ("wine", 0.95, NARROW), ("breast_cancer", 0.94, NARROW),
])
def test_row_5_classes_of_tables(tmp_path, data, bound, settings):
    found = accuracy(tmp_path, data=data, **settings)
    linear, one = logistic_regression(data)
    assert found >= bound
    assert found >= linear - 1.01 * one


def test_row_11_bf16_is_within_a_point_of_fp32(tmp_path):
    found = {precision: accuracy(tmp_path / precision, data="digits", size=8, epochs=15, hidden=[64], precision=precision)
             for precision in ("fp32", "bf16")}
    assert found["fp32"] >= 0.95
    assert found["bf16"] >= found["fp32"] - 0.01


@pytest.mark.parametrize(("settings", "batches", "length"), [
    ({}, 2, 75), ({}, 1, 150), ({}, 100, 10), ({}, 0, 150), ({"accumulate": 4}, 10, 50), ({"epochs": 3}, 2, 3),
    ({"steps": 7}, 2, None),
])
def test_few_data_are_shown_more_often_unless_the_length_is_given(settings, batches, length):
    assert Settings(model="mlp", **settings).lasting(batches).epochs == length
