"""`talweg tokenizer train`: byte pairs learned from a text; `talweg tokenizer encode`: what a tokenizer makes of a text."""

from __future__ import annotations

from pathlib import Path

import click

from ..data.named.topics import topics_text
from ..data.text import ByteLevelBPE, train_bpe
from .output import as_json, print_json, table

TOPICS = "topics"
SHOWN = 40


@click.group(short_help="Learn a tokenizer from a text, and apply it.")
def command() -> None:
    """Tokenizers of byte pairs (L 3.2): any text has an encoding, and comes back exactly."""


@command.command(short_help="Learn byte pairs from a text.")
@click.option("--data", default=TOPICS, show_default=True, metavar="PATH",
              help="A text file in UTF-8, a folder of .txt files, or topics.")
@click.option("--vocab", type=click.IntRange(min=257), default=4096, show_default=True, help="Tokens, the 256 bytes among them.")
@click.option("--out", required=True, metavar="FOLDER", help="Where vocab.json and merges.txt are written.")
@as_json
def train(data: str, vocab: int, out: str, as_json: bool) -> None:
    """Merge the most frequent pair of neighbours again and again (Sennrich et al., 2016), and check that the text comes back.

    \b
    talweg tokenizer train --data topics --vocab 4096 --out tokens
    """
    text = text_of(data)
    tokenizer = train_bpe([text], vocab)
    ids = tokenizer.encode(text)
    if tokenizer.decode(ids) != text:
        raise RuntimeError(f"{data}: the text does not come back from its tokens: this is a fault of talweg")
    tokenizer.save(Path(out))
    found = {"data": data, "characters": len(text), "tokens": len(ids), "characters_per_token": len(text) / len(ids),
             "vocabulary": len(tokenizer), "out": out}
    if as_json:
        print_json(found)
        return
    click.echo(f"{len(tokenizer):,} tokens learned from {len(text):,} characters of {data}: {len(ids):,} tokens, "
               f"{len(text) / len(ids):.2f} characters each")
    if len(tokenizer) < vocab:
        click.echo(f"fewer than {vocab:,}: no other pair occurs twice")
    click.echo(f"written: {Path(out) / 'vocab.json'}, {Path(out) / 'merges.txt'}")


@command.command(short_help="The tokens of a text.")
@click.argument("folder")
@click.argument("text", metavar="TEXT|FILE")
@as_json
def encode(folder: str, text: str, as_json: bool) -> None:
    """Tokens of a text, or of a file that has this name, by the vocab.json and merges.txt of FOLDER.

    \b
    talweg tokenizer encode tokens "a tensor has a shape"
    """
    tokenizer = ByteLevelBPE.from_pretrained(folder)
    read = text_of(text) if Path(text).is_file() else text
    if not read:
        raise ValueError("tokenizer encode: the text is empty: give at least one character")
    ids = tokenizer.encode(read)
    if as_json:
        print_json({"ids": ids, "characters_per_token": len(read) / len(ids)})
        return
    pieces = [[str(i), repr(tokenizer.token_bytes(i).decode("utf-8", errors="replace"))] for i in ids[:SHOWN]]
    click.echo(table([["id", "stands for"], *pieces], (0,)))
    left = f" ({len(ids) - SHOWN:,} not shown)" if len(ids) > SHOWN else ""
    click.echo(f"{len(ids):,} tokens, {len(read) / len(ids):.2f} characters each{left}")


def text_of(data: str) -> str:
    """The text of `topics`, of a file, or of all .txt files of a folder in the order of their names.

    Raises FileNotFoundError for what is not there, and ValueError for a folder without texts, an empty text or one that is
    not UTF-8.
    """
    if data == TOPICS:
        return topics_text()
    path = Path(data)
    if not path.exists():
        raise FileNotFoundError(f"{data}: there is no such file or folder; the one text with a name is {TOPICS}")
    files = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{data}: the folder holds no .txt files")
    text = "\n".join(map(_read, files))
    if not text:
        raise ValueError(f"{data}: the text is empty")
    return text


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from error
