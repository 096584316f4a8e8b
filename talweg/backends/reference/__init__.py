"""NumPy: one short obvious function for each operation; it defines what the operation means."""

from . import (  # noqa: F401  (each fills the table)
    contraction,
    ctc,
    indexing,
    movement,
    pointwise,
    recurrent,
    reduce,
    window,
)
from .table import KERNELS

__all__ = ["KERNELS"]
