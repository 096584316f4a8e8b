"""What `import talweg` offers, as a table of contents."""

from .core.devices import device
from .core.dtypes import (
    bfloat16,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from .core.dtypes import bool_ as bool
from .core.shapes import Size
from .tensor import *  # noqa: F403
from .tensor import Tensor
from . import amp, autograd, cpu, nn, optim, utils

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128
from math import e, inf, nan, pi  # noqa: E402
