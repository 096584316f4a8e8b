"""Functions of functions under PyTorch's name for them: `talweg.func.grad`, `vmap`, `jacrev`, ..."""

from .nn.utils.stateless import functional_call, replace_all_batch_norm_modules_, stack_module_state
from .tensor.transforms import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from .tensor.vmap import vmap

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
           "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]
