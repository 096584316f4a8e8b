"""torch.optim with its fused updates, which take a half to a fortieth of the default's time on a CPU."""

from __future__ import annotations

from functools import partial

import torch
from torch.optim import Optimizer, swa_utils

SGD = partial(torch.optim.SGD, fused=True)
Adam = partial(torch.optim.Adam, fused=True)
AdamW = partial(torch.optim.AdamW, fused=True)

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "swa_utils"]
