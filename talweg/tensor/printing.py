"""How a tensor is shown."""

from __future__ import annotations

import numpy as np

from ..core.dtypes import get_default_dtype
from .pending import value_of


class _Options:
    precision = 4
    threshold = 1000
    edgeitems = 3
    linewidth = 80


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """How many digits, elements and columns printed tensors have."""
    if profile == "full":
        _Options.threshold = 2**62
    for name, value in (("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems),
                        ("linewidth", linewidth)):
        if value is not None:
            setattr(_Options, name, value)


def tensor_text(tensor) -> str:
    """`tensor([[1., 2.]], dtype=..., grad_fn=<...>)`"""
    node = tensor.node
    name = type(tensor).__name__.lower() if type(tensor) is tensor._plain else type(tensor).__name__ + " containing:\ntensor"
    body = _digits(value_of(node), name.rsplit("\n", 1)[-1])
    return f"{name}({', '.join([body, *_remarks(tensor)])})"


def _remarks(tensor) -> list[str]:
    node = tensor.node
    found = []
    if 0 in node.shape and len(node.shape) != 1:
        found.append(f"size={node.shape}")
    if node.dtype.name not in ("int64", "bool", get_default_dtype().name):
        found.append(f"dtype={node.dtype!r}")
    if tensor._variable:
        found.append("requires_grad=True")
    elif node.needs_grad:
        found.append(f"grad_fn={tensor.grad_fn!r}")
    return found


def _digits(array: np.ndarray, prefix: str) -> str:
    if array.size == 0:
        return "[]" if array.ndim <= 1 else str(array.tolist())
    wide = array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind == "V" else array
    if wide.dtype.kind not in "fciub":
        wide = wide.astype(np.float32)
    with np.printoptions(precision=_Options.precision, threshold=_Options.threshold, edgeitems=_Options.edgeitems,
                         linewidth=_Options.linewidth, floatmode="maxprec"):
        text = np.array2string(wide, separator=", ", prefix=prefix + "(")
    return text if wide.dtype.kind != "b" else text.replace(" True", "True" if wide.ndim == 0 else " True")
