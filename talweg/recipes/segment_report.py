"""What the report of a segmentation shows: picture, truth and prediction side by side, and scores by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.annotations import AnnotatedSet
from ..training.pixel_scores import intersection_over_union
from ..training.report_parts import gallery, picture_source, section, table, text
from .drawing import colour_of, in_colours, overlaid
from .pictures import as_bytes, beside, larger

SHOWN = 12
LEAST = 128  # pixels of a picture's side, enlarged


def segment_sections(pictures: AnnotatedSet, indices: np.ndarray, predicted: np.ndarray, confusion: np.ndarray) -> list[str]:
    """`predicted` (N, H, W) are the class numbers of the pictures `indices`."""
    assert pictures.masks is not None
    wrong = [int(np.count_nonzero(p != pictures.masks[i])) for p, i in zip(predicted, indices)]
    worst = np.argsort([-n for n in wrong], kind="stable")[:SHOWN // 2].tolist()
    shown = [*[i for i in range(len(indices)) if i not in worst][:SHOWN - len(worst)], *worst]
    drawn = [(picture_source(_drawn(pictures, int(indices[i]), predicted[i])), f"{wrong[i]} pixels wrong") for i in shown]
    words = '<p class="soft">Picture, truth, prediction. First some pictures as they come, then those with the most mistakes.</p>'
    body = words + _legend(pictures.classes) + gallery(drawn, least=300)
    return [section("Pictures of the test split", body), _by_class(pictures.classes, confusion)]


def _drawn(pictures: AnnotatedSet, i: int, predicted: np.ndarray):
    assert pictures.masks is not None
    image = as_bytes(pictures.picture(i).transpose(1, 2, 0))
    return beside(*(larger(part, LEAST) for part in (image, in_colours(pictures.masks[i]), overlaid(image, predicted))))


def _legend(classes: Sequence[str]) -> str:
    def entry(number: int, name: str) -> str:
        colour = "#000" if number == 0 else "#{:02x}{:02x}{:02x}".format(*colour_of(number))
        return (f'<span style="display: inline-block; margin-right: 1em"><span style="display: inline-block; width: .8em; '
                f'height: .8em; border-radius: 2px; background: {colour}"></span> {text(name)}</span>')

    return "<p>" + "".join(entry(i, name) for i, name in enumerate(classes)) + "</p>"


def _by_class(classes: Sequence[str], confusion: np.ndarray) -> str:
    rows = []
    for i, (name, iou) in enumerate(zip(classes, intersection_over_union(confusion))):
        others = confusion[i].copy()
        others[i] = 0
        taken = f"{classes[others.argmax()]} ({others.max():,})" if others.any() else ""
        rows.append([name, f"{confusion[i].sum():,}", "" if np.isnan(iou) else f"{iou:.4f}", taken])
    return section("By class", table(["class", "pixels", "IoU", "most taken for (pixels)"], rows, numbers=(1, 2)))
