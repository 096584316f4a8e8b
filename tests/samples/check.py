"""What the tests of samples compare, and how."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from .table import dtype_name, value

TOLERANCE = {"float64": 1e-9, "float32": 2e-5, "bfloat16": 4e-2, "int64": 2e-5, "other": 2e-5}

torch.set_num_threads(1)


def by_id(entries):
    return pytest.mark.parametrize("sample", entries, ids=lambda s: s.id)


def assert_same(ours, theirs, tolerance: float, what: str):
    assert len(ours) == len(theirs), f"{what}: {len(ours)} results against {len(theirs)}"
    for i, (a, b) in enumerate(zip(ours, theirs)):
        assert dtype_name(a) == dtype_name(b), f"{what}, result {i}: dtype {dtype_name(a)} against {dtype_name(b)}"
        u, v = value(a), value(b)
        assert u.shape == v.shape, f"{what}, result {i}: shape {u.shape} against {v.shape}"
        if v.dtype.kind in "fc":
            np.testing.assert_allclose(u, v, tolerance, tolerance, err_msg=f"{what}, result {i}")
        else:
            np.testing.assert_array_equal(u, v, err_msg=f"{what}, result {i}")


def assert_same_gradients(ours, theirs):
    """No gradient is as good as one of zeros."""
    for i, (a, b) in enumerate(zip(ours or (), theirs or ())):
        if a is None or b is None:
            assert not any(value(x).any() for x in (a, b) if x is not None)
        else:
            np.testing.assert_allclose(value(a), value(b), 1e-7, 1e-9, err_msg=f"gradient {i}")
