"""Devices: where a tensor's memory is. The CPU today; the name of any other is refused where it is typed."""

from __future__ import annotations


class device:
    """`device("cpu")`, `device("cpu:0")` or `device("cpu", 0)`.

    Raises RuntimeError for a device that this build cannot compute on.
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | device, index: int | None = None):
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        if not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be str, not {type.__class__.__name__}")
        kind, _, number = type.partition(":")
        if kind != "cpu":
            raise RuntimeError(f"device({type!r}): this build of Talweg computes on 'cpu' only")
        if number and not number.isdigit():
            raise RuntimeError(f"Invalid device string: {type!r}")
        self.type = kind
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = device("cpu")
