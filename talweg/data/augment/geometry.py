"""Where things are: shift, scale, rotation, mirror, crops (L 6.2). Boxes and masks move with the pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import warp
from .annotated import Annotated, checked_range, checked_share
from .draws import Draws


@dataclass(frozen=True)
class Shift:
    """Moved by up to `most` of the width and of the height, in both directions."""

    most: float = 0.1
    fill: float = 0.0

    def __post_init__(self) -> None:
        checked_share("Shift", "most", self.most)

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        height, width = sample.size
        x = draws.between(-self.most, self.most) * width
        y = draws.between(-self.most, self.most) * height
        return warp.warped(sample, warp.shift(x, y), fill=self.fill)


@dataclass(frozen=True)
class Scale:
    """Larger or smaller about the middle by a factor of `range`, log-uniform."""

    range: tuple[float, float] = (0.8, 1.25)
    fill: float = 0.0

    def __post_init__(self) -> None:
        checked_range("Scale", "range", self.range, 1e-3)

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        factor = math.exp(draws.between(math.log(self.range[0]), math.log(self.range[1])))
        return warp.warped(sample, warp.about_the_middle(warp.stretch(factor, factor), sample.size), fill=self.fill)


@dataclass(frozen=True)
class Rotate:
    """Turned about the middle by up to `degrees` either way."""

    degrees: float = 10.0
    fill: float = 0.0

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        angle = draws.between(-self.degrees, self.degrees)
        return warp.warped(sample, warp.about_the_middle(warp.turn(angle), sample.size), fill=self.fill)


@dataclass(frozen=True)
class Mirror:
    """Left and right exchanged with this probability. Not for what can be read."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        checked_share("Mirror", "probability", self.probability)

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        if not draws.happens(self.probability):
            return sample
        return warp.warped(sample, warp.about_the_middle(warp.stretch(-1, 1), sample.size))


@dataclass(frozen=True)
class RandomCrop:
    """A window of `size` (height, width) at a random whole pixel, after `padding` pixels of `fill` on every side."""

    size: tuple[int, int]
    padding: int = 0
    fill: float = 0.0

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        spare = [have + 2 * self.padding - want for have, want in zip(sample.size, self.size)]
        if min(*spare, *(n - 1 for n in self.size)) < 0:
            raise ValueError(f"RandomCrop: a window of {self.size} does not fit into {sample.size} with {self.padding} "
                             "pixels of padding: enlarge the image or the padding")
        top, left = (draws.below(n + 1) - self.padding for n in spare)
        return warp.warped(sample, warp.shift(-left, -top), self.size, self.fill)


@dataclass(frozen=True)
class ResizedCrop:
    """A part with a share `area` of the image and a width-to-height ratio of `ratio`, resized to `size`.

    `size` None means the image's own. After ten windows that do not fit the whole image is taken, as by Szegedy et
    al. (2015), who introduced it. The part is read bilinearly, so it should not be much larger than `size`.
    """

    size: tuple[int, int] | None = None
    area: tuple[float, float] = (0.25, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        checked_range("ResizedCrop", "area", self.area, 1e-6)
        checked_range("ResizedCrop", "ratio", self.ratio, 1e-6)

    def __call__(self, sample: Annotated, draws: Draws) -> Annotated:
        top, left, height, width = self._window(sample.size, draws)
        size = self.size or sample.size
        matrix = warp.stretch(size[1] / width, size[0] / height) @ warp.shift(-left, -top)
        return warp.warped(sample, matrix, size)

    def _window(self, size: tuple[int, int], draws: Draws) -> tuple[float, float, float, float]:
        whole_height, whole_width = size
        for _ in range(10):
            area = draws.between(*self.area) * whole_height * whole_width
            ratio = math.exp(draws.between(math.log(self.ratio[0]), math.log(self.ratio[1])))
            width = math.sqrt(area * ratio)
            height = math.sqrt(area / ratio)
            if width <= whole_width and height <= whole_height:
                return draws.between(0, whole_height - height), draws.between(0, whole_width - width), height, width
        return 0, 0, whole_height, whole_width
