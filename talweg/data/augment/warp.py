"""Affine maps of an image with its boxes and masks: the one place where pixels move."""

from __future__ import annotations

import math

import numpy as np

from .annotated import LEAST_VISIBLE, Annotated

IDENTITY = np.eye(3)


def shift(x: float, y: float) -> np.ndarray:
    """To the right by x and down by y pixels, as a 3x3 matrix on (x, y, 1)."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def stretch(x: float, y: float) -> np.ndarray:
    return np.diag([x, y, 1.0])


def turn(degrees: float) -> np.ndarray:
    """Counter-clockwise as seen, with y downwards."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]])


def shear(degrees: float) -> np.ndarray:
    return np.array([[1, math.tan(math.radians(degrees)), 0], [0, 1, 0], [0, 0, 1.0]])


def about_the_middle(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    return shift(width / 2, height / 2) @ matrix @ shift(-width / 2, -height / 2)


def warped(sample: Annotated, matrix: np.ndarray, size: tuple[int, int] | None = None, fill: float = 0.0) -> Annotated:
    """Point p of the sample goes to `matrix` p; what comes from outside is `fill`, in masks 0.

    Pixel (row, column) covers [column, column + 1] x [row, row + 1]. Images are bilinear, masks take the nearest
    pixel. Boxes become the bounding boxes of their corners, clipped; a box that keeps less than a tenth of its area in
    the image goes, with its label and mask. Raises ValueError for a matrix without an inverse.
    """
    size = size or sample.size
    if abs(np.linalg.det(matrix)) < 1e-9:
        raise ValueError("warped: the matrix has no inverse")
    x, y = _sources(np.linalg.inv(matrix), size)
    image = bilinear(sample.image, x, y, fill)
    masks = None if sample.masks is None else nearest(sample.masks, x, y)
    if sample.boxes is None:
        return Annotated(image, masks=masks)
    boxes, keep = moved_boxes(sample.boxes, matrix, size)
    labels = None if sample.labels is None else sample.labels[keep]
    masks = masks[keep] if masks is not None and masks.ndim == 3 else masks
    return Annotated(image, boxes[keep], labels, masks)


def _sources(inverse: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel's middle comes from, in pixels' middles: x and y, each (H, W)."""
    rows, columns = np.mgrid[:size[0], :size[1]] + 0.5
    x = inverse[0, 0] * columns + inverse[0, 1] * rows + inverse[0, 2] - 0.5
    y = inverse[1, 0] * columns + inverse[1, 1] * rows + inverse[1, 2] - 0.5
    return x, y


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray, fill: float) -> np.ndarray:
    """Values (C, H, W) at (x, y), float32; the surroundings have the value `fill`."""
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), constant_values=fill)
    height, width = image.shape[1:]
    x = np.clip(np.round(x, 6), -1, width) + 1  # rounded, so that a whole shift copies pixels exactly
    y = np.clip(np.round(y, 6), -1, height) + 1
    left = np.minimum(x.astype(np.int64), width)
    top = np.minimum(y.astype(np.int64), height)
    right_part = (x - left).astype(np.float32)
    low_part = (y - top).astype(np.float32)
    upper = padded[:, top, left] * (1 - right_part) + padded[:, top, left + 1] * right_part
    lower = padded[:, top + 1, left] * (1 - right_part) + padded[:, top + 1, left + 1] * right_part
    return (upper * (1 - low_part) + lower * low_part).astype(np.float32)


def nearest(masks: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Masks (..., H, W) at the pixels nearest to (x, y), 0 outside."""
    height, width = masks.shape[-2:]
    column = np.floor(np.round(x, 6) + 0.5).astype(np.int64)
    row = np.floor(np.round(y, 6) + 0.5).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    found = masks[..., np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return np.where(inside, found, np.zeros((), masks.dtype))


def moved_boxes(boxes: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The boxes (K, 4) after the map, clipped to the image, and which of them still show."""
    left, top, right, bottom = np.asarray(boxes, np.float64).reshape(-1, 4).T
    corners = np.stack([np.stack([left, right, right, left]), np.stack([top, top, bottom, bottom])])  # (2, 4, K)
    moved = np.einsum("ij,jck->ick", matrix[:2, :2], corners) + matrix[:2, 2, None, None]
    x, y = moved
    whole = np.stack([x.min(0), y.min(0), x.max(0), y.max(0)], 1)
    clipped = np.clip(whole, 0, [size[1], size[0], size[1], size[0]])
    keep = _areas(clipped) > LEAST_VISIBLE * np.maximum(_areas(whole), 1e-12)
    return clipped.astype(np.float32), keep


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
