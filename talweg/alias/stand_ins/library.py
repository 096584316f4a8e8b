"""torch.library: operators of one's own. Here an operator is its Python function, so most of what is told about it is moot."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...tensor.function import Function


class Library:
    """What a compiled extension would say of its operators. None can be loaded, so nothing is done with it."""

    def __init__(self, ns: str, kind: str, dispatch_key: str = ""):
        self.ns = ns

    def define(self, schema: str, *args: Any, **kwargs: Any) -> str:
        return schema.partition("(")[0]

    def impl(self, op_name: Any, fn: Any = None, *args: Any, **kwargs: Any) -> Any:
        return fn if callable(fn) else lambda function: function


class CustomOp:
    """A function under an operator's name, differentiated by a rule of its own once it has one."""

    def __init__(self, name: str, fn: Callable[..., Any]):
        self._name, self._fn, self.__doc__ = name, fn, fn.__doc__
        self._differentiable: type[Function] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._differentiable is None:
            return self._fn(*args, **kwargs)
        given = inspect.signature(self._fn).bind(*args, **kwargs)
        given.apply_defaults()
        return self._differentiable.apply(*given.args, *given.kwargs.values())

    def register_autograd(self, backward: Callable[..., Any], *, setup_context: Callable[..., Any] | None = None) -> None:
        """backward(ctx, *gradients) -> one gradient an argument; setup_context(ctx, inputs, output) keeps what it needs."""
        members = {"forward": staticmethod(self._fn), "backward": staticmethod(backward),
                   "setup_context": staticmethod(setup_context or (lambda ctx, inputs, output: None))}
        self._differentiable = type(self._name, (Function,), members)

    def register_fake(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Shapes come from recording the function itself."""
        return fn

    def register_kernel(self, device_types: Any, fn: Any = None) -> Any:
        """Replaces the function on the CPU; kernels of other devices are not needed."""
        if fn is None:
            return lambda function: self.register_kernel(device_types, function)
        if device_types is None or "cpu" in ([device_types] if isinstance(device_types, str) else device_types):
            self._fn = fn
        return fn


def registered(name: str) -> CustomOp | None:
    """The operator `namespace::name`, if custom_op made it."""
    return _operators.get(name)


_operators: dict[str, CustomOp] = {}


def custom_op(name: str, fn: Callable[..., Any] | None = None, *, mutates_args: Any = (), **kwargs: Any) -> Any:
    """A function as an operator `namespace::name`; also a decorator. Raises ValueError for a name without a namespace."""
    if "::" not in name:
        raise ValueError(f"custom_op: expected a name of the form 'namespace::name', got {name!r}")

    def made(function: Callable[..., Any]) -> CustomOp:
        _operators[name] = CustomOp(name, function)
        return _operators[name]

    return made if fn is None else made(fn)


triton_op = custom_op


def register_autograd(op: Any, backward: Callable[..., Any], *, setup_context: Any = None, lib: Any = None) -> None:
    """The gradient rule of an operator made by custom_op; of another (a compiled one) it is never asked for."""
    found = op if isinstance(op, CustomOp) else _operators.get(op)
    if found is not None:
        found.register_autograd(backward, setup_context=setup_context)


def register_fake(op: Any, fn: Any = None, **kwargs: Any) -> Any:
    """The function as it is: shapes come from recording operators themselves."""
    return fn if callable(fn) else lambda function: function


impl_abstract = register_fake


def register_kernel(op: Any, device_types: Any, fn: Any = None, **kwargs: Any) -> Any:
    """A kernel of an operator made by custom_op."""
    found = op if isinstance(op, CustomOp) else _operators.get(op)
    if found is not None:
        return found.register_kernel(device_types, fn)
    return fn if callable(fn) else lambda function: function


impl = register_kernel


def define(name: str, schema: Any = None, **kwargs: Any) -> Any:
    """Nothing is done with a bare schema; used as a decorator it gives the function back."""
    return lambda function: function


def wrap_triton(kernel: Any) -> Any:
    """The kernel."""
    return kernel
