"""torch.distributed: this build trains in one process, and says so when asked."""

from __future__ import annotations

import enum

from .refusing import refused, refused_class


def is_available() -> bool:
    return False


def is_initialized() -> bool:
    return False


def is_nccl_available() -> bool:
    return False


def is_gloo_available() -> bool:
    return False


def is_mpi_available() -> bool:
    return False


def is_torchelastic_launched() -> bool:
    return False


class ReduceOp(enum.Enum):
    """How values of several processes would be combined."""

    SUM, PRODUCT, MIN, MAX, AVG = range(5)


_NAMES = """
init_process_group new_group get_rank get_world_size get_backend barrier all_reduce all_gather all_gather_object
broadcast broadcast_object_list reduce reduce_scatter gather scatter send recv destroy_process_group
all_gather_into_tensor reduce_scatter_tensor all_to_all monitored_barrier
""".split()


_reason = "this build trains in one process; start the script without a launcher"
globals().update({name: refused(f"torch.distributed.{name}", _reason) for name in _NAMES})
ProcessGroup = refused_class("torch.distributed.ProcessGroup", _reason)
