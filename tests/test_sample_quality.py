"""Figures of made pictures: the Frechet distance against closed forms and SciPy, shares, distances; sheets of pictures."""

import numpy as np
import pytest
from bars import bar_folder
from hypothesis import given, settings
from hypothesis import strategies as st

import talweg as tw
from talweg.recipes.picture_sets import Shape, drawn, load_pictures, sheet
from talweg.recipes.sample_quality import Judge, frechet_distance, nearest_distance
from talweg.training.state import generator_state

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return load_pictures(str(bar_folder(tmp_path_factory.mktemp("data") / "bars")), 8, None, 0)


@given(st.integers(1, 6), st.integers(0, 2**31))
@settings(deadline=None, max_examples=40)
def test_the_frechet_distance_is_that_of_the_matrix_root(width, seed):
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(seed)
    a, b = (rng.standard_normal((30, width)) @ rng.standard_normal((width, width)) + rng.standard_normal(width) for _ in "ab")
    first, second = (np.atleast_2d(np.cov(x.T)) for x in (a, b))
    root = np.real(linalg.sqrtm(first @ second))
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6, abs=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_the_frechet_distance_of_a_shift_is_its_squared_length():
    rows = RNG.standard_normal((50, 5))
    assert frechet_distance(rows, rows + 2.0) == pytest.approx(20)


@pytest.mark.parametrize("pair", [((3, 2), (3, 3)), ((1, 2), (5, 2)), ((4,), (4,))])
def test_rows_without_moments_are_refused(pair):
    with pytest.raises(ValueError, match="expected two or more rows of one width"):
        frechet_distance(*(np.zeros(shape) for shape in pair))


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        frechet_distance(np.full((3, 2), np.nan), np.zeros((3, 2)))


def test_nearest_distances_are_those_of_all_pairs():
    a, b = RNG.random((300, 1, 4, 4)), RNG.random((70, 1, 4, 4))
    pairs = np.sqrt(((a[:, None] - b[None]) ** 2).sum((2, 3, 4)))
    assert nearest_distance(a, b) == pytest.approx(pairs.min(1).mean())
    assert nearest_distance(b[:9], b) == pytest.approx(0, abs=1e-6)


def test_a_judge_knows_its_classes_and_real_from_noise(pictures):
    before = generator_state()
    judge = Judge(pictures)
    assert generator_state() == before
    assert (judge.classes(pictures.test.images) == pictures.test.labels).mean() > 0.9
    real = judge.quality(pictures.validation.images, "test")
    noise = judge.quality(RNG.random((12, *pictures.shape)).astype(np.float32), "test")
    assert noise.frechet > 3 * real.frechet
    assert noise.distance > 1.5 * noise.real_distance
    assert sum(real.shares) == pytest.approx(1)
    copies = judge.quality(pictures.train.images[:12], "test")
    assert copies.figures()["nearest_ratio"] < 0.01


def test_judges_of_the_same_pictures_are_one_and_the_same_whatever_was_drawn_before(pictures):
    from talweg.recipes.sample_quality import _trained
    first = Judge(pictures).features(pictures.test.images)
    assert Judge(pictures).network is Judge(pictures).network
    _trained.cache_clear()
    tw.manual_seed(99)
    np.testing.assert_allclose(first, Judge(pictures).features(pictures.test.images), rtol=1e-4, atol=1e-4)


def test_pictures_lie_between_0_and_1_and_are_split(pictures):
    parts = [pictures.train, pictures.validation, pictures.test]
    assert sum(map(len, parts)) == 120
    assert all(p.images.dtype == np.float32 and p.images.min() >= 0 and p.images.max() <= 1 for p in parts)
    assert pictures.shape == (1, 8, 8)
    with pytest.raises(ValueError, match="no split is called"):
        pictures.part("tset")


def test_digits_are_whole_sixteenths():
    levels = load_pictures("digits", 8, None, 0).train.images * 16
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)


def test_tables_are_no_pictures():
    with pytest.raises(ValueError, match="iris: holds numbers and no pictures"):
        load_pictures("iris", 8, None, 0)
    with pytest.raises(ValueError, match="three sizes"):
        Shape([8, 8])


def test_a_sheet_holds_every_picture_in_its_place(tmp_path):
    images = np.zeros((5, 1, 4, 4), np.float32)
    images[:, 0] = (np.arange(5) / 4)[:, None, None]
    images[4, 0, 0, 0] = np.nan
    found = np.asarray(sheet(images, 3, side=8, gap=2))
    assert found.shape == (18, 28)
    assert [found[4, 4], found[4, 14], found[14, 14]] == [0, 64, 255]
    assert found[10, 10] == 0  # what is not finite
    assert found[14, 24] == 255  # page
    drawn(np.repeat(images, 3, 1), 3, {}, "five").save(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 100
