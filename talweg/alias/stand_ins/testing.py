"""assert_close, as tests written for PyTorch use it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensor import Tensor

TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}


def assert_close(actual: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None,
                 equal_nan: bool = False, check_dtype: bool = True, msg: str | None = None, **_: Any) -> None:
    """Raises AssertionError unless |actual - expected| <= atol + rtol |expected| everywhere, in one shape and dtype."""
    if isinstance(actual, (list, tuple)):
        assert len(actual) == len(expected), f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
        for a, b in zip(actual, expected):
            assert_close(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=check_dtype, msg=msg)
        return
    a, b = (x.detach() if isinstance(x, Tensor) else x for x in (actual, expected))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        assert a.shape == b.shape, f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}."
        assert not check_dtype or a.dtype is b.dtype, f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}."
    name = a.dtype.name if isinstance(a, Tensor) else "float64"
    usual = TOLERANCES.get(name, (0.0, 0.0))
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=usual[0] if rtol is None else rtol,
                               atol=usual[1] if atol is None else atol, equal_nan=equal_nan, err_msg=msg or "")
