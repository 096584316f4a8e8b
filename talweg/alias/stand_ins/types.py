"""Names for annotations."""

import builtins
import os
from typing import Any

from ...core.devices import device
from ...core.dtypes import dtype
from ...core.shapes import Size

Device = device | str | int | None
Number = int | float | bool
FileLike = str | os.PathLike | Any
_bool, _int, _float, _complex = builtins.bool, builtins.int, builtins.float, builtins.complex
_size = Size | list[int] | tuple[int, ...]
_device, _dtype = device, dtype
