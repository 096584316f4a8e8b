"""Discrete Fourier transforms of one or several dimensions (talweg.fft).

`n` and `s` are the lengths transformed: longer signals are cut, shorter ones get zeros behind. `norm` says where the
factor 1 / n stands: "backward" (the inverse), "forward", or "ortho" (its root in both).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ...core.shapes import dim_index
from ...graph import ops
from ...graph.node import Node
from ..autocast import raised
from ..operands import require_tensor, to_float
from ..tensor import wrap
from .creation import _finished, arange
from .shape import roll

_NORMS = ("backward", "forward", "ortho", None)


def _transformable(input, call: str, real: bool = False) -> Node:
    node = to_float(require_tensor(input, call).node)
    if real and node.dtype.is_complex:
        raise RuntimeError(f"{call} expects a real input tensor, but got {node.dtype.name}")
    if node.dtype.itemsize == 2:
        raise RuntimeError(f"Unsupported dtype {node.dtype.name} for {call}; convert the input to float32")
    return node


def _complex(node: Node) -> Node:
    return ops.as_complex(node)


def _dim(dim, node: Node, call: str) -> int:
    if not node.shape:
        raise IndexError(f"{call}: Dimension specified as {dim} but tensor has no dimensions")
    return dim_index(dim, len(node.shape), call)


def _fitted(node: Node, dim: int, size: int, call: str) -> Node:
    """Cut or filled with zeros to `size` along dim."""
    if size < 1:
        raise RuntimeError(f"{call}: Invalid number of data points ({size}) specified: it must be at least 1")
    have = node.shape[dim]
    if have > size:
        return ops.slice_along(node, dim, 0, size)
    high = tuple(size - have if i == dim else 0 for i in range(len(node.shape)))
    return ops.pad(node, (0,) * len(high), high, 0) if have < size else node


def _normalised(node: Node, count: int, norm: str | None, inverse: bool, call: str) -> Node:
    if norm not in _NORMS:
        raise RuntimeError(f"{call}: Invalid normalization mode: \"{norm}\"; it is one of \"backward\", \"forward\", \"ortho\"")
    if norm == "ortho":
        return ops.scaled(node, 1 / math.sqrt(count))
    return ops.scaled(node, 1 / count) if (norm == "forward") != inverse else node


# --- one dimension
def _one(input, n, dim, norm, inverse: bool, call: str):
    node = _complex(_transformable(input, call))
    d = _dim(dim, node, call)
    node = _fitted(node, d, node.shape[d] if n is None else n, call)
    return wrap(_normalised(ops.fft(node, (d,), inverse), node.shape[d], norm, inverse, call))


@raised
def fft(input, n=None, dim: int = -1, norm=None):
    """X_k = sum over j of x_j exp(-2 pi i k j / n)"""
    return _one(input, n, dim, norm, False, "fft")


@raised
def ifft(input, n=None, dim: int = -1, norm=None):
    """The inverse of fft."""
    return _one(input, n, dim, norm, True, "ifft")


@raised
def rfft(input, n=None, dim: int = -1, norm=None):
    """The first n // 2 + 1 frequencies of a real signal; the others are their conjugates."""
    node = _transformable(input, "rfft", real=True)
    d = _dim(dim, node, "rfft")
    node = _fitted(node, d, node.shape[d] if n is None else n, "rfft")
    return wrap(_normalised(ops.rfft(node, d), node.shape[d], norm, False, "rfft"))


@raised
def irfft(input, n=None, dim: int = -1, norm=None):
    """The inverse of rfft, a real signal of n points (2 (frequencies - 1) unless said)."""
    return _to_real(input, n, dim, norm, True, "irfft")


@raised
def hfft(input, n=None, dim: int = -1, norm=None):
    """The real spectrum of a signal given by the half of it that its conjugate symmetry leaves free."""
    return _to_real(input, n, dim, norm, False, "hfft")


@raised
def ihfft(input, n=None, dim: int = -1, norm=None):
    """The inverse of hfft."""
    node = _transformable(input, "ihfft", real=True)
    d = _dim(dim, node, "ihfft")
    node = _fitted(node, d, node.shape[d] if n is None else n, "ihfft")
    return wrap(_normalised(ops.conj(ops.rfft(node, d)), node.shape[d], norm, True, "ihfft"))


def _to_real(input, n, dim, norm, inverse: bool, call: str):
    node = _complex(_transformable(input, call))
    d = _dim(dim, node, call)
    return wrap(_half_to_real(node, d, n, norm, inverse, call))


