"""Language models: the next token of a text, and text from that (L 7.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import nn
from ..core.dtypes import int64
from ..data import content_hash
from ..data.named.topics import Text
from ..data.plain_text import load_text
from ..data.text import ByteLevelBPE, CharacterTokenizer
from ..io.hub import locate
from ..models import GPT2, build
from ..nn import functional as F
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import Score
from .evaluation import Answer, Evaluation
from .language_report import language_sections
from .language_settings import HELP, OPTIONS_HELP, Options, Settings
from .language_text import answer
from .language_tokens import Prepared, Windows, learnt_tokens, scored_windows
from .published import Weights, weights_of
from .recipe import Recipe
from .task import Goal, loaders_of

SHOWN = 1200  # tokens of the test text that the report shows


@dataclass(frozen=True)
class Scored:
    """`nats` of each scored token of a text, (N - 1,) for N tokens, and the tokens."""

    tokens: np.ndarray
    nats: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.nats.mean())


class Language(Recipe):
    name = "language"
    settings = Settings
    help = HELP
    prepared = Prepared
    options = Options
    options_help = OPTIONS_HELP

    def material(self, settings: Settings) -> Text:
        return load_text(settings.data)

    def prepare(self, settings: Settings, material: Text) -> Prepared:
        kept = content_hash(material.train, material.validation, material.test).hex()
        return Prepared(settings.tokenizer, learnt_tokens(settings, material.train), settings.context, kept)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        size = {name: getattr(settings, name) for name in ("width", "layers", "heads", "dropout")}
        return build(settings.model, (prepared.context,), 0, vocabulary=len(prepared.built()), **size)

    def goal(self, settings: Settings, material: Text, prepared: Prepared) -> Goal:
        windows = Windows(_tokens(prepared, material.train), prepared.context, settings.seed)
        held_out = _tokens(prepared, material.validation)
        train, _ = loaders_of(settings, windows, windows)

        def validate(model: nn.Module) -> Score:
            found = scored(model, held_out, prepared.context)
            return Score(found.mean, None, len(found.nats))

        return Goal(next_token_loss, train, None, validate=validate)

    def notes(self, material: Text) -> Sequence[str]:
        return [f"{len(material.train):,} characters to learn from, {len(material.validation):,} and {len(material.test):,} "
                "to validate and test with, as they follow each other"]

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return (zeros(1, prepared.context, dtype=int64),)

    def measure(self, model: nn.Module, settings: Settings, material: Text, split: str) -> Evaluation:
        text = _part(material, split)
        prepared = self.prepare(settings, material)
        return _evaluation(split, text, scored(model, _tokens(prepared, text), prepared.context), prepared.lossless)

    def sections(self, model: nn.Module, settings: Settings, material: Text, test: Evaluation) -> list[str]:
        prepared = self.prepare(settings, material)
        tokenizer = prepared.built()
        shown = scored(model, _tokens(prepared, material.test)[:SHOWN], prepared.context)
        return language_sections(model, tokenizer, shown.tokens, shown.nats)

    def generate(self, run: str | Path | Weights, options: Options) -> Answer:
        """Text that follows the prompt. `run` is a run's folder, or published weights of GPT-2 (a folder, or a name of the
        hub). Raises as `load` and `answer` do."""
        weights = weights_of(run)
        if weights is not None:
            return _of_published(weights.source, options)
        assert not isinstance(run, Weights)
        _, model, prepared = self.load(run)
        tokenizer = prepared.built()
        if isinstance(tokenizer, CharacterTokenizer):
            _refuse_unknown(options.prompt, tokenizer, run)
        return answer(model, tokenizer, options)

    def subject(self, settings: Settings) -> str:
        return f"{settings.model} on {settings.data} ({settings.tokenizer} tokens, context {settings.context})"

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f'generate {run} --prompt "The "']


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of logits (B, T, vocabulary) against the tokens (B, T) that follow."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def scored(model: nn.Module, tokens: np.ndarray, context: int) -> Scored:
    """-log p of each token but the first, given those before it in its window of `context`, in evaluation mode.

    A window begins without knowing what came before, so that the mean is an upper bound of what the model can do.
    """
    was_training = model.training
    model.eval()
    found = []
    with no_grad():
        for inputs, targets in scored_windows(tokens, context):
            logits = model(from_numpy(inputs))
            flat = from_numpy(targets.ravel())
            nats = F.cross_entropy(logits.flatten(0, 1), flat, reduction="none").numpy()
            found.append(nats[targets.ravel() >= 0])
    model.train(was_training)
    return Scored(tokens, np.concatenate(found).astype(np.float64))


def _evaluation(split: str, text: str, found: Scored, lossless: bool) -> Evaluation:
    loss = found.mean
    figures = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    told = f"perplexity {figures['perplexity']:.3f}, loss {loss:.4f} nats a token"
    tiles = [(f"{figures['perplexity']:.2f}", f"{split} perplexity"), (f"{loss:.4f}", f"{split} loss, nats a token")]
    if lossless:
        # The first token is given, not predicted: its characters are left out on both sides.
        figures["bits_per_character"] = float(found.nats.sum()) / math.log(2) / max(1, len(text) - 1)
        told = f"{figures['bits_per_character']:.3f} bits per character, {told}"
        tiles.insert(0, (f"{figures['bits_per_character']:.3f}", f"{split} bits per character"))
    return Evaluation(split, len(found.nats), figures, told, tiles)


def _tokens(prepared: Prepared, text: str) -> np.ndarray:
    return np.array(prepared.built().encode(text), np.int64)


def _part(material: Text, split: str) -> str:
    if split not in ("train", "validation", "test"):
        raise ValueError(f"no split is called {split!r}: choose train, validation or test")
    return getattr(material, split)


def _of_published(source: str, options: Options) -> Answer:
    path = locate(source)
    model = GPT2.from_pretrained(path)
    tokenizer = ByteLevelBPE.from_pretrained(path if path.is_dir() else path.parent)
    return answer(model, tokenizer, options, tokenizer.special.get("<|endoftext|>"))


def _refuse_unknown(prompt: str, tokenizer: CharacterTokenizer, run: str | Path) -> None:
    foreign = sorted(set(prompt) - set(tokenizer.characters))
    if foreign:
        raise ValueError(f"{run}: the prompt holds {foreign[0]!r}, which the text that was learned from has not; its "
                         f"characters are {''.join(c for c in tokenizer.characters if c.isprintable())}")


RECIPE = Language()
