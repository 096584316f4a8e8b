"""The table of samples: one table feeds the tests of values, gradients, dtypes, forms and backends."""

from . import creation, families, functional, indexing, linalg, misuse, pointwise, reduce, refused, resampling, shape
from .table import DTYPES, Misuse, Sample, dtype_name, tensors_of, value


def _numbered(entries: list, name) -> list:
    """Each entry with its number among those of its name, so that it can be asked for by id."""
    counts: dict[str, int] = {}
    for entry in entries:
        entry.number = counts.get(name(entry), 0)
        counts[name(entry)] = entry.number + 1
    return entries


_MODULES = (pointwise, reduce, shape, indexing, functional, resampling, creation, linalg, families)
SAMPLES: list[Sample] = _numbered([s for module in _MODULES for s in module.SAMPLES], lambda s: s.name)
MISUSES: list[Misuse] = _numbered(misuse.MISUSES + refused.MISUSES, lambda m: m.sample.name)
