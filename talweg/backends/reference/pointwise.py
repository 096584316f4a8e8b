"""Pointwise operations, creation and random numbers in NumPy."""

from __future__ import annotations

import math

import numpy as np

from ...graph import ops
from ...graph.node import Node, leaf
from .philox import uniform
from .table import KERNELS, kernel


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind in "fV" else array


def _direct(function):
    """NumPy's own function, its result in the node's dtype."""

    def run(node: Node, *arrays):
        with np.errstate(all="ignore"):
            return _as(function(*arrays), node)

    return run


def _widened(function):
    """The same for a function that half precision takes through float32."""

    def run(node: Node, *arrays):
        with np.errstate(all="ignore"):
            return _as(function(*map(_wide, arrays)), node)

    return run


def _as(result, node: Node) -> np.ndarray:
    result = np.asarray(result)
    return result if result.dtype == node.dtype.numpy else result.astype(node.dtype.numpy)


_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def _by_float64(function):
    return lambda x: np.asarray(function(x.astype(np.float64)), dtype=np.float64)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _floor_divide(x, y):
    if x.dtype.kind in "iu" and np.any(y == 0):
        raise RuntimeError("ZeroDivisionError: floor_divide of integers by zero")
    return np.floor_divide(x, y)


def _remainder(x, y):
    if x.dtype.kind in "iu" and np.any(y == 0):
        raise RuntimeError("ZeroDivisionError: remainder of integers by zero")
    return np.remainder(x, y)


def _fmod(x, y):
    if x.dtype.kind in "iu" and np.any(y == 0):
        raise RuntimeError("ZeroDivisionError: fmod of integers by zero")
    return np.fmod(x, y)


def _pow(x, y):
    if x.dtype.kind != "i" or not np.any(y < 0):
        return np.power(x, y)
    x, y = np.broadcast_arrays(x, y)  # 1 / x^-y towards 0: nothing is left but for 1 and -1
    inverse = np.where(x == 1, 1, np.where(x == -1, 1 - 2 * (y % 2), 0))
    return np.where(y < 0, inverse, np.power(x, np.maximum(y, 0)))


def _sign(x):
    """0 for nan; a bool is its own sign."""
    return x if x.dtype == bool else np.sign(np.where(x == x, x, x.dtype.type(0)))


_DIRECT = {
    ops.add: np.add, ops.sub: np.subtract, ops.mul: np.multiply, ops.div: np.true_divide, ops.neg: np.negative,
    ops.abs_: np.abs, ops.maximum: np.maximum, ops.minimum: np.minimum, ops.floor_divide: _floor_divide,
    ops.remainder: _remainder, ops.fmod: _fmod, ops.pow_: _pow, ops.square: np.square, ops.sign: _sign,
    ops.eq: np.equal, ops.ne: np.not_equal, ops.lt: np.less, ops.le: np.less_equal, ops.gt: np.greater,
    ops.ge: np.greater_equal, ops.isnan: np.isnan, ops.isinf: np.isinf, ops.isfinite: np.isfinite,
    ops.logical_not: np.logical_not, ops.logical_and: np.logical_and, ops.logical_or: np.logical_or,
    ops.logical_xor: np.logical_xor, ops.bitwise_not: np.bitwise_not, ops.bitwise_and: np.bitwise_and,
    ops.bitwise_or: np.bitwise_or, ops.bitwise_xor: np.bitwise_xor, ops.left_shift: np.left_shift,
    ops.right_shift: np.right_shift, ops.where: np.where, ops.relu: lambda x: np.maximum(x, x.dtype.type(0)),
}
_WIDENED = {
    ops.sqrt: np.sqrt, ops.rsqrt: lambda x: 1 / np.sqrt(x), ops.reciprocal: lambda x: 1 / x, ops.exp: np.exp,
    ops.exp2: np.exp2, ops.expm1: np.expm1, ops.log: np.log, ops.log2: np.log2, ops.log10: np.log10,
    ops.log1p: np.log1p, ops.sin: np.sin, ops.cos: np.cos, ops.tan: np.tan, ops.asin: np.arcsin,
    ops.acos: np.arccos, ops.atan: np.arctan, ops.atan2: np.arctan2, ops.sinh: np.sinh, ops.cosh: np.cosh,
    ops.tanh: np.tanh, ops.asinh: np.arcsinh, ops.acosh: np.arccosh, ops.atanh: np.arctanh,
    ops.erf: _by_float64(_erf), ops.erfc: _by_float64(_erfc), ops.sigmoid: _sigmoid,
    ops.floor: np.floor, ops.ceil: np.ceil, ops.round_: np.rint, ops.trunc: np.trunc,
}
KERNELS.update({op: _direct(f) for op, f in _DIRECT.items()})
KERNELS.update({op: _widened(f) for op, f in _WIDENED.items()})


@kernel(ops.clone, ops.detach, leaf)
def identity(node: Node, x):
    return x


@kernel(ops.substitute, ops.overwrite)
def second(node: Node, first, value):
    return value


@kernel(ops.after)
def first(node: Node, value, event):
    return value


@kernel(ops.cast)
def cast(node: Node, x):
    if x.dtype.kind == "c" and not (node.dtype.is_complex or node.dtype.name == "bool"):
        x = x.real
    with np.errstate(all="ignore"):
        return x.astype(node.dtype.numpy)


@kernel(ops.iota)
def iota(node: Node):
    n, start = node.attrs
    return np.arange(start, start + n, dtype=np.int64)


@kernel(ops.uniform)
def random_uniform(node: Node, key):
    shape, dtype, stream = node.attrs
    return uniform(int(key[0]), int(key[1]), stream, shape, dtype.numpy)
