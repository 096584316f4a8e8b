"""The tensors of TorchScript archives, which torch.jit.save writes: OpenAI's CLIP is published as such files.

An archive holds a program (code/, constants.pkl) and the state of its modules (data.pkl). The program is not looked at. Of
the state, a module is read as a mapping from its attributes' names, whatever its class is called.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from ..tensor import Tensor
from .stored_tensors import MAKERS
from .unpickling import Name, Refused, Unpickler

CLASSES = "__torch__"
DEEPEST = 200
MOST_ATTRIBUTES = 10**6


class Scripted:
    """One module of the program: its attributes by name. Its class, and with it what the module does, is not known here."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise Refused(f"a module of the program keeps its state as a {type(state).__name__} in a way of its own")
        self.attributes = state


def _list(values: Any) -> list:
    if not isinstance(values, list):
        raise Refused(f"it makes a list of a {type(values).__name__}")
    return values


# How the program's typed containers are written; what they hold is plain.
CONTAINERS: dict[str, Callable] = {
    f"torch.jit._pickle.{name}": _list for name in ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
} | {"torch.jit._pickle.restore_type_tag": lambda value, tag: value}


class ScriptUnpickler(Unpickler):
    """Also reads modules: NEWOBJ makes one where the class is the program's, and nothing else."""

    dispatch = dict(Unpickler.dispatch)  # type: ignore[misc]

    def __init__(self, file: Any, persistent: Callable[[Any], Any]):
        super().__init__(file, MAKERS | CONTAINERS, persistent)

    def find_class(self, module: str, name: str) -> Any:
        if module == CLASSES or module.startswith(CLASSES + "."):
            return Name(f"{module}.{name}", Scripted)
        return super().find_class(module, name)

    def load_newobj(self) -> None:
        args = self.stack.pop()  # type: ignore[attr-defined]
        kind = self.stack[-1]  # type: ignore[attr-defined]
        if not (isinstance(kind, Name) and kind.call is Scripted and args == ()):
            raise Refused(f"it makes an object of {getattr(kind, 'name', kind)!r}, which is no module of its program")
        self.stack[-1] = Scripted()  # type: ignore[attr-defined]

    dispatch[pickle.NEWOBJ[0]] = load_newobj  # type: ignore[assignment]


def tensors_of(found: Any) -> OrderedDict[str, Tensor]:
    """All tensors of a module and of the modules in it, by dotted names as its state_dict() has them.

    Raises ValueError where the archive holds no module, or modules that hold themselves.
    """
    if not isinstance(found, Scripted):
        raise ValueError(f"it is a TorchScript archive of a {type(found).__name__}, not of a module")
    attributes = OrderedDict()
    for count, (name, value) in enumerate(_attributes(found, "", 0)):
        if count == MOST_ATTRIBUTES:
            raise ValueError(f"its modules have more than {MOST_ATTRIBUTES:,} attributes")
        attributes[name] = value
    return OrderedDict((name, value) for name, value in attributes.items() if isinstance(value, Tensor))


def _attributes(module: Scripted, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEEPEST:
        raise ValueError(f"its modules lie more than {DEEPEST} deep in one another")
    for name, value in module.attributes.items():
        yield prefix + name, value
        if isinstance(value, Scripted):
            yield from _attributes(value, f"{prefix}{name}.", depth + 1)
