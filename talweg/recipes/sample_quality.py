"""How good made pictures are, beside real ones: the Frechet distance, the share of each class, whether they are copies.

Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, GANs trained by a two time-scale update rule (2017), section 2 and
appendix A1: the distance, there with the features of a large network. Here they are those of a small one, trained on the
same data from a fixed seed, so that figures compare with each other and with nothing published. It is biased upwards for few
samples: what two sets of real pictures have is the floor to read it by.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import nn, optim
from ..compile.engine import compile_at_first_sight
from ..data import DataLoader, TensorDataset, content_hash
from ..data.order import permutation
from ..tensor import Generator, Tensor, from_numpy, manual_seed, no_grad
from ..training.state import generator_state, set_generator
from .picture_sets import PicturePart, Pictures

SEED = 2023
EPOCHS = 20
MOST = 4000  # pictures that the judge learns from
AT_ONCE = 256
FEATURES = 64


class FeatureNet(nn.Module):
    """Pictures (B, C, H, W) in [0, 1] to class scores; `features` gives the 64 numbers before the last layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 16, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, padding=1), nn.ReLU(),
            nn.AdaptiveMaxPool2d(4), nn.Flatten(),
            nn.Linear(32 * 16, FEATURES), nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x: Tensor) -> Tensor:
        return self.body(2 * x - 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


@dataclass(frozen=True)
class Quality:
    """`frechet` is that of made against real pictures, `floor` that of as many training pictures against the same. `shares`
    of each class among the made ones, by the judge. `distance` is the mean distance of a made picture from its nearest
    training picture, `real_distance` that of a held-out one."""

    frechet: float
    floor: float
    shares: Sequence[float]
    distance: float
    real_distance: float

    def figures(self) -> dict[str, float]:
        return {
            "frechet": self.frechet, "frechet_of_real": self.floor, "smallest_class": min(self.shares),
            "nearest_distance": self.distance, "nearest_distance_of_real": self.real_distance,
            "nearest_ratio": self.distance / max(self.real_distance, 1e-12),
        }

    def told(self) -> str:
        return (f"Frechet distance {self.frechet:.1f} (real against real {self.floor:.1f}), rarest class "
                f"{100 * min(self.shares):.1f} %, distance to the nearest training picture {self.distance:.2f} "
                f"(real ones {self.real_distance:.2f})")


class Judge:
    """A small classifier of the data's own classes, trained once in a process for the same pictures. The default generator
    is left as it was. Raises ValueError for data of fewer than two classes, which it could not learn from."""

    def __init__(self, pictures: Pictures) -> None:
        if len(pictures.classes) < 2:
            raise ValueError(f"{pictures.name}: needs pictures of two classes or more, by which made ones are judged")
        self.pictures = pictures
        self.network = _trained(_Content(pictures.train, len(pictures.classes)))

    def features(self, images: np.ndarray) -> np.ndarray:
        """(N, 64), float64."""
        return self._batches(images, self.network.features).astype(np.float64)

    def classes(self, images: np.ndarray) -> np.ndarray:
        """The class number of each picture, (N,)."""
        return self._batches(images, self.network).argmax(1)

    def frechet(self, images: np.ndarray, real: np.ndarray) -> float:
        return frechet_distance(self.features(images), self.features(real))

    def quality(self, images: np.ndarray, split: str) -> Quality:
        """Of made pictures (N, C, H, W) in [0, 1], beside the real ones of a split."""
        real, train = self.pictures.part(split).images, self.pictures.train.images
        chosen = train[permutation(len(train), SEED, "real against real")[: len(real)]]
        counts = np.bincount(self.classes(images), minlength=len(self.pictures.classes))
        return Quality(
            self.frechet(images, real), self.frechet(chosen, real), (counts / len(images)).tolist(),
            nearest_distance(images, train), nearest_distance(real, train),
        )

    def _batches(self, images: np.ndarray, function) -> np.ndarray:
        rows = (images[i:i + AT_ONCE] for i in range(0, len(images), AT_ONCE))
        with no_grad():
            return np.concatenate([function(from_numpy(np.ascontiguousarray(r, np.float32))).numpy() for r in rows])


class _Content:
    """Pictures with labels, equal by their content: what a trained judge is remembered by."""

    def __init__(self, part: PicturePart, classes: int) -> None:
        self.part, self.classes = part, classes
        self.hash = content_hash(part.images, part.labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and other.hash == self.hash

    def __hash__(self) -> int:
        return hash(self.hash)


@functools.lru_cache(4)
def _trained(content: _Content) -> FeatureNet:
    state = generator_state()
    manual_seed(SEED)
    network = FeatureNet(content.part.images.shape[1], content.classes)
    order = Generator()
    order.manual_seed(SEED)
    chosen = permutation(len(content.part), SEED, "judge")[:MOST]
    images, labels = (from_numpy(np.ascontiguousarray(a[chosen])) for a in (content.part.images, content.part.labels))
    loader: DataLoader = DataLoader(TensorDataset(images, labels), 64, shuffle=True, generator=order)
    optimizer = optim.Adam(network.parameters(), lr=2e-3)
    with compile_at_first_sight():  # the same bits whatever this process has computed before
        for _ in range(EPOCHS):
            for x, y in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(x), y).backward()
                optimizer.step()
    set_generator(state)
    return network.eval()


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of rows (N, D) and (M, D), S their covariances.

    The squared distance between two normal distributions of these moments (Dowson, Landau, 1982). Raises ValueError for
    fewer than two rows or unequal widths, and for numbers that are not finite.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"frechet_distance: expected two or more rows of one width, got {list(a.shape)} and {list(b.shape)}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("frechet_distance: the features hold numbers that are not finite")
    first, second = np.cov(a, rowvar=False).reshape(a.shape[1], -1), np.cov(b, rowvar=False).reshape(b.shape[1], -1)
    root = _root(first)
    # (S_a S_b)^(1/2) has the trace of (R S_b R)^(1/2), R being the root of S_a, and that matrix is symmetric.
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    distance = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * cross
    return float(max(distance, 0.0))


def nearest_distance(images: np.ndarray, among: np.ndarray) -> float:
    """The mean Euclidean distance of a picture from the nearest of `among`, in units of a pixel's range."""
    rows, others = (x.reshape(len(x), -1).astype(np.float64) for x in (images, among))
    squares = (others**2).sum(1)
    found = []
    for part in np.array_split(rows, max(1, len(rows) // AT_ONCE)):
        found.append(((part**2).sum(1)[:, None] + squares - 2 * part @ others.T).min(1))
    return float(np.sqrt(np.maximum(np.concatenate(found), 0)).mean())


def _root(matrix: np.ndarray) -> np.ndarray:
    """The root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
