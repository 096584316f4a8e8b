"""What can be watched while it is made: a text token by token with what each read, a picture on its way out of the noise."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..data.text import Tokenizer
from ..models.diffusion import moments
from ..models.generation import read, stream
from ..models.generation.sampling import Sampling, softmax
from ..recipes.diffuse import diffusion_of, to_unit
from ..recipes.language_report import tokenizer_text
from ..recipes.language_text import without_text
from ..recipes.picture_sets import sheet
from ..recipes.registry import Loaded
from ..training.report_parts import picture_source
from .answers import options_of
from .runs import WATCHED, Runs

MOST_TOKENS = 128
CANDIDATES = 6
MOST_MOMENTS = 101
MOST_PICTURES = 16


def watched_text(runs: Runs, name: str, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The prompt's tokens and then each new one, as JSON objects: `piece` its text, `read` how much of each earlier token was
    read to choose it (base64 of bytes, 255 for all, heads after heads of layers after layers), `candidates` the most probable
    tokens before temperature. Nothing is read for the first of all.

    A text ends with the model's context or MOST_TOKENS. Raises ValueError for a run of another kind, a prompt that fills all
    of that or has no token, and options that cannot be.
    """
    run = _of(runs, name, "text")
    options = options_of(run, {key: value for key, value in given.items() if key not in ("beam", "stop")})
    tokenizer = run.prepared.built()
    prompt = tokenizer.encode(options.prompt)
    model: Any = run.model
    room = min(model.context, MOST_TOKENS)
    if not 1 <= len(prompt) < room:
        raise ValueError(f"the prompt has {len(prompt)} tokens: to be watched it must have 1 to {room - 1}")
    count = min(options.count, room - len(prompt))
    sampling = Sampling(options.temperature, options.top_k, options.top_p)  # whatever is wrong with it is told before the start
    chosen = stream(model, prompt, count, temperature=sampling.temperature, top_k=sampling.top_k, top_p=sampling.top_p,
                    seed=options.seed, without=without_text(tokenizer))
    return _told(model, tokenizer, prompt, (tokens[0] for tokens in chosen))


def _told(model: Any, tokenizer: Tokenizer, prompt: Sequence[int], chosen: Iterator[int | None]) -> Iterator[dict[str, Any]]:
    reading = read(model, prompt)
    yield {"layers": reading.weights.shape[0], "heads": reading.weights.shape[1], "piece": tokenizer_text(tokenizer, prompt[0])}
    for i in range(1, len(prompt)):
        yield _line(tokenizer, prompt[i], reading.weights[:, :, i - 1, :i], reading.logits[i - 1])
    text = list(prompt)
    for token in chosen:
        if token is None:
            return
        yield {"made": True, **_line(tokenizer, token, reading.weights[:, :, -1], reading.logits[-1])}
        text.append(token)
        if len(text) < model.context:
            reading = read(model, text)


def _line(tokenizer: Tokenizer, token: int, weights: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
    """`weights` (layers, heads, tokens before this one)."""
    probabilities = softmax(logits.astype(np.float64))
    best = np.argsort(-probabilities)[:CANDIDATES]
    return {
        "piece": tokenizer_text(tokenizer, token), "probability": float(probabilities[token]),
        "candidates": [[tokenizer_text(tokenizer, int(i)), float(probabilities[i])] for i in best],
        "read": base64.b64encode(np.round(255 * weights).astype(np.uint8).tobytes()).decode(),
    }


def denoising(runs: Runs, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Up to MOST_PICTURES pictures at up to MOST_MOMENTS moments of their making: for each the time t (None at the end), x_t
    and the x_0 that the model sees in it, as pictures side by side. Raises ValueError for a run of another kind and options
    that cannot be."""
    run = _of(runs, name, "denoising")
    options = options_of(run, given)
    process = diffusion_of(run.settings)
    found = moments(
        process, run.model, min(options.n, MOST_PICTURES), run.prepared.shape, MOST_MOMENTS, seed=options.seed,
        steps=options.steps, variance=run.settings.variance, eta=options.eta)
    return {
        "steps": options.steps or process.steps,
        "moments": [
            {"done": m.done, "time": m.time, "kept": None if m.time is None else float(process.kept[m.time]),
             "noisy": _side_by_side(m.noisy), "clean": _side_by_side(m.clean)} for m in found],
    }


def _side_by_side(images: np.ndarray) -> str:
    """Pictures (N, C, H, W) in [-1, 1] in a square, each pixel one pixel: the page enlarges them."""
    return picture_source(sheet(to_unit(images), math.ceil(math.sqrt(len(images))), side=1, gap=1))


def _of(runs: Runs, name: str, what: str) -> Loaded:
    run = runs.loaded(name)
    if WATCHED.get(run.recipe.name) != what:
        raise ValueError(f"{name} makes no {what} that could be watched: it is a {run.recipe.name} run")
    return run
