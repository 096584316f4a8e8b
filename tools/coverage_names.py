"""The public names of PyTorch's namespaces, and what answers for each of them here."""

from __future__ import annotations

import importlib
import types
from typing import Any

import torch

import talweg
from talweg.alias.names import TABLE

# The importable ones are asked for by name: `import torch` brings in most of them, not all.
NAMESPACES = """
torch torch.Tensor torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.nn.utils.rnn torch.nn.utils.parametrize
torch.nn.utils.parametrizations torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.autograd
torch.autograd.functional torch.autograd.forward_ad torch.func torch.linalg torch.fft torch.special torch.signal.windows
torch.masked torch.utils.data torch.utils.checkpoint torch.utils.dlpack torch.amp torch.random torch.distributions
""".split()
MISSING = object()


def theirs(namespace: str) -> Any:
    """PyTorch's module or class of that name."""
    if namespace == "torch.Tensor":
        return torch.Tensor
    return importlib.import_module(namespace)


def public(namespace: str) -> list[str]:
    """`__all__` where there is one, else what has no underscore and is neither a module nor another package's."""
    owner = theirs(namespace)
    if isinstance(owner, type):
        return sorted(n for n in dir(owner) if not n.startswith("_"))
    listed = getattr(owner, "__all__", None)
    names = {n for n in listed or dir(owner) if not n.startswith("_")}
    return sorted(n for n in names if _is_offered(getattr(owner, n, None), bool(listed)))


def _is_offered(value: Any, listed: bool) -> bool:
    if isinstance(value, types.ModuleType):
        return False
    home = getattr(value, "__module__", None)
    return listed or (isinstance(home, str) and home.startswith("torch")) or not (home or isinstance(value, str | dict))


def _sources(namespace: str) -> list[Any]:
    if namespace == "torch.Tensor":
        return [talweg.Tensor]
    if namespace == "torch.signal.windows":
        return [talweg.signal.windows]
    return [_found(name) for name in TABLE[namespace]]


def _found(name: str) -> Any:
    outer, _, last = name.rpartition(".")
    if outer and isinstance(kind := getattr(importlib.import_module(outer), last, None), type):
        return kind
    return importlib.import_module(name)


class Ours:
    """What answers under one of PyTorch's namespaces, by the table that `talweg run` goes by."""

    def __init__(self, namespace: str) -> None:
        self.sources = _sources(namespace)

    def get(self, name: str) -> Any:
        for source in self.sources:
            listed = getattr(source, "__all__", None)
            if listed is None or name in listed:
                found = getattr(source, name, MISSING)
                if found is not MISSING and not isinstance(found, types.ModuleType):
                    return found
        return MISSING


def refusal(value: Any) -> str:
    """Why a stand-in refuses to be used; empty for what works."""
    text = getattr(value, "__doc__", None) or ""
    start = "Raises NotImplementedError: "
    return text[len(start):].rstrip(".") if callable(value) and text.startswith(start) else ""
