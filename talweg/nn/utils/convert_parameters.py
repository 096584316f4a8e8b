"""All parameters as one vector, and back: for second-order methods and for measuring distances between models."""

from __future__ import annotations

from collections.abc import Iterable

from ...tensor import Tensor, cat, no_grad


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one parameter after the other, as one vector; gradients flow through it."""
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the pieces of `vec` into the parameters: the inverse of parameters_to_vector.

    Raises TypeError unless `vec` is a Tensor, RuntimeError when it has not as many elements as the
    parameters.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor, got {type(vec).__name__}")
    parameters = list(parameters)
    needed = sum(parameter.numel() for parameter in parameters)
    if tuple(vec.shape) != (needed,):
        raise RuntimeError(
            f"vector_to_parameters: a vector of {needed} elements is needed for these parameters, got shape "
            f"{list(vec.shape)}"
        )
    start = 0
    with no_grad():
        for parameter in parameters:
            stop = start + parameter.numel()
            parameter.data = vec[start:stop].detach().reshape(parameter.shape)
            start = stop
