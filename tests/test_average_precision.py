"""Overlap, suppression and mean average precision, against COCO's program, torchvision and their definitions."""

import contextlib
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from references import reference

from talweg.data.boxes import overlaps, suppressed, suppressed_by_class
from talweg.training.average_precision import (
    COCO_THRESHOLDS,
    Found,
    Truth,
    average_precisions,
    curve_of,
    mean_average_precision,
)

CLASSES = 3


def random_boxes(rng, count, side=100.0):
    corner = rng.uniform(0, 0.7 * side, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(3, 0.4 * side, (count, 2))], axis=1)


def random_pictures(seed, count=12):
    """Objects, and detections: some near an object, some again, some of another class, some nowhere; scores with ties."""
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(count):
        boxes = random_boxes(rng, rng.integers(0, 6))
        labels = rng.integers(0, CLASSES, len(boxes))
        near = np.repeat(boxes, rng.integers(0, 3, len(boxes)), axis=0)
        near = near + rng.normal(0, 3, near.shape)
        stray = random_boxes(rng, rng.integers(0, 4))
        guesses = np.concatenate([near, stray])
        guesses[:, 2:] = np.maximum(guesses[:, 2:], guesses[:, :2] + 1)
        found.append(Found(guesses, rng.integers(1, 9, len(guesses)) / 10, rng.integers(0, CLASSES, len(guesses))))
        truth.append(Truth(boxes, labels))
    return found, truth


def coco_precisions(found, truth):
    """AP (classes, thresholds) by pycocotools."""
    tools = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval").COCOeval

    def row(i, picture, box, label):
        left, top, right, bottom = box.tolist()
        sides = [right - left, bottom - top]
        return {"id": i, "image_id": picture, "bbox": [left, top, *sides], "category_id": int(label), "area": sides[0] * sides[1],
                "iscrowd": 0}

    rows = [(p, b, k) for p, t in enumerate(truth) for b, k in zip(t.boxes, t.labels)]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = tools.COCO()
        coco.dataset = {
            "images": [{"id": p} for p in range(len(truth))], "categories": [{"id": c} for c in range(CLASSES)],
            "annotations": [row(i + 1, *r) for i, r in enumerate(rows)],
        }
        coco.createIndex()
        guesses = [row(0, p, b, k) | {"score": float(s)}
                   for p, f in enumerate(found) for b, s, k in zip(f.boxes, f.scores, f.labels)]
        run = evaluation(coco, coco.loadRes(guesses), "bbox")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, -1]  # (thresholds, recalls, classes)
    means = precision.mean(axis=1).T
    return np.where(means < 0, np.nan, means)


@pytest.mark.parametrize("seed", range(4))
def test_average_precisions_are_those_of_cocos_program(seed):
    found, truth = random_pictures(seed)
    ours = average_precisions(found, truth, CLASSES, COCO_THRESHOLDS)
    np.testing.assert_allclose(ours, coco_precisions(found, truth), atol=1e-6)
    assert 0 < mean_average_precision(ours) < 1


def test_perfect_detections_score_one_and_none_score_zero():
    _, truth = random_pictures(7)
    perfect = [Found(t.boxes, np.full(len(t.labels), 0.9), t.labels) for t in truth]
    nothing = [Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)) for _ in truth]
    assert mean_average_precision(average_precisions(perfect, truth, CLASSES, COCO_THRESHOLDS)) == 1
    assert mean_average_precision(average_precisions(nothing, truth, CLASSES)) == 0


def test_a_class_without_objects_has_no_precision_and_does_not_count():
    truth = [Truth(np.array([[0, 0, 10, 10.0]]), np.array([1]))]
    found = [Found(np.array([[0, 0, 10, 10.0], [5, 5, 9, 9]]), np.array([0.9, 0.8]), np.array([1, 2]))]
    aps = average_precisions(found, truth, CLASSES)[:, 0]
    assert np.isnan(aps[[0, 2]]).all()
    assert mean_average_precision(aps) == aps[1] == 1
    assert np.isnan(mean_average_precision(aps[:1]))


