"""Running text for language models: a named text, a file, or a folder of files, in three parts that follow each other."""

from __future__ import annotations

import json
from pathlib import Path

from .catalogue import CATALOGUE, load
from .choose import is_path
from .examples import PARTS
from .named.topics import Text
from .sources.csv_file import read_text

EXTENSIONS = (".txt", ".text", ".md", ".rst", ".py", ".jsonl")
TEXTS = ("topics",)
FRACTIONS = (8, 9)  # tenths of the text at which training and validation end


def load_text(what: str) -> Text:
    """The text of a name or a path. A name goes before a file of that name.

    A file is cut at 80 % and 90 % of its characters, a folder's files are read in the order of their names and put
    together before that, unless they are called train, validation and test: then they are those parts. A line of a
    .jsonl file is an object with a string `text`. Raises FileNotFoundError, or ValueError for what holds no text.
    """
    if what in CATALOGUE:
        if what not in TEXTS:
            raise ValueError(f"{what} is no running text: a language model learns from {', '.join(TEXTS)}, or from a text "
                             "file or folder of your own by its path")
        return load(what)
    if not is_path(what):
        raise ValueError(f"no text is called {what!r}: there are {', '.join(TEXTS)}, and text files and folders by path")
    path = Path(what).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder")
    return _of_folder(path) if path.is_dir() else _cut(path, _of_file(path))


def _of_folder(folder: Path) -> Text:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in EXTENSIONS
                   and not any(part.startswith(".") for part in p.relative_to(folder).parts))
    if not files:
        raise ValueError(f"{folder}: holds no text file, by names that end in {', '.join(EXTENSIONS)}")
    parts = {p.stem.lower(): p for p in files if p.parent == folder and p.stem.lower() in PARTS}
    if "train" in parts:
        return _given(folder, parts)
    return _cut(folder, "\n".join(_of_file(p) for p in files))


def _given(folder: Path, parts: dict[str, Path]) -> Text:
    """Files that are the parts; a missing validation or test part is an error, since nobody else should choose it."""
    missing = [name for name in PARTS if name not in parts]
    if missing:
        raise ValueError(f"{folder}: has a file train but none called {' or '.join(missing)}: give all three, or give it "
                         "another name, and the text is cut at 80 % and 90 %")
    train, validation, test = (_of_file(parts[name]) for name in PARTS)
    return Text(train, validation, test)


def _of_file(path: Path) -> str:
    if path.suffix.lower() not in EXTENSIONS:
        raise ValueError(f"{path}: is no text by its name; those read end in {', '.join(EXTENSIONS)}")
    text = read_text(path)
    if not text.strip():
        raise ValueError(f"{path}: is empty")
    return _of_lines(path, text) if path.suffix.lower() == ".jsonl" else text


def _of_lines(path: Path, content: str) -> str:
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path}: row {number}: is not valid JSON ({error})") from error
        if not isinstance(value, dict) or not isinstance(value.get("text"), str):
            raise ValueError(f"{path}: row {number}: must hold an object with a string `text`")
        found.append(value["text"])
    return "\n".join(found)


def _cut(path: Path, text: str) -> Text:
    first, second = (len(text) * tenths // 10 for tenths in FRACTIONS)
    if first == 0 or second == first:
        raise ValueError(f"{path}: {len(text)} characters are too few for three parts")
    return Text(text[:first], text[first:second], text[second:])
