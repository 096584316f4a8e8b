"""Samples of new tensors."""

from __future__ import annotations

import math

import numpy as np

from .table import A, R, S, Z, each

SAMPLES = [
    *each("zeros ones", 2, 3), *each("zeros ones", (2, 0)), *each("zeros ones", ()),
    *each("zeros ones", 2, dtype="dtype:int64"),
    *each("zeros_like ones_like", R(2, 3)), *each("zeros_like ones_like", Z(2), dtype="dtype:float32"),
    *[S(name, *args, _fn=lambda T, x, name=name: tuple(getattr(T, name)(x).shape)) for name, args in [
        ("empty", (2,)), ("rand", (2,)), ("randn", (2,)), ("empty_like", (R(2, 3),)), ("rand_like", (R(2, 3),)),
        ("randn_like", (R(2, 3),))]],
    S("full", (2, 2), 1.5), S("full", (2,), 3), S("full", (2,), True), S("full", (), 1, dtype="dtype:float64"),
    S("full_like", R(2), 2.5), S("full_like", Z(2), 3),
    S("arange", 5), S("arange", 1, 7, 2), S("arange", 5, 1, -1.5), S("arange", 0.0, 1.0, 0.1), S("arange", 0),
    S("arange", 3, dtype="dtype:float64"), S("arange", 0.5, 2.9, dtype="dtype:int64"),
    S("arange", 1.5, 4), S("linspace", 0, 1, 5), S("linspace", 3, -2, 4), S("linspace", 0, 1, 1),
    S("linspace", 0, 1, 0), S("linspace", 0, 5, 6, dtype="dtype:int64"),
    S("linspace", -3, 10, 50, dtype="dtype:int64"), S("linspace", 4, -2, 5, dtype="dtype:int32"),
    S("logspace", 0, 2, 3), S("logspace", 0, 3, 4, 2), S("range", 0, 3), S("range", 1, 2, 0.25), S("eye", 3),
    S("eye", 2, 3), S("eye", 3, 1, dtype="dtype:int64"),
    S("tensor", [[1, 2], [3, 4]]), S("tensor", 1.5), S("tensor", [True, False]), S("tensor", []),
    S("tensor", [1, 2.5]), S("tensor", [1, 2], dtype="dtype:float64"), S("tensor", np.arange(3)),
    S("tensor", np.float32(2.5)), S("tensor", [[], []]), S("tensor", math.nan), S("tensor", np.array([True])),
    S("tensor", [A([1, 2]), A([3, 4])], _fn=lambda T, x: T.tensor([x[0].tolist(), [5, 6]])),
    S("as_tensor", [1, 2]), S("as_tensor", np.ones(2)), S("as_tensor", R(2), dtype="dtype:float32", _order=1),
    S("asarray", [1.0]), S("from_numpy", np.arange(6.0).reshape(2, 3).T), S("scalar_tensor", 3),
    S("frombuffer", bytearray(b"\x01\x00\x00\x00\x02\x00\x00\x00"), dtype="dtype:int32"),
    S("frombuffer", bytearray(range(6)), dtype="dtype:uint8", count=3, offset=2),
    S("Tensor.new_zeros", R(2), (2, 3)), S("Tensor.new_ones", Z(2), 2), S("Tensor.new_full", R(2), (2,), 1.5),
    S("Tensor.new_tensor", Z(2), [1, 2]),
    S("Tensor.new_empty", R(2), (2, 0)),
]
