"""Batch normalisation folded into the layer before it, for evaluation."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from ...tensor import Tensor, no_grad
from ..batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from ..conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..linear import Identity, Linear
from ..module import Module
from ..parameter import Parameter
from .calls import Call, Recording, record_calls

_TRANSPOSED = (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)
_BEFORE = (Conv1d, Conv2d, Conv3d, *_TRANSPOSED, Linear)
_NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d)


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


def fold_batch_norms(model: Module, *example: Any, **named: Any) -> Module:
    """A copy of a whole model, in evaluation mode, with every batch normalisation folded into the layer before it.

    One pass on `example`, recorded and not computed, says what follows what: a normalisation is folded if it reads
    nothing but the output of a convolution (transposed or not) or a linear layer that nobody else reads, both are called
    once, and neither shares its parameters; nn.Identity takes its place. Others stay. Outputs are the same to rounding.
    """
    folded = copy.deepcopy(model).eval()
    with no_grad():
        recording = record_calls(folded, *example, **named)
    for layer, norm in _foldable(folded, recording):
        transpose = isinstance(layer.module, _TRANSPOSED)
        fused = _fused(layer.module, norm.module, transpose, "fold_batch_norms")
        folded.set_submodule(layer.name, fused)
        folded.set_submodule(norm.name, Identity())
    return folded


def _foldable(model: Module, recording: Recording) -> list[tuple[Call, Call]]:
    """(layer, normalisation) of every pair that may become one layer."""
    counts = Counter(id(call.module) for call in recording.calls)
    owners = Counter(id(p) for m in model.modules() for p in m._parameters.values() if p is not None)
    names = Counter(id(m) for _, m in model.named_modules(remove_duplicate=False))
    made_by = {call.outputs[0]: call for call in recording.calls if isinstance(call.module, _BEFORE) and call.outputs}
    readers = Counter(source for node in recording.nodes() for source in node.inputs)
    pairs = []
    for norm in recording.calls:
        layer = made_by.get(norm.inputs[0]) if isinstance(norm.module, _NORMS) and norm.inputs else None
        if layer is None or norm.module.running_mean is None or not _fits(layer, norm):
            continue
        own = [p for call in (layer, norm) for p in call.module._parameters.values() if p is not None]
        alone = all(counts[id(c.module)] == names[id(c.module)] == 1 for c in (layer, norm))
        read_once = readers[layer.outputs[0]] == 1 and layer.outputs[0] not in recording.outputs
        if alone and read_once and all(owners[id(p)] == 1 for p in own):
            pairs.append((layer, norm))
    return pairs


def _fits(layer: Call, norm: Call) -> bool:
    """Whether both count the same dimension as channels, and the layer's weight is a plain parameter in one group."""
    module = layer.module
    rank = len(layer.outputs[0].shape)
    if "weight" not in module._parameters:
        return False
    if isinstance(module, Linear):
        return rank == 2 and module.out_features == norm.module.num_features
    if rank != module.spatial_dims + 2 or (isinstance(module, _TRANSPOSED) and module.groups > 1):
        return False
    return module.out_channels == norm.module.num_features
