"""Denoising and its kin: a network undoes what was done to photographs, and learns E[X | X~] by the squared error (L 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import nn
from ..data import TensorDataset, read_pixels
from ..data.augment import Draws
from ..data.sources.photographs import Photographs, load_photographs, named_photographs, with_channels
from ..models import build
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import Figure
from ..training.quality import best_smoothed, psnr
from .degrade import Degradation, degradation_of, enlarged, luminance
from .denoise_patches import Patches
from .denoise_report import Restored, sections_of
from .denoise_settings import HELP, Settings
from .evaluation import Answer, Evaluation
from .pictures import as_bytes, save_picture
from .recipe import Recipe
from .task import Goal, loaders_of
from .tiles import over_tiles

VALIDATION_PATCHES = 64
VALIDATION_SEED = 0
MULTIPLE = 4  # of the denoiser's sides


@dataclass(frozen=True)
class Prepared:
    """Channels, and how a picture was spoilt before it was restored; what stands for the content of the data."""

    channels: int
    degrade: list[str]
    sigma: float
    fingerprint: str

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"setting channels must be 1 or 3, got {self.channels}")
        degradation_of(self.degrade, self.sigma)  # refuses what is none

    @property
    def degradation(self) -> Degradation:
        return degradation_of(self.degrade, self.sigma)


@dataclass(frozen=True)
class Options:
    degrade: bool = False


@dataclass(frozen=True)
class QualityEvaluation(Evaluation):
    """`pictures` are the photographs of the split, degraded, restored and true."""

    pictures: Sequence[Restored] = ()


class Denoise(Recipe):
    name = "denoise"
    settings = Settings
    help = HELP
    prepared = Prepared
    figure = Figure("loss", "mean squared error")
    options = Options
    options_help = {"degrade": "Spoil the picture first, as in training, and say how much better it becomes."}

    def material(self, settings: Settings) -> Photographs:
        if settings.data == "photos":
            return named_photographs(settings.channels)
        return load_photographs(settings.data, settings.channels, settings.patch, settings.on_error)

    def prepare(self, settings: Settings, material: Photographs) -> Prepared:
        return Prepared(settings.channels, list(settings.degradation.names), settings.sigma, material.fingerprint)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        return build(settings.model, (prepared.channels, settings.patch, settings.patch), 1, width=settings.width)

    def goal(self, settings: Settings, material: Photographs, prepared: Prepared) -> Goal:
        squares = partial(Patches, degradation=prepared.degradation, side=settings.patch)
        held = squares(material.validation, count=VALIDATION_PATCHES, seed=VALIDATION_SEED, purpose="validation")
        train, validation = loaders_of(
            settings, squares(material.train, count=settings.patches, seed=settings.seed, zoom=settings.zooms),
            TensorDataset(*held.batch(range(len(held)))),
        )
        return Goal(nn.MSELoss(), train, validation)

    def notes(self, material: Photographs) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return (zeros(1, prepared.channels, 64, 64),)

    def image(self, prepared: Prepared, path: str) -> Tensor:
        picture = _readied(path, prepared)
        height, width = (n - n % MULTIPLE for n in picture.shape[:2])
        return from_numpy(np.ascontiguousarray(picture[:height, :width].transpose(2, 0, 1)[None]))

    def measure(self, model: nn.Module, settings: Settings, material: Photographs, split: str) -> QualityEvaluation:
        found = []
        for i, photograph in enumerate(material.part(split)):
            true = photograph.astype(np.float32) / 255
            spoilt = settings.degradation(true, Draws(VALIDATION_SEED, 0, i, purpose=split))
            found.append(Restored(spoilt, restored(model, spoilt), true))
        return _evaluation(split, found, settings.degradation)

    def sections(self, model: nn.Module, settings: Settings, material: Photographs, test: Evaluation) -> list[str]:
        assert isinstance(test, QualityEvaluation)
        return sections_of(test.pictures, settings.degradation)

    def predict(self, run: Any, inputs: Sequence[str], options: Options | None = None) -> list[Answer]:
        """Restored pictures, as large as they came, or enlarged by what the training made smaller."""
        _, model, prepared = self.load(run)
        spoil = options is not None and options.degrade
        return [_spoilt_and_restored(model, prepared, p) if spoil else _restored_file(model, prepared, p) for p in inputs]

    def subject(self, settings: Settings) -> str:
        return f"{settings.model} on {settings.data} ({settings.degradation.text})"

    def next_steps(self, run: Any) -> list[str]:
        return [f"predict {run} photo.png --out clean.png"]


def restored(model: nn.Module, picture: np.ndarray) -> np.ndarray:
    """A picture of any size (H, W, C) through the network, in evaluation mode."""
    def whole(tile: np.ndarray) -> np.ndarray:
        image = from_numpy(np.ascontiguousarray(tile.transpose(2, 0, 1)[None], np.float32))  # (1, C, H, W)
        return model(image).numpy()[0].transpose(1, 2, 0)

    with no_grad():
        return over_tiles(whole, picture)


def _readied(path: str, prepared: Prepared) -> np.ndarray:
    """A file as the network expects degraded pictures: enlarged where it learned to sharpen, grey where it learned colours."""
    picture = with_channels(read_pixels(path), prepared.channels).astype(np.float32) / 255
    degradation = prepared.degradation
    if degradation.colours:
        picture = np.repeat(luminance(picture)[..., None], prepared.channels, axis=2)
    factor = degradation.enlarges
    height, width = picture.shape[:2]
    return enlarged(picture, (factor * height, factor * width)) if factor > 1 else picture


def _restored_file(model: nn.Module, prepared: Prepared, path: str) -> Answer:
    given = _readied(path, prepared)
    found = as_bytes(restored(model, given))
    height, width = found.shape[:2]
    change = float(np.abs(found - 255.0 * np.clip(given.reshape(found.shape), 0, 1)).mean())
    text = f"{path}: restored, {width} x {height} pixels, changed by {change:.1f} of 255 on average"
    facts = {"image": path, "width": width, "height": height, "mean_change": change}
    return Answer(text, facts, partial(save_picture, found))


def _spoilt_and_restored(model: nn.Module, prepared: Prepared, path: str) -> Answer:
    true = with_channels(read_pixels(path), prepared.channels).astype(np.float32) / 255
    spoilt = prepared.degradation(true, Draws(VALIDATION_SEED, 0, 0, purpose="predict"))
    found = restored(model, spoilt)
    before, after = psnr(spoilt, true), psnr(np.clip(found, 0, 1), true)
    text = f"{path}: {prepared.degradation.text}: {before:.2f} dB; restored: {after:.2f} dB"
    facts = {"image": path, "psnr_degraded": before, "psnr": after}
    return Answer(text, facts, partial(save_picture, as_bytes(found)))


def _evaluation(split: str, pictures: Sequence[Restored], degradation: Degradation) -> QualityEvaluation:
    figures = {
        "psnr": float(np.mean([psnr(np.clip(p.restored, 0, 1), p.true) for p in pictures])),
        "psnr_degraded": float(np.mean([psnr(p.degraded, p.true) for p in pictures])),
        "psnr_gaussian": float(np.mean([best_smoothed(p.degraded, p.true) for p in pictures])),
    }
    degraded = "bicubic" if degradation.enlarges > 1 else "degraded"
    words = {"psnr": "restored", "psnr_degraded": degraded, "psnr_gaussian": "best 3x3 Gaussian"}
    summary = ", ".join(f"{words[name]} {value:.2f} dB" for name, value in figures.items())
    tiles = [(f"{value:.2f} dB", f"{split}, {words[name]}") for name, value in figures.items()]
    lines = [["picture", "PSNR in dB", ""], *([words[n], f"{v:.2f}", ""] for n, v in figures.items())]
    return QualityEvaluation(split, len(pictures), figures, summary, tiles, lines, {}, pictures)


RECIPE = Denoise()
