"""Rows 119 to 121 of docs/book.md: returns that policies must reach, learned in gymnasium's environments from seed 0.

Each figure is the mean undiscounted return of the best weights, which validation episodes chose, over 20 episodes that were
neither learned from nor chosen by.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from talweg.recipes.registry import recipe, recipe_for
from talweg.recipes.settings import from_mapping


def mean_return(model: str, figure: str = "mean_return", **settings) -> float:
    used = recipe(recipe_for(model)[0])
    with tempfile.TemporaryDirectory() as folder:
        outcome = used.train(from_mapping(used.settings, {"model": model} | settings), Path(folder) / "run")
    return outcome.test.figures[figure]


def frozen_lake() -> float:
    """The share of 100 episodes in which the goal is reached, on the lake where one does not slip."""
    return mean_return("q-learning", "least_return", test_episodes=100)


def cart_pole_dqn() -> float:
    """50,000 steps."""
    return mean_return("dqn")


def cart_pole_ppo() -> float:
    """102,400 steps; 200,000 are allowed."""
    return mean_return("ppo")


def pendulum_sac() -> float:
    """10,000 steps."""
    return mean_return("sac")
