"""Samples of nn.functional: images of another size, windows and columns, bags of embeddings, losses over classes."""

from __future__ import annotations

import numpy as np

from .table import FLOATS, A, D, P, R, S, U, Z

WIDE = FLOATS[:2]

RESIZED = [
    S("F.interpolate", R(1, 2, 4), 7, _dtypes=FLOATS), S("F.interpolate", R(1, 2, 6), scale_factor=0.5, _dtypes=FLOATS),
    S("F.interpolate", R(1, 1, 3, 2), scale_factor=(2, 3), _dtypes=FLOATS), S("F.interpolate", R(1, 1, 2, 3, 2), 4),
    S("F.interpolate", R(1, 2, 5), 3, mode="nearest-exact", _dtypes=FLOATS),
    S("F.interpolate", R(1, 2, 4), 7, mode="linear", _dtypes=FLOATS),
    *[S("F.interpolate", R(1, 2, 4, 3), size, scale, mode=mode, align_corners=align, _dtypes=WIDE)
     
        for mode in ("bilinear", "bicubic") for align in (True, False) for size, scale in ((5, None), ((2, 7), None),
          (None, 1.7))],
    S("F.interpolate", R(1, 1, 4, 3), None, (0.6, 1.7), mode="bilinear", recompute_scale_factor=True, _dtypes=WIDE),
    S("F.interpolate", R(1, 2, 3, 2, 2), 4, mode="trilinear", _dtypes=WIDE),
    S("F.interpolate", R(1, 2, 3, 2, 2), (1, 3, 5), mode="trilinear", align_corners=True, _dtypes=WIDE),
    S("F.interpolate", R(1, 2, 5, 4), (2, 3), mode="area", _dtypes=WIDE),
    *[S("F.interpolate", R(1, 1, 7, 6), size, mode=mode, antialias=True, _dtypes=WIDE)
      for mode in ("bilinear", "bicubic") for size in ((3, 4), (9, 5))],
    S("F.interpolate", R(1, 1, 1, 1), 3, mode="bilinear", align_corners=True, _dtypes=WIDE),
    S("F.interpolate", R(0, 1, 2, 2), 3, mode="bilinear", _dtypes=WIDE),
    S("F.upsample", R(1, 1, 2, 2), scale_factor=2, _dtypes=WIDE), S("F.upsample_nearest", R(1, 1, 2, 2), 3, _dtypes=WIDE),
    S("F.upsample_bilinear", R(1, 1, 2, 2), 3, _dtypes=WIDE),
]
GRIDS = [
    *[S("F.grid_sample", R(2, 2, 4, 3), R(2, 2, 3, 2, low=-1.4, high=1.4), mode, padding, align, _dtypes=WIDE,
        _order=2 if mode != "nearest" else 1)
      for mode in ("bilinear", "nearest", "bicubic") for padding in ("zeros", "border", "reflection")
      for align in (False, True)],
    *[S("F.grid_sample", R(1, 2, 2, 4, 3), R(1, 2, 3, 2, 3, low=-1.3, high=1.3), mode, "reflection", _dtypes=WIDE, _order=1)
      for mode in ("bilinear", "nearest")],
    S("F.grid_sample", R(1, 1, 2, 2), A([[[[np.nan, 0.0], [9.0, -9.0]]]]), align_corners=True, _order=0, _dtypes=WIDE),
    S("F.affine_grid", R(2, 2, 3), (2, 1, 3, 4), align_corners=True, _dtypes=WIDE),
    S("F.affine_grid", R(1, 2, 3), (1, 1, 2, 1), align_corners=False, _dtypes=WIDE),
    S("F.affine_grid", R(1, 3, 4), (1, 1, 2, 2, 3), align_corners=False, _dtypes=WIDE),
]
WINDOWS = [
    S("F.unfold", R(2, 2, 4, 5), 2, _dtypes=FLOATS), S("F.unfold", R(2, 4, 4), 2, stride=2, _dtypes=FLOATS),
    S("F.unfold", R(1, 2, 5, 6), (3, 2), (1, 2), (1, 0), (2, 1), _dtypes=FLOATS),
    S("F.fold", R(2, 8, 12), (4, 5), 2, _dtypes=FLOATS), S("F.fold", R(4, 4), 4, 2, stride=2, _dtypes=FLOATS),
    S("F.fold", R(1, 12, 12), (5, 6), (3, 2), (1, 2), (1, 0), (2, 1), _dtypes=FLOATS),
    S("F.pixel_shuffle", R(2, 8, 2, 3), 2), S("F.pixel_shuffle", R(9, 1, 2), 3),
    S("F.pixel_shuffle", R(0, 4, 2, 2), 2, _order=0),
    S("F.pixel_unshuffle", R(2, 2, 4, 6), 2), S("F.pixel_unshuffle", R(1, 3, 6), 3),
    S("F.channel_shuffle", R(2, 6, 3), 3), S("F.native_channel_shuffle", R(1, 4, 2, 2), 2),
    S("F.lp_pool1d", P(1, 2, 6), 2.0, 2, _dtypes=WIDE), S("F.lp_pool2d", P(1, 2, 4, 5), 3.0, (2, 3), 1, _dtypes=WIDE),
    S("F.lp_pool2d", P(1, 1, 5, 5), 2.0, 2, ceil_mode=True, _dtypes=WIDE),
    S("F.lp_pool3d", P(1, 1, 2, 2, 4), 2.0, 2, _dtypes=WIDE),
    S("F.max_unpool1d", R(1, 2, 2), A([[[1, 3], [0, 2]]]), 2, _dtypes=WIDE),
    S("F.max_unpool2d", R(1, 1, 1, 2), A([[[[0, 7]]]]), 2, _dtypes=WIDE),
    S("F.max_unpool2d", R(1, 1, 2), A([[[0, 7]]]), 2, 2, 0, (3, 5), _dtypes=WIDE),
    S("F.max_unpool3d", R(1, 1, 1, 1, 1), A([[[[[5]]]]]), 2, _dtypes=WIDE),
    S("F.fractional_max_pool2d", D(1, 2, 6, 5), 2, (3, 2), None, True, A([[[0.3, 0.7], [0.1, 0.9]]]).no_grad,
      _dtypes=("float64",)),
    S("F.fractional_max_pool2d_with_indices", D(1, 2, 6, 5), (2, 3), None, (0.5, 0.6), False, A([[[0.3, 0.7], [0.1,
      0.9]]]).no_grad,
      _dtypes=("float64",)),
    S("F.fractional_max_pool2d", D(1, 2, 4, 5), (2, 3), (0, 2), None, False, A([[[0.3, 0.7], [0.1, 0.9]]]).no_grad),
    S("F.fractional_max_pool3d", D(1, 1, 5, 6, 5), 2, 3, None, True, A([[[0.3, 0.7, 0.5]]]).no_grad, _dtypes=("float64",)),
    S("F.fractional_max_pool3d_with_indices", D(1, 1, 4, 4, 4), 2, 1, None, False, A([[[0.3, 0.7, 0.5]]]).no_grad,
      _dtypes=("float64",)),
    S("F.max_pool1d_with_indices", D(1, 2, 6), 2, _dtypes=WIDE),
    S("F.max_pool2d_with_indices", D(1, 2, 4, 4), 3, 1, 1, _dtypes=WIDE),
    S("F.max_pool3d_with_indices", D(1, 1, 2, 4, 4), 2, _dtypes=WIDE),
    S("F.adaptive_max_pool1d_with_indices", D(1, 2, 6), 4, _dtypes=WIDE),
    S("F.adaptive_max_pool2d_with_indices", D(1, 2, 4, 5), (3, 2), _dtypes=WIDE),
    S("F.adaptive_max_pool3d_with_indices", D(1, 1, 2, 4, 4), 2, _dtypes=WIDE),
    S("F.conv_tbc", R(5, 2, 3), R(2, 3, 4), R(4), 1, _dtypes=WIDE),
]
TABLES = [
    S("F.embedding", Z(2, 3, low=0, high=4), R(4, 2), scale_grad_by_freq=True, _order=1),
    *[S("F.embedding_bag", Z(3, 4, low=0, high=5), R(5, 2), mode=mode,
      _dtypes=WIDE, _order=1) for mode in ("sum", "mean", "max")],
    *[S("F.embedding_bag", A([1, 4, 2, 2, 0]), R(5, 2), A([0, 3, 3]), mode=mode, _dtypes=WIDE, _order=1)
      for mode in ("sum", "mean", "max")],
    S("F.embedding_bag", A([1, 4, 2]), R(5, 2), A([0, 2, 3]), mode="sum", include_last_offset=True, _dtypes=WIDE),
    S("F.embedding_bag", A([[1, 4, 2]]), R(5, 2), mode="sum", per_sample_weights=R(1, 3), _dtypes=WIDE),
    S("F.embedding_bag", A([[1, 4, 2], [4, 4, 4]]), R(5, 2), mode="mean", padding_idx=4, _dtypes=WIDE, _order=1),
    S("F.pdist", R(4, 3), _dtypes=WIDE), S("F.pdist", R(4, 3), 1.0, _dtypes=WIDE, _order=1),
    S("F.pdist", R(1, 3), _dtypes=WIDE, _order=0),
]
LISTED = A([[3, 0, -1, 1], [1, -1, 2, 0]])
BY_CLASS = [
    *[S("F.multi_margin_loss", R(3, 4), A([0, 2, 1]), p, 0.7, reduction=r,
      _dtypes=WIDE) for p in (1, 2) for r in ("mean", "none")],
    S("F.multi_margin_loss", R(3, 4), A([0, 2, 1]), weight=P(4).no_grad, _dtypes=WIDE),
    S("F.multi_margin_loss", R(4), A(1), _dtypes=WIDE),
    *[S("F.multilabel_margin_loss", R(2, 4), LISTED, reduction=r, _dtypes=WIDE, _order=1) for r in ("mean", "sum", "none")],
    S("F.multilabel_margin_loss", R(4), A([-1, 0, 1, 2]), _dtypes=WIDE, _order=1),
    *[S("F.multilabel_soft_margin_loss", R(2, 3), U(2, 3), reduction=r, _dtypes=WIDE) for r in ("mean", "sum", "none")],
    S("F.multilabel_soft_margin_loss", R(2, 3), U(2, 3), P(3).no_grad, _dtypes=WIDE),
    S("F.triplet_margin_with_distance_loss", R(2, 3), R(2, 3), R(2, 3), margin=3.0, swap=True, _dtypes=WIDE),
    S("F.linear_cross_entropy", R(3, 0), R(5, 0), A([0, 4, 2]), _dtypes=WIDE),
    S("F.linear_cross_entropy", R(3, 4), R(5, 4), A([0, 4, 2]), label_smoothing=0.1, _dtypes=WIDE),
    S("F.linear_cross_entropy", R(3, 4), R(5, 2, 4), A([[0, 1], [4, 2], [3, 3]]), linear_bias=R(5, 2), _dtypes=WIDE),
]
LENGTHS = (A([5, 4, 5]), A([2, 1, 3]))
SPOKEN = [
    *[S("F.ctc_loss", R(5, 3, 4), A([[1, 2, 0], [3, 0, 0], [1, 1, 2]]), *LENGTHS, reduction=r, _fn=lambda T, x, *a, **k:
        T.nn.functional.ctc_loss(T.log_softmax(x, -1), *a, **k), _order=1, _dtypes=WIDE) for r in ("mean", "sum", "none")],
    S("F.ctc_loss", R(5, 2, 4), A([1, 2, 3, 3, 3]), (5, 4), (2, 3), zero_infinity=True, _order=1,
      _dtypes=WIDE, _fn=lambda T, x, *a, **k:
      T.nn.functional.ctc_loss(T.log_softmax(x, -1), *a, **k)),
    S("F.ctc_loss", R(4, 3), A([0, 1]), A(4), A(2), 2, _order=1, _dtypes=WIDE, _fn=lambda T, x, *a, **k:
      T.nn.functional.ctc_loss(T.log_softmax(x, -1), *a, **k)),
]


