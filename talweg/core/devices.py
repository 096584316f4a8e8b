"""Devices: where a tensor's memory is. The CPU today; the name of any other is refused where it is typed."""

from __future__ import annotations

# Of PyTorch's devices; one that is none of them is a slip of the keyboard.
KNOWN = ("cpu", "cuda", "mps", "xpu", "meta", "xla", "hip", "vulkan", "opencl", "ideep", "fpga", "hpu", "mtia", "ipu", "ve",
         "lazy", "privateuseone")
MENDS = {"meta": ". Make the tensor as usual: operations are recorded, not computed, until somebody looks at a value"}


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
        kind, colon, number = type.partition(":")
        if kind not in KNOWN or (colon and not number.isdigit()):
            raise RuntimeError(f"Invalid device string: {type!r}; here it is 'cpu', or 'cpu:0' with a number")
        if kind != "cpu":
            instead = MENDS.get(kind, "")
            raise RuntimeError(f"device({type!r}): this build of Talweg computes on 'cpu' only{instead}")
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
