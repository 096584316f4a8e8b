"""Layers, losses and what holds them together: this page is the table of contents."""

# ruff: noqa: F401, I001

# As functions, first values, and helpers on parameters
from . import functional, init, utils

# What owns parameters, and what owns modules
from .parameter import Buffer, Parameter
from .module import Module
from .container import Sequential, ModuleList, ModuleDict
from .parameter_container import ParameterList, ParameterDict

# Layers with weights (L 4.2, 4.9)
from .linear import Identity, Linear, Bilinear
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .sparse import Embedding
from .embedding_bag import EmbeddingBag

# Recurrent layers (L "missing bits", N 6)
from .rnn import RNNBase, RNN, LSTM, GRU
from .rnn_cell import RNNCellBase, RNNCell, LSTMCell, GRUCell

# Attention and transformers (L 4.8, 5.3)
from .multihead import MultiheadAttention
from .transformer import (
    TransformerEncoderLayer, TransformerDecoderLayer, TransformerEncoder, TransformerDecoder, Transformer,
)

# Activations (L 4.3)
from .activation import (
    ReLU, ReLU6, SELU, SiLU, Mish, Hardswish, Hardsigmoid, LeakyReLU, PReLU, RReLU, ELU, CELU, GELU,
    Sigmoid, LogSigmoid, Tanh, Softplus, Softsign, Hardtanh, Threshold, Tanhshrink, Softshrink,
    Hardshrink,
)
from .softmax import Softmax, LogSoftmax, Softmin, Softmax2d, GLU

# Pooling (L 4.4) and dropout (L 4.5)
from .pooling import (
    MaxPool1d, MaxPool2d, MaxPool3d, AvgPool1d, AvgPool2d, AvgPool3d, AdaptiveAvgPool1d,
    AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d,
)
from .unpooling import (
    MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, LPPool1d, LPPool2d, LPPool3d, FractionalMaxPool2d, FractionalMaxPool3d,
)
from .dropout import Dropout, Dropout1d, Dropout2d, Dropout3d, AlphaDropout, FeatureAlphaDropout

# Normalisation (L 4.6)
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .normalization import LayerNorm, RMSNorm, GroupNorm, LocalResponseNorm, CrossMapLRN2d

# Layers that learn their input's width from the first one
from .lazy import UninitializedBuffer, UninitializedParameter
from .lazy_layers import (
    LazyLinear, LazyConv1d, LazyConv2d, LazyConv3d, LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d,
    LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d, LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d,
)

# Shapes
from .flatten import Flatten, Unflatten
from .padding import (
    ConstantPad1d, ConstantPad2d, ConstantPad3d, ZeroPad1d, ZeroPad2d, ZeroPad3d, ReflectionPad1d,
    ReflectionPad2d, ReflectionPad3d, ReplicationPad1d, ReplicationPad2d, ReplicationPad3d, CircularPad1d,
    CircularPad2d, CircularPad3d,
)
from .fold import Fold, Unfold
from .upsampling import (
    Upsample, UpsamplingNearest2d, UpsamplingBilinear2d, PixelShuffle, PixelUnshuffle, ChannelShuffle,
)

# Losses (L 3.1)
from .loss import (
    L1Loss, MSELoss, SmoothL1Loss, HuberLoss, CrossEntropyLoss, NLLLoss, NLLLoss2d, PoissonNLLLoss, GaussianNLLLoss,
    KLDivLoss, BCELoss, BCEWithLogitsLoss, HingeEmbeddingLoss, CosineEmbeddingLoss, MarginRankingLoss,
    TripletMarginLoss, TripletMarginWithDistanceLoss, SoftMarginLoss, MultiLabelSoftMarginLoss,
    MultiMarginLoss,
)
from .sequence_loss import MultiLabelMarginLoss, CTCLoss, LinearCrossEntropyLoss, AdaptiveLogSoftmaxWithLoss
from .distance import PairwiseDistance, CosineSimilarity
