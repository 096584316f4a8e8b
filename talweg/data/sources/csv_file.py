"""CSV and TSV files: the delimiter and whether there is a header are found out."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ..problems import Problems
from .table import Table, is_missing, number_of, table_of

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 50  # lines that decide about delimiter and header


def read_csv(path: Path, problems: Problems) -> Table:
    """The table of a CSV or TSV file. Raises ValueError for a file that is empty or no text, and
    BadSample for a row with too few or too many cells."""
    lines = list(io.StringIO(read_text(path), newline=""))  # str.splitlines would cut at \f and U+2028 within cells too
    if not any(line.strip() for line in lines):
        raise ValueError(f"{path}: is empty")
    delimiter = _delimiter(path, lines)
    csv.field_size_limit(1 << 27)
    rows = []
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise ValueError(f"{path}: row {reader.line_num}: {error}") from error
    names = [f"column{i + 1}" for i in range(_usual_length([cells for _, cells in rows[:LOOKED_AT]]))]
    notes = []
    if has_header([cells for _, cells in rows[:LOOKED_AT]]):
        names = [name or f"column{i + 1}" for i, name in enumerate(rows.pop(0)[1])]
    else:
        notes = [f"{path.name} has no header: its columns are called column1 to column{len(names)}"]
    if delimiter == ";":
        rows = [(number, [_with_point(cell) for cell in cells]) for number, cells in rows]
    table = table_of(path, names, rows, problems)
    table.notes += notes
    return table


def read_text(path: Path) -> str:
    """A text file as UTF-8 or, with a mark at its beginning, UTF-16. Raises ValueError for anything else."""
    raw = path.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        row = raw[:error.start].count(b"\n") + 1
        raise ValueError(f"{path}: row {row}: is no UTF-8 text (byte {error.start}): save it as UTF-8") from error
    if "\0" in text:
        raise ValueError(f"{path}: is no text file: it holds zero bytes")
    return text


def _delimiter(path: Path, lines: list[str]) -> str:
    """The mark that cuts most of the first lines into equally many cells, more than one where that can be."""
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    first = [line for line in lines[:LOOKED_AT] if line.strip()]

    def score(mark: str) -> tuple[float, int]:
        lengths = [len(cells) for cells in csv.reader(first, delimiter=mark, skipinitialspace=True) if cells]
        usual = max(set(lengths), key=lengths.count)
        return (lengths.count(usual) / len(lengths) if usual > 1 else 0.0, usual)

    return max(DELIMITERS, key=score)


def _usual_length(rows: list[list[str]]) -> int:
    lengths = [len(cells) for cells in rows]
    return max(set(lengths), key=lengths.count)


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: it has words only, and a column below it has numbers, or no cell of
    it comes again below."""
    head, below = rows[0], rows[1:]
    if any(number_of(cell) is not None for cell in head):
        return False
    if any(is_missing(cell) and cell for cell in head):
        return False
    columns = [[cells[i] for cells in below if i < len(cells)] for i in range(len(head))]
    if any(cells and all(number_of(c) is not None or is_missing(c) for c in cells) for cells in columns):
        return True
    return bool(below) and len(set(head)) == len(head) and not any(name in cells for name, cells in zip(head, columns))


def _with_point(cell: str) -> str:
    """In files with semicolons, as spreadsheets of much of Europe write them, 1,5 is one and a half."""
    if "," in cell and number_of(cell) is None:
        value = number_of(cell, comma=True)
        return cell if value is None else repr(value)
    return cell
