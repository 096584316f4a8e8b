"""Mixed precision by its older name: `talweg.cpu.amp.autocast(enabled, dtype)`."""

from ..core.dtypes import bfloat16
from ..core.dtypes import dtype as DType
from ..optim.grad_scaler import GradScaler as AnyGradScaler
from ..tensor.autocast import autocast as any_autocast


class autocast(any_autocast):
    """`talweg.amp.autocast` for the CPU, with its arguments in the older order."""

    def __init__(self, enabled: bool = True, dtype: DType = bfloat16, cache_enabled: bool = True):
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(AnyGradScaler):
    """`talweg.amp.GradScaler` for the CPU."""

    def __init__(self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
                 growth_interval: int = 2000, enabled: bool = True):
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
