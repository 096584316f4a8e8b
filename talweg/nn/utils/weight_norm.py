"""Weight normalisation as a hook before forward: the older form, with the names that older checkpoints have."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from ..hooks import Hook
from ..module import Module
from ..parameter import Parameter
from .weight_vectors import norm_except_dim


class WeightNorm:
    """Before each call, name = name_g name_v / |name_v|."""

    def __init__(self, name: str, dim: int | None):
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return v * (g / norm_except_dim(v, 2, self.dim))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train length g and direction v of a weight apart, under the names name_g and name_v (Salimans and Kingma, 2016).

    Raises RuntimeError where that has been done already.
    """
    if any(isinstance(h.call, WeightNorm) and h.call.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    rule = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight.detach(), 2, rule.dim).clone()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach().clone()))
    setattr(module, name, rule.compute_weight(module))
    module.register_forward_pre_hook(rule)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight an ordinary parameter again. Raises ValueError where it has no weight norm."""
    rule = take_hook(module, WeightNorm, name, "weight_norm")
    weight = rule.compute_weight(module).detach()
    delattr(module, name)
    del module._parameters[f"{name}_g"]
    del module._parameters[f"{name}_v"]
    setattr(module, name, Parameter(weight.clone()))
    return module


def take_hook(module: Module, kind: type, name: str, what: str) -> Any:
    """Take away the hook of this kind for this tensor, and return its rule."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, Hook) and isinstance(hook.call, kind) and getattr(hook.call, "name", None) == name:
            del module._forward_pre_hooks[key]
            return hook.call
    raise ValueError(f"{what} of '{name}' not found in {module}")
