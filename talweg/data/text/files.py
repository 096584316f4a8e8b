"""Vocabulary files: vocab.json with merges.txt, and the ranks that tiktoken reads."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
from pathlib import Path

from .merging import Pair


def read_vocabulary(path: Path) -> dict[str, int]:
    """Token to id. Raises FileNotFoundError, or ValueError for what is not such an object."""
    try:
        found = json.loads(_text(path))
    except ValueError as error:
        raise ValueError(f"{path}: is not valid JSON ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(i, int) and i >= 0 for i in found.values()):
        raise ValueError(f"{path}: must hold an object from token to id")
    if len(set(found.values())) != len(found):
        raise ValueError(f"{path}: gives one id to several tokens")
    return found


def read_tokenizer_json(path: Path) -> tuple[dict[str, int], list[Pair], dict[str, int]]:
    """Vocabulary, merges and special tokens of the tokenizers library's file.

    Raises FileNotFoundError, or ValueError for what holds no byte pairs over bytes.
    """
    try:
        found = json.loads(_text(path))
        model, steps = found["model"], json.dumps(found.get("pre_tokenizer"))
        special = {added["content"]: added["id"] for added in found.get("added_tokens", [])}
        if model["type"] != "BPE" or '"ByteLevel"' not in steps:
            raise ValueError(f"{path}: its tokenizer is not one of byte pairs over bytes, which alone is read")
        pairs = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
        if not all(len(pair) == 2 for pair in pairs):
            raise ValueError(f"{path}: a merge is not made of two tokens")
        return dict(model["vocab"]), [(a, b) for a, b in pairs], special
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: holds no tokenizer ({error!r})") from error


def read_merges(path: Path) -> list[Pair]:
    """Pairs in the order they were learnt, one a line; a first line #version is passed over."""
    lines = _text(path).split("\n")
    start = 1 if lines[0].startswith(("#version", '"bpe_simple_vocab')) else 0
    pairs = []
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip():
            continue
        parts = line.split(" ")
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"{path}: line {number} must hold two symbols, got {line[:40]!r}")
        pairs.append((parts[0], parts[1]))
    return pairs


def read_ranks(path: Path) -> dict[bytes, int]:
    """Token bytes to rank, from lines "base64 rank"."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            token, rank = line.split()
            # Whisper's file gives a rank to the empty token, written "=".
            ranks[base64.b64decode(token, validate=True) if token != "=" else b""] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise ValueError(f"{path}: line {number} must hold base64 and a rank, got {line[:40]!r}") from error
    return ranks


def _text(path: Path) -> str:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8") as file:
                return file.read()
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file") from error
    except (UnicodeDecodeError, OSError, EOFError) as error:
        raise ValueError(f"{path}: is not a text file of a vocabulary ({error})") from error
