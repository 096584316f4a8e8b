"""Signals that ask a run to end: it ends after the step it is in, so that what is saved is whole."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

ASKING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name))


class StopSignals:
    """Inside the block the first SIGINT (Ctrl-C) or SIGTERM is noted in `received`; a second one acts as it always does.

    Outside the main thread, where Python handles no signals, nothing changes.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in ASKING}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def __exit__(self, *_: Any) -> None:
        self._restore()
