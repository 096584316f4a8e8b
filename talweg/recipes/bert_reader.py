"""What BERT-like networks read a text with: WordPiece, and the network's sizes, as they are kept with a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.text import BertWords, WordPiece, train_wordpiece
from ..io.published import read_checkpoint
from ..models import BERT
from ..tensor import Tensor
from .runs import config_of
from .settings import from_mapping

PADDING = "[PAD]"
STAYS = ("[CLS]", "[SEP]", PADDING, "[UNK]")  # tokens that are never hidden


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`tokens` in the order of their ids; `lower`, `accents` and `ideographs` say how words are cut (data.text.BertWords);
    `context` tokens are read at once, of the `positions` that the network has. The rest are the network's sizes."""

    tokens: list[str]
    lower: bool
    accents: bool | None
    ideographs: bool
    context: int
    positions: int
    width: int
    layers: int
    heads: int
    hidden: int
    act: str
    eps: float
    segments: int

    def built(self) -> WordPiece:
        """The tokenizer. Raises ValueError for tokens that are none."""
        return WordPiece.of(self.tokens, BertWords(self.lower, self.accents, self.ideographs))

    @property
    def padding(self) -> int:
        return self.tokens.index(PADDING)

    def sizes(self) -> dict[str, Any]:
        """Arguments of a TextReader, all but the head's."""
        own = {name: getattr(self, name) for name in ("width", "layers", "heads", "hidden", "act", "eps", "segments")}
        return own | {"vocabulary": len(self.tokens), "context": self.positions, "blank": self.padding}

    def read(self, tokenizer: WordPiece, texts: Sequence[str]) -> np.ndarray:
        """Each text between [CLS] and [SEP], cut and padded to the context: int64 (N, T)."""
        return padded([tokenizer.enclosed(text, self.context) for text in texts], self.context, self.padding)

    def stays(self, tokenizer: WordPiece) -> tuple[int, ...]:
        return tuple(tokenizer[token] for token in STAYS if token in tokenizer.vocabulary)


class TextReader(BERT):
    """A BERT that is given tokens (B, T) alone: the token `blank`, padding, is not read.

    The table knows of no padding: nothing that is looked at depends on the row of a token that is not read, so that it gets no
    gradient without that.
    """

    def __init__(self, *, blank: int, **settings: Any) -> None:
        super().__init__(**settings, padding=None)
        self.blank = blank

    def forward(self, tokens: Tensor) -> Any:  # type: ignore[override]
        return super().forward(tokens, None, tokens != self.blank)


def learnt_reader(texts: Sequence[str], s: Any) -> dict[str, Any]:
    """The fields of a Reader for settings with `vocabulary`, `context`, `width`, `layers` and `heads`: pieces from the texts."""
    tokenizer = train_wordpiece(texts, s.vocabulary)
    return _words(tokenizer) | {
        "context": s.context, "positions": s.context, "width": s.width, "layers": s.layers, "heads": s.heads,
        "hidden": 4 * s.width, "act": "gelu", "eps": 1e-12, "segments": 2,
    }


def reader_of(weights: str | Path, context: int) -> dict[str, Any]:
    """The fields of a Reader for weights to start from: of a run of this kind, or of a published BERT's folder, which holds its
    vocabulary (vocab.txt or tokenizer.json). Raises FileNotFoundError or ValueError for what is neither."""
    folder = Path(weights).expanduser()
    if (folder / "config.yaml").exists():
        known = config_of(folder)["input"]
        names = [field.name for field in fields(Reader)]
        if any(name not in known for name in names):
            raise ValueError(f"{weights}: is a run of another kind: weights come from a run of masked or textclf, or from a "
                             "published BERT's folder")
        found = vars(from_mapping(Reader, {name: known[name] for name in names}))
    else:
        found = _published(folder)
    if context > found["positions"]:
        raise ValueError(f"setting context: {context} tokens are more than the {found['positions']} positions of {weights}")
    return found | {"context": context}


def read_by_itself(settings: Any, run: str | Path) -> Any:
    """The settings of a finished run, reading as the run does: the weights that it began with may be gone, or others by now."""
    return replace(settings, weights=str(run))


def _published(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder: weights of a BERT are a folder with its config.json, its "
                                "weights and its vocab.txt or tokenizer.json")
    tokenizer = WordPiece.from_pretrained(folder)
    checkpoint = read_checkpoint(folder)
    if checkpoint.config.get("model_type", "bert") != "bert":
        raise ValueError(f"{folder}: holds a model of the type {checkpoint.config['model_type']!r}, this recipe reads with bert")
    try:
        sizes = BERT.settings_of(checkpoint)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder}: its config.json does not describe a BERT ({error!r})") from error
    if len(tokenizer) != sizes["vocabulary"] or PADDING not in tokenizer.vocabulary:
        raise ValueError(f"{folder}: its vocabulary has {len(tokenizer)} tokens, {PADDING} among them or not, and the network "
                         f"{sizes['vocabulary']} with padding: they do not belong together")
    kept = ("width", "layers", "heads", "hidden", "act", "eps", "segments")
    return _words(tokenizer) | {name: sizes[name] for name in kept} | {"positions": sizes["context"]}


def _words(tokenizer: WordPiece) -> dict[str, Any]:
    ranked = sorted(tokenizer.vocabulary.items(), key=lambda item: item[1])
    words = tokenizer.words
    return {"tokens": [token for token, _ in ranked], "lower": words.lower, "accents": words.accents,
            "ideographs": words.ideographs}


def padded(rows: Sequence[Sequence[int]], length: int, padding: int) -> np.ndarray:
    """int64 (N, length)."""
    found = np.full((len(rows), length), padding, np.int64)
    for row, tokens in zip(found, rows):
        row[:len(tokens)] = tokens
    return found
