"""What the page is answered: a run's words, numbers and pictures for something given, as plain data."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import nn
from ..inspection.maps import grid
from ..recipes.evaluation import Answer
from ..recipes.registry import Loaded
from ..recipes.settings import from_mapping
from ..tensor import Tensor, no_grad
from ..training import softmax
from ..training.report_parts import picture_source
from .runs import Runs

MOST_MAPS = 16  # of one layer, that are drawn
MOST_LAYERS = 8
SHOWN = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
ENDING = re.compile(r"\.[a-z0-9]{1,5}")
SUFFIXES = {"image": ".png", "sound": ".wav", "text": ".txt"}


def options_of(run: Loaded, given: Mapping[str, Any]) -> Any:
    """The recipe's options from a form; what is left empty takes its default. Raises ValueError for what cannot be."""
    if run.recipe.options is None:
        return None
    return from_mapping(run.recipe.options, {name: value for name, value in given.items() if value not in (None, "")})


def predicted(runs: Runs, name: str, content: bytes, options: Mapping[str, Any], suffix: str = "") -> dict[str, Any]:
    """What a run makes of a file's bytes. They are in a folder of their own while the run reads them, and gone afterwards.

    A text is handed over as a file too: given as it is, it could name a file of this machine.
    """
    run = runs.loaded(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{suffix if ENDING.fullmatch(suffix) else SUFFIXES.get(run.recipe.takes, '')}"
        path.write_bytes(content)
        try:
            [answer] = run.recipe.predict(runs.path(name), [str(path)], options_of(run, options))
        except (ValueError, OSError) as error:
            raise ValueError(_without(str(error), path)) from error
        return _plain(answer, path)


def generated(runs: Runs, name: str, options: Mapping[str, Any]) -> Answer:
    """Something new; its pieces are still to come where it is a text."""
    run = runs.loaded(name)
    return run.recipe.generate(runs.path(name), options_of(run, options))


def finished(answer: Answer) -> dict[str, Any]:
    """An answer that is not streamed."""
    return _plain(answer, None)


def activations(runs: Runs, name: str, content: bytes) -> dict[str, Any]:
    """A classifier's probabilities for an image, and what its layers made of it: maps as pictures, vectors as bars."""
    run = runs.loaded(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawing.png"
        path.write_bytes(content)
        try:
            image = run.image(str(path))
        except (ValueError, OSError) as error:
            raise ValueError(_without(str(error), path)) from error
    seen, outputs = _outputs(run.model, image)
    probabilities = softmax(outputs.numpy())[0].tolist()
    return {
        "input": picture_source(_drawn(image.numpy()[0])),
        "layers": [{"name": layer, "shape": list(maps.shape), "picture": picture_source(_drawn(maps))} for layer, maps in seen],
        "classes": list(run.prepared.classes),  # JSON objects whose names are numbers come in another order
        "probabilities": dict(zip(run.prepared.classes, probabilities)),
    }


def _outputs(model: nn.Module, image: Tensor) -> tuple[list[tuple[str, np.ndarray]], Tensor]:
    """The maps (C, H, W) of up to MOST_LAYERS layers, evenly through the model, and what it gives."""
    chosen = [(name, m) for name, m in model.named_modules() if isinstance(m, SHOWN)]
    chosen = chosen[:: -(-len(chosen) // MOST_LAYERS)] if chosen else []
    seen: list[tuple[str, np.ndarray]] = []
    hooks = [m.register_forward_hook(_noted(seen, name)) for name, m in chosen]
    try:
        with no_grad():
            outputs = model(image)
    finally:
        for hook in hooks:
            hook.remove()
    return seen, outputs


def _noted(seen: list[tuple[str, np.ndarray]], name: str):
    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
        seen.append((name, output[0].float().numpy()))

    return note


def _drawn(maps: np.ndarray) -> Image.Image:
    """Maps (C, H, W) side by side; three channels of an input as one colour picture."""
    if len(maps) == 3:
        return Image.fromarray(grid(maps.transpose(1, 2, 0)[None], smallest=96))
    return Image.fromarray(grid(maps[:MOST_MAPS], smallest=32 if len(maps) > 1 else 96))


def _plain(answer: Answer, path: Path | None) -> dict[str, Any]:
    answer.whole()
    text = answer.text if path is None else _without(answer.text, path)
    return {"text": text, "facts": _cleaned(answer.facts, path), "picture": _picture(answer)}


def _cleaned(value: Any, path: Path | None) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(v, path) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(v, path) for v in value]
    return _without(value, path) if isinstance(value, str) and path is not None else value


def _without(text: str, path: Path) -> str:
    """A message without the name of a temporary file, which means nothing to the user."""
    return text.replace(f"{path}: ", "").replace(str(path), "the file")


def _picture(answer: Answer) -> str | None:
    """What the answer would be saved as, a data: address; None where there is nothing to look at."""
    if answer.save is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answer.png"
        answer.save(path)
        with Image.open(path) as image:
            return picture_source(image.convert("RGB"))
