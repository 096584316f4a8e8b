"""Coloured digits in corners, with captions: 200 combinations, 40 of them never seen in training (L 6.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..augment import Draws
from ..digits import COUNTS, raw_digits
from ..order import permutation
from ..splits import stratified

COLOURS = {"red": (1, 0.2, 0.2), "green": (0.2, 1, 0.2), "blue": (0.3, 0.4, 1), "yellow": (1, 1, 0.2), "white": (1, 1, 1)}
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CORNERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}
TEMPLATES = (
    "a {colour} {digit} in the {corner}", "the {corner} shows a {colour} {digit}",
    "there is a {digit} in {colour} at the {corner}", "{colour} {digit}, {corner}",
)
SIDE = 32
HELD_OUT = 40


@dataclass(frozen=True)
class Captioned:
    """Images float32 (N, 3, 32, 32) in [0, 1], a caption each, and the number of its combination (N,)."""

    images: np.ndarray
    captions: list[str]
    combinations: np.ndarray


@dataclass(frozen=True)
class Captions:
    """Combinations in `held_out` are in `unseen` only; `train` and the others share no digit image."""

    train: Captioned
    test: Captioned
    unseen: Captioned
    held_out: np.ndarray


def words_of(combination: int) -> tuple[str, str, str]:
    """Colour, digit and corner of a combination 0 ... 199."""
    colour, rest = divmod(combination, len(DIGITS) * len(CORNERS))
    digit, corner = divmod(rest, len(CORNERS))
    return list(COLOURS)[colour], DIGITS[digit], list(CORNERS)[corner]


def caption(combination: int, template: int) -> str:
    colour, digit, corner = words_of(combination)
    return TEMPLATES[template].format(colour=colour, digit=digit, corner=corner)


def captions(counts: tuple[int, int, int] = (4000, 500, 500), seed: int = 0) -> Captions:
    """`counts` pictures with captions to learn from, to test on, and of combinations never seen."""
    order = permutation(len(COLOURS) * len(DIGITS) * len(CORNERS), seed, "captions")
    held_out, seen = np.sort(order[:HELD_OUT]), np.sort(order[HELD_OUT:])
    images, labels = raw_digits()
    learnt, _, tested = stratified(labels, COUNTS, permutation(len(labels), seed, "digits"))
    plan = zip((learnt, tested, tested), (seen, seen, held_out), counts)
    train, test, unseen = (_drawn(images[p], labels[p], among, n, seed, i) for i, (p, among, n) in enumerate(plan))
    return Captions(train, test, unseen, held_out)


def _drawn(images: np.ndarray, labels: np.ndarray, among: np.ndarray, count: int, seed: int, part: int) -> Captioned:
    pictures = np.zeros((count, 3, SIDE, SIDE), np.float32)
    combinations = np.zeros(count, np.int64)
    texts = []
    for i in range(count):
        draws = Draws(seed, part, i, purpose="captions")
        combinations[i] = among[draws.below(len(among))]
        colour, digit, corner = words_of(int(combinations[i]))
        choices = np.flatnonzero(labels == DIGITS.index(digit))
        pictures[i] = _picture(images[choices[draws.below(len(choices))]], colour, corner)
        texts.append(caption(int(combinations[i]), draws.below(len(TEMPLATES))))
    return Captioned(pictures, texts, combinations)


def _picture(digit: np.ndarray, colour: str, corner: str) -> np.ndarray:
    half = SIDE // 2
    ink = Image.fromarray(digit.astype(np.float32) / 16).resize((half, half), Image.Resampling.BILINEAR)
    row, column = (half * place for place in CORNERS[corner])
    picture = np.zeros((3, SIDE, SIDE), np.float32)
    picture[:, row:row + half, column:column + half] = np.asarray(ink) * np.array(COLOURS[colour])[:, None, None]
    return picture
