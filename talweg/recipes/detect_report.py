"""What the report of a detector shows: found and true boxes on pictures, and precision by recall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.annotations import AnnotatedSet
from ..data.boxes import overlaps
from ..training.average_precision import Found, Truth, curve_of
from ..training.report import matplotlib_is_here
from ..training.report_figures import precision_curves
from ..training.report_parts import gallery, picture_source, section, table
from .drawing import with_boxes
from .pictures import as_bytes, beside, larger

SHOWN = 12
LEAST = 256  # pixels of a picture's side, enlarged
SCORE = 0.5
CURVES = 20


def detection_sections(pictures: AnnotatedSet, indices: np.ndarray, found: Sequence[Found], truth: Sequence[Truth],
                       aps: np.ndarray) -> list[str]:
    hard = _worst_first(found, truth)
    shown = [*range(min(SHOWN // 2, len(found))), *(i for i in hard[:SHOWN] if i >= SHOWN // 2)][:SHOWN]
    words = ('<p class="soft">Left: what was found with a score of 0.5 or more. Right: what is there. First some pictures as '
             "they come, then those with the most mistakes.</p>")
    drawn = [(picture_source(_drawn(pictures, int(indices[i]), found[i])), _caption(found[i], truth[i])) for i in shown]
    sections = [section("Detections in pictures of the test split", words + gallery(drawn, least=300))]
    if matplotlib_is_here():
        known = [c for c in range(len(aps)) if not np.isnan(aps[c])][:CURVES]
        curves = {pictures.classes[c]: curve_of(found, truth, c, 0.5) for c in known}
        sections.append(section("Precision by recall, overlap 0.5", precision_curves(curves)))
    return [*sections, _by_class(pictures.classes, truth, aps)]


def _drawn(pictures: AnnotatedSet, i: int, found: Found):
    """What was found beside what is there, the picture enlarged so that words can be read."""
    image = larger(as_bytes(pictures.picture(i).transpose(1, 2, 0)), LEAST)
    scale = image.width / pictures.side
    sure = found.scores >= SCORE
    labels = found.labels[sure].tolist()
    words = [f"{pictures.classes[k]} {s:.2f}" for k, s in zip(labels, found.scores[sure])]
    sample = pictures.sample(i)
    assert sample.boxes is not None
    assert sample.labels is not None
    names = [pictures.classes[k] for k in sample.labels]
    return beside(with_boxes(image, found.boxes[sure] * image.width, labels, words),
                  with_boxes(image, sample.boxes * scale, list(sample.labels), names))


def mistakes(found: Found, truth: Truth) -> int:
    """Of the detections with a score of 0.5 or more, the wrong ones, and the objects that none of them stands for."""
    sure = found.scores >= SCORE
    shared = overlaps(found.boxes[sure], truth.boxes) * (found.labels[sure][:, None] == truth.labels[None])
    right = shared >= 0.5
    return int((~right.any(axis=1)).sum() + (~right.any(axis=0)).sum())


def _worst_first(found: Sequence[Found], truth: Sequence[Truth]) -> list[int]:
    counts = [mistakes(f, t) for f, t in zip(found, truth)]
    return [i for i in np.argsort([-n for n in counts], kind="stable").tolist() if counts[i]]


def _caption(found: Found, truth: Truth) -> str:
    count = mistakes(found, truth)
    return f"{len(truth.labels)} objects, {count or 'no'} mistake{'' if count == 1 else 's'}"


def _by_class(classes: Sequence[str], truth: Sequence[Truth], aps: np.ndarray) -> str:
    labels = np.concatenate([t.labels for t in truth])
    counts = [int((labels == c).sum()) for c in range(len(classes))]
    rows = [[name, count, "" if np.isnan(ap) else f"{ap:.4f}"] for name, count, ap in zip(classes, counts, aps)]
    return section("Average precision by class, overlap 0.5", table(["class", "objects", "AP"], rows, numbers=(1, 2)))
