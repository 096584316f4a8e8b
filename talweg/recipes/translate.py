"""Translation from one sequence to another with the Transformer: spelling to phonemes, or any pairs of lines (L 5.3).

The decoder learns each token from those before it (teacher forcing) and writes them one by one, by the greedy choice or with
beams (Vaswani et al., 2017; Sutskever et al., 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..data import DataLoader, load
from ..data.catalogue import CATALOGUE
from ..data.pairs import Pair, Pairs, read_pairs
from ..models.generation import beam_search, generate
from ..models.transcription import cross_attention
from ..models.transformer import Transformer
from ..tensor import Tensor, from_numpy
from ..training.edits import Edits, total_edits
from ..training.report_parts import gallery, picture_source, section, table
from .attention_grid import attention_grid
from .evaluation import Answer, Evaluation
from .recipe import Recipe
from .sequence_loss import smoothed_token_loss, token_loss
from .task import Goal, loaders_of
from .translate_settings import HELP, Settings
from .translate_tokens import BEGIN, END, PADDING, Alphabet, PairExamples, Prepared, padded, units_of

AT_ONCE = 128  # sources translated together
COMPARED = 100  # pairs of the split on which beams are compared with the greedy choice
SHOWN = 40


@dataclass(frozen=True)
class Options:
    """What a translation can be told."""

    beams: int = 1

    def __post_init__(self) -> None:
        if self.beams < 1:
            raise ValueError(f"setting beams must be 1 or more, got {self.beams}")


@dataclass(frozen=True)
class TranslationEvaluation(Evaluation):
    """`rows` are (source, target, what was written)."""

    rows: Sequence[tuple[str, str, str]] = ()


class Translation(Recipe):
    name = "translate"
    takes = "text"
    settings = Settings
    help = HELP
    prepared = Prepared
    options = Options
    options_help = {"beams": "Unfinished texts that are carried on together; 1 is the greedy choice."}

    def material(self, settings: Settings) -> Pairs:
        """The pairs, without those that are too long. Raises as `read_pairs` does, and ValueError where none is left."""
        if settings.data in CATALOGUE:
            found = load(settings.data)
            if not isinstance(found, Pairs):
                raise ValueError(f"{settings.data} holds no pairs of texts: this recipe learns from g2p, or a TSV file with a "
                                 "source, a tab and its target in each line")
        else:
            found = read_pairs(settings.data, settings.on_error, settings.seed)
        found = replace(found, source_unit=settings.source_unit or found.source_unit,
                        target_unit=settings.target_unit or found.target_unit)
        return _short_enough(found, settings)

    def prepare(self, settings: Settings, material: Pairs) -> Prepared:
        source, target = _alphabets(settings, material)
        every = [*material.train, *material.validation, *material.test]
        context = 1 + max(max(len(source.encode(s)), len(target.encode(t))) for s, t in every)
        return Prepared(source.unit, source.symbols, target.unit, target.symbols, context, material.fingerprint)

    def model(self, settings: Settings, prepared: Prepared) -> nn.Module:
        return Transformer(
            len(prepared.source), settings.width, settings.layers, settings.heads, 4 * settings.width,
            target_vocabulary=len(prepared.target), context=prepared.context, dropout=settings.dropout, norm_first=True,
            padding=PADDING,
        )

    def goal(self, settings: Settings, material: Pairs, prepared: Prepared) -> Goal:
        validation = PairExamples(material.validation, prepared)
        train, _ = loaders_of(settings, PairExamples(material.train, prepared), validation)
        return Goal(smoothed_token_loss(settings.label_smoothing), train, DataLoader(validation, settings.batch_size), token_loss)

    def notes(self, material: Pairs) -> Sequence[str]:
        return material.notes

    def example(self, prepared: Prepared) -> tuple[Tensor, ...]:
        ones = np.full((1, prepared.context), END, np.int64)
        return from_numpy(ones), from_numpy(ones)

    def measure(self, model: nn.Module, settings: Settings, material: Pairs, split: str) -> TranslationEvaluation:
        """Token error rate, the share of targets that are right as a whole, and both ways of decoding on a few."""
        prepared = self.prepare(settings, material)
        pairs = material.part(split)
        written = translated(model, prepared, [source for source, _ in pairs])
        few = pairs[:COMPARED]
        beams = [beam_translated(model, prepared, source, settings.beams) for source, _ in few]
        unit = prepared.target_unit
        greedy, chosen, searched = (_edits(p, w, unit) for p, w in ((pairs, written), (few, written), (few, beams)))
        right = float(np.mean([target == text for (_, target), text in zip(pairs, written)]))
        called = _called(settings, unit)
        figures = {"error_rate": greedy.rate, "whole_right": right, "greedy_error_rate_compared": chosen.rate,
                   "beam_error_rate_compared": searched.rate}
        summary = (f"{called} error rate {100 * greedy.rate:.2f} % ({greedy.count} of {greedy.length}), whole targets right "
                   f"{100 * right:.1f} %; on {len(few)} of them greedy {100 * chosen.rate:.2f} %, {settings.beams} beams "
                   f"{100 * searched.rate:.2f} %")
        tiles = [(f"{100 * greedy.rate:.2f} %", f"{split} {called} error rate"), (f"{100 * right:.1f} %", "whole targets right"),
                 (f"{100 * searched.rate:.2f} %", f"with {settings.beams} beams, on {len(few)}"),
                 (f"{100 * chosen.rate:.2f} %", f"greedy, on the same {len(few)}")]
        rows = [(source, target, text) for (source, target), text in zip(pairs, written)]
        return TranslationEvaluation(split, len(pairs), figures, summary, tiles, rows=rows)

    def sections(self, model: nn.Module, settings: Settings, material: Pairs, test: Evaluation) -> list[str]:
        assert isinstance(test, TranslationEvaluation)
        prepared = self.prepare(settings, material)
        worst = sorted(test.rows, key=lambda row: row[1] == row[2])[:SHOWN]
        few = [row for row in test.rows if row[1] == row[2]][:4] or list(test.rows[:4])
        pictures = gallery(((picture_source(_attention(model, prepared, s, w)), f"{s}: {w}") for s, _, w in few), least=230)
        return [
            section("Which part of the source each token came from: attention of the last block, mean of its heads", pictures),
            section("What was written, mistakes first", table(["source", "target", "written"], worst)),
        ]

    def predict(self, run: str | Path, inputs: Sequence[str], options: Any = None) -> list[Answer]:
        """A target for each input: a text, or the path of a text file, whose lines are translated."""
        _, model, prepared = self.load(run)
        return [_answer(model, prepared, given, (options or Options()).beams) for given in inputs]

    def next_steps(self, run: Path) -> list[str]:
        return [f"evaluate {run}", f"predict {run} word"]


def translated(model: nn.Module, prepared: Prepared, sources: Sequence[str]) -> list[str]:
    """The greedy choice for each source."""
    found: list[str] = []
    alphabet = prepared.source
    for first in range(0, len(sources), AT_ONCE):
        part = [alphabet.encode(source) for source in sources[first:first + AT_ONCE]]
        filled = [*part, *[part[0]] * (min(AT_ONCE, len(sources)) - len(part))]  # one shape, so that nothing is compiled anew
        given = from_numpy(padded(filled, prepared.context))
        begin = np.full((len(filled), 1), BEGIN)
        texts = generate(model, begin, prepared.context - 1, temperature=0, stop=(END,), source=given)
        found += [prepared.target.decode(text) for text in texts[:len(part)]]
    return found


def beam_translated(model: nn.Module, prepared: Prepared, source: str, beams: int) -> str:
    """The best of the texts that beam search finds."""
    given = from_numpy(padded([prepared.source.encode(source)], prepared.context))
    best = beam_search(model, [BEGIN], prepared.context - 1, beams=beams, end=END, source=given)[0]
    return prepared.target.decode(best.tokens)


def _alphabets(s: Settings, pairs: Pairs) -> tuple[Alphabet, Alphabet]:
    sources, targets = zip(*pairs.train)
    return Alphabet.of(sources, pairs.source_unit, s.vocabulary), Alphabet.of(targets, pairs.target_unit, s.vocabulary)


def _short_enough(pairs: Pairs, s: Settings) -> Pairs:
    source, target = _alphabets(s, pairs)

    def fits(pair: Pair) -> bool:
        return max(len(source.encode(pair[0])), len(target.encode(pair[1]))) <= s.longest

    parts = {name: [pair for pair in pairs.part(name) if fits(pair)] for name in ("train", "validation", "test")}
    left_out = sum(len(pairs.part(name)) - len(part) for name, part in parts.items())
    empty = [name for name, part in parts.items() if not part]
    if empty:
        raise ValueError(f"{s.data}: no pair of the {empty[0]} split has texts of at most {s.longest} tokens: raise --longest")
    notes = [*pairs.notes, *([f"left out {left_out} pairs with a text of more than {s.longest} tokens"] if left_out else [])]
    return replace(pairs, train=parts["train"], validation=parts["validation"], test=parts["test"], notes=notes)


def _edits(pairs: Sequence[Pair], written: Sequence[str], unit: str) -> Edits:
    return total_edits((units_of(target, unit), units_of(text, unit)) for (_, target), text in zip(pairs, written))


def _called(s: Settings, unit: str) -> str:
    return "phoneme" if s.data == "g2p" else "character" if unit == "characters" else "word"


def _attention(model: Any, prepared: Prepared, source: str, written: str) -> Any:
    tokens = prepared.source.encode(source)
    given = from_numpy(padded([tokens], prepared.context))
    text = prepared.target.encode(written)
    weights = cross_attention(model, given, from_numpy(np.array([[BEGIN, *text]], np.int64)))[-1, 0].mean(axis=0)  # (T, S)
    return attention_grid(weights[:len(text) + 1, :len(tokens) + 1], [*prepared.target.names(text), "end"],
                          [*prepared.source.names(tokens), "end"])


def _answer(model: nn.Module, prepared: Prepared, given: str, beams: int) -> Answer:
    path = Path(given)
    is_file = len(given) < 1000 and path.suffix in (".txt", ".tsv") and path.is_file()
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()] if is_file else [given.strip()]
    lines = [line for line in lines if line]
    if not lines:
        raise ValueError(f"{given!r}: there is no text to translate")
    texts = translated(model, prepared, lines) if beams == 1 else [beam_translated(model, prepared, s, beams) for s in lines]
    pairs = [{"source": source, "target": text} for source, text in zip(lines, texts)]
    facts: dict[str, Any] = {"input": given, "translations": pairs} if is_file else pairs[0]
    return Answer("\n".join(f"{source}\t{text}" for source, text in zip(lines, texts)), facts)


RECIPE = Translation()
