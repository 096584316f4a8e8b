"""Names that recipes import and a training over PyTorch never uses: drawings of graphs, files, probes."""

from __future__ import annotations


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(*args, **kwargs):
        raise NotImplementedError(f"{name} is not there where recipes run over PyTorch: trainings do not need it")

    return type(name, (), {"__new__": refuse})
