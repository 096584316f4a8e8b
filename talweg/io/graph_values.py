"""Values of variables as typed: `x=-2`, `w=[1, 2]`, `A=[[1, 2], [3, 4]]`."""

from __future__ import annotations

import ast
import math
import unicodedata
import warnings
from collections.abc import Iterable

import numpy as np

from .graph_error import ExpressionError

MOST_ELEMENTS = 4096
MOST_CHARACTERS = 40_000


def read_values(assignments: Iterable[str]) -> dict[str, np.ndarray]:
    """NAME=VALUE texts as float64 arrays, in their order.

    Raises ExpressionError for a text of another form, a name given twice, a value that is no finite number and no
    rectangular list of them, and a list of more than 4096 numbers.
    """
    values: dict[str, np.ndarray] = {}
    for text in assignments:
        name, value = _read(text.strip())
        if name in values:
            raise ExpressionError(f"{name} is given twice", text.strip(), 0)
        values[name] = value
    return values


def _read(text: str) -> tuple[str, np.ndarray]:
    typed, equals, value = text.partition("=")
    name = unicodedata.normalize("NFKC", typed.strip())  # as Python reads names
    if not equals:
        raise ExpressionError("a value is given as NAME=VALUE, such as x=-2 or x=[1,2]", text, len(text))
    if not name.isidentifier():
        raise ExpressionError(f"{name!r} cannot be the name of a variable: use letters, digits and _", text, 0)
    start = len(typed) + 1
    if not value.strip():
        raise ExpressionError(f"{name} has no value: write {name}=NUMBER", text, start)
    return name, _array(name, text, start)


def _array(name: str, text: str, start: int) -> np.ndarray:
    start += len(text[start:]) - len(text[start:].lstrip())
    try:
        array = np.array(_numbers(_parsed(name, text, start), text, start), np.float64)
    except RecursionError:
        raise ExpressionError(f"the value of {name} is nested too deeply", text, start) from None
    except ExpressionError:
        raise
    except ValueError:
        raise ExpressionError(f"the lists of {name} have different lengths: rows must be equally long", text, start) from None
    if array.size == 0:
        raise ExpressionError(f"{name} is empty: give it at least one number", text, start)
    if array.size > MOST_ELEMENTS:
        raise ExpressionError(f"{name} has {array.size} numbers; at most {MOST_ELEMENTS} can be drawn", text, start)
    return array


def _parsed(name: str, text: str, start: int) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"the value of {name} is too long: at most {MOST_CHARACTERS} characters", text, start)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text[start:], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(
            f"the value of {name} is neither a number nor a list of numbers", text, start + error_column(error)
        ) from None


def error_column(error: BaseException) -> int:
    """The column of a syntax error, from 0."""
    return max(0, (getattr(error, "offset", None) or 1) - 1)


def _numbers(node: ast.expr, text: str, start: int):
    """A number, or nested lists of numbers, from a syntax tree in which nothing else is let through."""
    if isinstance(node, ast.List):
        return [_numbers(item, text, start) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _numbers(node.operand, text, start)
        if isinstance(inner, float):
            return -inner if isinstance(node.op, ast.USub) else inner
    column = start + character(text[start:], node.col_offset)
    if isinstance(node, ast.Constant):
        return finite(node.value, text, column)
    typed = ast.get_source_segment(text[start:], node) or "this"
    if typed.lower() in ("nan", "inf", "infinity"):
        raise ExpressionError(f"{typed} is not a finite number", text, column)
    raise ExpressionError(f"{typed!r} is neither a number nor a list of numbers", text, column)


def finite(value: object, text: str, column: int) -> float:
    """A literal as a finite float. Raises ExpressionError for any other."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{value!r} is not a real number", text, column)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ExpressionError("the number is too large for float64 (at most about 1.8e308)", text, column)
    return number


def character(text: str, byte: int) -> int:
    """The character that a byte offset of a syntax tree means: Python counts in UTF-8."""
    return len(text.encode()[:byte].decode(errors="ignore"))
