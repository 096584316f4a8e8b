"""The text of one function body: numbered values, loads and stores with their conversions."""

from __future__ import annotations

import struct

import numpy as np

from ....core.dtypes import dtype as DType
from .types import Kind, kind_of


class Body:
    """Instructions in order. Methods return the name of the value they make."""

    def __init__(self, prefix: str = "v") -> None:
        self.prefix = prefix
        self.lines: list[str] = []
        self.requires: set[tuple[str, str]] = set()  # elementary functions: (name, type)
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"%{self.prefix}{self._count}"

    def add(self, instruction: str) -> str:
        value = self.name()
        self.lines.append(f"  {value} = {instruction}")
        return value

    def do(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def call(self, function: str, type: str, *arguments: str) -> str:
        """An elementary function of this type."""
        self.requires.add((function, type))
        return self.add(f"call {type} @tw_{function}_{type}({', '.join(f'{type} {a}' for a in arguments)})")

    # --- memory
    def load(self, base: str, index: str, dtype: DType) -> str:
        kind = _kind(dtype)
        place = self.add(f"getelementptr inbounds {kind.memory}, ptr {base}, i64 {index}")
        raw = self.add(f"load {kind.memory}, ptr {place}")
        return self.from_memory(raw, dtype)

    def from_memory(self, raw: str, dtype: DType) -> str:
        if dtype.name == "bool":
            return self.add(f"icmp ne i8 {raw}, 0")
        if dtype.name == "bfloat16":
            wide = self.add(f"zext i16 {raw} to i32")
            return self.add(f"bitcast i32 {self.add(f'shl i32 {wide}, 16')} to float")
        return self.add(f"fpext half {raw} to float") if dtype.name == "float16" else raw

    def store(self, value: str, base: str, index: str, dtype: DType) -> None:
        kind = _kind(dtype)
        raw = self.to_memory(value, dtype)
        place = self.add(f"getelementptr inbounds {kind.memory}, ptr {base}, i64 {index}")
        self.do(f"store {kind.memory} {raw}, ptr {place}")

    def to_memory(self, value: str, dtype: DType) -> str:
        if dtype.name == "bool":
            return self.add(f"zext i1 {value} to i8")
        if dtype.name == "bfloat16":
            return self._to_bfloat16(value)
        return self.add(f"fptrunc float {value} to half") if dtype.name == "float16" else value

    def _to_bfloat16(self, value: str) -> str:
        """To the nearest, ties to even; nan stays nan."""
        bits = self.add(f"bitcast float {value} to i32")
        odd = self.add(f"and i32 {self.add(f'lshr i32 {bits}, 16')}, 1")
        rounded = self.add(f"add i32 {self.add(f'add i32 {bits}, 32767')}, {odd}")
        nan = self.add(f"fcmp uno float {value}, 0.0")
        chosen = self.add(f"select i1 {nan}, i32 {self.add(f'or i32 {bits}, 4194304')}, i32 {rounded}")
        return self.add(f"trunc i32 {self.add(f'lshr i32 {chosen}, 16')} to i16")

    def rounded(self, value: str, dtype: DType) -> str:
        """A value computed in float as its half-precision dtype holds it."""
        if dtype.name not in ("bfloat16", "float16"):
            return value
        return self.from_memory(self.to_memory(value, dtype), dtype)


def _kind(dtype: DType) -> Kind:
    kind = kind_of(dtype)
    assert kind is not None, dtype
    return kind


def literal(number, dtype: DType) -> str:
    """A constant in the type its dtype is computed in."""
    kind = _kind(dtype)
    if dtype.name == "bool":
        return "true" if number else "false"
    if not kind.is_float:
        return str(int(number))
    with np.errstate(over="ignore"):
        value = float(np.asarray(number, np.float64).astype(dtype.numpy))  # as the dtype holds it: 0.1 has 8 bits in bfloat16
    return "0x" + struct.pack(">d", value).hex().upper()
