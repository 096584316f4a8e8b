"""From what a caller may write (tensors, numbers) to nodes of one dtype, by PyTorch's promotion rules.

A number never widens a tensor of its own kind, a 0-d tensor never widens one with dimensions: only a higher
kind (bool < integer < float < complex) does.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from ..core.dtypes import (
    bool_,
    complex64,
    complex128,
    complex_of,
    float32,
    float64,
    get_default_dtype,
    int64,
    promote_types,
)
from ..core.dtypes import dtype as DType
from ..graph.leaves import scalar
from ..graph.node import Node
from ..graph.ops import cast
from .box import Box

_RANK = {"bool": 0, "integer": 1, "float": 2, "complex": 3}


def number_dtype(value) -> DType:
    """The dtype a Python number has by itself."""
    if isinstance(value, bool):
        return bool_
    if isinstance(value, numbers.Integral):
        return int64
    if isinstance(value, numbers.Real):
        return get_default_dtype()
    return complex128 if get_default_dtype() is float64 else complex64


def is_number(value) -> bool:
    return isinstance(value, (int, float, complex, np.number, np.bool_))


def result_type(*operands) -> DType:
    """The dtype that an operation on these tensors and numbers has."""
    by_weight: list[DType | None] = [None, None, None]  # with dimensions, 0-d, numbers
    for x in operands:
        weight = 2 if not isinstance(x, Box) else 0 if x.node.shape else 1
        d = number_dtype(x) if weight == 2 else x.node.dtype
        before = by_weight[weight]
        by_weight[weight] = d if before is None else promote_types(before, d)
    result = None
    for d in by_weight:
        if d is None:
            continue
        if result is None or _RANK[d.category] > _RANK[result.category]:
            result = d if result is None else _raised(result, d)
    assert result is not None
    return result


def _raised(low: DType, high: DType) -> DType:
    """A higher kind wins; a float tensor met by a complex number keeps its precision."""
    return complex_of(low) if high.is_complex and low.is_floating_point else high


def as_dtype(node: Node, dtype: DType) -> Node:
    return node if node.dtype is dtype else cast(node, dtype)


def as_node(x, dtype: DType) -> Node:
    """A tensor's node in `dtype`, or a number as an input of the graph."""
    if isinstance(x, Box):
        node = x.node
        return node if node.dtype is dtype else cast(node, dtype)
    return number_node(x, dtype)


def number_node(value, dtype: DType) -> Node:
    """A number as an input of the graph. Raises RuntimeError where the dtype cannot hold it."""
    if isinstance(value, (complex, np.complexfloating)) and not dtype.is_complex:
        if value.imag and dtype is not bool_:
            raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: {value} is complex")
        value = bool(value) if dtype is bool_ else value.real
    return scalar(held(value, dtype) if dtype.category == "integer" else value, dtype)


def held(value, dtype: DType):
    """A number as an integer dtype holds it: a negative one counts down from the top of an unsigned dtype, as in PyTorch.

    Raises RuntimeError where it does not fit.
    """
    info = np.iinfo(dtype.numpy)
    if not (info.min or -info.max) <= value <= info.max:
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: {value}; it holds {info.min} to "
                           f"{info.max}")
    return value if value >= info.min else int(value) + info.max + 1


def wrapped(value, dtype: DType):
    """An integer as arithmetic with tensors of the dtype takes it: modulo the number of its values."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        return value
    info = np.iinfo(dtype.numpy)
    if info.min <= value <= info.max:
        return value
    if not -(2**63) <= value < 2**63:
        raise OverflowError(f"the integer {value} is too big for int64; make it a float")
    return (int(value) - info.min) % (info.max - info.min + 1) + info.min


def refuse(call: str, dtype: DType, *kinds: str, error: type[Exception] = NotImplementedError) -> None:
    """Raise `error` for operands whose common dtype is of one of these kinds: bool, integer, float, complex."""
    if dtype.category in kinds:
        raise error(f"{call}(): not implemented for '{dtype.name}', the operands' common dtype. {_MEND[dtype.category]}")


_MEND = {
    "bool": "Convert them with .int(), or use the logical functions.", "integer": "Convert them with .float().",
    "float": "Convert them to integers.", "complex": "Take .real, .imag or .abs() first: complex numbers have no order.",
}


def pair(x, y, call: str) -> tuple[Node, Node]:
    """Two operands as nodes of one dtype. Raises TypeError for what is neither a tensor nor a number."""
    if isinstance(x, Box) and isinstance(y, Box):
        a, b = x.node, y.node
        if a.dtype is b.dtype:
            return a, b
    elif type(y) is float and isinstance(x, Box) and (a := x.node).dtype.is_floating_point:
        return a, scalar(y, a.dtype)
    dtype = result_type(require_operand(x, call), require_operand(y, call))
    if dtype.category == "integer":
        x, y = (v if isinstance(v, Box) else wrapped(v, dtype) for v in (x, y))
    return as_node(x, dtype), as_node(y, dtype)


def float_pair(x, y, call: str) -> tuple[Node, Node]:
    """Two operands as nodes of one float or complex dtype; integers become the default float type."""
    dtype = result_type(require_operand(x, call), require_operand(y, call))
    dtype = dtype if dtype.is_floating_point or dtype.is_complex else get_default_dtype()
    return as_node(x, dtype), as_node(y, dtype)


def in_float32(x, y) -> tuple[Node, Node, DType] | None:
    """For a half-precision x and a number or 0-d tensor y that leaves it half: both in float32, and x's dtype.

    Products and quotients take such an operand as it is, compute in float32 and round once, as PyTorch does; a sum takes
    it rounded to half precision first, as all other operations do.
    """
    if not isinstance(x, Box):
        return None
    node = x.node
    if node.dtype.itemsize != 2 or not node.dtype.is_floating_point:
        return None
    exact = is_number(y) or (isinstance(y, Box) and not y.node.shape and y.node.dtype is not node.dtype)
    if not exact or result_type(x, y) is not node.dtype:
        return None
    return cast(node, float32), as_node(y, float32), node.dtype


def require_operand(x, call: str):
    if isinstance(x, Box) or is_number(x):
        return x
    raise TypeError(f"{call}(): expected a Tensor or a number, but got {type(x).__name__}")


def require_tensors(call: str, *operands) -> None:
    """Raise TypeError for a number where PyTorch takes tensors only."""
    for place, x in enumerate(operands):
        if not isinstance(x, Box):
            raise TypeError(f"{call}(): argument '{('input', 'other', 'third')[place]}' (position {place + 1}) must be Tensor, "
                            f"not {type(x).__name__}")


def require_a_tensor(call: str, x, y) -> None:
    """Raise TypeError for two numbers where PyTorch wants at least one tensor."""
    if not (isinstance(x, Box) or isinstance(y, Box)):
        raise TypeError(f"{call}(): received an invalid combination of arguments: at least one of {x!r} and {y!r} must be a "
                        "Tensor")


def require_tensor(x, call: str) -> Any:
    if isinstance(x, Box):
        return x
    raise TypeError(f"{call}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")


def to_float(node: Node) -> Node:
    """Integers and bools become the default float type, as functions like exp and mean take them."""
    return node if node.dtype.is_floating_point or node.dtype.is_complex else cast(node, get_default_dtype())
