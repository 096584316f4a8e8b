"""torch.nn.init under its oldest names, without the underscore at the end."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ...nn import init


def _renamed(name: str, meant: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(meant)
    def old(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"nn.init.{name} is an old name; write nn.init.{name}_", FutureWarning, stacklevel=2)
        return meant(*args, **kwargs)

    return old


_NAMES = """constant dirac eye kaiming_normal kaiming_uniform normal ones orthogonal sparse uniform xavier_normal
xavier_uniform zeros""".split()
globals().update({name: _renamed(name, getattr(init, f"{name}_")) for name in _NAMES})
