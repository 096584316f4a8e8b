"""Discrete Fourier transforms, not normalised: y_k = sum over n of x_n exp(-+ 2 pi i k n / N)."""

from __future__ import annotations

from ...core.dtypes import complex_of, real_of
from ...core.shapes import Shape
from ..declare import Op
from ..node import Node
from .complex import real
from .movement import cat, full, pad
from .pointwise import cast, mul


def _infer_fft(x, dims, inverse):
    if any(x.shape[d] < 1 for d in dims):
        raise RuntimeError(f"fft: Invalid number of data points ({min(x.shape[d] for d in dims)}) specified: every "
                           f"transformed dimension of {list(x.shape)} must have at least one")
    return x.shape, x.dtype


# The transform of complex values over `dims`; `inverse` turns the sign of the exponent. Its matrix is symmetric.
fft = Op("fft", 1, "spectral", _infer_fft, (lambda g, out, x, dims, inverse: fft(g, dims, inverse),),
         attr_names=("dims", "inverse"))


def _halved(shape: Shape, dim: int) -> Shape:
    return (*shape[:dim], shape[dim] // 2 + 1, *shape[dim + 1 :])


def _padded(g: Node, dim: int, size: int) -> Node:
    high = tuple(size - g.shape[dim] if i == dim else 0 for i in range(len(g.shape)))
    return pad(g, (0,) * len(high), high, 0)


# The first half of a real signal's spectrum: N // 2 + 1 numbers, the others are their conjugates.
rfft = Op("rfft", 1, "spectral", lambda x, dim: (_halved(x.shape, dim), complex_of(x.dtype)),
          (lambda g, out, x, dim: real(fft(_padded(g, dim, x.shape[dim]), (dim,), True)),), attr_names=("dim",))


def _irfft_gradient(g, out, x, dim, size):
    """Frequencies that stand for themselves and their conjugates count twice."""
    spectrum = rfft(g, dim)

    def counted(value, n):
        return full(value, tuple(n if i == dim else s for i, s in enumerate(spectrum.shape)), spectrum)

    twice = (size - 1) // 2
    parts = [counted(1, 1), counted(2, twice), counted(1, spectrum.shape[dim] - 1 - twice)]
    return mul(spectrum, cat(tuple(p for p in parts if p.shape[dim]), dim))


# The real signal of `size` points with this half spectrum; imaginary parts that no real signal has are passed over.
irfft = Op("irfft", 1, "spectral",
           lambda x, dim, size: ((*x.shape[:dim], size, *x.shape[dim + 1 :]), real_of(x.dtype)),
           (_irfft_gradient,), attr_names=("dim", "size"))


def as_complex(x: Node) -> Node:
    return x if x.dtype.is_complex else cast(x, complex_of(x.dtype))
