"""The table of workloads, with their sizes in a full and in a quick run."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Workload:
    """One row: `module` is a file of this folder; `quick` overrides some of the sizes of `full`."""

    name: str
    title: str
    module: str
    full: dict[str, Any]
    quick: dict[str, Any]
    images: bool = False  # a channels-last PyTorch is worth trying
    trains: bool = True
    together: int = 10  # processes that fit into 16 GB at a time

    def load(self) -> ModuleType:
        return importlib.import_module(f"bench.workloads.{self.module}")

    def load_jax(self) -> ModuleType:
        return importlib.import_module(f"bench.jax_workloads.{self.module}")

    def sizes(self, quick: bool = False, **overrides: Any) -> SimpleNamespace:
        """Raises ValueError for the name of a size it does not have."""
        unknown = [name for name in overrides if name not in self.full]
        if unknown:
            raise ValueError(f"{self.name} has no size {unknown[0]!r}: it has {', '.join(self.full)}")
        return SimpleNamespace(**{**self.full, **(self.quick if quick else {}), **overrides})


RESNET = {"channels": 3, "width": 64, "classes": 1000}
GPT = {"layers": 6, "heads": 6, "width": 384, "context": 256, "vocabulary": 65, "batch": 8}
VIT = {"layers": 12, "heads": 6, "width": 384, "image": 64, "patch": 8, "classes": 200, "batch": 16}
UNET = {"image": 32, "channels": 64, "multipliers": (1, 2, 2), "blocks": 2, "attention": (16,), "steps": 1000, "batch": 16}
LSTM = {"layers": 2, "width": 256, "steps": 128, "vocabulary": 96, "batch": 16}

WORKLOADS = (
    Workload("mlp", "MLP 784-256-256-10, batch 64, SGD with momentum", "mlp",
             {"inputs": 784, "width": 256, "hidden": 2, "classes": 10, "batch": 64}, {}),
    Workload("lenet", "LeNet (L fig. 5.2), 28x28, batch 64, SGD with momentum", "lenet", {"batch": 64}, {}, images=True),
    Workload("resnet18", "ResNet-18, 64x64, batch 16, SGD with momentum", "resnet",
             {"depth": 18, "image": 64, "batch": 16, **RESNET}, {"batch": 4}, images=True),
    Workload("resnet50", "ResNet-50, 64x64, batch 16, SGD with momentum", "resnet",
             {"depth": 50, "image": 64, "batch": 16, **RESNET}, {"batch": 4}, images=True),
    Workload("resnet50-224", "ResNet-50, 224x224, batch 8, SGD with momentum", "resnet",
             {"depth": 50, "image": 224, "batch": 8, **RESNET}, {"batch": 1, "image": 96}, images=True, together=4),
    Workload("gpt", "GPT, 6 layers, 6 heads, width 384, context 256, 65 characters, batch 8, AdamW", "gpt",
             GPT, {"layers": 2, "context": 64, "batch": 4}),
    Workload("vit", "ViT small (width 384, depth 12, 6 heads), 64x64, patch 8, batch 16, AdamW", "vit",
             VIT, {"layers": 2, "batch": 4}, images=True),
    Workload("unet", "DDPM U-Net (64 channels x 1, 2, 2; attention at 16x16), 32x32, batch 16, Adam", "unet",
             UNET, {"channels": 32, "blocks": 1, "batch": 2}, images=True),
    Workload("lstm", "LSTM, 2 layers, width 256, 128 steps, 96 characters, batch 16, Adam", "lstm", LSTM, {"steps": 32}),
    Workload("pointwise", "20 pointwise operations on 16M elements, no gradient", "pointwise",
             {"elements": 1 << 24, "batch": 1}, {"elements": 1 << 21}, trains=False),
)


def find(name: str) -> Workload:
    """The workload of that name. Raises ValueError with the names there are."""
    for workload in WORKLOADS:
        if workload.name == name:
            return workload
    raise ValueError(f"no workload {name!r}: there are {', '.join(w.name for w in WORKLOADS)}")
