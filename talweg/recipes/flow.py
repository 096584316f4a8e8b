"""Pictures by an invertible map to noise, whose density is known exactly: NICE and RealNVP (N 12)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import Dataset
from ..data.augment import Draws
from ..models import NICE, RealNVP, build
from ..models.whitened import WhitenedFlow
from ..tensor import Tensor, from_numpy, manual_seed, no_grad, zeros
from ..training import Score
from ..training.report_parts import section
from ..training.state import generator_state, set_generator
from .evaluation import Answer, Evaluation
from .flow_settings import HELP, OPTIONS_HELP, Options, Settings
from .picture_sets import Pictures, Shape, drawn, load_pictures, shown
from .recipe import Recipe
from .shrunk_gaussian import Gaussian
from .task import Goal, Task, loaders_of

AT_ONCE = 256
DRAWS = 4  # of the noise below a level, for each picture that is measured
SHOWN = 60


class FlowRecipe(Recipe):
    name = "flow"
    settings = Settings
    help = HELP
    prepared = Shape
    options = Options
    options_help = OPTIONS_HELP

    def material(self, settings: Settings) -> Pictures:
        return load_pictures(settings.data, settings.size, settings.channels, settings.seed)

    def prepare(self, settings: Settings, material: Pictures) -> Shape:
        return Shape(list(material.shape), material.fingerprint)

    def model(self, settings: Settings, prepared: Shape) -> WhitenedFlow:
        width = math.prod(prepared.shape)
        flow: Any = build(settings.model, (width,), 0, couplings=settings.couplings, hidden=settings.hidden)
        return WhitenedFlow(flow)

    def begun(self, settings: Settings, material: Pictures) -> Task:
        """The first layer is not learnt by steps: it is that of the training pictures' normal distribution."""
        task = super().begun(settings, material)
        baseline = gaussian_of(material, settings)
        for model in {task.model, task.used}:
            model.fit(baseline.mean, baseline.whitening())  # type: ignore[operator]
        return task

    def goal(self, settings: Settings, material: Pictures, prepared: Shape) -> Goal:
        rows = Dequantised(material.train.images, settings)
        train, _ = loaders_of(settings, rows, rows)
        held_out = dequantised(material.validation.images, settings.levels, settings.seed)

        def validate(model: Any) -> Score:
            return Score(-mean_log_density(model, held_out) / bit(held_out), None, len(material.validation))

        return Goal(bits_loss(settings.model), train, None, validate=validate)

    def notes(self, material: Pictures) -> Sequence[str]:
        return [*material.notes, "losses are bits for each pixel"]

    def example(self, prepared: Shape) -> tuple[Tensor, ...]:
        return (zeros(1, math.prod(prepared.shape)),)

    def measure(self, model: nn.Module, settings: Settings, material: Pictures, split: str) -> Evaluation:
        part = material.part(split)
        rows = dequantised(part.images, settings.levels, settings.seed)
        bits = -mean_log_density(model, rows) / bit(rows)
        baseline = min(float(-g.log_density(rows).mean() / bit(rows)) for g in baselines(material, settings))
        error = inversion_error(model, rows[: len(part)]) / settings.levels
        figures = {"bits_per_pixel": bits, "gaussian_bits_per_pixel": baseline, "inversion_error": error}
        told = f"{bits:.4f} bits per pixel (a normal distribution {baseline:.4f}), inverse of forward to {error:.1e}"
        tiles = [(f"{bits:.3f}", "bits per pixel"), (f"{baseline:.3f}", "of a normal distribution"),
                 (f"{error:.0e}", "largest error of the inverse, in a pixel's range")]
        return Evaluation(split, len(part), figures, told, tiles)

    def sections(self, model: nn.Module, settings: Settings, material: Pictures, test: Evaluation) -> list[str]:
        images = made(model, SHOWN, settings, material.shape, settings.seed)
        return [
            section("Made pictures", shown(images, 20, "the first that came, none left out")),
            section("Real pictures of the test split", shown(material.test.images[:SHOWN], 20, "for comparison")),
            section("Least and most probable test pictures", self._extremes(model, settings, material)),
        ]

    def generate(self, run: str | Path, options: Options) -> Answer:
        """New pictures, by noise sent back through the map. Raises as `load` does."""
        settings, model, prepared = self.load(run)
        images = made(model, options.n, settings, prepared.shape, options.seed)
        facts = {"seed": options.seed, "shape": prepared.shape}
        return drawn(images, int(np.ceil(np.sqrt(options.n))), facts, f"{options.n} pictures")

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"generate {run} --n 16 --out pictures.png"]

    def _extremes(self, model: Any, settings: Settings, material: Pictures) -> str:
        images = material.test.images
        rows = dequantised(images, settings.levels, settings.seed, 1)
        order = np.argsort(log_densities(model, rows), kind="stable")
        chosen = np.concatenate([order[:20], order[-20:]])
        return shown(images[chosen], 20, "above the least probable to the flow, below the most probable")


