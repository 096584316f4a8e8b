"""Parametrisation: a parameter as a function of others, computed anew whenever it is read."""

from __future__ import annotations

import copy
from contextlib import contextmanager, suppress
from typing import Any

from ...tensor import Tensor, no_grad
from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter


class _Cache:
    depth = 0
    values: dict[tuple[int, str], Any] = {}


@contextmanager
def cached():
    """Inside, each parametrised tensor is computed once and then remembered."""
    _Cache.depth += 1
    try:
        yield
    finally:
        _Cache.depth -= 1
        if not _Cache.depth:
            _Cache.values = {}


class ParametrizationList(ModuleList):
    """The parametrisations of one tensor, applied one after another, and what they are applied to: `original`, or
    `original0`, `original1`, ... where the first one takes several tensors."""

    def __init__(self, modules, original: Tensor, unsafe: bool = False):
        modules = list(modules)
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        new = original
        with no_grad():
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):  # one that cannot be set starts from the value as it is
                        new = module.right_inverse(new)
        self.is_tensor = isinstance(new, Tensor)
        parts = [new] if self.is_tensor else list(new)
        if not all(isinstance(p, Tensor) for p in parts):
            raise ValueError(f"right_inverse must return a Tensor or a sequence of tensors, got {type(new).__name__}")
        self.ntensors = len(parts)
        for name, part in zip(self._names(), parts):
            self._own(name, part, original)
        if not unsafe:
            found = self()
            if not isinstance(found, Tensor):
                raise ValueError(f"A parametrization must return a tensor. Got {type(found).__name__}.")
            if found.dtype is not original.dtype or found.shape != original.shape:
                raise ValueError(f"A parametrization must keep dtype and shape unless unsafe=True: {original.dtype} "
                                 f"{list(original.shape)} became {found.dtype} {list(found.shape)}")

    def _names(self) -> list[str]:
        return ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]

    def _own(self, name: str, value: Tensor, like: Tensor) -> None:
        if not isinstance(like, Parameter):
            self.register_buffer(name, value)
        elif isinstance(value, Parameter):
            self.register_parameter(name, value)
        else:
            self.register_parameter(name, Parameter(value.detach().clone(), like.requires_grad))

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrised tensor becomes `value`, as far as the parametrisations can invert."""
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            parts = [value] if self.is_tensor else list(value)
            for name, part in zip(self._names(), parts):
                own = getattr(self, name)
                if own.shape != part.shape or own.dtype is not part.dtype:
                    raise ValueError(f"right_inverse returned {part.dtype} {list(part.shape)} for {name}, which is {own.dtype} "
                                     f"{list(own.shape)}")
                own.copy_(part)

    def forward(self) -> Tensor:
        first, *others = self
        value = first(*[getattr(self, name) for name in self._names()])
        for module in others:
            value = module(value)
        return value


def _value(module: Module, name: str) -> Tensor:
    parametrization = module.parametrizations[name]
    if not _Cache.depth:
        return parametrization()
    key = (id(module), name)
    if key not in _Cache.values:
        _Cache.values[key] = parametrization()
    return _Cache.values[key]


def _inject_property(module: Module, name: str) -> None:
    """Reading the tensor computes it; assigning to it goes backwards."""
    setattr(type(module), name, property(
        lambda self: _value(self, name), lambda self, value: self.parametrizations[name].right_inverse(value)))


def _own_class(module: Module) -> None:
    """Give the module a class of its own, in which properties can stand."""
    cls = type(module)

    def deepcopy(self, memo):
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__ = copy.deepcopy(self.__dict__, memo)
        return copied

    def refuse(self):
        raise RuntimeError("Serialization of parametrized modules is only supported through state_dict().")

    extra = {"__getstate__": refuse, "__deepcopy__": deepcopy}
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), extra)


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Make module.tensor_name what `parametrization` computes from its original value, which is trained instead.

    A second parametrisation of the same tensor is applied after the first. With a `right_inverse` the original is what
    gives the present value. Raises ValueError for a name that is no parameter or buffer, or, unless `unsafe`, for a
    parametrisation that changes shape or dtype.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        _append(module, tensor_name, parametrization, unsafe)
    elif tensor_name in module._parameters or tensor_name in module._buffers:
        original = getattr(module, tensor_name)
        found = ParametrizationList([parametrization], original, unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _own_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = found
    else:
        raise ValueError(f"Module '{type(module).__name__}' does not have a parameter, a buffer, or a parametrized element with "
                         f"name '{tensor_name}'")
    return module


def _append(module: Module, name: str, parametrization: Module, unsafe: bool) -> None:
    parametrizations = module.parametrizations[name]
    before = getattr(module, name)
    if not unsafe:
        with no_grad():
            after = parametrization(before)
        if after.shape != before.shape or after.dtype is not before.dtype:
            raise ValueError(f"Registering a parametrization may not change the tensor unless unsafe=True: {before.dtype} "
                             f"{list(before.shape)} became {after.dtype} {list(after.shape)}")
    parametrizations.append(parametrization)
    parametrizations.unsafe |= unsafe
    if hasattr(parametrization, "right_inverse"):
        parametrizations.right_inverse(before)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module has parametrisations, or one for this tensor."""
    found = module._modules.get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make the tensor an ordinary one again: with its present value, or with the original if leave_parametrized is False.

    Raises ValueError where it is not parametrised, or where the original is several tensors and should be left.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {type(module).__name__} does not have a parametrization on {tensor_name}")
    parametrizations = module.parametrizations[tensor_name]
    trained = any(isinstance(p, Parameter) for p in parametrizations._parameters.values())
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name).detach().clone()
        wanted = any(p.requires_grad for p in parametrizations._parameters.values())
        value = Parameter(value, wanted) if trained else value
    elif not parametrizations.is_tensor:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
                         "sequence of tensors.")
    else:
        value = parametrizations.original
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    if trained:
        module.register_parameter(tensor_name, value)
    else:
        module.register_buffer(tensor_name, value)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class, without its parametrisations."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)
