"""Denoising diffusion (L 7.2): the forward process, and how a model of its noise is run backwards.

Ho, Jain, Abbeel, Denoising diffusion probabilistic models (2020); Song, Meng, Ermon, Denoising diffusion implicit models
(2021); Nichol, Dhariwal, Improved denoising diffusion probabilistic models (2021). With a_t = 1 - beta_t and A_t = a_0 ... a_t,

    q(x_t | x_0) = N(sqrt(A_t) x_0, (1 - A_t) I),    t = 0 ... T - 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .. import nn
from ..tensor import compiled, from_numpy, no_grad

SCHEDULES = ("linear", "cosine")
VARIANCES = ("small", "large")
MOST_BETA = 0.999
AT_ONCE = 256  # pictures that are made together


def betas_of(schedule: str, steps: int) -> np.ndarray:
    """The variances beta_t that are added at each step, (T,) float64.

    linear: from 1e-4 to 0.02 for T = 1000 (Ho et al., section 4), times 1000 / T otherwise, so that as much noise is added
    in all. cosine: A_t = f(t + 1) / f(0), f(t) = cos^2((t / T + 0.008) / 1.008 pi / 2) (Nichol, Dhariwal, equation 17).
    Raises ValueError for another name or fewer than two steps.
    """
    if schedule not in SCHEDULES or steps < 2:
        raise ValueError(f"betas_of: the schedule must be one of {', '.join(SCHEDULES)} and have 2 steps or more, got "
                         f"{schedule!r} and {steps}")
    if schedule == "linear":
        return np.minimum(np.linspace(1e-4, 0.02, steps) * (1000 / steps), MOST_BETA)
    kept = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * math.pi / 2) ** 2
    return np.minimum(1 - kept[1:] / kept[:-1], MOST_BETA)


class Diffusion:
    """The process of given variances. Pictures are float arrays (B, ...), t is (B,) or one number from 0 to T - 1.

    Raises ValueError for variances outside (0, 1).
    """

    def __init__(self, betas: Sequence[float] | np.ndarray) -> None:
        self.betas = np.asarray(betas, np.float64)
        if self.betas.ndim != 1 or len(self.betas) < 1 or not ((self.betas > 0) & (self.betas < 1)).all():
            raise ValueError("Diffusion: the variances must be a list of numbers between 0 and 1")
        self.steps = len(self.betas)
        self.kept = np.cumprod(1 - self.betas)  # A_t

    def noised(self, x: np.ndarray, t: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """x_t = sqrt(A_t) x_0 + sqrt(1 - A_t) noise."""
        kept = _along(self.kept[t], x)
        return (np.sqrt(kept) * x + np.sqrt(1 - kept) * noise).astype(np.float32)

    def clean(self, x: np.ndarray, t: int, noise: np.ndarray, limit: float | None = 1.0) -> np.ndarray:
        """What x_0 would be if `noise` were the noise in x_t, cut to [-limit, limit] as the data lie there."""
        kept = self.kept[t]
        found = (x - math.sqrt(1 - kept) * noise) / math.sqrt(kept)
        return found if limit is None else np.clip(found, -limit, limit)

    def posterior(self, x: np.ndarray, t: int, start: np.ndarray) -> tuple[np.ndarray, float]:
        """Mean and variance of q(x_{t-1} | x_t, x_0 = start) (Ho et al., equations 6 and 7). With t = 0 it is the start."""
        beta, kept = self.betas[t], self.kept[t]
        before = self.kept[t - 1] if t else 1.0
        mean = math.sqrt(before) * beta / (1 - kept) * start + math.sqrt(1 - beta) * (1 - before) / (1 - kept) * x
        return mean, float(beta * (1 - before) / (1 - kept))

    def ancestral(
        self, model: nn.Module, shape: Sequence[int], rng: np.random.Generator, variance: str = "small",
        limit: float | None = 1.0,
    ) -> Iterator[np.ndarray]:
        """x_T, ..., x_0 of pictures (B, C, H, W), each drawn from the posterior of the start that the model believes in.

        variance: small is the posterior's own, large is beta_t (Ho et al., section 3.2); the last step adds none. Raises
        ValueError for another name.
        """
        if variance not in VARIANCES:
            raise ValueError(f"Diffusion: the variance must be one of {', '.join(VARIANCES)}, got {variance!r}")
        predicted = _called(model)
        x = rng.standard_normal(tuple(shape))
        yield x
        for t in reversed(range(self.steps)):
            start = self.clean(x, t, predicted(x, t), limit)
            x, spread = self.posterior(x, t, start)
            if t:
                x = x + math.sqrt(spread if variance == "small" else self.betas[t]) * rng.standard_normal(tuple(shape))
            yield x

    def implicit(
        self, model: nn.Module, shape: Sequence[int], rng: np.random.Generator, steps: int, eta: float = 0.0,
        limit: float | None = 1.0,
    ) -> Iterator[np.ndarray]:
        """The same in `steps` larger steps (Song et al., equation 12); eta = 0 draws no noise but the first.

        The noise that goes on is that which fits the cut start. Raises ValueError for steps outside 1 ... T.
        """
        times = spaced(self.steps, steps)
        predicted = _called(model)
        x = rng.standard_normal(tuple(shape))
        yield x
        for t, following in zip(times, [*times[1:], -1]):
            kept, after = self.kept[t], self.kept[following] if following >= 0 else 1.0
            start = self.clean(x, t, predicted(x, t), limit)
            noise = (x - math.sqrt(kept) * start) / math.sqrt(1 - kept)
            sigma = eta * math.sqrt((1 - after) / (1 - kept) * (1 - kept / after))
            x = math.sqrt(after) * start + math.sqrt(max(1 - after - sigma**2, 0.0)) * noise
            if sigma:
                x = x + sigma * rng.standard_normal(tuple(shape))
            yield x


def made(
    diffusion: Diffusion, model: nn.Module, count: int, shape: Sequence[int], *, seed: int = 0, steps: int | None = None,
    variance: str = "small", eta: float = 0.0, keep: Callable[[int, np.ndarray], None] | None = None,
) -> np.ndarray:
    """`count` pictures (count, *shape), float32, in evaluation mode: by all steps, or with `steps` by that many implicit ones.

    `keep(i, x)` sees the first ones, at most 256, after i steps. Equal seeds give equal pictures.
    """
    was_training = model.training
    model.eval()
    rng = np.random.Generator(np.random.Philox(seed))
    done = []
    for first in range(0, count, AT_ONCE):
        size = (min(AT_ONCE, count - first), *shape)
        course = diffusion.ancestral(model, size, rng, variance) if steps is None else \
            diffusion.implicit(model, size, rng, steps, eta)
        x = np.empty(0)
        for i, x in enumerate(course):
            if keep is not None and first == 0:
                keep(i, x)
        done.append(x)
    model.train(was_training)
    return np.concatenate(done).astype(np.float32)


@dataclass(frozen=True)
class Moment:
    """A course after `done` of its steps: pictures (B, ...) float32 with noise in them, `time` t of x_t, None at the end; and
    what the model takes them for without it, x_0 as far as it can tell."""

    done: int
    time: int | None
    noisy: np.ndarray
    clean: np.ndarray


def moments(
    diffusion: Diffusion, model: nn.Module, count: int, shape: Sequence[int], most: int, *, seed: int = 0,
    steps: int | None = None, variance: str = "small", eta: float = 0.0,
) -> list[Moment]:
    """At most `most` moments, evenly from pure noise to the end, of what `made` does with the same arguments.

    Raises ValueError for fewer than 2 moments or more than 256 pictures, and as `made`.
    """
    if most < 2 or not 1 <= count <= AT_ONCE:
        raise ValueError(f"moments: there must be 2 moments or more of 1 to {AT_ONCE} pictures, got {most} of {count}")
    times = [*(range(diffusion.steps - 1, -1, -1) if steps is None else spaced(diffusion.steps, steps)), None]
    shown = set(np.round(np.linspace(0, len(times) - 1, min(most, len(times)))).astype(int).tolist())
    seen: dict[int, np.ndarray] = {}
    made(diffusion, model, count, shape, seed=seed, steps=steps, variance=variance, eta=eta,
         keep=lambda i, x: seen.update({i: x}) if i in shown else None)
    predicted = _called(model)
    was_training = model.training
    model.eval()
    found = []
    for i, x in seen.items():
        t = times[i]
        clean = x if t is None else diffusion.clean(x, t, predicted(x, t))
        found.append(Moment(i, t, x.astype(np.float32), clean.astype(np.float32)))
    model.train(was_training)
    return found


def spaced(total: int, steps: int) -> list[int]:
    """`steps` of the times T - 1 ... 0, evenly, the first and (with two or more) the last among them, in falling order."""
    if not 1 <= steps <= total:
        raise ValueError(f"Diffusion: {steps} steps are not between 1 and the {total} that it was trained with")
    return [int(t) for t in np.round(np.linspace(total - 1, 0, steps))]


def _called(model: nn.Module) -> Callable[[np.ndarray, int], np.ndarray]:
    step = compiled.compile(model.__call__)

    def predicted(x: np.ndarray, t: int) -> np.ndarray:
        with no_grad():
            given = from_numpy(np.ascontiguousarray(x, np.float32))
            return step(given, from_numpy(np.full(len(x), t, np.float32))).numpy().astype(np.float64)

    return predicted


def _along(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values (B,) or one number so that they multiply pictures (B, ...)."""
    return np.reshape(values, (-1, *[1] * (x.ndim - 1)))
