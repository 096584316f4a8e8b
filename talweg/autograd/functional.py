"""torch.autograd.functional: `jacobian`, `hessian`, `vjp`, `jvp`, `hvp`, `vhp`."""

from ..tensor.derivatives import hessian, hvp, jacobian, jvp, vhp, vjp

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
