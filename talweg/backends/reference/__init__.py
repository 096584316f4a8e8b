"""NumPy: one short obvious function for each operation; it defines what the operation means."""

from . import (  # noqa: F401  (each fills the table)
    bits,
    complex,
    contraction,
    ctc,
    indexing,
    linalg,
    movement,
    pointwise,
    recurrent,
    reduce,
    scan,
    search,
    special,
    spectral,
    window,
)
from .table import KERNELS

__all__ = ["KERNELS"]
