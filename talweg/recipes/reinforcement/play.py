"""An episode of a policy as moving pictures."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ... import nn
from .gym import Spaces
from .learner import Best
from .networks import within

SHORTEST = 20
"""Milliseconds that a picture of a GIF must last: programs show shorter ones slowly."""

SAMPLED = 8
"""Pictures from which the colours of all are taken, so that they do not flicker."""


def played(environment: Any, spaces: Spaces, policy: nn.Module, seed: int, most: int) -> tuple[list[np.ndarray], float]:
    """The pictures (H, W, 3) of an episode of at most `most` steps, the first before any action, and its return."""
    best = Best(policy)
    seen, _ = environment.reset(seed=seed)
    pictures, total = [environment.render()], 0.0
    for _ in range(most):
        actions = within(best(np.asarray(seen, spaces.observation_dtype)[None]), spaces)
        seen, reward, terminated, truncated, _ = environment.step(actions[0])
        pictures.append(environment.render())
        total += float(reward)
        if terminated or truncated:
            break
    return pictures, total


def rate_of(environment: Any) -> float:
    """Pictures a second, as the environment says."""
    return float(environment.metadata.get("render_fps") or 30)


def animation(pictures: list[np.ndarray], rate: float, width: int) -> bytes:
    """A GIF that goes round for ever, no wider than `width`; where `rate` pictures a second are too many, some are left out."""
    wanted = 1000 / rate
    every = max(1, round(SHORTEST / wanted))
    frames = [_fitted(picture, width) for picture in pictures[::every]]
    palette = _side_by_side(frames[:: -(-len(frames) // SAMPLED)]).quantize(256)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    drawn[0].save(file, format="GIF", save_all=True, append_images=drawn[1:], duration=round(wanted * every), loop=0)
    return file.getvalue()


def _side_by_side(frames: list[Image.Image]) -> Image.Image:
    width, height = frames[0].size
    sheet = Image.new("RGB", (width * len(frames), height))
    for i, frame in enumerate(frames):
        sheet.paste(frame, (width * i, 0))
    return sheet


def _fitted(picture: np.ndarray, width: int) -> Image.Image:
    image = Image.fromarray(picture).convert("RGB")
    if image.width <= width:
        return image
    return image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS)


def write_animation(path: Path, pictures: list[np.ndarray], rate: float, width: int) -> None:
    """Raises ValueError for a path that is not a GIF's."""
    if path.suffix.lower() != ".gif":
        raise ValueError(f"{path}: an episode is written as a GIF: give a path that ends with .gif")
    path.write_bytes(animation(pictures, rate, width))


def source(animated: bytes) -> str:
    """A GIF as a data: address."""
    return "data:image/gif;base64," + base64.b64encode(animated).decode()
