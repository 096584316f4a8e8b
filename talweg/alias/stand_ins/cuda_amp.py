"""torch.cuda.amp: the names from before torch.amp. Disabled they have no effect; there is no such device to enable them on."""

from __future__ import annotations

from typing import Any

from ...optim import grad_scaler
from ...tensor.autocast import autocast as _autocast


class autocast(_autocast):
    """torch.amp.autocast("cuda", ...)"""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True):
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(grad_scaler.GradScaler):
    """torch.amp.GradScaler("cuda", ...)"""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("cuda", *args, **kwargs)
