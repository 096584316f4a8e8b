"""Filling in hidden words, by which BERT learns a language before it learns a task (Devlin et al., 2019, section 3.1; L 5.3)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import CATALOGUE, DataLoader, content_hash, is_path, load
from ..data.examples import PARTS
from ..data.labelled_texts import LabelledTexts, read_labelled_texts
from ..data.plain_text import load_text
from ..data.sources.csv_file import read_text
from ..tensor import Tensor, from_numpy, no_grad, zeros
from ..training import Score, softmax
from ..training.report_parts import percent, section, table
from .bert_reader import Reader, TextReader, learnt_reader, read_by_itself, reader_of
from .evaluation import Answer, Evaluation
from .masked_settings import HELP, ReadingSettings, Settings
from .masked_windows import HiddenWords, known_targets
from .recipe import Recipe
from .sequence_loss import token_loss
from .task import LARGE_BATCH, Goal, loaders_of

TEXT_FILES = (".txt", ".md")
TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet")
MASK = "[MASK]"
SHOWN = 24
BEST = 5


@dataclass(frozen=True)
class ReadTexts:
    """Texts to learn to read from, and such to measure with."""

    train: list[str]
    validation: list[str]
    test: list[str]
    notes: list[str] = field(default_factory=list)

    def part(self, name: str) -> list[str]:
        if name not in PARTS:
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)


@dataclass(frozen=True, kw_only=True)
class Prepared(Reader):
    fingerprint: str


class MaskedReader(TextReader):
    """Tokens (B, T) and the places (B, K) of those that are asked about to logits (B, K, vocabulary)."""

    def forward(self, tokens: Tensor, places: Tensor) -> Tensor:  # type: ignore[override]
        features = self.features(tokens, None, tokens != self.blank)
        return self.masked_logits(features.gather(1, places.unsqueeze(-1).expand(-1, -1, features.shape[-1])))


class Masked(Recipe):
    name = "masked"
    takes = "text"
    settings = Settings
    help = HELP
    prepared = Prepared

    def material(self, settings: Settings) -> ReadTexts:
        """The texts. Raises as `load_text` and `read_labelled_texts` do, and ValueError for a part that is blank."""
        if not holds_labels(settings.data):
            found = load_text(settings.data)
            parts = [_paragraphs(part) for part in (found.train, found.validation, found.test)]
            for name, part in zip(PARTS, parts):
                if not part:
                    raise ValueError(f"{settings.data}: its {name} part holds no text, only blank lines: take them out, or "
                                     "give a longer text")
            return ReadTexts(*parts)
        known = labelled_texts(settings)
        train = [*known.texts_of("train"), *known.unlabelled]
        return ReadTexts(train, known.texts_of("validation"), known.texts_of("test"), list(known.notes))

    def prepare(self, settings: Settings, material: ReadTexts) -> Prepared:
        digest = content_hash(*material.train, *material.validation, *material.test).hex()
        if settings.weights:
            return Prepared(**reader_of(settings.weights, settings.context), fingerprint=digest)
        return Prepared(**learnt_reader(material.train, settings), fingerprint=digest)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        return MaskedReader(**prepared.sizes(), head="masked", dropout=settings.dropout)

    def goal(self, settings: Settings, material: ReadTexts, prepared: Prepared) -> Goal:
        """Cross-entropy at the hidden tokens; those of the validation texts are the same in every epoch. Raises ValueError for
        texts to measure with of which no token is known."""
        train, _ = loaders_of(settings, _hidden(settings, material.train, prepared), [])  # type: ignore[arg-type]
        held_out, _ = (_to_measure(settings, material, prepared, part) for part in ("validation", "test"))

        def validate(model: nn.Module) -> Score:
            loss, wrong, count = _measured(model, held_out)
            return Score(loss, wrong / count, count)

        return Goal(token_loss, train, None, validate=validate, weight=known_targets)

    def notes(self, material: ReadTexts) -> Sequence[str]:
        counts = [len(part) for part in (material.train, material.validation, material.test)]
        return [*material.notes, f"{counts[0]} texts to learn from, {counts[1]} and {counts[2]} to validate and test with"]

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        return from_numpy(np.full((1, prepared.context), 1)), zeros(1, 1).long()

    def measure(self, model: nn.Module, settings: Settings, material: ReadTexts, split: str) -> Evaluation:
        """The share of hidden tokens that are guessed, beside that of the token most frequent in the training texts."""
        prepared = self.prepare(settings, material)
        learned, asked = _hidden(settings, material.train, prepared), _to_measure(settings, material, prepared, split)
        loss, wrong, count = _measured(model, asked)
        targets = asked.batch(range(len(asked)))[1].numpy()
        frequent = np.bincount(learned.stream, minlength=len(prepared.tokens))
        frequent[list(prepared.stays(prepared.built()))] = 0
        most = float((targets == frequent.argmax()).sum() / count)
        right = 1 - wrong / count
        figures = {"loss": loss, "accuracy": right, "most_frequent": most, "perplexity": math.exp(min(loss, 700.0))}
        told = (f"{percent(right)} of {count} hidden tokens guessed (the most frequent token: {percent(most)}), "
                f"loss {loss:.4f} nats")
        return Evaluation(split, count, figures, told, [(percent(right), f"{split} hidden tokens guessed"),
                                                        (percent(most), "by the most frequent token")])

    def sections(self, model: nn.Module, settings: Settings, material: ReadTexts, test: Evaluation) -> list[str]:
        """Sentences of the test texts with a word hidden, and what the network would write there."""
        prepared = self.prepare(settings, material)
        tokenizer = prepared.built()
        rows = []
        for number, text in enumerate(material.test[:SHOWN]):
            ids = tokenizer.encode(text, special=False)[:prepared.context - 2]
            whole = [i for i in range(1, len(ids) - 1) if not _goes_on(prepared, ids[i]) and not _goes_on(prepared, ids[i + 1])]
            if not whole:
                continue
            place = whole[(7 * number) % len(whole)]
            shown = [*ids[:place], tokenizer[MASK], *ids[place + 1:]]
            [guesses] = fillings(model, prepared, [tokenizer["[CLS]"], *shown, tokenizer["[SEP]"]])
            near = tokenizer.decode(shown[max(0, place - 10):place + 11])
            rows.append([near, prepared.tokens[ids[place]], ", ".join(f"{word} {percent(p)}" for word, p in guesses[:3])])
        return [section("Words hidden in test texts", table(["text", "hidden", "guesses"], rows))]

    def predict(self, run: str | Path, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """What stands at each [MASK] of a text, or of a file's text. Raises as `load` does, and ValueError for a text without
        one."""
        _, model, prepared = self.load(run)
        return [_answer(model, prepared, text_of_input(given)) for given in inputs]

    def load(self, run: str | Path) -> tuple[Any, nn.Module, Any]:
        settings, model, prepared = super().load(run)
        return read_by_itself(settings, run), model, prepared

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f'predict {run} "the [MASK] of a function"', f"train textclf --weights {run}"]


def labelled_texts(settings: ReadingSettings) -> LabelledTexts:
    """The texts by class of these settings. Raises ValueError for named data that are none, and as `read_labelled_texts` does."""
    if settings.data in CATALOGUE:
        found = load(settings.data)
        if not isinstance(found, LabelledTexts):
            raise ValueError(f"{settings.data} holds no texts with classes: there is topics:paragraphs, and tables or folders of "
                             "texts of your own by path")
        return found
    if not is_path(settings.data):
        raise ValueError(f"no texts are called {settings.data!r}: there is topics:paragraphs, and tables or folders of texts by "
                         "path")
    return read_labelled_texts(settings.data, settings.text_column, settings.target, settings.on_error)


def holds_labels(data: str) -> bool:
    """Whether texts come with classes: those of a table, or of a folder of folders."""
    if data in CATALOGUE:
        return data == "topics:paragraphs"
    path = Path(data).expanduser()
    if path.is_dir():
        return any(p.is_dir() and not p.name.startswith(".") for p in path.iterdir())
    return path.suffix.lower() in TABLES


def text_of_input(given: str) -> str:
    """A text as it is given, or that of the file of this name. Raises FileNotFoundError for what can only be the name of a file
    and is none, and ValueError for an empty text or a file that holds none."""
    named = given.lower().endswith(TEXT_FILES)
    is_file = named and os.path.isfile(given)  # unlike Path.is_file, False for what is too long for a name
    if named and not is_file and (len(given.split()) == 1 or os.path.isdir(os.path.dirname(given))):
        raise FileNotFoundError(f"{given}: there is no such file")
    text = read_text(Path(given)) if is_file else given
    if not text.strip():
        raise ValueError(f"{given!r}: there is no text to read")
    return text


def fillings(model: Any, prepared: Reader, ids: Sequence[int]) -> list[list[tuple[str, float]]]:
    """For each [MASK] among the tokens, [CLS] and [SEP] around them, the best tokens with their probabilities."""
    mask = prepared.tokens.index(MASK)
    row = np.full((1, prepared.context), prepared.padding, np.int64)
    row[0, :len(ids)] = ids
    places = np.flatnonzero(row[0] == mask)
    model.eval()
    with no_grad():
        shares = softmax(np.concatenate([model(from_numpy(row), from_numpy(np.array([[p]]))).numpy()[0] for p in places]))
    best = np.argsort(-shares, axis=1, kind="stable")[:, :BEST]
    return [[(prepared.tokens[i], float(share[i])) for i in order] for order, share in zip(best, shares)]


def _answer(model: nn.Module, prepared: Prepared, text: str) -> Answer:
    tokenizer = prepared.built()
    ids = tokenizer.enclosed(text, prepared.context)
    if tokenizer[MASK] not in ids:
        raise ValueError(f"{text!r}: has no {MASK} among its first {prepared.context - 2} tokens: write {MASK} where a word is "
                         "to be filled in")
    found = fillings(model, prepared, ids)
    lines = [", ".join(f"{word} {percent(p)}" for word, p in guesses) for guesses in found]
    facts = {"text": text, "guesses": [[{"token": word, "probability": p} for word, p in guesses] for guesses in found]}
    return Answer("\n".join(lines), facts)


def _hidden(settings: Settings, texts: Sequence[str], prepared: Reader) -> HiddenWords:
    """Windows of the texts, in which [MASK] and its like, where a text has them, are words."""
    tokenizer = prepared.built()
    ids = [[*tokenizer.encode(text, special=False), tokenizer["[SEP]"]] for text in texts]
    return HiddenWords(ids, prepared.context, settings.hidden, tokenizer, prepared.stays(tokenizer), settings.seed)


def _to_measure(settings: Settings, material: ReadTexts, prepared: Reader, split: str) -> HiddenWords:
    """The same windows in every epoch. Raises ValueError where nothing in them can be asked about."""
    found = _hidden(settings, material.part(split), prepared)
    if not found.asks():
        raise ValueError(f"{settings.data}: none of the words that its {split} texts would be measured with is made of "
                         "characters that the training texts have: give more text, or other parts")
    return found


def _measured(model: nn.Module, hidden: HiddenWords) -> tuple[float, int, int]:
    """Mean loss, wrong guesses and guesses, in evaluation mode."""
    model.eval()
    nats, wrong, count = 0.0, 0, 0
    with no_grad():
        for (tokens, places), targets in DataLoader(hidden, LARGE_BATCH):
            logits = model(tokens, places)
            known = known_targets(targets)
            nats += token_loss(logits, targets).item() * known
            right = (logits.argmax(-1).numpy() == targets.numpy()).sum()
            wrong += known - int(right)
            count += known
    return nats / count, wrong, count


def _goes_on(prepared: Reader, token: int) -> bool:
    return prepared.tokens[token].startswith("##")


def _paragraphs(text: str) -> list[str]:
    return [part for part in text.split("\n\n") if part.strip()]


RECIPE = Masked()
