"""The words in a drawing's boxes: the Little Book's for layers and operations, and meta-parameters as it writes them."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..graph import ops
from ..graph.node import Node

_LAYERS = {
    "Linear": "fully-conn", "NonDynamicallyQuantizableLinear": "fully-conn", "Embedding": "embed", "Flatten": "reshape",
    "Unflatten": "reshape", "BatchNorm1d": "batchnorm", "BatchNorm2d": "batchnorm", "BatchNorm3d": "batchnorm",
    "MultiheadAttention": "mha", "AdaptiveAvgPool2d": "avgpool", "AdaptiveAvgPool1d": "avgpool", "Attention": "mha",
}
_ACTIVATIONS = {
    ops.relu: "relu", ops.sigmoid: "sigmoid", ops.tanh: "tanh", ops.gelu: "gelu", ops.silu: "silu", ops.softmax: "softmax",
    ops.log_softmax: "log-softmax", ops.leaky_relu: "leaky relu", ops.elu: "elu", ops.softplus: "softplus",
    ops.layer_norm: "layernorm", ops.rms_norm: "rmsnorm", ops.group_norm: "groupnorm",
}


def layer_label(module: nn.Module) -> str:
    """Lower case, with the number of dimensions apart: Conv2d is conv-2d, MaxPool2d maxpool."""
    name = type(module).__name__
    if name in _LAYERS:
        return _LAYERS[name]
    if not type(module).__module__.startswith(nn.__name__):
        return name
    for kind in ("MaxPool", "AvgPool", "InstanceNorm", "AdaptiveMaxPool"):
        if name.startswith(kind):
            return kind.removeprefix("Adaptive").lower()
    if name[-2:] in ("1d", "2d", "3d"):
        stem = name[:-2].replace("ConvTranspose", "transposed conv")
        return f"{stem.lower()}-{name[-2:]}"
    return name.lower()


def details(module: nn.Module, name: str = "") -> str:
    """Meta-parameters that differ from those that change nothing, k=3 s=2 p=1; of matrices and tables the name."""
    last = name.rpartition(".")[2]
    if isinstance(module, nn.Linear | nn.Embedding) and not last.isdigit():
        return last
    found = []
    for letter, attribute, silent in (("k", "kernel_size", None), ("s", "stride", 1), ("p", "padding", 0),
                                      ("d", "dilation", 1), ("g", "groups", 1)):
        value = _one(getattr(module, attribute, None))
        if value is not None and value != silent:
            found.append(f"{letter}={value}")
    if isinstance(module, nn.MaxPool1d | nn.MaxPool2d | nn.MaxPool3d) and len(found) > 1:
        found = [f for f in found if f != "s=" + found[0][2:]]  # a stride equal to the kernel says nothing
    if isinstance(module, nn.Dropout):
        found = [f"p={module.p:g}"]
    if isinstance(module, nn.GroupNorm):
        found = [f"g={module.num_groups}"]
    if isinstance(module, nn.MultiheadAttention):
        found = [f"h={module.num_heads}"]
    if isinstance(module, nn.RNNBase):
        found = [f"l={module.num_layers}"] if module.num_layers > 1 else []
    return " ".join(found)


def _one(value: Any) -> Any:
    """A size that is the same in all dimensions as one number."""
    if isinstance(value, tuple):
        return value[0] if len(set(value)) == 1 else "x".join(map(str, value))
    return value if isinstance(value, int | str) else None


Operand = tuple[list, list]
"""The parts that an operand comes from, and the parameters and buffers in it."""


def operation_label(node: Node, operands: list[Operand]) -> tuple[str, str, str] | None:
    """(kind, label, meta-parameters) of a drawn operation, None for one that is looked through."""
    fed = [parts for parts, _ in operands if parts]
    if not fed:
        return None
    with_tables = any(tables for parts, tables in operands if not parts)
    branches = len({tuple(parts) for parts in fed}) > 1
    if node.op in (ops.add, ops.sub) and (branches or with_tables):
        return ("sign", "+" if node.op is ops.add else "−", "")
    if node.op in (ops.mul, ops.div) and (branches or with_tables):
        return ("sign", "×" if node.op is ops.mul else "÷", "")
    if node.op is ops.cat and (branches or any(tables for _, tables in operands)):
        return ("box", "concat", "")
    if node.op is ops.matmul:
        return ("box", "fully-conn" if with_tables else "product" if len(fed) > 1 else "resize", "")
    if node.op in (ops.max_pool, ops.avg_pool):
        return ("box", "maxpool" if node.op is ops.max_pool else "avgpool", _window(node))
    if node.op is ops.mean and len(node.inputs[0].shape) == 4 and node.attrs[0] == (2, 3):
        return ("box", "avgpool", "")
    if node.op in _ACTIVATIONS:
        return ("box", _ACTIVATIONS[node.op], "")
    return None


def _window(node: Node) -> str:
    kernel, stride, padding = (_one(v) for v in node.attrs[:3])
    words = [f"k={kernel}", *([f"s={stride}"] if stride != kernel else []), *([f"p={padding}"] if padding else [])]
    return " ".join(words)
