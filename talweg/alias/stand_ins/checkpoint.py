"""torch.utils.checkpoint: states of devices' random generators, of which there is none beside the CPU's."""

from __future__ import annotations

from typing import Any


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """No devices, no states."""
    return [], []


def set_device_states(devices: list[int], states: list[Any], **kwargs: Any) -> None:
    """Nothing to do for none."""


def set_checkpoint_debug_enabled(enabled: bool | None) -> None:
    """Kept nowhere: recomputation is the graph's here."""
