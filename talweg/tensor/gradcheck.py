"""Gradients against finite differences: the analytic Jacobian column by column, and the slope of each entry."""

from __future__ import annotations

import math
import warnings

import numpy as np

from ..core.dtypes import float64
from .autograd import enable_grad, grad, no_grad
from .functions.random import randn
from .generator import Generator
from .tensor import Tensor


class GradcheckError(RuntimeError):
    """A gradient that is not the slope of its function."""


def gradcheck(func, inputs, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True,
              nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
              fast_mode: bool = False) -> bool:
    """Whether the gradients of func(*inputs) equal (f(x + eps) - f(x - eps)) / (2 eps) for every entry x of every
    input that requires grad, to |analytic - numerical| <= atol + rtol |numerical| (N 2.4).

    Inputs should be float64. nondet_tol is how far two reverse passes may differ (infinite: only one is made); with
    check_undefined_grad, upstream gradients of zero must give zero; with check_grad_dtypes, gradients must have their
    input's dtype. fast_mode is accepted and changes nothing: the whole Jacobian is compared.

    Raises GradcheckError (or returns False without raise_exception); ValueError when no input requires grad.
    """
    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = _inputs_to_check(args)
    try:
        with enable_grad():
            _check(func, args, wanted, eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func, inputs, grad_outputs=None, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
                  raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                  check_grad_dtypes: bool = False, fast_mode: bool = False) -> bool:
    """gradcheck of the gradients of func, as functions of the inputs and of the upstream gradients.

    grad_outputs are drawn from a generator of their own unless given. Arguments and errors are gradcheck's.
    """
    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    with enable_grad():
        outputs = _outputs(func, args)
    if grad_outputs is None:
        source = Generator()
        upstream = tuple(randn(y.shape, dtype=y.dtype, generator=source, requires_grad=True) for y in outputs)
    else:
        given = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
        upstream = tuple(g.detach().requires_grad_() for g in given)
    count = len(args)

    def gradients(*both):
        wanted = [x for x in both[:count] if isinstance(x, Tensor) and x.requires_grad]
        found = grad(_outputs(func, both[:count]), wanted, both[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(gradients, args + upstream, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad,
                     check_grad_dtypes=check_grad_dtypes, fast_mode=fast_mode)


def _inputs_to_check(args: tuple) -> list[tuple[int, Tensor]]:
    found = [(i, x) for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    if not found:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have "
                         "requires_grad=True.")
    for i, x in found:
        if x.dtype is not float64:
            warnings.warn(f"Input #{i} requires gradient and is {x.dtype.name}: differences of {x.dtype.name} numbers are "
                          "too coarse, use float64", stacklevel=3)
        if 0 in [s for s, n in zip(x.stride(), x.shape) if n > 1]:
            raise RuntimeError(f"gradcheck: input #{i} repeats elements of the same memory (strides {x.stride()}), so one "
                               "of them cannot be moved alone. Call .contiguous() on it.")
    return found


def _outputs(func, args: tuple) -> tuple[Tensor, ...]:
    """The outputs that have a gradient."""
    returned = func(*args)
    every = returned if isinstance(returned, (tuple, list)) else (returned,)
    return tuple(y for y in every if isinstance(y, Tensor) and y.requires_grad)


def _check(func, args, wanted, eps, atol, rtol, nondet_tol, undefined, dtypes) -> None:
    tensors = [x for _, x in wanted]
    outputs = _outputs(func, args)
    analytic = [_analytic(y, tensors, dtypes) for y in outputs]
    for k, y in enumerate(outputs):
        if nondet_tol < math.inf:
            _compare_passes(wanted, k, analytic[k], _analytic(y, tensors, dtypes), nondet_tol)
        if undefined:
            _check_zero_upstream(y, k, wanted)
    numerical = [_numerical(func, args, x, [y.numel() for y in outputs], eps) for x in tensors]
    for k in range(len(outputs)):
        for (i, _), ours, slopes in zip(wanted, analytic[k], numerical):
            if not np.allclose(ours, slopes[k], rtol, atol, equal_nan=True):
                raise GradcheckError(f"Jacobian mismatch for output {k} with respect to input {i},\nnumerical:\n"
                                     f"{slopes[k]}\nanalytical:\n{ours}\nlargest difference: "
                                     f"{np.abs(ours - slopes[k]).max()}")


def _compare_passes(wanted, k: int, first: list, second: list, tolerance: float) -> None:
    for (i, _), a, b in zip(wanted, first, second):
        if np.abs(a - b).max(initial=0) > tolerance:
            raise GradcheckError(f"Backward is not reentrant: two reverse passes of output {k} give input {i} gradients\n"
                                 f"{a}\nand\n{b}")


def _analytic(y: Tensor, tensors: list[Tensor], dtypes: bool) -> list[np.ndarray]:
    """One Jacobian an input, (entries of x, entries of y): a reverse pass for each entry of the output."""
    rows = [_gradients(y, tensors, unit, dtypes) for unit in np.eye(y.numel())]
    empty = [np.zeros((x.numel(), 0)) for x in tensors]
    values = [[np.zeros(x.shape) if g is None else g.numpy(force=True) for g, x in zip(row, tensors)] for row in rows]
    return [np.stack([v.reshape(-1) for v in column], axis=1) for column in zip(*values)] if rows else empty


def _gradients(y: Tensor, tensors: list[Tensor], upstream: np.ndarray, dtypes: bool) -> tuple:
    seed = Tensor._from_array(upstream.reshape(y.shape).astype(y.dtype.numpy))
    found = grad(y, tensors, seed, retain_graph=True, allow_unused=True)
    for i, (g, x) in enumerate(zip(found, tensors)):
        if g is not None and g.shape != x.shape:
            raise GradcheckError(f"the gradient of input {i} has shape {list(g.shape)}, the input {list(x.shape)}")
        if dtypes and g is not None and g.dtype is not x.dtype:
            raise GradcheckError(f"the gradient of input {i} has dtype {g.dtype.name}, the input {x.dtype.name}")
    return found


def _check_zero_upstream(y: Tensor, k: int, wanted: list) -> None:
    for (i, _), g in zip(wanted, _gradients(y, [x for _, x in wanted], np.zeros(y.shape), False)):
        if g is not None and np.any(g.numpy(force=True) != 0):
            raise GradcheckError(f"an upstream gradient of zero for output {k} gives input {i} a gradient that is not")


def _numerical(func, args: tuple, x: Tensor, sizes: list[int], eps: float) -> list[np.ndarray]:
    """For each output the matrix (entries of x, entries of y) of central differences. x is moved in place, so that a
    function may also come by it other than through its arguments."""
    start = x.detach().clone().numpy()
    matrices = [np.zeros((x.numel(), n)) for n in sizes]
    for j in range(x.numel()):
        above, below = (_moved(func, args, x, start, j, step) for step in (eps, -eps))
        for matrix, up, down in zip(matrices, above, below):
            matrix[j] = (up - down) / (2 * eps)
    return matrices


def _moved(func, args: tuple, x: Tensor, start: np.ndarray, j: int, step: float) -> list[np.ndarray]:
    """The outputs with entry j of x moved by `step`."""
    values = start.copy()
    values.reshape(-1)[j] += step
    with no_grad():
        x.data.copy_(Tensor._from_array(values))
    found = [y.numpy(force=True).reshape(-1).astype(np.float64) for y in _outputs(func, args)]
    with no_grad():
        x.data.copy_(Tensor._from_array(start))
    return found
