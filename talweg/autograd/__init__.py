"""Differentiation under PyTorch's name for it: `talweg.autograd.grad`, `Function`, `gradcheck`, ..."""

from . import forward_ad as forward_ad
from . import functional as functional
from . import graph as graph
from ..tensor.anomaly import detect_anomaly, is_anomaly_check_nan_enabled, is_anomaly_enabled, set_detect_anomaly
from ..tensor.autograd import backward, enable_grad, grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from ..tensor.function import Context as FunctionCtx
from ..tensor.function import Function
from ..tensor.gradcheck import GradcheckError, gradcheck, gradgradcheck
from ..tensor.tensor import Tensor as Variable

__all__ = ["Function", "FunctionCtx", "GradcheckError", "Variable", "backward", "detect_anomaly", "enable_grad", "forward_ad",
           "functional", "grad", "gradcheck", "gradgradcheck", "graph", "inference_mode", "is_anomaly_check_nan_enabled",
           "is_anomaly_enabled", "is_grad_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled"]
