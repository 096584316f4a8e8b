"""Samples of nn.functional."""

from __future__ import annotations

import math

import numpy as np

from .table import FLOATS, A, B, D, P, R, S, U, Z, each

ACTIVATIONS = [
    *each("F.relu F.leaky_relu F.elu F.selu F.celu F.gelu F.silu F.mish F.softplus F.logsigmoid F.softsign F.tanhshrink "
          "F.softshrink F.hardshrink F.hardtanh F.relu6 F.hardsigmoid F.hardswish F.sigmoid F.tanh",
          R(2, 3, low=-4, high=4)),
    *each("F.leaky_relu F.elu F.gelu F.silu F.softplus F.logsigmoid F.hardtanh F.hardswish F.mish", R(3, 2).T),
    *each("F.leaky_relu F.elu F.gelu F.silu F.softplus F.logsigmoid F.softshrink F.hardshrink F.hardsigmoid", R(0, 3)),
    S("F.gelu", A([math.nan, math.inf, -math.inf, 0.0, 100.0]), _order=0, _dtypes=("float64",)),
    *each("F.relu F.leaky_relu F.elu F.selu F.celu F.silu F.mish F.softplus F.logsigmoid F.softsign F.tanhshrink F.softshrink "
          "F.hardshrink F.hardtanh F.relu6 F.hardsigmoid F.hardswish",
          A([math.nan, math.inf, -math.inf, 0.0, 100.0, -100.0]), _order=0),
    *each("F.relu F.leaky_relu F.elu F.selu F.celu F.hardtanh F.relu6 F.hardshrink F.softshrink F.hardsigmoid F.hardswish "
          "F.softplus F.logsigmoid F.mish F.gelu",
          A([0.0, -1.0, 1.0, 0.5, -0.5, 3.0, -3.0, 6.0, 30.0, -30.0]), _order=1),
    S("F.leaky_relu", R(4), 0.2), S("F.elu", R(4), 0.7), S("F.celu", R(4), 0.7), S("F.gelu", R(4), approximate="tanh"),
    S("F.softplus", R(4), 2.0, 1.0), S("F.hardtanh", R(4), -0.5, 1.5), S("F.threshold", R(4), 0.1, 9.0),
    S("F.softshrink", R(4), 0.25),
    S("F.hardshrink", R(4), 0.25), S("F.prelu", R(2, 3), R(1)), S("F.prelu", R(2, 3, 2), R(3)),
    S("F.prelu", R(3), R(1)),
    S("F.glu", R(2, 4)), S("F.glu", R(4, 2), 0), S("F.softmax", R(2, 3), -1), S("F.softmin", R(2, 3), 1),
    S("F.log_softmax", R(2, 3), -1),
    S("F.softmax", R(2, 3), 1, dtype="dtype:float64"),
]
LINEAR = [
    S("F.linear", R(2, 3), R(4, 3), R(4)), S("F.linear", R(2, 2, 3), R(4, 3)), S("F.linear", R(3), R(4, 3), R(4)),
    S("F.linear", R(2, 3), R(3)),
    S("F.linear", R(0, 3), R(4, 3), R(4)), S("F.linear", R(3, 2).T, R(4, 2).T, R(4)),
    S("F.bilinear", R(2, 3), R(2, 2), R(3, 3, 2), R(3)),
    S("F.embedding", Z(2, 3, low=0, high=4), R(4, 2)), S("F.embedding", Z(3, low=0, high=4), R(4, 2), padding_idx=1),
    S("F.embedding", Z(3, low=0, high=4), R(4, 2), padding_idx=-1, _order=1),
    S("F.embedding", A([[1, 1, 1]]), R(4, 2), padding_idx=1, _order=1),
    S("F.one_hot", Z(2, 2, low=0, high=3), 4), S("F.one_hot", A([0, 2, 1])), S("F.normalize", R(2, 3)),
    S("F.normalize", R(2, 3, 2), 1, 0),
    S("F.normalize", A([[0.0, 0.0], [3.0, 4.0]]), _order=1), S("F.cosine_similarity", R(2, 3), R(2, 3)),
    S("F.cosine_similarity", R(2, 3), R(3), dim=-1),
    S("F.cosine_similarity", R(2, 3, 2), R(1, 3, 2), dim=1),
    S("F.cosine_similarity", A([[0.0, 0.0]]), R(1, 2), _order=0),
    S("F.pairwise_distance", R(2, 3), R(2, 3)), S("F.pairwise_distance", R(2, 3), R(3), 1, keepdim=True),
    S("F.pairwise_distance", R(3), R(3), 3.0),
]
# Where the sums are longer, bfloat16 with float32 sums (PyTorch's) and float32 sums in another order differ more.
CONVOLUTIONS = [
    S("F.conv1d", R(2, 2, 5), R(3, 2, 3), R(3)), S("F.conv1d", R(2, 4, 6), R(4, 2, 2), None, 2, 1, 1, 2),
    S("F.conv1d", R(2, 5), R(3, 2, 3)),
    S("F.conv1d", R(1, 2, 4), R(2, 1, 3), R(2), padding="same", groups=2),
    S("F.conv1d", R(1, 1, 5), R(1, 1, 2), padding="same"),
    S("F.conv2d", R(1, 2, 4, 4), R(2, 2, 3, 3), R(2)),
    S("F.conv2d", R(2, 1, 5, 4), R(2, 1, 2, 2), R(2), (2, 1), (1, 0), (1, 2)),
    S("F.conv2d", R(1, 4, 3, 3), R(4, 1, 2, 2), None, 1, 0, 1, 4), S("F.conv2d", R(2, 3, 3), R(1, 2, 1, 1), R(1)),
    S("F.conv2d", R(1, 1, 4, 4), R(1, 1, 3, 3), padding="valid"), S("F.conv2d", R(0, 2, 3, 3), R(2, 2, 2, 2), R(2)),
    S("F.conv2d", R(2, 3, 2, 3).T, R(2, 3, 2, 2)), S("F.conv3d", R(1, 1, 3, 3, 2), R(1, 1, 2, 2, 2), R(1), 1, 1),
    S("F.conv_transpose1d", R(2, 2, 3), R(2, 3, 3), R(3), 2, 1, 1),
    S("F.conv_transpose1d", R(1, 4, 3), R(4, 1, 2), None, groups=2),
    S("F.conv_transpose2d", R(1, 2, 3, 3), R(2, 2, 2, 2), R(2)),
    S("F.conv_transpose2d", R(1, 2, 2, 3), R(2, 1, 3, 2), R(2), (2, 1), (1, 0), (1, 0), 2, 1),
    S("F.conv_transpose2d", R(2, 2, 3), R(2, 1, 2, 2), dilation=2),
    S("F.conv_transpose3d", R(1, 1, 2, 2, 2), R(1, 1, 2, 2, 2), R(1), 2),
]
POOLING = [
    S("F.max_pool1d", D(2, 2, 6), 2), S("F.max_pool1d", D(2, 5), 3, 1, 1), S("F.max_pool2d", D(1, 2, 4, 4), 2),
    S("F.max_pool2d", D(1, 1, 5, 5), 3, 2, 1),
    S("F.max_pool2d", D(1, 1, 5, 5), 2, ceil_mode=True), S("F.max_pool2d", D(2, 4, 4), (2, 1), (1, 2)),
    S("F.max_pool2d", D(1, 1, 5, 5), 2, 1, 0, 2),
    S("F.max_pool2d", D(1, 1, 4, 4), 2, return_indices=True), S("F.max_pool3d", D(1, 1, 3, 3, 3), 2, 1),
    S("F.max_pool2d", A([[[[1.0, 1.0], [1.0, 1.0]]]]), 2, return_indices=True, _order=1),
    S("F.max_pool2d", D(0, 1, 4, 4), 2),
    S("F.avg_pool1d", R(2, 2, 6), 2), S("F.avg_pool1d", R(2, 5), 3, 2, 1, count_include_pad=False),
    S("F.avg_pool2d", R(1, 2, 4, 4), 2),
    S("F.avg_pool2d", R(1, 1, 5, 5), 3, 2, 1), S("F.avg_pool2d", R(1, 1, 5, 5), 3, 2, 1, True, False),
    S("F.avg_pool2d", R(1, 1, 4, 4), 2, divisor_override=3),
    S("F.avg_pool2d", R(1, 1, 5, 4), (2, 3), (2, 1), (1, 1), True), S("F.avg_pool3d", R(1, 1, 3, 3, 3), 2, 1),
    S("F.avg_pool2d", R(1, 2, 4, 4).T, 2),
    S("F.adaptive_avg_pool1d", R(2, 2, 5), 3), S("F.adaptive_avg_pool2d", R(1, 2, 5, 4), (2, 3)),
    S("F.adaptive_avg_pool2d", R(1, 2, 3, 3), 1),
    S("F.adaptive_avg_pool2d", R(2, 3, 3), (None, 2)), S("F.adaptive_avg_pool2d", R(1, 1, 2, 2), 4),
    S("F.adaptive_avg_pool3d", R(1, 1, 2, 3, 2), 2),
    S("F.adaptive_max_pool1d", D(2, 2, 5), 3), S("F.adaptive_max_pool2d", D(1, 2, 5, 4), (2, 3)),
    S("F.adaptive_max_pool2d", D(2, 3, 3), 2, True),
    S("F.adaptive_max_pool3d", D(1, 1, 2, 3, 2), 2),
]
NORMALISATION = [
    S("F.batch_norm", R(4, 2), R(2).no_grad, P(2).no_grad, R(2), R(2)),
    S("F.batch_norm", R(3, 2, 4), None, None, R(2), R(2), True),
    S("F.batch_norm", R(2, 2, 2, 2), None, None, training=True, eps=0.1),
    S("F.batch_norm", R(4, 2), R(2).no_grad, P(2).no_grad, None, None, True, 0.3),
    S("F.layer_norm", R(2, 3), (3,), R(3), R(3)), S("F.layer_norm", R(2, 2, 3), (2, 3), None, None, 0.1),
    S("F.layer_norm", R(2, 4).T, (4,)),
    S("F.layer_norm", R(0, 3), (3,), R(3), R(3)), S("F.rms_norm", R(2, 3), (3,), R(3)),
    S("F.rms_norm", R(2, 3), (3,), None, 0.1),
    S("F.group_norm", R(2, 4, 3), 2, R(4), R(4)), S("F.group_norm", R(3, 4), 4, eps=0.1),
    S("F.group_norm", R(2, 2, 2, 2), 1),
    S("F.instance_norm", R(2, 2, 4), None, None, R(2), R(2)), S("F.instance_norm", R(1, 2, 3, 2)),
    S("F.instance_norm", R(2, 2, 3), R(2).no_grad, P(2).no_grad, use_input_stats=False),
    S("F.local_response_norm", R(2, 4, 3), 3, _dtypes=FLOATS),
    S("F.local_response_norm", R(1, 3, 2, 2), 2, 0.5, 0.6, 2.0, _dtypes=FLOATS),
    S("F.dropout", R(2, 3), 0.5, False), S("F.dropout", R(2, 3), 0.0), S("F.dropout", R(2, 3), 1.0, _order=1),
    S("F.alpha_dropout", R(2, 3), 0.5),
    S("F.dropout1d", R(1, 2, 3), 0.0), S("F.dropout2d", R(1, 2, 3, 2), 0.3, False),
    S("F.dropout3d", R(2, 2, 2, 1, 1), 1.0, _order=1),
]
PADDING = [
    S("F.pad", R(2, 3), (1, 2)), S("F.pad", R(2, 3), (1, 0, 0, 2), "constant", 1.5),
    S("F.pad", R(3, 4), (-1, 1, 1, -2)), S("F.pad", R(1, 2, 4), (2, 1), "reflect"),
    S("F.pad", R(1, 2, 3), (2, 1), "replicate"), S("F.pad", R(1, 2, 3), (2, 1), "circular"),
    S("F.pad", R(1, 1, 3, 3), (1, 2, 2, 0), "reflect"),
    S("F.pad", R(1, 1, 2, 3), (1, 2, 0, 1), "replicate"), S("F.pad", R(1, 1, 2, 3), (1, 2, 2, 1), "circular"),
    S("F.pad", Z(3), (1, 1), value=7), S("F.pad", B(3), (1, 1), value=True),
    S("F.pad", R(2), (0, 0)), S("F.pad", R(0, 2), (1, 1, 1, 1)), S("F.pad", R(4), (-2, -2)),
]
ATTENTION = [
    S("F.scaled_dot_product_attention", R(2, 3, 2), R(2, 4, 2), R(2, 4, 3)),
    S("F.scaled_dot_product_attention", R(1, 2, 3, 2), R(1, 2, 3, 2), R(1, 2, 3, 2), is_causal=True),
    S("F.scaled_dot_product_attention", R(2, 2), R(3, 2), R(3, 2), A([[True, False, True], [False, True, True]])),
    S("F.scaled_dot_product_attention", R(2, 2), R(3, 2), R(3, 2), R(2, 3).no_grad, scale=0.3),
    S("F.scaled_dot_product_attention", R(1, 4, 2, 2), R(1, 2, 3, 2), R(1, 2, 3, 2), enable_gqa=True),
    S("F.scaled_dot_product_attention", R(2, 2), R(3, 2), R(3, 2), A([[False, False, False], [False, True, True]]), _order=1),
    S("F.scaled_dot_product_attention", R(1, 2, 2), R(1, 4, 2), R(1, 4, 2), is_causal=True),
]
REDUCED = ("mean", "sum", "none")
CLASSES, IMAGES = A([0, 2, 1]), A([[0, 2], [1, -100]])
LOSSES = [
    *[S(f"F.{name}", *args, reduction=r, _dtypes=FLOATS) for r in REDUCED for name, args in [
        ("mse_loss", (R(2, 3), R(2, 3))), ("l1_loss", (R(2, 3), R(2, 3))), ("huber_loss", (R(2, 3), R(2, 3))),
        ("smooth_l1_loss", (R(2, 3), R(2, 3))),
        ("cross_entropy", (R(3, 4), CLASSES)), ("nll_loss", (R(3, 4), CLASSES)),
        ("binary_cross_entropy", (U(2, 3), U(2, 3))),
        ("binary_cross_entropy_with_logits", (R(2, 3), U(2, 3))), ("kl_div", (R(2, 3), U(2, 3))),
        ("gaussian_nll_loss", (R(2, 3), R(2, 3), P(2, 3))),
        ("poisson_nll_loss", (R(2, 3), P(2, 3))), ("hinge_embedding_loss", (R(4), A([1, -1, 1, -1]))),
        ("soft_margin_loss", (R(4), A([1.0, -1.0, 1.0, -1.0]).no_grad)),
        ("margin_ranking_loss", (R(3), R(3), A([1, -1, 1]))), ("cosine_embedding_loss", (R(2, 3), R(2, 3), A([1, -1]))),
        ("triplet_margin_loss", (R(2, 3), R(2, 3), R(2, 3)))]],
    *[S("F.cross_entropy", R(2, 3, 2), IMAGES, reduction=r) for r in REDUCED],
    *[S("F.cross_entropy", R(3, 4), CLASSES, P(4).no_grad, label_smoothing=0.2, reduction=r) for r in REDUCED],
    *[S("F.cross_entropy", R(3, 4), U(3, 4), P(4).no_grad, label_smoothing=0.1, reduction=r) for r in REDUCED],
    *[S("F.nll_loss", R(2, 3, 2), IMAGES, P(3).no_grad, reduction=r) for r in REDUCED],
    *[S("F.nll_loss", R(4), A(2), reduction=r) for r in REDUCED],
    *[S("F.cross_entropy", R(2, 3), A([-100, -100]), reduction=r, _order=0) for r in REDUCED],
    *[S("F.nll_loss", R(0, 3), A(np.zeros(0, int)), reduction=r, _order=0) for r in REDUCED],
    S("F.cross_entropy", R(4), A(1)), S("F.cross_entropy", R(4), U(4)),
    S("F.cross_entropy", R(3, 4), A([0, 7, 1]), ignore_index=7),
    S("F.cross_entropy", R(2, 3, 2, 2), Z(2, 2, 2, low=0, high=3)),
    S("F.cross_entropy", R(2, 3, 2), U(2, 3, 2)),
    S("F.cross_entropy", A([[1e4, -1e4], [0.0, 1e4]]), A([1, 0]), _order=1),
    S("F.huber_loss", R(4), R(4), delta=0.3), S("F.smooth_l1_loss", R(4), R(4), beta=0.3),
    S("F.smooth_l1_loss", R(4), R(4), beta=0.0), S("F.mse_loss", R(2, 3), R(2, 3), weight=P(2, 3)),
    S("F.l1_loss", A([1.0, 2.0]), A([1.0, 3.0]), _order=1),
    S("F.binary_cross_entropy", A([0.0, 1.0, 0.5]), A([0.0, 1.0, 1.0]), _order=0),
    S("F.binary_cross_entropy", U(2, 3), U(2, 3), P(3).no_grad),
    S("F.binary_cross_entropy", A([0.0, 1.0]), A([1.0, 0.0]).no_grad, reduction="none", _order=1),
    S("F.binary_cross_entropy_with_logits", A([1e3, -1e3, 0.0]), A([0.0, 1.0, 0.5]), _order=1),
    S("F.binary_cross_entropy_with_logits", R(2, 3), U(2, 3), P(3).no_grad, pos_weight=P(3).no_grad),
    S("F.kl_div", R(2, 3), U(2, 3), reduction="batchmean"), S("F.kl_div", R(2, 3), R(2, 3), log_target=True),
    S("F.kl_div", R(3), A([0.0, 0.5, 0.5]).no_grad, reduction="none"),
    S("F.gaussian_nll_loss", R(2, 3), R(2, 3), P(2, 1), full=True), S("F.gaussian_nll_loss", R(2, 3), R(2, 3), P(2)),
    S("F.gaussian_nll_loss", R(2), R(2), 0.5), S("F.gaussian_nll_loss", R(2), R(2), A([0.0, 1.0]), eps=0.1, _order=1),
    S("F.poisson_nll_loss", P(3), P(3), log_input=False),
    S("F.poisson_nll_loss", R(3), A([0.5, 2.0, 1.0]).no_grad, full=True, reduction="none"),
    S("F.hinge_embedding_loss", R(4), A([1, -1, 1, -1]), margin=0.3),
    S("F.margin_ranking_loss", R(3), R(3), A([1, -1, 1]), margin=0.5),
    S("F.cosine_embedding_loss", R(3), R(3), A(-1), margin=-0.5, _dtypes=FLOATS),
    S("F.triplet_margin_loss", R(2, 3), R(2, 3), R(2, 3), margin=3.0, p=1, swap=True),
]
SAMPLES = ACTIVATIONS + LINEAR + CONVOLUTIONS + POOLING + NORMALISATION + PADDING + ATTENTION + LOSSES
