"""What PyTorch keeps under `utils`."""

from . import checkpoint as checkpoint
