"""Differentiation under PyTorch's name for it: `talweg.autograd.grad`, `Function`, `gradcheck`, ..."""

from .tensor.autograd import backward, enable_grad, grad, inference_mode, no_grad, set_grad_enabled
from .tensor.function import Function
from .tensor.gradcheck import gradcheck, gradgradcheck

__all__ = ["Function", "backward", "enable_grad", "grad", "gradcheck", "gradgradcheck", "inference_mode", "no_grad",
           "set_grad_enabled"]
