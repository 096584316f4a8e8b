"""A model on several devices: on one there is nothing to share out."""

from __future__ import annotations

from typing import Any

from ...nn import Module
from .refusing import refused, refused_class


class DataParallel(Module):
    """The module itself as `.module`, called with the whole batch, as PyTorch does without an accelerator."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0):
        super().__init__()
        self.module = module
        self.device_ids: list = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


DistributedDataParallel = refused_class(
    "torch.nn.parallel.DistributedDataParallel", "this build trains in one process")
data_parallel = refused("torch.nn.parallel.data_parallel", "there is one device; call the module")
scatter = refused("torch.nn.parallel.scatter", "there is one device to scatter to")
gather = refused("torch.nn.parallel.gather", "there is one device to gather from")
