"""Rows 109 to 118 of docs/book.md: what text and pictures that were learned to be made are like, by default settings, seed 0.

Figures that must be at most something are given with a minus sign. Each training is made once for all its figures.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from talweg.recipes.registry import recipe, recipe_for
from talweg.recipes.settings import from_mapping

LONGER = 14  # epochs


@functools.cache
def figures(model: str, **settings) -> dict[str, float]:
    used = recipe(recipe_for(model)[0])
    with tempfile.TemporaryDirectory() as folder:
        outcome = used.train(from_mapping(used.settings, {"model": model} | settings), Path(folder) / "run")
    print(f"  {model}: {outcome.test.summary}; trained in {outcome.result.seconds:.0f} s", flush=True)
    return outcome.test.figures


def text_bits(**settings) -> float:
    """Minus the bits per character of the test text."""
    return -figures("gpt", **settings)["bits_per_character"]


def diffusion_distance() -> float:
    return -figures("ddpm")["frechet"]


def implicit_ratio() -> float:
    """Minus the Frechet distance of pictures made in 20 implicit steps, over that of those made in all steps."""
    return -figures("ddpm")["frechet_implicit"] / figures("ddpm")["frechet"]


def diffusion_copies() -> float:
    """The distance of made pictures from the nearest training picture, over that of held-out ones."""
    return figures("ddpm")["nearest_ratio"]


def code_ratio() -> float:
    """Minus the squared error of 8 learned numbers over that of 8 principal components."""
    return -figures("autoencoder")["mse_ratio"]


def flow_gain(model: str) -> float:
    """By how many bits a pixel a flow tells the test digits shorter than the better one of two normal distributions."""
    found = figures(model)
    return found["gaussian_bits_per_pixel"] - found["bits_per_pixel"]


ROWS = (
    (109, "GPT, 700 steps: minus bits per character", -2.6, lambda: text_bits(steps=700)),
    (109, "GPT, longer: minus bits per character", -2.0, lambda: text_bits(epochs=LONGER)),
    (113, "DDPM: minus the Frechet distance", -40.0, diffusion_distance),
    (113, "DDPM: share of the rarest class", 0.02, lambda: figures("ddpm")["smallest_class"]),
    (113, "DDPM: distance to training pictures over real", 0.9, diffusion_copies),
    (114, "20 implicit steps: minus their distance over all", -2.0, implicit_ratio),
    (115, "8 learned numbers: minus error over PCA's", -0.6, code_ratio),
    (116, "VAE: minus -ELBO in nats", -25.0, lambda: -figures("vae")["negative_elbo"]),
    (116, "VAE: KL in nats", 1.0, lambda: figures("vae")["kl"]),
    (116, "VAE: minus the Frechet distance", -55.0, lambda: -figures("vae")["frechet"]),
    (117, "GAN: minus the Frechet distance", -25.0, lambda: -figures("gan")["frechet"]),
    (117, "GAN: share of the rarest class", 0.02, lambda: figures("gan")["smallest_class"]),
    (118, "RealNVP: bits a pixel below a normal distribution", 0.02, lambda: flow_gain("realnvp")),
)
"""Row, what, the least that it must be, and the figure."""
