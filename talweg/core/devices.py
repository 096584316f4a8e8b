"""Devices: where a tensor's memory is. Any can be named, as scripts do; this build computes on the CPU."""

from __future__ import annotations

KINDS = ("cpu", "cuda", "xpu", "mps", "mtia", "hpu", "xla", "meta", "ipu", "hip", "vulkan", "privateuseone")


class device:
    """`device("cpu")`, `device("cpu:0")` or `device("cpu", 0)`; as a context manager, the device of what is made inside.

    Naming one is no error, putting a tensor there is (`usable`). Raises RuntimeError for a name that no device has.
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | device | int, index: int | None = None):
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        if isinstance(type, int) and not isinstance(type, bool):
            raise RuntimeError(f"device({type}): Cannot access accelerator device when none is available; use 'cpu'")
        if not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be str, not {type.__class__.__name__}")
        kind, colon, number = type.partition(":")
        if kind not in KINDS:
            raise RuntimeError(f"Expected one of {', '.join(KINDS)} device type at start of device string: {kind}")
        if (colon and not number.isdigit()) or (number and index is not None):
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

    def __enter__(self) -> device:
        return usable(self)

    def __exit__(self, *_) -> None:
        """Tensors are made on the CPU inside and outside."""


def usable(target: str | device | int) -> device:
    """The device, if tensors can be there. Raises AssertionError for 'cuda' and 'xpu', as PyTorch without them does,
    NotImplementedError for 'meta', RuntimeError for others."""
    found = device(target)
    if found.type == "cpu":
        return found
    if found.type in ("cuda", "xpu"):
        raise AssertionError(f"Torch not compiled with {found.type.upper()} enabled: device {str(found)!r} was asked for, and "
                             "this build of Talweg computes on 'cpu' only")
    if found.type == "meta":
        raise NotImplementedError("device 'meta': there are no tensors without values here; make them on 'cpu', where "
                                  "nothing is computed before it is looked at")
    raise RuntimeError(f"device {str(found)!r} was asked for, and this build of Talweg computes on 'cpu' only")


CPU = device("cpu")
