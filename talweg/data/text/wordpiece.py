"""WordPiece, BERT's tokenizer: words cut into the longest pieces that the vocabulary has (Wu et al., 2016; Devlin et al., 2019).

A piece that goes on with a word begins with ##: "embeddings" may be em ##bed ##ding ##s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from .bert_files import read_bert_vocabulary
from .bert_words import BertWords
from .tokenizer import Tokenizer, checked_text
from .unicode import splitter

UNKNOWN, PADDING, FIRST, LAST, MASK = SPECIAL = ("[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]")
GOES_ON = "##"
LONGEST = 100  # characters of a word; a longer one is unknown
REMEMBERED = 1 << 16  # words whose pieces are kept


class WordPiece(Tokenizer):
    """The pieces `vocabulary`, piece to id, of words as `words` cuts them; a word that no pieces make is [UNK] as a whole.

    `special` tokens stand in a text as they are; those five of BERT that the vocabulary has are among them. Raises ValueError
    for a vocabulary without [UNK].
    """

    def __init__(self, vocabulary: Mapping[str, int], words: BertWords | None = None, special: Iterable[str] = ()) -> None:
        self.vocabulary = dict(vocabulary)
        self.words = words or BertWords()
        self.special = {t: self.vocabulary[t] for t in dict.fromkeys([*SPECIAL, *special]) if t in self.vocabulary}
        if UNKNOWN not in self.vocabulary:
            raise ValueError(f"WordPiece: the vocabulary lacks {UNKNOWN}, which stands for words that no pieces make")
        self._tokens = {i: token for token, i in self.vocabulary.items()}
        self._splitter = splitter(self.special)
        self._pieces: dict[str, list[int]] = {}

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """From a folder that holds tokenizer.json, or vocab.txt with or without tokenizer_config.json. Raises
        FileNotFoundError, or ValueError for malformed files."""
        return cls(*read_bert_vocabulary(Path(folder)))

    @classmethod
    def of(cls, tokens: Iterable[str], words: BertWords | None = None) -> Self:
        """Of tokens in the order of their ids. Raises ValueError for one that comes twice."""
        listed = list(tokens)
        vocabulary = {token: i for i, token in enumerate(listed)}
        if len(vocabulary) != len(listed):
            raise ValueError("WordPiece: a token is listed twice")
        return cls(vocabulary, words)

    def __len__(self) -> int:
        return max(self._tokens, default=-1) + 1

    def __getitem__(self, token: str) -> int:
        """The id of a piece or special token. Raises KeyError."""
        return self.vocabulary[token]

    def encode(self, text: str, special: bool = True) -> list[int]:
        """The ids of a text, without [CLS] and [SEP]. With special=False special tokens in it are ordinary text."""
        checked_text(text, "WordPiece.encode")
        parts = self._splitter.split(text) if special and self._splitter is not None else [text]
        found: list[int] = []
        for number, part in enumerate(parts):
            if number % 2:  # what the splitter's group caught
                found.append(self.special[part])
                continue
            for word in self.words.cut(part):
                found += self._word(word)
        return found

    def enclosed(self, text: str, most: int) -> list[int]:
        """[CLS], the ids of a text, [SEP]; of a text that is too long its beginning, so that there are `most` ids."""
        return [self[FIRST], *self.encode(text)[:most - 2], self[LAST]]

    def token_bytes(self, token: int) -> bytes:
        return self._token(token).encode("utf-8", errors="replace")

    def decode(self, tokens: Iterable[int]) -> str:
        """A space before every token that does not go on with a word."""
        return " ".join(map(self._token, tokens)).replace(f" {GOES_ON}", "")

    def save(self, folder: str | Path) -> None:
        """Write vocab.txt and tokenizer_config.json, as `from_pretrained` and the transformers library read them.

        Raises ValueError for ids with gaps, which a list of lines cannot tell.
        """
        if sorted(self._tokens) != list(range(len(self))):
            raise ValueError("WordPiece.save: ids must go from 0 on without gaps, as vocab.txt has them")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{self._tokens[i]}\n" for i in range(len(self)))
        (folder / "vocab.txt").write_text(lines, encoding="utf-8", newline="\n")
        (folder / "tokenizer_config.json").write_text(self.words.as_json(), encoding="utf-8")

    def _token(self, token: int) -> str:
        if token not in self._tokens:
            raise ValueError(f"WordPiece.decode: there is no token {token}; ids go from 0 to {len(self) - 1}")
        return self._tokens[token]

    def _word(self, word: str) -> list[int]:
        known = self._pieces.get(word)
        if known is None:
            if len(self._pieces) >= REMEMBERED:
                self._pieces.clear()
            known = self._pieces[word] = self._cut(word)
        return known

    def _cut(self, word: str) -> list[int]:
        """From the left, always the longest piece there is."""
        found: list[int] = []
        start = 0
        while start < len(word) <= LONGEST:
            before = GOES_ON if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if before + word[start:end] in self.vocabulary), None)
            if end is None:
                break
            found.append(self.vocabulary[before + word[start:end]])
            start = end
        return found if start == len(word) else [self.vocabulary[UNKNOWN]]
