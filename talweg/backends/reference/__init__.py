"""NumPy: one short obvious function for each operation; it defines what the operation means."""

from . import contraction, indexing, movement, pointwise, recurrent, reduce, window  # noqa: F401  (each fills the table)
from .table import KERNELS

__all__ = ["KERNELS"]
