"""Making one environment of gymnasium by its name, with errors that say what is missing, and saying what it shows and takes."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from .frames import SIDE, STACKED, Frames

NEEDED = "reinforcement learning needs gymnasium: run `pip install talweg[rl]`"
DRAWING = "needs pygame to draw its pictures: run `pip install talweg[rl]`"
ATARI = "Atari games need ale-py: run `pip install talweg[atari]`"


@dataclass(frozen=True)
class Spaces:
    """What an environment shows and takes: `observation` is the shape of an array ((): the number of one of `states`),
    `pixels` says whether it is uint8 frames; `actions` is how many there are, or None where an action is an array
    between `low` and `high`."""

    observation: tuple[int, ...]
    states: int | None
    pixels: bool
    actions: int | None
    low: np.ndarray | None
    high: np.ndarray | None

    @property
    def action_shape(self) -> tuple[int, ...]:
        return () if self.low is None else self.low.shape

    @property
    def observation_dtype(self) -> str:
        return "int64" if self.states is not None else "uint8" if self.pixels else "float32"

    @property
    def action_dtype(self) -> str:
        return "int64" if self.actions is not None else "float32"


def make(name: str, options: Sequence[str] = (), pixels: bool = False, pictures: bool = False) -> Any:
    """The environment `name`, such as "CartPole-v1", or "ALE/Pong-v5" seen through `Frames`.

    `options` are arguments of the environment as "is_slippery=false". `pixels`: let any environment be seen as the frames
    that it draws. `pictures`: make it draw, for `render`. Raises ModuleNotFoundError for a package that is missing and
    ValueError for an unknown name or options that the environment does not take.
    """
    gymnasium = loaded()
    atari = name.startswith("ALE/")
    if atari:
        _register_atari(gymnasium)
    arguments = dict(map(_option, options))
    if pixels or pictures:
        arguments["render_mode"] = "rgb_array"
        _without_window()
        if not atari and find_spec("pygame") is None:
            raise ModuleNotFoundError(f"{name}: {DRAWING}")
    if atari:
        arguments.setdefault("frameskip", 1)  # `Frames` repeats actions, and looks at two frames of each four
    try:
        environment = gymnasium.make(name, disable_env_checker=True, **arguments)
    except gymnasium.error.Error as error:
        raise ValueError(f"there is no environment {name!r}: {_first_line(error)}") from error
    except TypeError as error:
        raise ValueError(f"{name}: does not take these options: {_first_line(error)}") from error
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{name}: needs a package of gymnasium's that is missing: {_first_line(error)}") from error
    if atari or pixels:
        environment = Frames(environment, repeat=4 if atari else 1, drawn=not atari)
    return environment


def loaded() -> Any:
    """The package gymnasium. Raises ModuleNotFoundError where it is missing."""
    try:
        return importlib.import_module("gymnasium")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NEEDED) from error


def spaces_of(environment: Any, name: str) -> Spaces:
    """Raises ValueError for a space that no recipe here can learn from."""
    gymnasium = loaded()
    seen, taken = environment.observation_space, environment.action_space
    discrete, box = gymnasium.spaces.Discrete, gymnasium.spaces.Box
    shape: tuple[int, ...] = ()
    states = None
    if isinstance(environment, Frames):
        shape = (STACKED, SIDE, SIDE)
    elif isinstance(seen, discrete) and seen.start == 0:
        states = int(seen.n)
    elif isinstance(seen, box) and seen.dtype != np.uint8:
        shape = tuple(seen.shape)
    else:
        raise ValueError(f"{name}: shows {seen}; what can be learned from are states with numbers, arrays of real numbers, and "
                         "pictures with --pixels")
    if isinstance(taken, discrete) and taken.start == 0:
        return Spaces(shape, states, isinstance(environment, Frames), int(taken.n), None, None)
    if isinstance(taken, box) and np.isfinite(taken.low).all() and np.isfinite(taken.high).all():
        low, high = (np.asarray(a, np.float32) for a in (taken.low, taken.high))
        return Spaces(shape, states, isinstance(environment, Frames), None, low, high)
    raise ValueError(f"{name}: takes {taken}; what can be learned are actions with numbers, and arrays between finite bounds")


def _register_atari(gymnasium: Any) -> None:
    try:
        ale = importlib.import_module("ale_py")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(ATARI) from error
    ale.ALEInterface.setLoggerMode(ale.LoggerMode.Error)
    gymnasium.register_envs(ale)


def _without_window() -> None:
    """pygame draws into memory: it needs no screen, and must not look for one or say hello."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")


def _option(text: str) -> tuple[str, Any]:
    """("is_slippery", False) for "is_slippery=false": numbers and truth values are read, everything else is a word."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"setting options takes NAME=VALUE, got {text!r}")
    value = value.strip()
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name.strip(), words[value.lower()]
    for kind in (int, float):
        try:
            return name.strip(), kind(value)
        except ValueError:
            continue
    return name.strip(), value


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