def _attend(T, q, k, v, w, b, wo, bo, **settings):
    return T.nn.functional.multi_head_attention_forward(
        q, k, v, 4, 2, w, b, None, None, False, 0.0, wo, bo, **settings)


PROJECTIONS = (R(12, 4), R(12), R(4, 4), R(4))
CANCELLING = 5.0  # gradients of the keys' bias are 0 by sums that cancel, beside gradients of several hundred
HEADS = [
    S("F.multi_head_attention_forward", R(3, 2, 4), R(5, 2, 4), R(5, 2, 4), *PROJECTIONS, _fn=_attend, _dtypes=WIDE,
      _loose=CANCELLING),
    S("F.multi_head_attention_forward", R(3, 4), R(5, 4), R(5, 4), *PROJECTIONS, average_attn_weights=False, _fn=_attend,
      _dtypes=WIDE, _loose=CANCELLING),
    S("F.multi_head_attention_forward", R(3, 2, 4), R(3, 2, 4), R(3, 2, 4), *PROJECTIONS, need_weights=False,
      attn_mask=A(np.triu(np.ones((3, 3), bool), 1)), is_causal=True, _fn=lambda *a, **k: _attend(*a, **k)[:1], _dtypes=WIDE),
    S("F.multi_head_attention_forward", R(3, 2, 4), R(3, 2, 4), R(3, 2, 4), *PROJECTIONS, attn_mask=R(4, 3, 3),
      key_padding_mask=A([[False, False, True], [False, True, False]]), _fn=_attend, _dtypes=WIDE[:1]),
]


