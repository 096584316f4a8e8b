"""Talweg: a deep-learning framework with PyTorch's interface, small enough to read.

    import talweg
    from talweg import nn, optim

The names are those of facade.py. They are brought in when the first of them is asked for, so that the
command line can show its help without waiting for NumPy.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .facade import *  # noqa: F403

# Rooms with the name of a function. Importing such a room would otherwise put it where the function belongs.
SHADOWED = {"compile", "tensor"}


class _Package(types.ModuleType):
    """This package, with the facade's names as its attributes."""

    def __getattr__(self, name: str) -> Any:
        if not (name.startswith("__") and name.endswith("__")):
            # Asked from inside the facade's own imports, this gives the half of it that is there.
            facade = vars(importlib.import_module(".facade", self.__name__))
            vars(self).update({n: value for n, value in facade.items() if not n.startswith("__")})
            if name in facade:
                return facade[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in SHADOWED and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        getattr(self, "nn", None)
        return sorted(vars(self))


sys.modules[__name__].__class__ = _Package
