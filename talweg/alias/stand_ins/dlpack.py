"""torch.utils.dlpack."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from ...tensor.exchange import from_dlpack as from_dlpack


def to_dlpack(tensor: Tensor) -> Any:
    """The tensor as a DLPack capsule, which one reader may take."""
    return tensor.__dlpack__()
