"""What answers for each module of Talweg's lower rooms where its upper ones are run over PyTorch."""

from __future__ import annotations

HERE = "bench.recipes.stand_ins"

BENEATH: dict[str, tuple[str, ...]] = {
    "tensor": (f"{HERE}.tensor", "torch"),
    "tensor.autograd": ("torch.autograd",),
    "tensor.compiled": (f"{HERE}.tensor",),
    "tensor.functions.solving": ("torch.linalg",),
    "tensor.pending": (f"{HERE}.tensor",),
    "tensor.trees": (f"{HERE}.tensor",),
    "nn": ("torch.nn",),
    "nn.utils": ("torch.nn.utils",),
    "optim": (f"{HERE}.optim",),
    "distributions": ("torch.distributions",),
    "core": (f"{HERE}.core",),
    "core.dtypes": ("torch",),
    "core.errors": ("talweg.core.errors",),
    "compile.engine": (f"{HERE}.engine",),
    "io.torch_file": ("talweg.io.torch_file",),
    "version": ("talweg.version",),
}
"""By the name below talweg: the modules that answer, the first that has a name before the others."""
UNUSED = ("core", "runtime", "graph", "backends", "compile", "tensor", "nn")
"""Rooms whose other modules only have to be importable: nothing of them is called when training over PyTorch."""


def answers(name: str) -> tuple[str, ...] | None:
    """The modules that answer for talweg.`name`; None for one that is to be executed itself, or that nobody has named."""
    if name in BENEATH:
        return BENEATH[name]
    return (f"{HERE}.absent",) if name.split(".")[0] in UNUSED else None
