"""An environment seen as the last four frames, grey and 84 x 84, as the Nature network reads them (Mnih et al. 2015)."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from PIL import Image

SIDE = 84
STACKED = 4


class Frames:
    """`environment` with observations uint8 (4, 84, 84), the newest frame last.

    An action is repeated `repeat` times and its rewards are added; a frame is the brighter of the last two pictures in
    each pixel, since Atari draws some things in every other picture only. Where `drawn`, the pictures are what
    `environment.render()` draws, otherwise its observations.
    """

    def __init__(self, environment: Any, repeat: int = 1, drawn: bool = False) -> None:
        if repeat < 1:
            raise ValueError(f"Frames: repeat must be 1 or more, got {repeat}")
        self.environment = environment
        self.action_space = environment.action_space
        self.observation_space = environment.observation_space
        self.metadata = environment.metadata
        self.repeat = repeat
        self.drawn = drawn
        self._frames: deque[np.ndarray] = deque(maxlen=STACKED)

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, dict]:
        seen, info = self.environment.reset(seed=seed)
        first = small(self._picture(seen))
        self._frames.extend([first] * STACKED)
        return np.stack(self._frames), info

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        total, pictures = 0.0, deque[np.ndarray](maxlen=2)
        for _ in range(self.repeat):
            seen, reward, terminated, truncated, info = self.environment.step(action)
            total += float(reward)
            pictures.append(self._picture(seen))
            if terminated or truncated:
                break
        self._frames.append(small(np.maximum.reduce(list(pictures))))
        return np.stack(self._frames), total, terminated, truncated, info

    def render(self) -> np.ndarray:
        return self.environment.render()

    def close(self) -> None:
        self.environment.close()

    def _picture(self, seen: np.ndarray) -> np.ndarray:
        return self.environment.render() if self.drawn else seen


def small(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) or (H, W), uint8, as grey (84, 84): each pixel the mean of the area that it covers.

    Raises ValueError for anything else.
    """
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise ValueError(f"Frames: expected a picture (H, W, 3) or (H, W) of uint8, got {picture.shape} of {picture.dtype}")
    return np.asarray(Image.fromarray(picture).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
