"""Pictures by two networks that learn against each other: GAN, DCGAN, WGAN-GP (L "missing bits", N 11)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn, optim
from ..data import Dataset
from ..models.adversaries import Adversaries
from ..tensor import Tensor, from_numpy, no_grad
from ..training import Score, parameter_groups
from ..training.report_parts import section
from .evaluation import Answer, Evaluation
from .gan_settings import HELP, OPTIONS_HELP, Options, Settings
from .gan_update import AdversarialUpdate, Objective, confused
from .picture_sets import Pictures, Shape, drawn, load_pictures, shown
from .recipe import Recipe
from .sample_quality import Judge
from .task import Goal, loaders_of

AT_ONCE = 256
MOST_JUDGED = 360
SHOWN = 60


class Gan(Recipe):
    name = "gan"
    settings = Settings
    help = HELP
    prepared = Shape
    options = Options
    options_help = OPTIONS_HELP

    def material(self, settings: Settings) -> Pictures:
        return load_pictures(settings.data, settings.size, settings.channels, settings.seed)

    def prepare(self, settings: Settings, material: Pictures) -> Shape:
        return Shape(list(material.shape), material.fingerprint)

    def model(self, settings: Settings, prepared: Shape) -> Adversaries:
        return Adversaries(settings.model, prepared.shape, settings.latent, settings.width)

    def optimizer(self, settings: Settings, model: nn.Module) -> optim.Adam:
        groups = parameter_groups(model, settings.lr, settings.lr_scale or [])
        betas = (settings.momentum_of_adam, 0.99)
        return optim.Adam(groups, lr=settings.lr, betas=betas, weight_decay=settings.weight_decay)

    def goal(self, settings: Settings, material: Pictures, prepared: Shape) -> Goal:
        """The best epoch is that whose pictures are nearest to the validation split's in the Frechet distance."""
        judge = Judge(material)
        rows = Repeated(material.train.images, settings.draws)
        train, _ = loaders_of(settings, rows, rows)
        real = material.validation.images

        def validate(model: Any) -> Score:
            return Score(judge.frechet(made(model, 2 * len(real), settings.seed), real), None, len(real))

        objective = Objective(str(settings.objective), settings.penalty or 0.0, settings.smoothing)
        # A critic's scores have no border between real and made: there is nothing to count.
        error: Any = None if settings.objective == "wasserstein" else confused
        return Goal(objective, train, None, validate=validate, error=error, update=AdversarialUpdate)

    def notes(self, material: Pictures) -> Sequence[str]:
        told = ("training loss and error are the discriminator's: an error of 50 % means that it cannot tell; the validation "
                "loss is the Frechet distance from the validation pictures")
        return [*material.notes, told]

    def example(self, prepared: Shape) -> None:
        """Two networks: no single call shows them."""

    def measure(self, model: nn.Module, settings: Settings, material: Pictures, split: str) -> Evaluation:
        count = min(MOST_JUDGED, len(material.part(split)))
        quality = Judge(material).quality(made(model, count, settings.seed), split)
        tiles = [(f"{quality.frechet:.1f}", "Frechet distance"), (f"{quality.floor:.1f}", "real against real")]
        shares = [["class", "share of made pictures", ""]]
        shares += [[name, f"{100 * share:.1f} %", ""] for name, share in zip(material.classes, quality.shares)]
        return Evaluation(split, count, quality.figures(), quality.told(), tiles, shares)

    def sections(self, model: nn.Module, settings: Settings, material: Pictures, test: Evaluation) -> list[str]:
        images = made(model, SHOWN, settings.seed)
        ways = walk(model, 4, 12, settings.seed)
        return [
            section("Made pictures", shown(images, 20, "the first that came, none left out")),
            section("Real pictures of the test split", shown(material.test.images[:SHOWN], 20, "for comparison")),
            section("From one to another", shown(ways, 12, "the noise goes evenly from left to right")),
        ]

    def generate(self, run: str | Path, options: Options) -> Answer:
        """New pictures. Raises as `load` does."""
        _, model, prepared = self.load(run)
        facts = {"seed": options.seed, "shape": prepared.shape}
        if options.walk is not None:
            images = walk(model, options.n, options.walk, options.seed)
            return drawn(images, options.walk, facts | {"walk": options.walk}, f"{options.n} walks of {options.walk} pictures")
        images = made(model, options.n, options.seed)
        return drawn(images, int(np.ceil(np.sqrt(options.n))), facts, f"{options.n} pictures")

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"generate {run} --n 16 --out pictures.png"]


class Repeated(Dataset):
    """Pictures in [0, 1] moved to [-1, 1], each `times` times: (picture, picture)."""

    def __init__(self, images: np.ndarray, times: int) -> None:
        self.images, self.times = images, times

    def __len__(self) -> int:
        return len(self.images) * self.times

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, _ = self.batch([index])
        return x[0], x[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        x = from_numpy(2 * self.images[np.asarray(indices) % len(self.images)] - 1)
        return [x, x]


def made(model: Any, count: int, seed: int) -> np.ndarray:
    """Pictures (count, C, H, W) in [0, 1] by the generator in evaluation mode."""
    return of_noise(model, noise(model.latent, count, seed))


def noise(latent: int, count: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).standard_normal((count, latent)).astype(np.float32)


def of_noise(model: Any, z: np.ndarray) -> np.ndarray:
    was_training = model.training
    model.eval()
    with no_grad():
        rows = [model(from_numpy(z[i:i + AT_ONCE])).numpy() for i in range(0, len(z), AT_ONCE)]
    model.train(was_training)
    return np.clip((np.concatenate(rows) + 1) / 2, 0, 1)


def walk(model: Any, rows: int, steps: int, seed: int) -> np.ndarray:
    """Rows of pictures between two draws of noise, along the circle through both: its points are as long as noise is, while
    those of the straight line would be shorter (White, Sampling generative networks, 2016)."""
    first, last = noise(model.latent, 2 * rows, seed).reshape(2, rows, 1, model.latent)
    turned = np.linspace(0, np.pi / 2, steps)[:, None]  # (steps, 1)
    z = np.cos(turned) * first + np.sin(turned) * last  # (rows, steps, latent)
    return of_noise(model, z.reshape(-1, model.latent).astype(np.float32))


RECIPE = Gan()
