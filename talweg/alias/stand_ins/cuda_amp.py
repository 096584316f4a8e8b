"""torch.cuda.amp: the names from before torch.amp. Disabled they have no effect; there is no such device to enable them on."""

from __future__ import annotations

import functools
from typing import Any

from ...optim import grad_scaler
from ...tensor import custom_autocast
from ...tensor.autocast import autocast as _autocast


class autocast(_autocast):
    """torch.amp.autocast("cuda", ...)"""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True):
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(grad_scaler.GradScaler):
    """torch.amp.GradScaler("cuda", ...)"""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("cuda", *args, **kwargs)


custom_fwd = functools.partial(custom_autocast.custom_fwd, device_type="cuda")
custom_bwd = functools.partial(custom_autocast.custom_bwd, device_type="cuda")
