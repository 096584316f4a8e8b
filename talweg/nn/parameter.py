"""Tensors that a module owns: parameters, which are trained, and buffers, which are only kept."""

from __future__ import annotations

from ..tensor import Tensor, empty


class Parameter(Tensor):
    """A tensor that a Module registers, by being assigned to it, as something to train.

    `data` is not copied: the parameter is a leaf that shares its memory. Without `data` it is an empty
    vector. Raises TypeError unless `data` is a Tensor, and RuntimeError for a gradient asked of integers.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True):
        data = empty(0) if data is None else data
        if not isinstance(data, Tensor):
            raise TypeError(
                f"{cls.__name__}: data must be a Tensor, got {type(data).__name__}; wrap it in tensor(...)"
            )
        return Tensor._make_subclass(cls, data.detach(), requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True):
        """Made by __new__ already; Tensor's own __init__ would copy the data."""

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return _rebuild_parameter, (type(self), self.data, self.requires_grad)


class Buffer(Tensor):
    """A tensor that a Module registers, by being assigned to it, as state that is kept but not trained.

    `persistent` says whether it belongs in the state_dict. Raises TypeError unless `data` is a Tensor.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True):
        data = empty(0) if data is None else data
        if not isinstance(data, Tensor):
            raise TypeError(
                f"{cls.__name__}: data must be a Tensor, got {type(data).__name__}; wrap it in tensor(...)"
            )
        buffer = Tensor._make_subclass(cls, data.detach(), data.requires_grad)
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True):
        """Made by __new__ already; Tensor's own __init__ would copy the data."""

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return _rebuild_buffer, (type(self), self.data, self.persistent)


def _rebuild_parameter(kind: type[Parameter], data: Tensor, requires_grad: bool) -> Parameter:
    return kind(data, requires_grad)


def _rebuild_buffer(kind: type[Buffer], data: Tensor, persistent: bool) -> Buffer:
    return kind(data, persistent=persistent)
