"""The few names of torch._C that other packages reach for."""

from __future__ import annotations

import contextlib

from ...tensor import Generator as Generator


def _log_api_usage_once(name: str) -> None:
    """Nothing is logged."""


def _get_tracing_state() -> None:
    return None


class DispatchKey:
    """PyTorch's kernels are chosen by keys; any name of one will do."""

    AutocastCPU, AutocastCUDA, AutocastXPU, CPU, CUDA, Autograd = range(6)


class DispatchKeySet:
    """A set of them."""

    def __init__(self, key: int):
        self.keys = {key}

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        self.keys |= other.keys
        return self


_ExcludeDispatchKeyGuard = DisableTorchFunctionSubclass = DisableTorchFunction = contextlib.nullcontext


def _are_functorch_transforms_active() -> bool:
    return False


def _jit_setting(*args: object) -> bool:
    """Settings of TorchScript: kept nowhere, as nothing is scripted."""
    return False


_jit_set_profiling_mode = _jit_set_profiling_executor = _jit_override_can_fuse_on_gpu = _jit_setting
_jit_override_can_fuse_on_cpu = _jit_set_texpr_fuser_enabled = _jit_set_nvfuser_enabled = _jit_setting
