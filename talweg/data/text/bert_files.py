"""BERT's vocabulary files: vocab.txt with tokenizer_config.json, or tokenizer.json, which the tokenizers library writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bert_words import BertWords

Found = tuple[dict[str, int], BertWords, list[str]]


def read_bert_vocabulary(folder: Path) -> Found:
    """Token to id, how words are cut, and special tokens, of a folder.

    Raises FileNotFoundError where neither file is there, or ValueError for malformed ones.
    """
    if (folder / "vocab.txt").exists():
        return _of_lines(folder)
    if (folder / "tokenizer.json").exists():
        return _of_library(folder / "tokenizer.json")
    raise FileNotFoundError(f"{folder}: holds neither vocab.txt nor tokenizer.json, in which BERT's vocabulary is published")


def _of_lines(folder: Path) -> Found:
    path = folder / "vocab.txt"
    try:
        # Not splitlines: a token may be a character that it takes for the end of a line.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no UTF-8 text ({error})") from error
    tokens = {line.rstrip("\r"): i for i, line in enumerate(lines)}
    if len(tokens) != len(lines):
        raise ValueError(f"{path}: lists a token twice; it holds one token a line, each once")
    settings = folder / "tokenizer_config.json"
    found = _object(settings) if settings.exists() else {}
    return tokens, BertWords(
        lower=bool(found.get("do_lower_case", True)), accents=found.get("strip_accents"),
        ideographs=bool(found.get("tokenize_chinese_chars", True)),
    ), []


def _of_library(path: Path) -> Found:
    found = _object(path)
    try:
        model, normal = found["model"], found.get("normalizer") or {}
        kinds = model.get("type", "WordPiece"), normal.get("type"), (found.get("pre_tokenizer") or {}).get("type")
        if kinds != ("WordPiece", "BertNormalizer", "BertPreTokenizer") or model["continuing_subword_prefix"] != "##":
            raise ValueError(f"{path}: its tokenizer is not BERT's (WordPiece with ##, after BertNormalizer and "
                             "BertPreTokenizer), which alone is read")
        added = {token["content"]: token["id"] for token in found.get("added_tokens", [])}
        words = BertWords(bool(normal["lowercase"]), normal["strip_accents"], bool(normal["handle_chinese_chars"]))
        return dict(model["vocab"]) | added, words, list(added)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: holds no tokenizer ({error!r})") from error


def _object(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must hold an object")
    return found
