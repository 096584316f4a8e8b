"""A dataset over arrays that may be larger than memory: rows are read and scaled when a batch asks for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..tensor import Tensor, from_numpy
from .dataset import Dataset, Subset, TensorDataset
from .examples import Rows


class ArrayDataset(Dataset):
    """Rows `indices` of `inputs` with their targets; inputs as float32, minus `mean`, divided by `std`.

    uint8 inputs are divided by 255 first. Raises ValueError when there are not as many inputs as targets.
    """

    def __init__(self, inputs: Rows, targets: np.ndarray, indices: np.ndarray | None = None,
                 mean: float = 0.0, std: float = 1.0) -> None:
        if len(inputs) != len(targets):
            raise ValueError(f"ArrayDataset: {len(inputs)} inputs have {len(targets)} targets: there must be as many")
        self.inputs = inputs
        self.all_targets = targets
        self.indices = np.arange(len(targets)) if indices is None else indices
        self.mean = mean
        self.std = std

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, y = self.batch([index])
        return x[0], y[0]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        rows = self.indices[np.asarray(indices, np.int64)]
        values = self.inputs[rows]
        scale = 255.0 if values.dtype == np.uint8 else 1.0
        values = (values.astype(np.float32) / np.float32(scale) - np.float32(self.mean)) / np.float32(self.std)
        return [from_numpy(values), from_numpy(self.all_targets[rows])]

    @property
    def targets(self) -> np.ndarray:
        return self.all_targets[self.indices]


def targets_of(dataset: Dataset) -> np.ndarray:
    """All targets of a dataset of (input, target), without reading inputs where that can be avoided."""
    if isinstance(dataset, TensorDataset):
        return dataset.tensors[-1].numpy()
    if isinstance(dataset, Subset):
        return targets_of(dataset.dataset)[np.asarray(dataset.indices, np.int64)]
    if hasattr(dataset, "targets"):
        return np.asarray(dataset.targets)
    return np.stack([np.asarray(dataset[i][-1]) for i in range(len(dataset))])  # type: ignore[arg-type]
