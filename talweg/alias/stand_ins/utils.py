"""torch.utils itself holds hardly a name; its modules do."""

from .dlpack import from_dlpack as from_dlpack
from .dlpack import to_dlpack as to_dlpack
