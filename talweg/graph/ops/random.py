"""Random numbers from a counter (Philox 4x32-10; Salmon et al., SC 2011).

The key node is int64[2]: the seed, and the number of the call. Element i of a call is a function of
(seed, call, i) alone, so no result depends on the order of evaluation or on the number of threads.
"""

from __future__ import annotations

import math

from ..declare import NO_GRADIENT, Op, composite
from .pointwise import cos, log, mul, number, scaled, sqrt, sub

# Uniform on [0, 1): multiples of 2^-24 (float32 and smaller) or 2^-53 (float64). Streams are independent.
uniform = Op("uniform", 1, "random", lambda key, shape, dtype, stream: (shape, dtype), NO_GRADIENT,
             attr_names=("shape", "dtype", "stream"))


@composite(1, attr_names=("shape", "dtype"))
def normal(key, shape, dtype):
    """Box and Muller's transform: sqrt(-2 log(1 - u)) cos(2 pi v) is normal for uniform u and v."""
    u = uniform(key, shape, dtype, 0)
    v = uniform(key, shape, dtype, 1)
    radius = sqrt(scaled(log(sub(number(1, u), u)), -2))
    return mul(radius, cos(scaled(v, 2 * math.pi)))


