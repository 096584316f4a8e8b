"""Anomaly detection: where in the forward pass the operation stands whose gradient is not a number."""

from __future__ import annotations

import sys
import traceback
import warnings
import weakref
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from ..graph.node import Node, Op
from ..graph.reverse import Inspection
from .autograd import GradFn
from .pending import value_of

PACKAGE = str(Path(__file__).parent.parent)


class _State:
    on = False
    check_nan = True
    recorded: weakref.WeakKeyDictionary[Node, traceback.StackSummary] = weakref.WeakKeyDictionary()


_plain_call = Op.__call__


def _noting_call(self: Op, *args: Any) -> Node:
    """Record a node, and the lines of the user's that led there."""
    node = _plain_call(self, *args)
    if node.needs_grad:
        _State.recorded[node] = _users_lines()
    return node


def _users_lines() -> traceback.StackSummary:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return traceback.StackSummary.extract(traceback.walk_stack(frame), limit=20, lookup_lines=False)


def _check(node: Node, parts: list[tuple[Node, Node]]) -> None:
    """Raise RuntimeError for a gradient that is nan, having shown the forward lines in a warning."""
    lines = _State.recorded.get(node)
    if lines is None or not _State.check_nan:  # within a composite: the composite itself is checked
        return
    places = {source: i for i, source in reversed(list(enumerate(node.inputs)))}
    for source, part in parts:
        if not np.isnan(np.asarray(value_of(part), dtype=_wide(part))).any():
            continue
        name = GradFn(node).name()
        shown = "".join(traceback.format_list(list(reversed(lines))))
        warnings.warn(f"Error detected in {name}. Traceback of forward call that caused the error:\n{shown}", stacklevel=3)
        where = f" at {lines[0].filename}:{lines[0].lineno}" if lines else ""
        raise RuntimeError(f"Function '{name}' returned nan values in its {places.get(source, 0)}th output; it is the gradient "
                           f"of {node.op.name}, recorded{where}: {lines[0].line if lines else ''}")


def _wide(node: Node) -> Any:
    return np.complex128 if node.dtype.is_complex else np.float64


def _switch(on: bool, check_nan: bool) -> None:
    _State.on, _State.check_nan = on, check_nan
    Op.__call__ = _noting_call if on else _plain_call  # type: ignore[assignment]
    Inspection.check = _check if on else None


def is_anomaly_enabled() -> bool:
    return _State.on


def is_anomaly_check_nan_enabled() -> bool:
    return _State.check_nan


class set_detect_anomaly:
    """Detection on or off, from the call on; as a context manager, until its end.

    While it is on, every recording keeps the user's lines and every backward pass is evaluated step by step: for finding an
    error, not for training. With `check_nan` a gradient that is nan raises RuntimeError, which names the forward line.
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self.prev = _State.on
        self.prev_check_nan = _State.check_nan
        _switch(bool(mode), check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: Any) -> None:
        _switch(self.prev, self.prev_check_nan)


class detect_anomaly(set_detect_anomaly):
    """Detection inside a `with` block: see set_detect_anomaly."""

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan

    def __enter__(self) -> None:
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
                      "debugging.", stacklevel=2)
        super().__init__(True, self.check_nan)
