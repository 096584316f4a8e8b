"""How each dtype is held in memory and computed with in a kernel.

bfloat16 and float16 are computed in float; bool is a byte in memory and a bit in registers.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....core.dtypes import dtype as DType


@dataclass(frozen=True)
class Kind:
    memory: str  # LLVM type of an element in memory
    register: str  # LLVM type it is computed in
    is_float: bool
    is_signed: bool


_KINDS = {
    "bool": Kind("i8", "i1", False, False),
    "uint8": Kind("i8", "i8", False, False),
    "int8": Kind("i8", "i8", False, True),
    "int16": Kind("i16", "i16", False, True),
    "int32": Kind("i32", "i32", False, True),
    "int64": Kind("i64", "i64", False, True),
    "float16": Kind("half", "float", True, True),
    "bfloat16": Kind("i16", "float", True, True),
    "float32": Kind("float", "float", True, True),
    "float64": Kind("double", "double", True, True),
}


def kind_of(dtype: DType) -> Kind | None:
    """None for dtypes that kernels do not compute with (complex numbers)."""
    return _KINDS.get(dtype.name)