def _half_to_real(node: Node, d: int, n, norm, inverse: bool, call: str) -> Node:
    size = 2 * (node.shape[d] - 1) if n is None else n
    if size < 1:
        raise RuntimeError(f"{call}: Invalid number of data points ({size}) specified: it must be at least 1")
    node = _fitted(node, d, size // 2 + 1, call)
    turned = node if inverse else ops.conj(node)
    return _normalised(ops.irfft(turned, d, size), size, norm, inverse, call)


# --- several dimensions
def _places(node: Node, s, dim, call: str) -> tuple[list[int], list[int | None]]:
    """(dimensions, lengths or None): all of them, or the last as many as there are lengths."""
    rank = len(node.shape)
    sizes = None if s is None else [s] if isinstance(s, int) else list(s)
    if dim is None:
        count = rank if sizes is None else len(sizes)
        if count > rank:
            raise RuntimeError(f"{call}: Got shape with {count} values but input tensor only has {rank} dimensions.")
        dims = list(range(rank - count, rank))
    else:
        dims = [dim_index(d, rank, call) for d in ([dim] if isinstance(dim, int) else dim)]
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{call}: FFT dims must be unique, got {dims}")
    if sizes is not None and len(sizes) != len(dims):
        raise RuntimeError(f"{call}: When given, dim and shape arguments must have the same length: {dims}, {sizes}")
    return dims, [None] * len(dims) if sizes is None else [None if v == -1 else v for v in sizes]


def _several(input, s, dim, norm, inverse: bool, call: str):
    node = _complex(_transformable(input, call))
    dims, sizes = _places(node, s, dim, call)
    return wrap(_transformed(node, dims, sizes, norm, inverse, call))


def _transformed(node: Node, dims, sizes, norm, inverse: bool, call: str) -> Node:
    for d, size in zip(dims, sizes):
        node = _fitted(node, d, node.shape[d] if size is None else size, call)
    count = math.prod(node.shape[d] for d in dims)
    return _normalised(ops.fft(node, tuple(dims), inverse), count, norm, inverse, call)


@raised
def fftn(input, s=None, dim=None, norm=None):
    """fft over several dimensions: all, or dim."""
    return _several(input, s, dim, norm, False, "fftn")


@raised
def ifftn(input, s=None, dim=None, norm=None):
    """The inverse of fftn."""
    return _several(input, s, dim, norm, True, "ifftn")


def _first_real(input, s, dim, norm, inverse: bool, call: str):
    """rfft over the last of the dimensions, then fft over the others."""
    node = _transformable(input, call, real=True)
    dims, sizes = _places(node, s, dim, call)
    if not dims:
        raise RuntimeError(f"{call} must transform at least one axis")
    last, size = dims[-1], sizes[-1]
    node = _fitted(node, last, node.shape[last] if size is None else size, call)
    half = ops.rfft(node, last)
    half = _normalised(ops.conj(half) if inverse else half, node.shape[last], norm, inverse, call)
    return wrap(_transformed(half, dims[:-1], sizes[:-1], norm, inverse, call) if len(dims) > 1 else half)


def _last_real(input, s, dim, norm, inverse: bool, call: str):
    """fft over all but the last of the dimensions, then from a half spectrum to real numbers."""
    node = _complex(_transformable(input, call))
    dims, sizes = _places(node, s, dim, call)
    if not dims:
        raise RuntimeError(f"{call} must transform at least one axis")
    if len(dims) > 1:
        node = _transformed(node, dims[:-1], sizes[:-1], norm, inverse, call)
    return wrap(_half_to_real(node, dims[-1], sizes[-1], norm, inverse, call))


@raised
def rfftn(input, s=None, dim=None, norm=None):
    """rfft over the last dimension, fft over the others."""
    return _first_real(input, s, dim, norm, False, "rfftn")


@raised
def irfftn(input, s=None, dim=None, norm=None):
    """The inverse of rfftn."""
    return _last_real(input, s, dim, norm, True, "irfftn")


@raised
def hfftn(input, s=None, dim=None, norm=None):
    """hfft over the last dimension, fft over the others."""
    return _last_real(input, s, dim, norm, False, "hfftn")


@raised
def ihfftn(input, s=None, dim=None, norm=None):
    """The inverse of hfftn."""
    return _first_real(input, s, dim, norm, True, "ihfftn")


def _in_two(function: Callable, name: str) -> Callable:
    def call(input, s=None, dim=(-2, -1), norm=None):
        return function(input, s, dim, norm)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{function.__name__} over two dimensions, the last two unless said."
    return call


fft2, ifft2 = _in_two(fftn, "fft2"), _in_two(ifftn, "ifft2")
rfft2, irfft2 = _in_two(rfftn, "rfft2"), _in_two(irfftn, "irfft2")
hfft2, ihfft2 = _in_two(hfftn, "hfft2"), _in_two(ihfftn, "ihfft2")


# --- helpers
def _frequencies(count: int, n: int, d: float, dtype, device, requires_grad: bool):
    scale = 1 / (n * d)
    return _finished(arange(count, dtype=dtype) * scale if dtype else arange(count).float() * scale, device, requires_grad)


def fftfreq(n: int, d: float = 1.0, *, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The frequencies of fft's results for samples d apart: 0, 1, ..., -2, -1 over n d."""
    half = (n - 1) // 2 + 1
    whole = arange(n)
    signed = wrap(ops.where(ops.lt(whole.node, ops.number(half, whole.node)), whole.node, (whole - n).node))
    found = signed.to(dtype) if dtype else signed.float()
    return _finished(found * (1 / (n * d)), device, requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The frequencies of rfft's results: 0, 1, ..., n // 2 over n d."""
    return _frequencies(n // 2 + 1, n, d, dtype, device, requires_grad)


def _shifted(input, dim, sign: int, call: str):
    x = require_tensor(input, call)
    dims = tuple(range(x.dim())) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if not dims:
        return x.clone()
    sizes = [x.shape[d] for d in dims]
    return roll(x, tuple(n // 2 if sign > 0 else (n + 1) // 2 for n in sizes), dims)


def fftshift(input, dim=None):
    """Frequency 0 moved to the middle."""
    return _shifted(input, dim, 1, "fftshift")


def ifftshift(input, dim=None):
    """The inverse of fftshift."""
    return _shifted(input, dim, -1, "ifftshift")
