"""Pictures from noise: a network learns to tell the noise in a picture, and is run backwards (L 7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import Dataset
from ..data.augment import Draws
from ..models import DDPMUNet
from ..models.diffusion import Diffusion, betas_of, made
from ..tensor import Tensor, from_numpy, zeros
from ..training.report_parts import section
from .diffuse_published import published_diffusion
from .diffuse_settings import HELP, OPTIONS_HELP, Options, Settings
from .evaluation import Answer, Evaluation
from .picture_sets import Pictures, Shape, drawn, load_pictures, shown
from .published import Weights, weights_of
from .recipe import Recipe
from .sample_quality import Judge
from .task import Goal, loaders_of

FEW_STEPS = 20  # of the implicit sampler beside the full one
MOST_JUDGED = 360
TRACED = 8
VALIDATED = 4  # draws of each validation picture


class Diffuse(Recipe):
    name = "diffuse"
    settings = Settings
    help = HELP
    prepared = Shape
    options = Options
    options_help = OPTIONS_HELP

    def material(self, settings: Settings) -> Pictures:
        return load_pictures(settings.data, settings.size, settings.channels, settings.seed)

    def prepare(self, settings: Settings, material: Pictures) -> Shape:
        return Shape(list(material.shape), material.fingerprint)

    def model(self, settings: Settings, prepared: Shape) -> DDPMUNet:
        levels = settings.levels
        attention = [False] * (len(levels) - 1) + [True]
        return DDPMUNet(prepared.shape[0], levels, attention, blocks=1, dropout=settings.dropout, groups=8)

    def goal(self, settings: Settings, material: Pictures, prepared: Shape) -> Goal:
        process = diffusion_of(settings)
        train = Noised(material.train.images, process, settings.seed, settings.draws)
        validation = Noised(material.validation.images, process, settings.seed + 1, VALIDATED)
        return Goal(nn.MSELoss(), *loaders_of(settings, train, _fixed(validation)))

    def notes(self, material: Pictures) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Shape) -> tuple[Tensor, ...]:
        return zeros(1, *prepared.shape), zeros(1)

    def measure(self, model: nn.Module, settings: Settings, material: Pictures, split: str) -> Evaluation:
        """Pictures made by all steps, and by few implicit ones, beside the split's."""
        judge = Judge(material)
        count = min(MOST_JUDGED, len(material.part(split)))
        images = pictures_by(model, settings, count, material.shape, settings.seed)
        quality = judge.quality(images, split)
        few = min(FEW_STEPS, settings.noise_steps)
        implicit = pictures_by(model, settings, count, material.shape, settings.seed, few)
        distance = judge.frechet(implicit, material.part(split).images)
        figures = quality.figures() | {"frechet_implicit": distance}
        tiles = [(f"{quality.frechet:.1f}", "Frechet distance"), (f"{quality.floor:.1f}", "real against real"),
                 (f"{distance:.1f}", f"in {few} implicit steps")]
        shares = [["class", "share of made pictures", ""]]
        shares += [[name, f"{100 * share:.1f} %", ""] for name, share in zip(material.classes, quality.shares)]
        return Evaluation(split, count, figures, f"{quality.told()}, in {few} implicit steps {distance:.1f}", tiles, shares)

    def sections(self, model: nn.Module, settings: Settings, material: Pictures, test: Evaluation) -> list[str]:
        options = Options(n=TRACED, trace=TRACED + 1, seed=settings.seed)
        strip = trace(model, diffusion_of(settings), material.shape, options, settings.variance)
        images = pictures_by(model, settings, 60, material.shape, settings.seed)
        real = material.test.images[:60]
        return [
            shown_section("From noise to pictures (fig. 7.1)", strip, TRACED + 1, "each row is one picture, time goes right"),
            shown_section("Made pictures", images, 20, "the first that came, none left out"),
            shown_section("Real pictures of the test split", real, 20, "for comparison"),
        ]

    def generate(self, run: str | Path | Weights, options: Options) -> Answer:
        """New pictures. `run` is a run's folder, or published weights in diffusers' layout (a folder or a name of the hub)."""
        model: Any
        weights = weights_of(run)
        if weights is not None:
            model, process, shape, variance = published_diffusion(weights.source)
        else:
            assert not isinstance(run, Weights)
            settings, model, prepared = self.load(run)
            process, shape, variance = diffusion_of(settings), prepared.shape, settings.variance
        if options.steps is not None and options.steps > process.steps:
            raise ValueError(f"{run}: was trained with {process.steps} steps, so --steps {options.steps} is too many")
        facts: dict[str, Any] = {"seed": options.seed, "steps": options.steps or process.steps, "shape": list(shape)}
        if options.trace is None:
            images = made(process, model, options.n, shape, seed=options.seed, steps=options.steps, variance=variance,
                          eta=options.eta)
            columns = int(np.ceil(np.sqrt(options.n)))
            return drawn(to_unit(images), columns, facts, f"{options.n} pictures of {shape[1]}x{shape[2]}")
        strip = trace(model, process, shape, options, variance)
        return drawn(strip, options.trace, facts | {"trace": options.trace},
                     f"{options.n} pictures of {shape[1]}x{shape[2]} at {options.trace} moments")

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"generate {run} --n 8 --trace 9 --out strip.png"]