def test_a_second_detection_of_one_object_is_wrong():
    truth = [Truth(np.array([[0, 0, 10, 10.0]]), np.array([0]))]
    found = [Found(np.array([[0, 0, 10, 10.0], [0, 0, 10, 9.0]]), np.array([0.6, 0.9]), np.array([0, 0]))]
    curve = curve_of(found, truth, 0, 0.5)
    np.testing.assert_array_equal(curve.precision, [1, 0.5])
    np.testing.assert_array_equal(curve.recall, [1, 1])


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="detections of 0 pictures, but objects of 1"):
        average_precisions([], [Truth(np.zeros((0, 4)), np.zeros(0, int))], 1)


# Overlap and suppression


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_overlap_is_what_counting_small_squares_gives(seed):
    rng = np.random.default_rng(seed)
    a, b = (np.sort(rng.integers(0, 12, (4, 2, 2)), axis=1).reshape(4, 4) for _ in range(2))

    def squares(box):
        left, top, right, bottom = box
        return {(x, y) for x in range(left, right) for y in range(top, bottom)}

    wanted = [[len(squares(p) & squares(q)) / max(1, len(squares(p) | squares(q))) for q in b] for p in a]
    np.testing.assert_allclose(overlaps(a, b), wanted, atol=1e-12)


def test_overlaps_are_cocos():
    mask = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 9), random_boxes(rng, 7)
    sides = [np.concatenate([x[:, :2], x[:, 2:] - x[:, :2]], axis=1) for x in (a, b)]
    np.testing.assert_allclose(overlaps(a, b), mask.iou(*sides, [0] * 7), atol=1e-12)


def by_definition(boxes, scores, threshold):
    """Greedy, a box at a time."""
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(overlaps(boxes[[k]], boxes[[i]])[0, 0] <= threshold for k in kept):
            kept.append(i)
    return kept


@given(seed=st.integers(0, 10**6), threshold=st.sampled_from([0.1, 0.45, 0.7]))
@settings(max_examples=25, deadline=None)
def test_suppression_is_its_definition(seed, threshold):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, rng.integers(0, 25))
    scores = rng.integers(0, 6, len(boxes)) / 5  # with ties
    assert suppressed(boxes, scores, threshold).tolist() == by_definition(boxes, scores.tolist(), threshold)
    labels = rng.integers(0, 2, len(boxes))
    kept = suppressed_by_class(boxes, scores, labels, threshold)
    for label in (0, 1):
        mine = np.flatnonzero(labels == label)
        wanted = mine[by_definition(boxes[mine], scores[mine].tolist(), threshold)]
        assert [i for i in kept if labels[i] == label] == wanted.tolist()
    assert (np.diff(scores[kept]) <= 0).all()


def test_suppression_is_torchvisions():
    reference("torchvision", "ops")
    try:
        from torchvision.ops import nms
        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (ImportError, NotImplementedError, RuntimeError) as error:
        pytest.skip(f"torchvision's own operations are not here ({error})")
    rng = np.random.default_rng(1)
    boxes, scores = random_boxes(rng, 200), rng.permutation(200) / 200
    wanted = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.4)
    np.testing.assert_array_equal(suppressed(boxes, scores, 0.4), wanted.numpy())


@pytest.mark.parametrize(("boxes", "scores", "told"), [
    (np.zeros((3, 5)), np.zeros(3), r"\[3, 5\]"), (np.zeros((3, 4)), np.zeros(2), r"\[2\]"),
    (np.zeros((1, 4)), np.array([np.nan]), "not a number"),
])
def test_suppression_refuses_what_is_no_scored_box(boxes, scores, told):
    with pytest.raises(ValueError, match=told):
        suppressed(boxes, scores)
