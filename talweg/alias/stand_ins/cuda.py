"""torch.cuda where there is none: it says so when asked, and refuses when used."""

from __future__ import annotations

from typing import Any

from .refusing import refused_class

NO_CUDA = "Torch not compiled with CUDA enabled: this build of Talweg computes on 'cpu' only"


_initialized = False


def is_available() -> bool:
    return False


def is_initialized() -> bool:
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    return False


def device_count() -> int:
    return 0


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Nothing to do without an accelerator, as in PyTorch."""


manual_seed = manual_seed_all = seed = seed_all = empty_cache = init = ipc_collect = _nothing
reset_peak_memory_stats = reset_max_memory_allocated = reset_accumulated_memory_stats = _nothing


def _zero(*args: Any, **kwargs: Any) -> int:
    """0: nothing is allocated there."""
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = memory_cached = _zero


def memory_stats(device: Any = None) -> dict[str, int]:
    return {}


def _refuse(*args: Any, **kwargs: Any) -> Any:
    """Raises AssertionError, as PyTorch without CUDA does."""
    raise AssertionError(NO_CUDA)


synchronize = current_device = set_device = get_device_name = get_device_properties = get_device_capability = _refuse
current_stream = default_stream = mem_get_info = set_per_process_memory_fraction = get_rng_state = _refuse
set_rng_state = get_rng_state_all = set_rng_state_all = utilization = _refuse
Stream = refused_class("torch.cuda.Stream", NO_CUDA)
StreamContext = refused_class("torch.cuda.StreamContext", NO_CUDA)
graph = refused_class("torch.cuda.graph", NO_CUDA)
Event = refused_class("torch.cuda.Event", NO_CUDA)
CUDAGraph = refused_class("torch.cuda.CUDAGraph", NO_CUDA)


class device:
    """`with torch.cuda.device(i)`: no effect without an accelerator."""

    def __init__(self, device: Any):
        self.idx = -1

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: Any) -> None:
        pass


class OutOfMemoryError(RuntimeError):
    """Never raised here; scripts catch it."""
