"""The recipes by name, and which recipe a model or a run belongs to. A recipe is imported when it is asked for."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.registry import MODELS
from ..nn import Module
from ..tensor import Tensor
from .published import Weights, is_weights_file, weights_of
from .recipe import Recipe
from .runs import config_of


@dataclass(frozen=True)
class Entry:
    """Where a recipe is (its module holds RECIPE), what it does in a line, and the models that it trains, the usual one
    first; with `data` where the user names none."""

    module: str
    summary: str
    models: tuple[str, ...]


RECIPES = {
    "regress": Entry("regress", "numbers from the columns of a table (L 1.4)", ("mlp",)),
    "classify": Entry("classify", "images, sounds, texts, tables into classes (L 6.2)", tuple(MODELS)),
    "language": Entry("language", "the next token of a text, and text from that (L 7.1)", ("gpt", "gpt2")),
    "masked": Entry("masked", "hidden words of a text filled in, by a BERT (L 5.3)", ("bert",)),
    "textclf": Entry("textclf", "texts into classes, by a BERT that first fills in hidden words (L 5.3)", ("bert",)),
    "align": Entry("align", "pictures and texts into one space, pictures told by any words (L 6.6)", ("clip",)),
    "asr": Entry("asr", "speech into text, with languages, silence and times (L 6.5)", ("whisper",)),
    "translate": Entry("translate", "one sequence into another: spelling to phonemes, lines of a TSV (L 5.3)",
                       ("transformer",)),
    "denoise": Entry("denoise", "noise, lost colours, lost pixels, JPEG undone (L 6.1)", ("denoiser",)),
    "detect": Entry("detect", "objects in pictures found and named, by SSD (L 6.3)", ("ssd", "ssd300")),
    "segment": Entry("segment", "a class for every pixel, by U-Net, FCN, PSPNet (L 6.4)",
                     ("unet", "fcn_small", "pspnet_small", "fcn_resnet50", "pspnet50")),
    "dqn": Entry("reinforcement.dqn", "deep Q-learning in an environment (N 9)", ("dqn",)),
    "reinforce": Entry("reinforcement.reinforce", "policy gradient of whole episodes (N 9)", ("reinforce",)),
    "a2c": Entry("reinforcement.a2c", "advantage actor-critic (N 9)", ("a2c",)),
    "ppo": Entry("reinforcement.ppo", "proximal policy optimisation (N 9)", ("ppo",)),
    "sac": Entry("reinforcement.sac", "soft actor-critic, for actions that are numbers (N 9)", ("sac",)),
    "tabular": Entry("reinforcement.q_learning", "tables of action values, learned or computed (N 3)",
                     ("q-learning", "value-iteration", "policy-iteration")),
    "diffuse": Entry("diffuse", "pictures from noise, by steps that take it away (L 7.2)", ("ddpm",)),
    "autoencode": Entry("autoencode", "pictures told in a few numbers and back (N 10)", ("autoencoder", "vae")),
    "gan": Entry("gan", "pictures by two networks that learn against each other (N 11)", ("gan", "dcgan", "wgan_gp")),
    "links": Entry("links", "edges that a graph lacks, from those it has (L missing bits)", ("links",)),
    "graphs": Entry("graphs", "whole graphs into classes (L missing bits)", ("graphs",)),
    "graph": Entry("graph", "a class for every node of a graph, from a few that are known (L missing bits)",
                   ("gcn", "gat", "graphsage")),
    "flow": Entry("flow", "pictures by an invertible map, with their exact density (N 12)", ("realnvp", "nice")),
}


def recipe(name: str) -> Recipe:
    """The recipe of this name. Raises ValueError, with the nearest name, when there is none."""
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}: {_hint(name, list(RECIPES))}")
    return importlib.import_module(f".{RECIPES[name].module}", __package__).RECIPE


def recipe_for(name: str) -> tuple[str, str]:
    """A recipe and the model it trains, where either's name is given. Raises ValueError, with the nearest name, for another.

    A model's name goes to the last recipe that lists it: the more special ones are listed after the more general.
    """
    if name in RECIPES:
        return name, RECIPES[name].models[0]
    found = [key for key, entry in RECIPES.items() if name in entry.models]
    if not found:
        raise ValueError(f"no recipe or model is called {name!r}: {_hint(name, names())}")
    return found[-1], name


def recipe_of(run: str | Path | Weights) -> Recipe:
    """The recipe by which a run was trained, or that uses published weights. Raises FileNotFoundError or ValueError for what
    is neither."""
    weights = weights_of(run)
    if weights is not None:
        return recipe(weights.recipe)
    assert not isinstance(run, Weights)
    if is_weights_file(run):
        raise ValueError(f"{run}: a weights file does not say of which model it is: give --model NAME --weights {run}, or the "
                         "run folder that it belongs to")
    name = config_of(run).get("recipe", "classify")
    if not isinstance(name, str) or name not in RECIPES:
        raise ValueError(f"{Path(run) / 'config.yaml'}: there is no recipe {name!r}: {_hint(str(name), list(RECIPES))}")
    return recipe(name)


@dataclass(frozen=True)
class Loaded:
    """A run's model with the best weights, in evaluation mode, and what belongs to it."""

    recipe: Recipe
    settings: Any
    model: Module
    prepared: Any

    @property
    def example(self) -> tuple[Tensor, ...]:
        """The arguments of one call. Raises ValueError for a recipe that has none to show."""
        found = self.recipe.example(self.prepared)
        if found is None:
            raise ValueError(f"a {self.recipe.name} run has no single call that could be shown")
        return found

    def image(self, path: str) -> Tensor:
        """An image file as the model wants it, (1, C, H, W). Raises ValueError where it wants none."""
        return self.recipe.image(self.prepared, path)


def load_run(run: str | Path) -> Loaded:
    """Raises as `recipe_of` and `Recipe.load` do."""
    found = recipe_of(run)
    return Loaded(found, *found.load(run))


def names() -> list[str]:
    """All names by which something can be trained."""
    return [*RECIPES, *dict.fromkeys(model for entry in RECIPES.values() for model in entry.models)]


def _hint(name: str, valid: list[str]) -> str:
    near = difflib.get_close_matches(name, valid, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(valid)}"
