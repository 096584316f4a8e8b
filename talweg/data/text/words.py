"""One token a word or mark, of the words that are frequent enough."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from .tokenizer import Tokenizer, checked_text

WORD = re.compile(r"\w+|[^\w\s]")
UNKNOWN = "<unk>"


class WordTokenizer(Tokenizer):
    """`words` in order, their ids after those of `special` tokens; what is not among them is <unk>.

    Text is cut into runs of letters and digits and single marks, in lower case unless `keep_case`. Decoding puts a
    space between tokens. Raises ValueError for words that are listed twice.
    """

    def __init__(self, words: Sequence[str], special: Sequence[str] = (UNKNOWN,), keep_case: bool = False) -> None:
        self.special = list(special if UNKNOWN in special else [UNKNOWN, *special])
        self.tokens = [*self.special, *words]
        self.keep_case = keep_case
        self._ids = {word: i for i, word in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            twice = next(word for word, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"WordTokenizer: {twice!r} is listed twice")

    @classmethod
    def of(
        cls, texts: Iterable[str], most: int | None = None, least: int = 1, special: Sequence[str] = (UNKNOWN,),
        keep_case: bool = False,
    ) -> WordTokenizer:
        """The words of `texts` that occur `least` times, at most `most` of them: the most frequent first."""
        counts = Counter(word for text in texts for word in _cut(text, keep_case))
        ranked = sorted((word for word, n in counts.items() if n >= least), key=lambda word: (-counts[word], word))
        return cls(ranked[:most], special, keep_case)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, word: str) -> int:
        """The id of a word or special token, that of <unk> where there is none."""
        return self._ids.get(word, self._ids[UNKNOWN])

    def encode(self, text: str) -> list[int]:
        return [self[word] for word in _cut(checked_text(text, "WordTokenizer.encode"), self.keep_case)]

    def token_bytes(self, token: int) -> bytes:
        return self.tokens[self._known(token)].encode()

    def decode(self, tokens: Iterable[int]) -> str:
        return " ".join(self.tokens[self._known(token)] for token in tokens)

    def save(self, path: str | Path) -> None:
        content = {"kind": "words", "words": self.tokens[len(self.special):], "special": self.special,
                   "keep_case": self.keep_case}
        Path(path).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> WordTokenizer:
        """What `save` wrote. Raises ValueError for anything else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(content["words"], content["special"], content["keep_case"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: holds no word tokenizer ({error})") from error


def _cut(text: str, keep_case: bool) -> list[str]:
    return WORD.findall(text if keep_case else text.lower())