class Dequantised(Dataset):
    """Pictures as rows of levels with a fraction drawn below each: (row, row). Sample i is picture i mod N; its fractions are
    a function of (seed, epoch, i)."""

    def __init__(self, images: np.ndarray, settings: Settings, epoch: int = 0) -> None:
        self.images, self.settings, self.epoch = images, settings, epoch

    def at_epoch(self, epoch: int) -> Dequantised:
        return Dequantised(self.images, self.settings, epoch)

    def __len__(self) -> int:
        return len(self.images) * self.settings.draws

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, _ = self.batch([index])
        return x[0], x[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        images = self.images[np.asarray(indices) % len(self.images)]
        streams = (Draws(self.settings.seed, self.epoch, int(i), purpose="dequantise") for i in indices)
        fractions = np.stack([stream.units(images[0].size) for stream in streams])
        x = from_numpy((levels_of(images, self.settings.levels) + fractions).astype(np.float32))
        return [x, x]


def levels_of(images: np.ndarray, levels: int) -> np.ndarray:
    """Pictures (N, C, H, W) in [0, 1] as whole numbers 0 ... levels - 1 in rows, (N, C H W)."""
    return np.round(images.reshape(len(images), -1).astype(np.float64) * (levels - 1))


def dequantised(images: np.ndarray, levels: int, seed: int, draws: int = DRAWS) -> np.ndarray:
    """Every picture `draws` times with fractions by the seed, (draws N, C H W) float64.

    The mean log density of such rows is at most the log probability of the whole numbers (Theis, van den Oord, Bethge,
    2016, section 3.1), so that bits by it are an upper bound.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    rows = np.tile(levels_of(images, levels), (draws, 1))
    return rows + rng.random(rows.shape)


def gaussian_of(material: Pictures, settings: Settings) -> Gaussian:
    """The shrunk normal distribution of the training pictures with fractions."""
    return Gaussian.of(dequantised(material.train.images, settings.levels, settings.seed, 1))


def baselines(material: Pictures, settings: Settings) -> list[Gaussian]:
    """The normal distributions that a flow has to beat: the shrunk one, and where there are enough pictures the plain one,
    which is better on digits, whose corners are always empty."""
    rows = dequantised(material.train.images, settings.levels, settings.seed, 1)
    enough = len(rows) > rows.shape[1]
    return [Gaussian.of(rows), *([Gaussian.of(rows, shrunk=False)] if enough else [])]


def bit(rows: np.ndarray) -> float:
    """Nats a row that are one bit a pixel."""
    return rows.shape[1] * math.log(2)


def log_densities(model: Any, rows: np.ndarray) -> np.ndarray:
    """In nats, (N,)."""
    was_training = model.training
    model.eval()
    with no_grad():
        parts = (rows[i:i + AT_ONCE].astype(np.float32) for i in range(0, len(rows), AT_ONCE))
        found = np.concatenate([model.log_density(from_numpy(np.ascontiguousarray(p))).numpy() for p in parts])
    model.train(was_training)
    return found.astype(np.float64)


def mean_log_density(model: Any, rows: np.ndarray) -> float:
    return float(log_densities(model, rows).mean())


def inversion_error(model: Any, rows: np.ndarray) -> float:
    """The largest difference, in levels, between rows and what the inverse makes of their noise."""
    with no_grad():
        x = from_numpy(np.ascontiguousarray(rows, np.float32))
        z, _ = model(x)
        return float((model.inverse(z) - x).abs().max().item())


def made(model: Any, count: int, settings: Settings, shape: Sequence[int], seed: int) -> np.ndarray:
    """Pictures (count, C, H, W) in [0, 1]; the default generator is left as it was."""
    state = generator_state()
    manual_seed(seed)
    with no_grad():
        rows = model.sample(count).numpy()
    set_generator(state)
    whole = np.clip(np.floor(rows), 0, settings.levels - 1) / (settings.levels - 1)
    return whole.reshape(count, *shape).astype(np.float32)


def bits_loss(model: str) -> Callable[[Any, Tensor], Tensor]:
    """Bits a pixel of what a flow gives, (noise (B, D), log |det| (B,)), by the density of that model's noise."""
    density = {"nice": NICE, "realnvp": RealNVP}[model].noise_log_density

    def loss(outputs: tuple[Tensor, Tensor], rows: Tensor) -> Tensor:
        z, change = outputs
        return -(density(z) + change).mean() / (rows.shape[1] * math.log(2))

    return loss


RECIPE = FlowRecipe()
