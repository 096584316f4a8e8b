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
from .core.layouts import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from .core.shapes import Size
from .tensor import *  # noqa: F403
from .tensor import Tensor
from . import amp, autograd, cpu, distributions, fft, func, linalg, masked, nn, optim, signal, special, utils
from .func import vmap
from .io.torch_file import load, save
from .nn.functional import (
    adaptive_avg_pool1d, adaptive_max_pool1d, alpha_dropout, avg_pool1d, bilinear, celu, celu_, channel_shuffle, conv1d,
    conv2d, conv3d, conv_tbc, conv_transpose1d, conv_transpose2d, conv_transpose3d, cosine_similarity, dropout,
    feature_alpha_dropout, group_norm, hardshrink, layer_norm, max_pool1d, max_pool1d_with_indices, max_pool2d, max_pool3d,
    native_channel_shuffle, pairwise_distance, pdist, pixel_shuffle, pixel_unshuffle, prelu, relu_, rms_norm, rrelu, rrelu_,
    selu, selu_, threshold, threshold_,
)
from .tensor.out import OF_LAYERS as _OF_LAYERS
from .tensor.out import accept_out as _accept_out

from .alias.stand_ins import accelerator, compiler, cuda, distributed, hub, jit, testing
from .alias.stand_ins.absent import mps, onnx, xpu
from .alias.stand_ins.top import *  # noqa: F403
from .alias.stand_ins.top import _assert

_accept_out(globals(), _OF_LAYERS)
half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128
from math import e, inf, nan, pi  # noqa: E402

from .amp import GradScaler

newaxis = None
