"""Pictures told in a few numbers and back: the autoencoder and the variational one (L "missing bits", N 10)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import Dataset
from ..models import VAE, Autoencoder, negative_elbo
from ..nn import functional as F
from ..tensor import Tensor, exp, from_numpy, no_grad, zeros
from ..training import Score
from ..training.report_parts import section
from .autoencode_settings import HELP, OPTIONS_HELP, Options, Settings
from .evaluation import Answer, Evaluation
from .latent_map import latent_map
from .linear_codes import LinearCode
from .picture_sets import PicturePart, Pictures, Shape, drawn, load_pictures, shown
from .recipe import Recipe
from .sample_quality import Judge
from .task import Goal, loaders_of

AT_ONCE = 256
CODES_AVERAGED = 8  # of each validation picture, drawn from the same noise in every epoch
SHOWN = 20


class Autoencode(Recipe):
    name = "autoencode"
    settings = Settings
    help = HELP
    prepared = Shape
    options = Options
    options_help = OPTIONS_HELP

    def material(self, settings: Settings) -> Pictures:
        return load_pictures(settings.data, settings.size, settings.channels, settings.seed)

    def prepare(self, settings: Settings, material: Pictures) -> Shape:
        return Shape(list(material.shape), material.fingerprint)

    def model(self, settings: Settings, prepared: Shape) -> nn.Module:
        kind: Any = VAE if settings.model == "vae" else Autoencoder
        channels, side, _ = prepared.shape
        return kind(channels, side, settings.code, settings.width, settings.hidden)

    def goal(self, settings: Settings, material: Pictures, prepared: Shape) -> Goal:
        train = Repeated(material.train.images, settings.draws)
        loaders = loaders_of(settings, train, Repeated(material.validation.images, 1))
        if settings.model == "autoencoder":
            return Goal(nn.MSELoss(), *loaders)

        def validate(model: nn.Module) -> Score:
            return Score(sum(elbo_parts(model, material.validation.images, settings.seed)), None, len(material.validation))

        def loss(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
            return negative_elbo(*outputs, x, settings.beta)

        return Goal(loss, *loaders, validate=validate)

    def notes(self, material: Pictures) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Shape) -> tuple[Tensor, ...]:
        return (zeros(1, *prepared.shape),)

    def measure(self, model: nn.Module, settings: Settings, material: Pictures, split: str) -> Evaluation:
        part = material.part(split)
        linear = LinearCode.of(material.train.images, min(settings.code, *_flat(material.train.images).shape))
        error, baseline = reconstruction_error(model, part.images), linear.error(part.images)
        figures = {"mse": error, "pca_mse": baseline, "mse_ratio": error / max(baseline, 1e-12)}
        told = f"squared error {error:.4f} a pixel, {figures['mse_ratio']:.2f} of that of {settings.code} principal components"
        tiles = [(f"{error:.4f}", "squared error"), (f"{baseline:.4f}", f"of {settings.code} principal components")]
        if isinstance(model, VAE):
            figures |= _of_variational(model, settings, material, split)
            told = (f"-ELBO {figures['negative_elbo']:.2f} nats (KL {figures['kl']:.2f}; always the mean picture "
                    f"{figures['mean_picture_nats']:.2f}), Frechet distance {figures['frechet']:.1f}, {told}")
            tiles = [(f"{figures['negative_elbo']:.2f}", "-ELBO, nats"), (f"{figures['kl']:.2f}", "KL, nats"),
                     (f"{figures['frechet']:.1f}", "Frechet distance"), *tiles]
        return Evaluation(split, len(part), figures, told, tiles)

    def sections(self, model: Any, settings: Settings, material: Pictures, test: Evaluation) -> list[str]:
        part = PicturePart(material.test.images[:SHOWN], material.test.labels[:SHOWN])
        back = reconstructed(model, part.images)
        flat = LinearCode.of(material.train.images, min(settings.code, *_flat(material.train.images).shape))
        linear = flat.decode(flat.encode(part.images)).reshape(part.images.shape)
        rows = np.concatenate([part.images, back, linear])
        told = (f"from above: pictures of the test split, what {settings.code} numbers give back, what as many principal "
                "components do")
        codes = codes_of(model, material.test.images)
        return [
            section("There and back", shown(rows, SHOWN, told)),
            section("Made pictures", shown(self._made(model, material, 60, settings.seed), SHOWN, "from codes drawn at random")),
            section("From one to another", shown(walk(model, material.test.images[:8], 12), 12, "between two test pictures")),
            section("Where the pictures lie", latent_map(codes, material.test.labels, material.classes)),
        ]

    def generate(self, run: str | Path, options: Options) -> Answer:
        """New pictures from codes drawn at random, or walks between them. Raises ValueError for a plain autoencoder, whose
        codes follow no known distribution, and as `load` does."""
        settings, model, prepared = self.load(run)
        if not isinstance(model, VAE):
            raise ValueError(f"{run}: an autoencoder learns codes but not how they are distributed, so that nothing new can be "
                             "drawn from it: train a vae")
        facts = {"seed": options.seed, "shape": prepared.shape}
        z = _noise(settings.code, options.n if options.walk is None else 2 * options.n, options.seed)
        if options.walk is None:
            return drawn(decoded(model, z), int(np.ceil(np.sqrt(options.n))), facts, f"{options.n} pictures")
        images = decoded(model, between(z[: options.n], z[options.n:], options.walk))
        return drawn(images, options.walk, facts | {"walk": options.walk}, f"{options.n} walks of {options.walk} pictures")

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"generate {run} --out pictures.png"]

    def _made(self, model: Any, material: Pictures, count: int, seed: int) -> np.ndarray:
        """From the prior of a VAE; of an autoencoder from the normal distribution of the training pictures' codes."""
        if isinstance(model, VAE):
            return decoded(model, _noise(model.latent, count, seed))
        codes = codes_of(model, material.train.images)
        rng = np.random.Generator(np.random.Philox(seed))
        drawn_codes = rng.multivariate_normal(codes.mean(0), np.atleast_2d(np.cov(codes.T)), count)
        return decoded(model, drawn_codes.astype(np.float32))


