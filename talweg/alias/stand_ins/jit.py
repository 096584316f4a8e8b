"""torch.jit: nothing is scripted here, so functions stay as they are (PyTorch does the same under PYTORCH_JIT=0)."""

from __future__ import annotations

import builtins
from typing import Any
from typing import Final as Final

from .refusing import refused, refused_class


def is_scripting() -> bool:
    return False


def is_tracing() -> bool:
    return False


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """The function or module as it is."""
    return obj


def _as_it_is(fn: Any = None, **kwargs: Any) -> Any:
    """A decorator, with or without arguments, that returns the function as it is."""
    return fn if callable(fn) else lambda function: function


script_if_tracing = _script_if_tracing = _overload_method = _overload = ignore = unused = export = interface = _as_it_is


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Python's isinstance."""
    return builtins.isinstance(obj, target_type)


_reason = "there is no TorchScript here; torch.compile compiles Python functions, torch.save keeps a state_dict"
trace = refused("torch.jit.trace", _reason)
trace_module = refused("torch.jit.trace_module", _reason)
load = refused("torch.jit.load", _reason)
save = refused("torch.jit.save", _reason)
freeze = refused("torch.jit.freeze", _reason)
ScriptModule = refused_class("torch.jit.ScriptModule", _reason)
ScriptFunction = refused_class("torch.jit.ScriptFunction", _reason)
