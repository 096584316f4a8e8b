"""What PyTorch keeps under `utils`."""

from . import checkpoint as checkpoint
from . import costs as costs
