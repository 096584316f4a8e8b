"""How a computational graph is worded: labels and formulas of operations, short forms of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"}
SHOWN_ELEMENTS = 6
"""A value with more elements is shown by its shape, a gradient by its norm."""


def formula(operation: str, operands: Sequence[str], attributes: Mapping[str, Any]) -> str:
    """`x + y`, `-x`, `exp(x)`: the operation applied to what its operands are called."""
    if operation in INFIX and len(operands) == 2:
        return f" {INFIX[operation]} ".join(operands)
    if operation == "neg":
        return f"-{operands[0]}"
    if operation == "slice":
        return operands[0] + _slice_text(attributes)
    return f"{_name(operation, attributes)}({', '.join(operands)})"


def label(operation: str, operands: Sequence[str | None], attributes: Mapping[str, Any]) -> str:
    """What stands in the node: its symbol or name, with the numbers that are part of it (`1 /`, `conv 5x5`).

    `operands` has None where a wire comes in, and the text of a number where none does.
    """
    if operation in INFIX:
        first, second = operands
        return " ".join(filter(None, (first, INFIX[operation], second)))
    if operation == "neg":
        return "-"
    if operation == "slice":
        return _slice_text(attributes)
    words = [_name(operation, attributes).replace("_", " ")]
    if "kernel" in attributes:
        words.append(size_text(attributes["kernel"]))
    return " ".join([*words, *filter(None, operands)])


def _name(operation: str, attributes: Mapping[str, Any]) -> str:
    """The operation's name; that of a permutation of the last two dimensions is transpose."""
    order = list(attributes.get("order", ()))
    swapped = [*range(len(order) - 2), len(order) - 1, len(order) - 2]
    return "transpose" if operation == "permute" and order == swapped else operation


def _slice_text(attributes: Mapping[str, Any]) -> str:
    """`[0, 2:5]`, `[::2]`, as a user indexes."""
    ranges = zip(attributes["starts"], attributes["stops"], attributes["steps"])
    return f"[{', '.join(_range_text(*r) for r in ranges)}]"


def _range_text(start: int, stop: int, step: int) -> str:
    if stop == start + 1:
        return str(start)
    return f"{start}:{stop}" if step == 1 else f"{start}:{stop}:{step}"


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
    if isinstance(number, complex | np.complexfloating):
        return f"{complex(number):.{digits}g}"
    text = f"{float(number):.{digits}g}"
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
    return f"norm {number_text(gradient_norm(gradient), digits)}"


def gradient_norm(gradient: np.ndarray) -> float:
    """The square root of the sum of squares."""
    wide = np.complex128 if np.iscomplexobj(gradient) else np.float64
    return float(np.linalg.norm(gradient.astype(wide).ravel()))


def _elements(array: np.ndarray, digits: int) -> str:
    if array.ndim == 0:
        return number_text(array[()], digits)
    return f"[{', '.join(_elements(part, digits) for part in array)}]"