class Noised(Dataset):
    """Pictures in [0, 1] moved to [-1, 1], with noise: ((x_t, t), noise). Sample i shows picture i mod N; t and the noise are
    functions of (seed, epoch, i)."""

    def __init__(self, images: np.ndarray, process: Diffusion, seed: int, draws: int, epoch: int = 0) -> None:
        self.images, self.process, self.seed, self.draws, self.epoch = images, process, seed, draws, epoch

    def at_epoch(self, epoch: int) -> Noised:
        return Noised(self.images, self.process, self.seed, self.draws, epoch)

    def __len__(self) -> int:
        return len(self.images) * self.draws

    def __getitem__(self, index: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
        (x, t), noise = self.batch([index])
        return (x[0], t[0]), noise[0]

    def batch(self, indices: Sequence[int]) -> list[Any]:
        streams = [Draws(self.seed, self.epoch, int(i), purpose="diffusion") for i in indices]
        t = np.array([stream.below(self.process.steps) for stream in streams])
        noise = np.stack([stream.normals(*self.images.shape[1:]) for stream in streams])
        clean = 2 * self.images[np.asarray(indices) % len(self.images)] - 1
        x = self.process.noised(clean, t, noise)
        return [(from_numpy(x), from_numpy(t.astype(np.float32))), from_numpy(noise.astype(np.float32))]


class _fixed(Dataset):
    """A dataset that is the same in every epoch, so that validation losses compare."""

    def __init__(self, dataset: Noised) -> None:
        self.batch = dataset.batch
        self.length = len(dataset)

    def __len__(self) -> int:
        return self.length


def diffusion_of(settings: Settings) -> Diffusion:
    return Diffusion(betas_of(settings.noise, settings.noise_steps))


def pictures_by(
    model: nn.Module, settings: Settings, count: int, shape: Sequence[int], seed: int, steps: int | None = None,
) -> np.ndarray:
    """Made pictures in [0, 1], (count, *shape)."""
    return to_unit(made(diffusion_of(settings), model, count, shape, seed=seed, steps=steps, variance=settings.variance))


def trace(
    model: nn.Module, process: Diffusion, shape: Sequence[int], options: Options, variance: str,
) -> np.ndarray:
    """`n` pictures at `trace` moments, evenly from pure noise to the end: (n * trace, *shape) in [0, 1], row by row."""
    steps = options.steps or process.steps
    moments = set(np.round(np.linspace(0, steps, options.trace or 2)).astype(int).tolist())
    seen: list[np.ndarray] = []

    def keep(i: int, x: np.ndarray) -> None:
        if i in moments:
            seen.append(x)

    made(process, model, min(options.n, 256), shape, seed=options.seed, steps=options.steps, variance=variance,
         eta=options.eta, keep=keep)
    rows = np.stack(seen, 1)  # (n, trace, C, H, W)
    return to_unit(rows.reshape(-1, *shape))


def to_unit(images: np.ndarray) -> np.ndarray:
    """From [-1, 1] to [0, 1]; what lies outside is cut off."""
    return np.clip((images + 1) / 2, 0, 1)


def shown_section(title: str, images: np.ndarray, columns: int, caption: str) -> str:
    return section(title, shown(images, columns, caption))


RECIPE = Diffuse()
