"""Trainings behind rows of docs/book.md that are too long for the test suite: row, figure, bound.

    python -m tools.book_rows            all of them
    python -m tools.book_rows 85 91      some rows

Digits are scikit-learn's, split 1200 / 237 / 360; where a row says no more, figures are shares of right answers on the 360 of
the test split, by the weights of the best epoch. Ends with 1 where a bound is missed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from talweg.data import CATALOGUE, Splits, Subset, TensorDataset, digits, stratified, targets_of
from talweg.data.catalogue import Entry
from talweg.data.order import permutation
from talweg.recipes.classify import RECIPE, Settings
from tools.agent_rows import cart_pole_dqn, cart_pole_ppo, frozen_lake, pendulum_sac
from tools.align_rows import told_among_40, told_among_200
from tools.model_rows import karate_accuracy, masked_language_ratio
from tools.speech_rows import languages_right, long_words_right, phonemes_right, silence_found, words_right
from tools.synthesis_rows import ROWS as SYNTHESIS
from tools.text_rows import ROWS as TEXTS
from tools.training_rows import finder_within, gain_by_fine_tuning
from tools.vision_rows import boxes_found, gain_over, gain_over_gaussian, restored_psnr, segmented

PERMUTED = "permuted_digits"
HUNDRED = "hundred_digits"


def permuted_digits(size: int = 28, seed: int = 0) -> Splits:
    """The digits with their pixels in one random order, the same for all images (N 5.1): neighbours are lost."""
    splits = digits(size, seed)
    order = permutation(size * size, seed, "pixels")

    def shuffled(part: TensorDataset) -> TensorDataset:
        images, labels = part.tensors
        return TensorDataset(images.flatten(2)[:, :, order.tolist()].reshape(images.shape), labels)

    parts = {name: shuffled(splits.part(name)) for name in ("train", "validation", "test")}
    return Splits(**{**vars(splits), **parts, "name": PERMUTED})


def hundred_digits(drawn: int) -> Callable[..., Splits]:
    """The digits with 100 of the training images only, of each class alike; `drawn` says which hundred."""
    def build(size: int = 28, seed: int = 0) -> Splits:
        splits = digits(size, seed)
        labels = targets_of(splits.train)
        order = permutation(len(labels), drawn, "hundred")
        chosen = stratified(labels, (100, len(labels) - 100), order)[0]
        return Splits(**{**vars(splits), "train": Subset(splits.train, chosen.tolist()), "name": HUNDRED})

    return build


@dataclass(frozen=True)
class Row:
    """`figure(accuracy of a training)` must be at least `bound`."""

    number: int
    what: str
    bound: float
    figure: Callable[[], float]


def accuracy(model: str, **settings) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return RECIPE.train(Settings(model=model, **settings), Path(folder) / "run").test.figures["accuracy"]


def kept(model: str, seeds: int = 3) -> float:
    """By how much accuracy rises when pixels are permuted: below 0, it falls. A mean: one image of the test is 0.3 %."""
    def change(seed: int) -> float:
        return accuracy(model, data=PERMUTED, epochs=20, seed=seed) - accuracy(model, epochs=20, seed=seed)

    return sum(map(change, range(seeds))) / seeds


def augmentation_gain(seeds: int = 10) -> float:
    """By how much shifting and scaling 100 training images raises the mean accuracy (L 6.2)."""
    gain = 0.0
    for seed in range(seeds):
        CATALOGUE[HUNDRED] = Entry(hundred_digits(seed), "100 digits", "data", sized=True)
        settings = {"data": HUNDRED, "epochs": 60, "batch_size": 25, "seed": seed}
        gain += accuracy("lenet", augment=["shift", "scale"], **settings) - accuracy("lenet", **settings)
    return gain / seeds


RECURRENT = {"size": 8, "epochs": 40, "lr": 5e-3, "clip_norm": 1.0}
ATTENTIVE = {"size": 8, "epochs": 60, "batch_size": 32, "lr": 1e-3, "warmup": 0.1, "clip_norm": 1.0, "augment": ["shift"]}
ROWS = [
    Row(46, "learning-rate finder: share of tasks within [0.1, 3] of the grid's best", 1.0, finder_within),
    Row(126, "fine-tuning: gain over training from nothing, 10 shots", 0.05, gain_by_fine_tuning),
    Row(78, "MLP on digits", 0.965, lambda: accuracy("mlp")),
    Row(80, "LeNet on digits", 0.96, lambda: accuracy("lenet")),
    Row(82, "MLP: change by permuted pixels", -0.01, lambda: -abs(kept("mlp"))),
    Row(82, "LeNet: loss by permuted pixels", 0.01, lambda: -kept("lenet")),
    Row(85, "small ResNet on digits", 0.98, lambda: accuracy("resnet_small", size=8, epochs=30)),
    Row(94, "the same at 28 x 28, in 10 epochs", 0.98, lambda: accuracy("resnet_small")),
    Row(89, "ViT, patches of 2, on digits", 0.95, lambda: accuracy("vit_small", **ATTENTIVE)),
    *(Row(91, f"{kind.upper()} on rows of digits", 0.94, lambda kind=kind: accuracy(kind, **RECURRENT))
      for kind in ("rnn", "lstm", "gru")),
    Row(90, "masked tokens: right guesses over the most frequent token's", 3.0, masked_language_ratio),
    *(Row(123, f"{kind.upper()} on the karate club, two labels, worst of 20", 0.94, lambda kind=kind: karate_accuracy(kind))
      for kind in ("gcn", "gat")),
    Row(119, "Q-learning on FrozenLake: worst of 100 episodes", 1.0, frozen_lake),
    Row(120, "DQN on CartPole: mean return", 475.0, cart_pole_dqn),
    Row(121, "PPO on CartPole: mean return", 475.0, cart_pole_ppo),
    Row(121, "SAC on Pendulum: mean return", -200.0, pendulum_sac),
    Row(87, "spelling to phonemes: phonemes right", 0.72, phonemes_right),
    Row(102, "speech:digits, voices never heard: words right", 0.95, words_right),
    Row(104, "the same: language token", 0.98, languages_right),
    Row(104, "the same: silence and noise found", 0.95, silence_found),
    Row(105, "five minutes of it, segments in order: words right", 0.90, long_words_right),
    Row(106, "CLIP: combinations never seen told among their 40", 0.90, told_among_40),
    Row(106, "the same among all 200", 0.85, told_among_200),
    Row(92, "china.jpg to flower.jpg, noise of 25: PSNR in dB", 28.0, restored_psnr),
    Row(92, "the same: dB above the best 3x3 Gaussian", 0.0, gain_over_gaussian),
    Row(93, "half as long sides: dB above bicubic", 0.0, lambda: gain_over("down2")),
    Row(93, "colours taken away: dB above grey; one photograph teaches few", -1.0, lambda: gain_over("gray")),
    Row(93, "JPEG of quality 10: dB above it; one photograph teaches few", -1.0, lambda: gain_over("jpeg10")),
    Row(96, "SSD on scenes: mAP at an overlap of 0.5", 0.95, boxes_found),
    Row(100, "U-Net on scenes32: mIoU of 11 classes", 0.75, lambda: segmented("unet")["miou"]),
    Row(100, "the same: pixels right", 0.97, lambda: segmented("unet")["pixel_accuracy"]),
    Row(101, "PSPNet on scenes32: mIoU of 11 classes", 0.6, lambda: segmented("pspnet_small")["miou"]),
    Row(95, "LeNet on 100 digits: gain by shift and scale", 0.005, augmentation_gain),
    *(Row(*row) for row in SYNTHESIS),
    *(Row(*row) for row in TEXTS),
]


def main(wanted: list[str]) -> int:
    CATALOGUE[PERMUTED] = Entry(permuted_digits, "digits with permuted pixels", "data", sized=True)
    unknown = set(wanted) - {str(row.number) for row in ROWS}
    if unknown:
        print(f"no training for row {', '.join(sorted(unknown))}; there are: {sorted({row.number for row in ROWS})}")
        return 2
    print(f"{'row':>4}  {'what':<34} {'figure':>7} {'bound':>7} {'seconds':>8}")
    missed = 0
    for row in ROWS:
        if wanted and str(row.number) not in wanted:
            continue
        start = time.perf_counter()
        figure = row.figure()
        missed += figure < row.bound
        seconds = time.perf_counter() - start
        print(f"{row.number:>4}  {row.what:<34} {figure:>7.4f} {row.bound:>7.4f} {seconds:>8.1f}"
              + ("" if figure >= row.bound else "  MISSED"), flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