class Repeated(Dataset):
    """Pictures in [0, 1], each `times` times: (picture, picture)."""

    def __init__(self, images: np.ndarray, times: int) -> None:
        self.images, self.times = images, times

    def __len__(self) -> int:
        return len(self.images) * self.times

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, _ = self.batch([index])
        return x[0], x[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        x = from_numpy(self.images[np.asarray(indices) % len(self.images)])
        return [x, x]


def codes_of(model: Any, images: np.ndarray) -> np.ndarray:
    """The code of each picture, (N, latent); of a VAE its mean."""
    with no_grad():
        found = [model.encode(from_numpy(images[i:i + AT_ONCE])) for i in range(0, len(images), AT_ONCE)]
        return np.concatenate([(c[0] if isinstance(c, tuple) else c).numpy() for c in found])


def decoded(model: Any, codes: np.ndarray) -> np.ndarray:
    """Pictures (N, C, H, W) in [0, 1] of codes (N, latent)."""
    with no_grad():
        rows = [model.decode(from_numpy(codes[i:i + AT_ONCE])).numpy() for i in range(0, len(codes), AT_ONCE)]
    return np.concatenate(rows)


def reconstructed(model: Any, images: np.ndarray) -> np.ndarray:
    return decoded(model, codes_of(model, images))


def reconstruction_error(model: Any, images: np.ndarray) -> float:
    """Mean squared difference of a pixel from what the code gives back; of a VAE the code's mean."""
    return float(((reconstructed(model, images) - images) ** 2).mean())


def elbo_parts(model: Any, images: np.ndarray, seed: int, draws: int = CODES_AVERAGED) -> tuple[float, float]:
    """(-E log p(x | z), KL(q(z | x) || N(0, 1))) in nats a picture, their sum the negative ELBO.

    The expectation is over `draws` codes of each picture, by noise that depends on the seed alone; the divergence is exact.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    x = from_numpy(images)
    with no_grad():
        mean, log_variance = model.encode(x)
        kl = float((mean**2 + exp(log_variance) - log_variance - 1).sum().item() / 2 / len(images))
        nats = 0.0
        for _ in range(draws):
            z = mean + exp(log_variance / 2) * from_numpy(rng.standard_normal(mean.shape).astype(np.float32))
            nats += F.binary_cross_entropy_with_logits(model.decoder(z), x, reduction="sum").item()
    return nats / draws / len(images), kl


def between(first: np.ndarray, last: np.ndarray, steps: int) -> np.ndarray:
    """Rows of codes from each of `first` (N, latent) to that of `last`, evenly: (N * steps, latent) float32."""
    share = np.linspace(0, 1, steps)[:, None]
    rows = (1 - share) * first[:, None] + share * last[:, None]  # (N, steps, latent)
    return rows.reshape(-1, first.shape[1]).astype(np.float32)


def walk(model: Any, images: np.ndarray, steps: int) -> np.ndarray:
    """Rows of pictures from the first half of `images` to the second, through their codes."""
    codes = codes_of(model, images)
    half = len(codes) // 2
    return decoded(model, between(codes[:half], codes[half:2 * half], steps))


def mean_picture_nats(train: np.ndarray, images: np.ndarray) -> float:
    """-log p of pictures whose every pixel has the mean of the training pictures: what a model without codes reaches."""
    p = np.clip(train.mean(0, dtype=np.float64), 1e-6, 1 - 1e-6)
    return float(-(images * np.log(p) + (1 - images) * np.log(1 - p)).sum() / len(images))


def _of_variational(model: VAE, settings: Settings, material: Pictures, split: str) -> dict[str, float]:
    images = material.part(split).images
    nats, kl = elbo_parts(model, images, settings.seed)
    quality = Judge(material).quality(decoded(model, _noise(model.latent, len(images), settings.seed)), split)
    return {"negative_elbo": nats + kl, "kl": kl, "mean_picture_nats": mean_picture_nats(material.train.images, images)} \
        | quality.figures()


def _noise(latent: int, count: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).standard_normal((count, latent)).astype(np.float32)


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


RECIPE = Autoencode()
