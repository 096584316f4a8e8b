"""Which PyTorch this build stands for: scripts compare it before they use a feature."""

from __future__ import annotations

import re


class TorchVersion(str):
    """A version as text that compares by its numbers, with text or with tuples: "2.13.0" > "2.9"."""

    def _numbers(self) -> tuple[int, ...]:
        return _numbers(self)

    def __lt__(self, other) -> bool:
        return self._numbers() < _numbers(other)

    def __le__(self, other) -> bool:
        return self._numbers() <= _numbers(other)

    def __gt__(self, other) -> bool:
        return self._numbers() > _numbers(other)

    def __ge__(self, other) -> bool:
        return self._numbers() >= _numbers(other)


def _numbers(version) -> tuple[int, ...]:
    """(2, 13, 0) of "2.13.0+cpu"; trailing zeros do not count."""
    parts = version if isinstance(version, tuple) else re.match(r"[\d.]*", str(version)).group().split(".")  # type: ignore[union-attr]
    found = [int(p) for p in parts if str(p).isdigit()]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


__version__ = TorchVersion("2.13.0")
cuda = hip = git_version = None
debug = False
