"""How BERT cuts a text into words, before they are cut into pieces (Devlin et al., 2019, and its published code)."""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from dataclasses import dataclass

from .unicode import SPACE, category

# Ideographs, each a word of its own, as BERT's code lists them.
IDEOGRAPHS = ("\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b920-\U0002ceaf"
              "\uf900-\ufaff\U0002f800-\U0002fa1f")
ASCII_MARKS = r"!-/:-@\[-`{-~"  # the symbols of ASCII count as marks, those beyond do not


@dataclass(frozen=True)
class BertWords:
    """`lower`: in lower case; `accents`: without accents, None for what `lower` says; `ideographs`: each is a word.

    Which characters are letters, marks and controls is said by Python's Unicode tables; published tokenizers have tables
    of their own age, so that marks of newer scripts may be cut otherwise there.
    """

    lower: bool = True
    accents: bool | None = None
    ideographs: bool = True

    def cut(self, text: str) -> list[str]:
        """The words of a text: runs without space, and each mark alone."""
        return _words().findall(self.normalised(text))

    def normalised(self, text: str) -> str:
        text = _spaces().sub(" ", _controls().sub("", text))
        if self.ideographs:
            text = _ideographs().sub(r" \g<0> ", text)
        if self.lower if self.accents is None else self.accents:
            text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
        # Character by character: the final sigma of a word is no other letter than one within it.
        return "".join(map(str.lower, text)) if self.lower else text

    def as_json(self) -> str:
        """What tokenizer_config.json says."""
        return json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": self.lower, "strip_accents": self.accents,
                           "tokenize_chinese_chars": self.ideographs}, indent=2)


@functools.cache
def _words() -> re.Pattern[str]:
    marks = ASCII_MARKS + category("P")
    return re.compile(f"[{marks}]|[^{SPACE}{marks}]+")


@functools.cache
def _controls() -> re.Pattern[str]:
    r"""Cc, Cf and Co without \t, \n and \r, and the replacement character."""
    return re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd{category('Cf')}{category('Co')}]")


@functools.cache
def _spaces() -> re.Pattern[str]:
    return re.compile(f"[{SPACE}]")


@functools.cache
def _ideographs() -> re.Pattern[str]:
    return re.compile(f"[{IDEOGRAPHS}]")
