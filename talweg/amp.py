"""Mixed precision under PyTorch's name for it: `talweg.amp.autocast`, `talweg.amp.GradScaler`."""

from .optim.grad_scaler import GradScaler
from .tensor.autocast import autocast, is_autocast_available

__all__ = ["GradScaler", "autocast", "is_autocast_available"]
