"""Batch normalisation folded into the layer before it, for evaluation."""

from __future__ import annotations

import copy

from ...tensor import Tensor, no_grad
from ..module import Module
from ..parameter import Parameter


def _folded(weight: Tensor, bias: Tensor | None, mean: Tensor, var: Tensor, eps: float, bn_weight, bn_bias, dim: int):
    """(weight, bias) of w' = w s, b' = (b - mean) s + beta with s = gamma / sqrt(var + eps), along the outputs' dimension."""
    with no_grad():
        scale = (var + eps).rsqrt() if bn_weight is None else bn_weight * (var + eps).rsqrt()
        shape = [-1 if i == dim else 1 for i in range(weight.dim())]
        shifted = (-mean if bias is None else bias - mean) * scale
        shifted = shifted if bn_bias is None else shifted + bn_bias
        new_weight = (weight * scale.reshape(*shape)).to(weight.dtype)
    trained = weight.requires_grad
    return Parameter(new_weight, trained), Parameter(shifted.to(weight.dtype), trained if bias is None else bias.requires_grad)


def fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps: float, bn_w, bn_b, transpose: bool = False):
    """The weight and bias of a convolution with the batch normalisation after it folded in."""
    return _folded(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 1 if transpose else 0)


def fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps: float, bn_w, bn_b):
    """The weight and bias of a linear layer with the batch normalisation after it folded in."""
    return _folded(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fused(layer: Module, bn: Module, transpose: bool, call: str) -> Module:
    if layer.training or bn.training:
        raise AssertionError(f"{call}: fusion only for eval! Call eval() on both first")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(f"{call}: the batch normalisation keeps no running statistics")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = _folded(fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias,
                                       1 if transpose else 0)
    return fused


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Module:
    """A copy of the convolution that computes what it and the batch normalisation after it do. Both must be in eval()."""
    return _fused(conv, bn, transpose, "fuse_conv_bn_eval")


def fuse_linear_bn_eval(linear: Module, bn: Module) -> Module:
    """A copy of the linear layer that computes what it and the batch normalisation after it do. Both must be in eval()."""
    return _fused(linear, bn, False, "fuse_linear_bn_eval")
