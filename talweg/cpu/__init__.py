"""What scripts ask about the processor by PyTorch's names, and `talweg.cpu.amp`."""

from . import amp as amp


def is_available() -> bool:
    return True


def device_count() -> int:
    return 1


def current_device() -> str:
    return "cpu"


def synchronize(device=None) -> None:
    """Nothing runs behind the caller's back."""
