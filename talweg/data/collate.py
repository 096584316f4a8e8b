"""Collating: a list of samples becomes one batch, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.dtypes import float64
from ..tensor import Tensor, from_numpy, stack, tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack tensors, arrays and numbers on a new first dimension; go into mappings, tuples and lists.

    Strings and bytes are left as they are. Python floats become float64, as in PyTorch.
    Raises RuntimeError for samples of different shapes or lengths, TypeError for what has no batch form.
    """
    if not batch:
        raise RuntimeError("default_collate: cannot make a batch of no samples")
    first = batch[0]
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _collate_mapping(batch, first)
    if isinstance(first, Sequence):
        return _collate_sequence(batch, first)
    return _collate_leaf(batch, first)


def default_convert(data: Any) -> Any:
    """Arrays and NumPy's numbers as tensors, within mappings, tuples and lists; everything else as it is."""
    if isinstance(data, np.ndarray | np.generic):
        return data if np.asarray(data).dtype.kind in "SUO" else from_numpy(np.asarray(data))
    if isinstance(data, Mapping):
        return {name: default_convert(value) for name, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return [default_convert(value) for value in data]
    return data


def _collate_leaf(batch: Sequence[Any], first: Any) -> Tensor:
    if isinstance(first, Tensor):
        _same_shape(batch)
        return stack(list(batch))
    if isinstance(first, np.ndarray | np.generic):
        _same_shape(batch)
        return from_numpy(_stacked(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=float64)
    if isinstance(first, int):
        return tensor(list(batch))
    raise TypeError(
        f"default_collate: a batch is made of tensors, arrays, numbers, strings, dicts or lists, not of "
        f"{type(first).__name__}. "
        "Pass collate_fn to the DataLoader to say how to join these samples"
    )


def _stacked(batch: Sequence[Any]) -> np.ndarray:
    array = np.stack(batch)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"default_collate: an array of dtype {array.dtype} has no tensor form")
    return array


def _collate_mapping(batch: Sequence[Any], first: Mapping) -> Any:
    for sample in batch:
        if sample.keys() != first.keys():
            keys = " and ".join(str(sorted(map(str, s))) for s in (first, sample))
            raise RuntimeError(f"default_collate: samples have different keys: {keys}")
    fields = {key: default_collate([sample[key] for sample in batch]) for key in first}
    return fields if isinstance(first, dict) else type(first)(fields)  # type: ignore[call-arg]


def _collate_sequence(batch: Sequence[Any], first: Sequence) -> Any:
    lengths = sorted({len(sample) for sample in batch})
    if len(lengths) > 1:
        raise RuntimeError(f"default_collate: each sample should be of equal size; got lengths {lengths}")
    fields = [default_collate(field) for field in zip(*batch)]
    if hasattr(first, "_fields"):
        return type(first)(*fields)
    return fields


def _same_shape(batch: Sequence[Any]) -> None:
    shapes = {tuple(sample.shape) for sample in batch}
    if len(shapes) > 1:
        raise RuntimeError(
            "default_collate: stack expects each tensor to be equal size, "
            f"got shapes {sorted(map(list, shapes))}; resize or pad them in the dataset, or pass collate_fn"
        )
