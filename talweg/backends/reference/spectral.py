"""Fourier transforms by NumPy, without its factors 1 / N."""

from __future__ import annotations

import numpy as np

from ...graph import ops
from ...graph.node import Node
from .table import kernel


def _typed(node: Node, array: np.ndarray) -> np.ndarray:
    return array.astype(node.dtype.numpy, copy=False)


@kernel(ops.fft)
def fft(node: Node, x):
    dims, inverse = node.attrs
    if not dims or x.size == 0:
        return x
    transform = np.fft.ifftn if inverse else np.fft.fftn
    return _typed(node, transform(x, axes=dims, norm="forward" if inverse else "backward"))


@kernel(ops.rfft)
def rfft(node: Node, x):
    return _typed(node, np.fft.rfft(x, axis=node.attrs[0])) if x.size else np.zeros(node.shape, node.dtype.numpy)


@kernel(ops.irfft)
def irfft(node: Node, x):
    dim, size = node.attrs
    if x.size == 0:
        return np.zeros(node.shape, node.dtype.numpy)
    return _typed(node, np.fft.irfft(x, size, axis=dim, norm="forward"))
