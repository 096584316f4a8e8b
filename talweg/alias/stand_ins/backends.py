"""torch.backends: flags that scripts set (kept, and without effect) and questions that they ask. A class for each module."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any


class _Flags:
    """Answers of a library that is not there; what is assigned is kept."""

    enabled = False

    @staticmethod
    def is_available() -> bool:
        return False

    @staticmethod
    def is_built() -> bool:
        return False

    @staticmethod
    @contextlib.contextmanager
    def flags(*args: Any, **kwargs: Any) -> Iterator[None]:
        """No effect."""
        yield


class cudnn(_Flags):
    enabled = True
    benchmark = deterministic = False
    benchmark_limit = 10
    allow_tf32 = True

    @staticmethod
    def version() -> None:
        return None


class mps(_Flags):
    @staticmethod
    def is_macos_or_newer(*_: int) -> bool:
        return False


class mkl(_Flags):
    pass


class mkldnn(_Flags):
    """oneDNN, which computes contractions here too."""

    @staticmethod
    def is_available() -> bool:
        return True


class openmp(_Flags):
    @staticmethod
    def is_available() -> bool:
        return True


class cpu(_Flags):
    @staticmethod
    def get_cpu_capability() -> str:
        return "DEFAULT"


class cuda(_Flags):
    matmul = types.SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True,
                                   allow_bf16_reduced_precision_reduction=True)

    @staticmethod
    def _kept(enabled: bool) -> None:
        """No effect: attention's kernel is the compiler's choice."""

    enable_flash_sdp = enable_mem_efficient_sdp = enable_math_sdp = enable_cudnn_sdp = _kept

    @staticmethod
    def flash_sdp_enabled() -> bool:
        return False

    mem_efficient_sdp_enabled = cudnn_sdp_enabled = flash_sdp_enabled

    @staticmethod
    def math_sdp_enabled() -> bool:
        return True

    sdp_kernel = _Flags.flags