def _recurrent(T, name, x, states, *weights):
    """A layer whose parameters are the sample's."""
    layer = getattr(T.nn, name)(x.shape[-1], states[0].shape[-1])
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    given = dict(zip(names, weights))
    return T.nn.utils.stateless.functional_call(layer, given, (x, tuple(states) if len(states) == 2 else states[0]))


RECURRENT = [
    S(f"nn.{name}", name, R(3, 2, 2), [R(1, 2, 3)] * (2 if name == "LSTM" else 1), R(3 * gates, 2), R(3 * gates, 3), R(3 * gates),
      R(3 * gates), _fn=_recurrent, _dtypes=WIDE) for name, gates in (("RNN", 1), ("LSTM", 4), ("GRU", 3))
]
IN_PLACE = [
    *[S(f"F.{name}", R(2, 3), _fn=lambda T, x, name=name: getattr(T.nn.functional, name)(x * 1)) for name in
      ("leaky_relu_", "elu_", "selu_", "celu_", "hardtanh_", "rrelu_")],
    S("F.threshold_", R(2, 3), 0.1, 7.0, _fn=lambda T, x, *a: T.nn.functional.threshold_(x * 1, *a)),
    S("F.rrelu", R(2, 3), 0.1, 0.3), S("F.rrelu", R(2, 3), 0.2, 0.2, True, _dtypes=WIDE),
    S("F.feature_alpha_dropout", R(2, 3, 2), 0.5, False),
    S("F.feature_alpha_dropout", R(2, 3), 1.0, True, _order=1, _dtypes=WIDE),
]
for sample in IN_PLACE[:7]:
    sample.dtypes = WIDE
SAMPLES = RESIZED + GRIDS + WINDOWS + TABLES + BY_CLASS + SPOKEN + HEADS + RECURRENT + IN_PLACE
