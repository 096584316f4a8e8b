"""Element types that no tensor has here. They can be named and compared with, as scripts do that handle all types."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ...core.dtypes import dtype

__all__ = ["complex32", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "qint8", "qint32", "quint8",
           "uint16", "uint32", "uint64"]


class _Named(dtype):
    """A type's name and size. Raises TypeError where memory for it is asked for."""

    __slots__ = ()

    def __init__(self, name: str, category: str, itemsize: int):
        self.name, self.category, self.itemsize, self.rank = name, category, itemsize, 9
        self.is_floating_point = category == "float"
        self.is_complex = category == "complex"
        self.is_signed = not name.startswith(("u", "qu"))

    @property
    def numpy(self) -> np.dtype:  # type: ignore[override]
        raise TypeError(f"torch.{self.name}: Talweg has no tensors of this dtype; the next larger one holds its values")

    @property
    def limits(self) -> np.dtype:
        return np.dtype(getattr(ml_dtypes, self.name, self.name))

    def __reduce__(self) -> Any:
        return _named, (self.name,)


def _named(name: str) -> dtype:
    return globals()[name]


uint16, uint32, uint64 = _Named("uint16", "integer", 2), _Named("uint32", "integer", 4), _Named("uint64", "integer", 8)
float8_e4m3fn, float8_e5m2 = _Named("float8_e4m3fn", "float", 1), _Named("float8_e5m2", "float", 1)
float8_e4m3fnuz, float8_e5m2fnuz = _Named("float8_e4m3fnuz", "float", 1), _Named("float8_e5m2fnuz", "float", 1)
quint8, qint8, qint32 = _Named("quint8", "integer", 1), _Named("qint8", "integer", 1), _Named("qint32", "integer", 4)
complex32 = _Named("complex32", "complex", 4)
