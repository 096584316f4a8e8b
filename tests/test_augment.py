"""Augmentations: boxes, masks and pixels move together; random numbers depend on seed, epoch and sample only."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import talweg
from talweg import data
from talweg.data import augment
from talweg.data.augment import Annotated, Augmented, Draws, warp
from talweg.data.augment.colour import turned_hue

torch.set_num_threads(1)
SIZE = (40, 48)
MOVING = {
    "shift": augment.Shift(0.4), "scale": augment.Scale((0.5, 2.0)), "rotate": augment.Rotate(180), "mirror": augment.Mirror(1.0),
    "crop": augment.RandomCrop((24, 30), padding=4), "resized": augment.ResizedCrop((32, 20)),
}
STILL = {"colour": augment.ColourJitter(hue=0.5), "cutout": augment.Cutout(), "noise": augment.PixelNoise()}
EVERY = {**MOVING, **STILL, "randaugment": augment.RandAugment(1, 20)}


def boxed(left, top, right, bottom, size=SIZE, channels=3):
    """A picture with one box drawn as its mask."""
    mask = np.zeros((1, *size), bool)
    mask[0, top:bottom, left:right] = True
    image = np.random.default_rng(0).random((channels, *size)).astype(np.float32)
    return Annotated(image, np.array([[left, top, right, bottom]], np.float32), np.array([7]), mask)


def bounds(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


# Boxes and masks


@pytest.mark.parametrize("name", EVERY)
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), left=st.integers(0, 30), top=st.integers(0, 24), width=st.integers(8, 17),
       height=st.integers(8, 15))
def test_a_transformed_box_is_the_box_of_the_transformed_mask(name, seed, left, top, width, height):
    sample = boxed(left, top, left + width, top + height)
    found = EVERY[name](sample, Draws(seed, 0, 0))
    assert len(found.boxes) == len(found.labels) == len(found.masks)
    if not len(found.boxes):
        return
    # The corner of a turned box that is cut off by the border belongs to the corners' bounding box and not to the mask's.
    turned = name in ("rotate", "randaugment")
    box, mask = found.boxes[0], found.masks[0]
    if turned and (min(box[:2]) <= 0 or box[2] >= found.size[1] or box[3] >= found.size[0]):
        return
    np.testing.assert_allclose(box, bounds(mask), atol=1.01 if not turned else 1.5)


@pytest.mark.parametrize("name", MOVING)
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_pixels_move_as_the_mask_does(name, seed):
    """An image that is white inside the mask still is."""
    sample = boxed(12, 10, 34, 28, channels=1)
    sample = Annotated(sample.masks.astype(np.float32), sample.boxes, sample.labels, sample.masks)
    found = MOVING[name](sample, Draws(seed, 0, 0))
    if len(found.masks):
        assert np.mean((found.image[0] > 0.5) != found.masks[0]) < 0.02


def test_boxes_that_leave_go_with_their_label_and_mask():
    near, far = boxed(2, 2, 10, 10), boxed(30, 20, 44, 36)
    boxes, masks = np.concatenate([near.boxes, far.boxes]), np.concatenate([near.masks, far.masks])
    both = Annotated(near.image, boxes, np.array([1, 2]), masks)
    found = warp.warped(both, warp.shift(-20, -10))
    assert found.labels.tolist() == [2]
    np.testing.assert_array_equal(found.boxes, [[10, 10, 24, 26]])
    np.testing.assert_array_equal(bounds(found.masks[0]), [10, 10, 24, 26])


def test_a_map_of_classes_moves_and_is_filled_with_zero():
    sample = Annotated(np.ones((1, 4, 6), np.float32), masks=np.full((4, 6), 9))
    found = warp.warped(sample, warp.shift(2, 0), fill=0.25)
    np.testing.assert_array_equal(found.masks, [[0, 0, 9, 9, 9, 9]] * 4)
    np.testing.assert_array_equal(found.image[0], [[0.25, 0.25, 1, 1, 1, 1]] * 4)


# Pixels


@settings(deadline=None, max_examples=30)
@given(angle=st.floats(-90, 90), scale=st.floats(0.6, 1.7), x=st.floats(-5, 5), y=st.floats(-5, 5))
def test_warping_is_pytorchs_affine_sampling(angle, scale, x, y):
    image = np.random.default_rng(1).random((2, 9, 13)).astype(np.float32)
    matrix = warp.shift(x, y) @ warp.about_the_middle(warp.turn(angle) @ warp.stretch(scale, scale), (9, 13))
    found = warp.warped(Annotated(image), matrix).image
    normal = np.array([[2 / 13, 0, -1], [0, 2 / 9, -1], [0, 0, 1]])
    theta = normal @ np.linalg.inv(matrix) @ np.linalg.inv(normal)
    grid = torch.nn.functional.affine_grid(torch.tensor(theta[None, :2]), [1, 2, 9, 13], align_corners=False)
    expected = torch.nn.functional.grid_sample(torch.tensor(image[None], dtype=torch.float64), grid, align_corners=False)
    np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-5)


def test_whole_shifts_mirrors_and_quarter_turns_copy_pixels():
    image = np.random.default_rng(2).random((3, 8, 8)).astype(np.float32)
    sample = Annotated(image)
    np.testing.assert_array_equal(warp.warped(sample, warp.IDENTITY).image, image)
    np.testing.assert_array_equal(augment.Mirror(1.0)(sample, Draws(0, 0, 0)).image, image[:, :, ::-1])
    np.testing.assert_array_equal(warp.warped(sample, warp.shift(3, -2)).image[:, :6, 3:], image[:, 2:, :5])
    turned = warp.warped(sample, warp.about_the_middle(warp.turn(90), (8, 8))).image
    np.testing.assert_allclose(turned, np.rot90(image, 1, (1, 2)), atol=1e-6)
    crop = augment.RandomCrop((8, 8))(sample, Draws(0, 0, 0)).image
    np.testing.assert_array_equal(crop, image)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("channels", [1, 3])
def test_values_stay_in_range_and_types_stay(name, channels):
    for index in range(30):
        found = EVERY[name](boxed(5, 5, 20, 20, channels=channels), Draws(3, 1, index))
        assert found.image.dtype == np.float32
        assert found.image.shape[0] == channels
        assert found.image.min() >= 0
        assert found.image.max() <= 1
        assert np.all(np.isfinite(found.image))


@pytest.mark.parametrize("name", EVERY)
def test_the_strength_of_zero_is_no_change(name):
    nothing = {
        "shift": augment.Shift(0), "scale": augment.Scale((1, 1)), "rotate": augment.Rotate(0), "mirror": augment.Mirror(0),
        "crop": augment.RandomCrop(SIZE), "resized": augment.ResizedCrop(area=(1, 1), ratio=(SIZE[1] / SIZE[0],) * 2),
        "colour": augment.ColourJitter(0, 0, 0, 0), "cutout": augment.Cutout(0), "noise": augment.PixelNoise(0),
        "randaugment": augment.RandAugment(0),
    }[name]
    sample = boxed(3, 4, 20, 30)
    np.testing.assert_allclose(nothing(sample, Draws(0, 0, 5)).image, sample.image, atol=1e-5)


def test_turning_the_hue_keeps_greys_and_a_whole_turn_keeps_all():
    image = boxed(0, 0, 9, 9).image
    np.testing.assert_allclose(turned_hue(image, 2 * np.pi), image, atol=1e-5)
    grey = np.repeat(image[:1], 3, 0)
    np.testing.assert_allclose(turned_hue(grey, 1.0), grey, atol=1e-6)
    np.testing.assert_allclose(turned_hue(image, 2 * np.pi / 3), image[[2, 0, 1]], atol=1e-5)  # red becomes green


def test_cutout_takes_one_square():
    sample = Annotated(np.ones((1, 20, 20), np.float32))
    holes = [1 - augment.Cutout(0.4)(sample, Draws(0, 0, i)).image[0] for i in range(50)]
    assert max(h.sum() for h in holes) == 64
    for hole in holes:
        left, top, right, bottom = bounds(hole > 0)
        assert hole.sum() == (right - left) * (bottom - top)


# Randomness


def test_draws_depend_on_every_one_of_their_numbers_and_on_nothing_else():
    def first(*numbers):
        return Draws(*numbers).units(4).tolist()

    assert first(1, 2, 3, 4) == first(1, 2, 3, 4)
    assert len({tuple(first(*n)) for n in ((1, 2, 3, 4), (0, 2, 3, 4), (1, 0, 3, 4), (1, 2, 0, 4), (1, 2, 3, 0))}) == 5
    assert first(-1, 0, 0) == first(2**64 - 1, 0, 0)


def test_draws_have_the_distributions_they_are_named_after():
    draws = Draws(0, 0, 0)
    assert stats.kstest(draws.units(4000), "uniform").pvalue > 1e-3
    assert stats.kstest([draws.unit() for _ in range(2000)], "uniform").pvalue > 1e-3
    assert stats.kstest(draws.normals(4000), "norm").pvalue > 1e-3
    for alpha in (0.1, 0.5, 1.0, 2.5):
        assert stats.kstest([draws.beta(alpha) for _ in range(1000)], "beta", (alpha, alpha)).pvalue > 1e-3
    counts = np.bincount([draws.below(5) for _ in range(5000)], minlength=5)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert 0 <= draws.beta(1e-3) <= 1


def small(count=30):
    x = talweg.from_numpy(np.random.default_rng(5).random((count, 1, 8, 8)).astype(np.float32))
    return data.TensorDataset(x, talweg.arange(count))


def passes(workers, batch_size, epochs=3, resumed_at=None, wrap=lambda d: d):
    """What each sample looked like in each epoch."""
    dataset = wrap(Augmented(small(), augment.transforms_of(["shift", "noise"]), seed=4, mean=0.3, std=2.0))
    generator = talweg.Generator()
    generator.manual_seed(1)
    loader = data.DataLoader(dataset, batch_size, shuffle=True, num_workers=workers, generator=generator)
    found = {}
    for epoch in range(resumed_at or 0, epochs):
        if resumed_at is not None:
            loader.set_epoch(epoch)
        for images, labels in loader:
            found |= {(epoch, int(i)): image.tobytes() for i, image in zip(labels.numpy(), images.numpy())}
    return found


def test_workers_batches_and_resuming_change_no_sample():
    plain = passes(0, 7)
    assert len(plain) == 90
    assert len(set(plain.values())) == 90, "an augmentation was the same twice"
    assert passes(3, 7) == plain
    assert passes(0, 4) == plain
    resumed = passes(2, 7, resumed_at=2)
    assert resumed == {k: v for k, v in plain.items() if k[0] == 2}


def test_a_part_of_an_augmented_set_is_augmented_alike():
    plain = passes(0, 7)
    part = passes(0, 7, wrap=lambda d: data.Subset(d, list(range(10, 20))))
    assert {(e, i) for e, i in part} == {(e, i) for e in range(3) for i in range(10, 20)}
    assert all(plain[key] == value for key, value in part.items())


def test_samples_one_by_one_are_those_of_batches():
    class Slow(data.Dataset):
        def __getitem__(self, i):
            return small()[i]

        def __len__(self):
            return 30

    fast, slow = (Augmented(d, augment.transforms_of(["scale"]), 1).at_epoch(2) for d in (small(), Slow()))
    for a, b in zip(fast.batch([3, 8]), slow.batch([3, 8])):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert fast.targets.tolist() == slow.targets.tolist() == list(range(30))


def test_adding_a_transform_at_the_end_changes_none_before_it():
    sample = boxed(2, 2, 9, 9)
    lists = ([MOVING["shift"]], [MOVING["shift"], augment.Cutout(0)])
    short, long = (augment.Sequential(transforms)(sample, Draws(0, 0, 1)) for transforms in lists)
    np.testing.assert_array_equal(short.image, long.image)


# Batches, sounds, texts


@pytest.mark.parametrize("mix", [augment.mixup, augment.cutmix])
def test_mixing_keeps_the_sum_of_shares_and_all_pixels_from_the_batch(mix):
    x = np.random.default_rng(0).random((6, 2, 10, 12)).astype(np.float32)
    shares = augment.one_hot(np.arange(6), 6)
    mixed, targets = mix(x, shares, Draws(0, 0, 3))
    assert mixed.dtype == targets.dtype == np.float32
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(targets.sum(0), 1, atol=1e-6)  # every sample is a partner once
    if mix is augment.mixup:
        np.testing.assert_allclose(mixed, np.einsum("ij,jchw->ichw", targets, x), atol=1e-6)
    else:
        own = (mixed == x).all(1).mean((1, 2))
        np.testing.assert_allclose(own, np.diag(targets), atol=1e-6)


def test_sounds():
    wave = np.random.default_rng(0).normal(size=4000).astype(np.float32)
    louder = augment.Gain(6)(wave, Draws(0, 0, 1))
    assert 10 ** (-6 / 20) <= abs(louder).max() / abs(wave).max() <= 10 ** (6 / 20)
    noisy = augment.Noise((20, 20))(wave, Draws(0, 0, 1))
    assert 10 * np.log10(np.mean(wave**2) / np.mean((noisy - wave) ** 2)) == pytest.approx(20, abs=0.5)
    np.testing.assert_array_equal(augment.Noise()(np.zeros(9, np.float32), Draws(0, 0, 1)), 0)
    for i in range(20):
        moved = augment.TimeShift(0.5)(wave, Draws(0, 0, i))
        lag = np.argmax(np.correlate(moved, wave, "full")) - 3999
        assert abs(lag) <= 2000
        expected = np.zeros_like(wave)
        expected[max(0, lag):4000 + min(0, lag)] = wave[max(0, -lag):4000 - max(0, lag)]
        np.testing.assert_array_equal(moved, expected)


def test_spectrograms_lose_whole_bands_and_frames():
    picture = np.random.default_rng(0).random((1, 20, 30)).astype(np.float32)
    for i in range(20):
        changed = augment.SpecAugment(0.3, 0.3)(picture, Draws(0, 0, i))[0] != picture[0]
        rows, columns = changed.all(1), changed.all(0)
        assert rows.sum() <= 6
        assert columns.sum() <= 9
        np.testing.assert_array_equal(changed, rows[:, None] | columns[None])


def test_tokens():
    tokens = np.arange(1000)
    dropped = augment.DropTokens(0.3)(tokens, Draws(0, 0, 0))
    assert 620 < len(dropped) < 780
    assert (np.diff(dropped) > 0).all()
    hidden = augment.DropTokens(0.3, hidden=-1)(tokens, Draws(0, 0, 0))
    np.testing.assert_array_equal(hidden[hidden >= 0], dropped)
    assert len(augment.DropTokens(1.0)(tokens, Draws(0, 0, 0))) == 1
    assert len(augment.DropTokens()(np.array([], int), Draws(0, 0, 0))) == 0


# Misuse


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: augment.Shift(1.5), "Shift: most must be between 0 and 1"), (lambda: augment.Scale((2, 1)), "Scale: range"),
        (lambda: augment.Scale((0, 1)), "Scale: range"), (lambda: augment.Mirror(-0.1), "Mirror: probability"),
        (lambda: augment.ResizedCrop(area=(0, 1)), "ResizedCrop: area"), (lambda: augment.ColourJitter(hue=0.6), "hue"),
        (lambda: augment.ColourJitter(brightness=2), "brightness"), (lambda: augment.RandAugment(2, 31), "magnitude"),
        (lambda: augment.DropTokens(2), "probability"), (lambda: augment.SpecAugment(bands=2), "bands"),
        (lambda: augment.transforms_of(["mirrror"]), "did you mean 'mirror'"),
        (lambda: augment.transforms_of(["xyz"]), "there are: shift"),
        (lambda: augment.RandomCrop((50, 50))(boxed(0, 0, 9, 9), Draws(0, 0, 0)), "does not fit"),
        (lambda: Annotated(np.zeros((4, 4), np.float32)), r"channels, height, width"),
        (lambda: Annotated(np.zeros((1, 4, 4)), np.zeros((2, 3))), r"boxes must be \(K, 4\)"),
        (lambda: Annotated(np.zeros((1, 4, 4)), np.zeros((2, 4)), np.zeros(3)), "one a box"),
        (lambda: Annotated(np.zeros((1, 4, 4)), masks=np.zeros((5, 4))), "masks must have"),
        (lambda: Annotated(np.zeros((1, 4, 4)), np.zeros((2, 4)), masks=np.zeros((3, 4, 4))), "3 masks for 2 boxes"),
        (lambda: warp.warped(boxed(0, 0, 9, 9), warp.stretch(0, 1)), "no inverse"),
        (lambda: augment.mixup(np.zeros((2, 3)), np.zeros((2, 2)), Draws(0, 0, 0), 0), "alpha"),
        (lambda: augment.mixup(np.zeros((2, 3)), np.zeros(2), Draws(0, 0, 0)), "one_hot"),
        (lambda: augment.cutmix(np.zeros((2, 3)), np.zeros((2, 2)), Draws(0, 0, 0)), "images"),
        (lambda: augment.DropTokens()(np.zeros((2, 3), int), Draws(0, 0, 0)), "one text"),
    ],
)
def test_what_cannot_be_is_refused(build, match):
    with pytest.raises(ValueError, match=match):
        build()
