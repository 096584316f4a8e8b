"""Spectral normalisation as a hook before forward: the older form, with the names that older checkpoints have."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor, no_grad
from ..conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..module import Module
from ..parameter import Parameter
from .weight_norm import take_hook
from .weight_vectors import as_matrix, power_iterations, random_direction, stretch


class SpectralNorm:
    """Before each call, name = name_orig / sigma, sigma the largest singular value."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float):
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            # v first, as the checkpoints' u is what the iteration starts from
            with no_grad():
                fixed = matrix.detach()
                power_iterations(fixed.t(), v, u, self.n_power_iterations, self.eps)
        return weight / stretch(matrix, u.clone(), v.clone())

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """Divide a weight by its largest singular value (Miyato et al., 2018): name_orig is trained, name_u and name_v are
    buffers that follow the singular vectors. Raises RuntimeError where that has been done already, ValueError for a
    number of iterations that is not positive."""
    if n_power_iterations <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
    if any(isinstance(h.call, SpectralNorm) and h.call.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    with no_grad():
        matrix = as_matrix(weight.detach(), dim)
        u, v = (random_direction(size, matrix, eps) for size in matrix.shape)
    del module._parameters[name]
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(SpectralNorm(name, n_power_iterations, dim, eps))
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight an ordinary parameter again, with its present value. Raises ValueError where it has no such norm."""
    rule = take_hook(module, SpectralNorm, name, "spectral_norm")
    with no_grad():
        weight = rule.compute_weight(module, do_power_iteration=False)
    delattr(module, name)
    del module._buffers[f"{name}_u"]
    del module._buffers[f"{name}_v"]
    del module._parameters[f"{name}_orig"]
    module.register_parameter(name, Parameter(weight.detach().clone()))
    return module
