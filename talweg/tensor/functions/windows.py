"""Windows: weights that fade a stretch of signal in and out (talweg.signal.windows, and the older hann_window, ...).

Symmetric ones end as they begin; periodic ones (`sym=False`) leave the last point of one more to the next period.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...core.dtypes import get_default_dtype
from ..tensor import Tensor
from .creation import _finished


def _window(M: int, sym: bool, dtype, device, requires_grad: bool, shape: Callable, call: str) -> Tensor:
    """`shape(n, N)`: the weights at positions n = 0 ... N - 1 of a symmetric window."""
    dtype = dtype or get_default_dtype()
    if M < 0:
        raise ValueError(f"{call} requires non-negative window length, got M={M}")
    if dtype.name not in ("float32", "float64"):
        raise ValueError(f"{call} expects float32 or float64 dtypes, got: {dtype}")
    count = M if sym else M + 1
    values = np.ones(M) if M <= 1 else shape(np.arange(count, dtype=np.float64), count)[:M]
    return _finished(Tensor._from_array(np.asarray(values).astype(dtype.numpy)), device, requires_grad)


def _cosines(n, N: int, weights: Sequence[float]):
    """sum over k of (-1)^k a_k cos(2 pi k n / (N - 1))"""
    return sum((-1) ** k * a * np.cos(2 * math.pi * k * n / (N - 1)) for k, a in enumerate(weights))


def general_cosine(M: int, *, a, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """The sum over k of (-1)^k a_k cos(2 pi k n / (N - 1))."""
    if not isinstance(a, Sequence):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _window(M, sym, dtype, device, requires_grad, lambda n, N: _cosines(n, N, a), "general_cosine")


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, dtype=None, layout=None, device=None,
                    requires_grad: bool = False):
    """alpha - (1 - alpha) cos(2 pi n / (N - 1))"""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def _general(weights: list[float], name: str) -> Callable:
    def call(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
        return _window(M, sym, dtype, device, requires_grad, lambda n, N: _cosines(n, N, weights), name)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"The general cosine window with the weights {weights}."
    return call


hamming = _general([0.54, 0.46], "hamming")
hann = _general([0.5, 0.5], "hann")
blackman = _general([0.42, 0.5, 0.08], "blackman")
nuttall = _general([0.3635819, 0.4891775, 0.1365995, 0.0106411], "nuttall")


def bartlett(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """A triangle: 1 - |2 n / (N - 1) - 1|"""
    return _window(M, sym, dtype, device, requires_grad, lambda n, N: 1 - np.abs(2 * n / (N - 1) - 1), "bartlett")


def cosine(M: int, *, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """sin(pi (n + 1/2) / N)"""
    return _window(M, sym, dtype, device, requires_grad, lambda n, N: np.sin(math.pi * (n + 0.5) / N), "cosine")


def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, dtype=None, layout=None,
                device=None, requires_grad: bool = False):
    """exp(-|n - center| / tau)"""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")

    def shape(n, N):
        return np.exp(-np.abs(n - ((N - 1) / 2 if center is None else center)) / tau)

    return _window(M, sym, dtype, device, requires_grad, shape, "exponential")


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """exp(-((n - (N - 1) / 2) / std)^2 / 2)"""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window(M, sym, dtype, device, requires_grad, lambda n, N: np.exp(-(((n - (N - 1) / 2) / std) ** 2) / 2), "gaussian")


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, dtype=None, layout=None, device=None, requires_grad: bool = False):
    """I0(beta sqrt(1 - (2 n / (N - 1) - 1)^2)) / I0(beta)"""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def shape(n, N):
        return np.i0(beta * np.sqrt(np.maximum(1 - (2 * n / (N - 1) - 1) ** 2, 0))) / np.i0(beta)

    return _window(M, sym, dtype, device, requires_grad, shape, "kaiser")


# --- under their older names
def _older(function: Callable, name: str, **fixed) -> Callable:
    def call(window_length: int, periodic: bool = True, *, dtype=None, layout=None, device=None, pin_memory: bool = False,
             requires_grad: bool = False):
        if window_length < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
        return function(window_length, sym=not periodic, dtype=dtype, device=device, requires_grad=requires_grad, **fixed)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"signal.windows.{function.__name__}, periodic unless said otherwise."
    return call


bartlett_window = _older(bartlett, "bartlett_window")
blackman_window = _older(blackman, "blackman_window")
hann_window = _older(hann, "hann_window")


def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype=None, layout=None,
                   device=None, pin_memory: bool = False, requires_grad: bool = False):
    """alpha - beta cos(2 pi n / N)"""
    return general_cosine(window_length, a=[alpha, beta], sym=not periodic, dtype=dtype, device=device,
                          requires_grad=requires_grad)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype=None, layout=None, device=None,
                  pin_memory: bool = False, requires_grad: bool = False):
    """signal.windows.kaiser, periodic unless said otherwise."""
    return kaiser(window_length, beta=beta, sym=not periodic, dtype=dtype, device=device, requires_grad=requires_grad)
