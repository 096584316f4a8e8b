"""The user's own recordings with their texts: a folder of sounds, each with a .txt beside it, or a table of path and text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..examples import Examples, content_hash
from ..problems import BadSample, Problems
from ..sound import read_sound
from ..speech import Recording, Speech, trimmed
from ..text.whisper import LANGUAGES
from ..to_splits import cut
from .csv_file import read_csv
from .sound_folder import EXTENSIONS
from .table import Table
from .walk import SPLIT_NAMES, files_below

LONGEST = 30.0  # seconds: the largest window
COLUMNS = ("path", "text", "language", "speaker", "translation", "split")


@dataclass(frozen=True)
class Listed:
    """A recording before it is read: its file, what is known of it, and its part (an index of PARTS, -1 for none)."""

    file: Path
    text: str
    language: str
    speaker: str
    translation: str | None
    part: int
    row: int | None = None


def read_recordings(path: str | Path, language: str = "en", on_error: str = "stop", seed: int = 0) -> Speech:
    """The recordings of a folder or a CSV file, split by speaker where speakers are known.

    A folder: sounds at any depth, each with its text beside it (talk.wav, talk.txt); folders called train, validation and
    test are the parts. A CSV: columns path (from the file's own folder on) and text; language, speaker, translation and
    split may follow. Windows are a little longer than the longest recording. Raises FileNotFoundError, BadSample for a
    recording that cannot be used unless on_error is "skip", and ValueError for data that nothing can be learned from.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder")
    problems = Problems(on_error)
    listed = _in_folder(path, language, problems) if path.is_dir() else _in_table(path, language, problems)
    recordings, kept = [], []
    for entry in listed:
        try:
            recordings.append(_read(entry))
            kept.append(entry)
        except (ValueError, OSError) as error:
            problems.found(BadSample(entry.file, str(error).removeprefix(f"{entry.file}: "), entry.row))
    if not recordings:
        raise ValueError(f"{path}: has no recording with a text; {'; '.join(problems.notes())}".removesuffix("; "))
    return _split(path, recordings, kept, seed, problems.notes())


def _split(path: Path, recordings: list[Recording], listed: Sequence[Listed], seed: int, notes: list[str]) -> Speech:
    contents = [content_hash(r.sound, r.text) for r in recordings]
    speakers = np.array([r.speaker for r in recordings])
    codes = sorted({r.language for r in recordings})
    examples = Examples(
        name=path.name, inputs=np.zeros((len(recordings), 1), np.float32), classes=codes,
        targets=np.array([codes.index(r.language) for r in recordings], np.int64),
        where=lambda i: str(listed[i].file), contents=contents, fixed=np.array([e.part for e in listed]),
        groups=speakers if len(set(speakers)) >= 3 else None,
    )
    parts, remarks = cut(examples, seed)
    train, validation, test = ([recordings[i] for i in part] for part in parts)
    seconds = min(LONGEST, math.ceil(2 * (max(r.seconds for r in recordings) + 0.5)) / 2)
    return Speech(path.name, train, validation, test, seconds, content_hash(b"".join(contents)).hex(), notes + remarks)


def _read(entry: Listed) -> Recording:
    if not entry.text.strip():
        raise ValueError("has no text")
    if entry.language not in LANGUAGES:
        raise ValueError(f"its language {entry.language!r} is none that has a token, such as en, de or fr")
    sound = trimmed(read_sound(entry.file))
    if not sound.any():
        raise ValueError("is silent")
    if len(sound) / 16_000 > LONGEST - 0.5:
        raise ValueError(f"lasts {len(sound) / 16_000:.1f} s: recordings must be shorter than {LONGEST:g} s, cut it at a pause")
    return Recording(sound, " ".join(entry.text.split()), entry.language, entry.speaker, entry.translation)


def _in_folder(folder: Path, language: str, problems: Problems) -> list[Listed]:
    found = []
    for file in files_below(folder):
        if file.suffix.lower() not in EXTENSIONS:
            continue
        text = file.with_suffix(".txt")
        if not text.exists():
            problems.found(BadSample(file, f"has no text: there is no {text.name} beside it"))
            continue
        try:
            content = text.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            problems.found(BadSample(text, "is no UTF-8 text"))
            continue
        inside = file.relative_to(folder).parts
        found.append(Listed(file, content, language, "", None, SPLIT_NAMES.get(inside[0].lower(), -1) if inside[1:] else -1))
    if not found:
        raise ValueError(f"{folder}: holds no sounds with texts beside them, such as talk.wav and talk.txt; "
                         f"{'; '.join(problems.notes())}".removesuffix("; "))
    return found


def _in_table(path: Path, language: str, problems: Problems) -> list[Listed]:
    table = read_csv(path, problems)
    lacking = [name for name in COLUMNS[:2] if name not in table.columns]
    if lacking:
        raise ValueError(f"{path}: has no column called {' and '.join(lacking)}: a table of recordings begins with the line "
                         f"path,text (and {', '.join(COLUMNS[2:])} where they are known); it has {', '.join(table.columns)}")
    found = []
    for i, row in enumerate(table.rows):
        part = _cell(table, "split", i)
        if part and part.lower() not in SPLIT_NAMES:
            problems.found(BadSample(path, f"its split {part!r} is none of train, validation and test", row))
            continue
        found.append(Listed(
            path.parent / _cell(table, "path", i), _cell(table, "text", i), _cell(table, "language", i) or language,
            _cell(table, "speaker", i), _cell(table, "translation", i) or None, SPLIT_NAMES.get(part.lower(), -1), row,
        ))
    return found


def _cell(table: Table, name: str, i: int) -> str:
    cells = table.columns.get(name)
    return "" if cells is None or cells[i] is None else str(cells[i]).strip()
