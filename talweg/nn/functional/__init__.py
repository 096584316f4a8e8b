"""Layers as functions: what `talweg.nn.functional` holds, as a table of contents."""

from .activation import (
    celu, celu_, elu, elu_, gelu, glu, gumbel_softmax, hardshrink, hardsigmoid, hardswish, hardtanh, hardtanh_,
    leaky_relu, leaky_relu_, log_softmax, logsigmoid, mish, prelu, relu, relu6, relu_, rrelu, rrelu_, selu, selu_, sigmoid,
    silu, softmax, softmin, softplus, softshrink, softsign, tanh, tanhshrink, threshold, threshold_,
)
from .attention import scaled_dot_product_attention
from .convolution import conv1d, conv2d, conv3d, conv_tbc, conv_transpose1d, conv_transpose2d, conv_transpose3d
from .ctc import ctc_loss
from .embedding_bag import embedding_bag
from .fold import channel_shuffle, fold, native_channel_shuffle, pixel_shuffle, pixel_unshuffle, unfold
from .grid import affine_grid, grid_sample
from .interpolate import interpolate, upsample, upsample_bilinear, upsample_nearest
from .linear import bilinear, cosine_similarity, embedding, linear, normalize, one_hot, pairwise_distance, pdist
from .loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cosine_embedding_loss, cross_entropy, gaussian_nll_loss,
    hinge_embedding_loss, huber_loss, kl_div, l1_loss, margin_ranking_loss, mse_loss, nll_loss, poisson_nll_loss,
    smooth_l1_loss, soft_margin_loss, triplet_margin_loss,
)
from .margin_loss import (
    linear_cross_entropy, multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss,
    triplet_margin_with_distance_loss,
)
from .multihead import multi_head_attention_forward
from .normalization import (
    alpha_dropout, batch_norm, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout, group_norm,
    instance_norm, layer_norm, local_response_norm, rms_norm,
)
from .padding import pad
from .pooling import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, adaptive_max_pool1d, adaptive_max_pool2d,
    adaptive_max_pool3d, avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d,
)
from .unpooling import (
    adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices,
    fractional_max_pool2d, fractional_max_pool2d_with_indices, fractional_max_pool3d, fractional_max_pool3d_with_indices,
    lp_pool1d, lp_pool2d, lp_pool3d, max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices,
    max_unpool1d, max_unpool2d, max_unpool3d,
)
