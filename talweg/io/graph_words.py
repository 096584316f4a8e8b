"""How a computational graph is worded: labels and formulas of operations, short forms of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"}
SHOWN_ELEMENTS = 6
"""A value with more elements is shown by its shape, a gradient by its norm."""


def formula(operation: str, operands: Sequence[str]) -> str:
    """`x + y`, `-x`, `exp(x)`: the operation applied to what its operands are called."""
    if operation in INFIX and len(operands) == 2:
        return f" {INFIX[operation]} ".join(operands)
    if operation == "neg":
        return f"-{operands[0]}"
    return f"{operation}({', '.join(operands)})"


def label(operation: str, operands: Sequence[str | None], attributes: Mapping[str, Any]) -> str:
    """What stands in the node: its symbol or name, with the numbers that are part of it (`1 /`, `conv 5x5`).

    `operands` has None where a wire comes in, and the text of a number where none does.
    """
    numbers = [o for o in operands if o is not None]
    if operation in INFIX:
        return " ".join(o or "" for o in _joined(operands, INFIX[operation])).strip()
    if operation == "neg":
        return "-"
    return " ".join([_name(operation, attributes), *numbers])


def _joined(operands: Sequence[str | None], symbol: str) -> list[str | None]:
    first, second = operands
    return [first, symbol, second]


def _name(operation: str, attributes: Mapping[str, Any]) -> str:
    words = operation.replace("_", " ")
    if operation == "permute":
        order = tuple(attributes["order"])
        last = len(order) - 1
        return "transpose" if order == (*range(last - 1), last, last - 1) else words
    if "kernel" in attributes:
        return f"{words} {size_text(attributes['kernel'])}"
    return words


def size_text(shape: Sequence[int]) -> str:
    """`256x784`; `scalar` where there are no dimensions."""
    return "x".join(map(str, shape)) or "scalar"


def is_small(shape: Sequence[int]) -> bool:
    """Whether a value of this shape is shown element by element."""
    return int(np.prod(shape, dtype=np.int64)) <= SHOWN_ELEMENTS


def number_text(number: Any, digits: int = 6) -> str:
    """A number with so many significant digits, and no minus before a zero."""
    if isinstance(number, bool | np.bool_):
        return str(bool(number)).lower()
    text = f"{number:.{digits}g}"
    return text.removeprefix("-") if float(text) == 0 else text


def value_text(value: np.ndarray, digits: int = 6) -> str:
    """The elements of a small array, the shape of a large one."""
    return _elements(value, digits) if is_small(value.shape) else size_text(value.shape)


def gradient_text(gradient: np.ndarray | None, digits: int = 6) -> str:
    """The elements of a small gradient, the Euclidean norm of a large one, nothing where there is none."""
    if gradient is None:
        return ""
    if is_small(gradient.shape):
        return _elements(gradient, digits)
    return f"norm {number_text(float(np.linalg.norm(gradient.astype(np.float64))), digits)}"


def _elements(array: np.ndarray, digits: int) -> str:
    if array.ndim == 0:
        return number_text(array[()], digits)
    return f"[{', '.join(_elements(part, digits) for part in array)}]"
