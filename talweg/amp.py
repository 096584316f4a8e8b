"""Mixed precision under PyTorch's name for it: `talweg.amp.autocast`, `talweg.amp.GradScaler`."""

from .optim.grad_scaler import GradScaler
from .tensor.autocast import autocast, is_autocast_available
from .tensor.custom_autocast import custom_bwd, custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
