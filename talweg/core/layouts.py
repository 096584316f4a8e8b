"""Names for how a tensor lies in memory. They are accepted wherever PyTorch accepts them; what a tensor's elements
really look like in memory is the compiler's business."""

from __future__ import annotations


class memory_format:
    """An order of dimensions in memory: contiguous_format, preserve_format, channels_last, channels_last_3d."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"talweg.{self.name}"

    def __reduce__(self):
        return self.name


class layout:
    """A kind of storage. There is one: strided."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"talweg.{self.name}"

    def __reduce__(self):
        return self.name


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")
