"""What lazy layers are made of: parameters without a shape, and the step that gives them one from the first input."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import get_default_dtype
from ..tensor import Tensor, empty, no_grad
from .parameter import Parameter

_HIDDEN = frozenset(("shape", "size", "numel", "nelement", "ndim", "dim", "stride", "is_contiguous", "numpy", "item"))


class _Uninitialized(Tensor):
    """The part that parameters and buffers without a shape share."""

    cls_to_become: Any

    def materialize(self, shape, device=None, dtype=None) -> None:
        """Become an ordinary tensor of this shape, with undefined values."""
        found = empty(*shape, device=device, dtype=self.dtype if dtype is None else dtype)
        with no_grad():
            self.__class__ = self.cls_to_become
            self.data = found

    def __getattribute__(self, name: str):
        if name in _HIDDEN:
            raise RuntimeError(f"Can't access the {name} of an uninitialized parameter or buffer: it gets its shape in the first "
                               "forward pass of its lazy layer, or from load_state_dict")
        return super().__getattribute__(name)

    def detach(self):
        """Itself: there is nothing to detach."""
        return self

    def __repr__(self, *, tensor_contents=None) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad,)


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter that will get its shape later."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device=None, dtype=None):
        data = empty(0, device=device, dtype=get_default_dtype() if dtype is None else dtype)
        return Tensor._make_subclass(cls, data, requires_grad)

    def __init__(self, requires_grad: bool = True, device=None, dtype=None):
        """Made by __new__ already."""

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


class UninitializedBuffer(_Uninitialized):
    """A buffer that will get its shape later."""

    cls_to_become = Tensor

    def __new__(cls, requires_grad: bool = False, device=None, dtype=None):
        data = empty(0, device=device, dtype=get_default_dtype() if dtype is None else dtype)
        return Tensor._make_subclass(cls, data, requires_grad)

    def __init__(self, requires_grad: bool = False, device=None, dtype=None):
        """Made by __new__ already."""

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


def is_lazy(tensor) -> bool:
    """Whether a tensor still waits for its shape."""
    return isinstance(tensor, _Uninitialized)


class LazyModuleMixin:
    """Makes a layer lazy: it begins with uninitialised parameters, and in its first call `initialize_parameters(*args)`
    gives them their shapes. The layer then becomes one of class `cls_to_become`."""

    cls_to_become: Any = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        module: Any = self
        self._load_hook = module._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = module.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def initialize_parameters(self, *args, **kwargs) -> None:
        """Give the parameters their shapes from the arguments of a call: defined by each subclass."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def _members(self) -> list:
        module: Any = self
        return [*module._parameters.items(), *module._buffers.items()]

    def has_uninitialized_params(self) -> bool:
        """Whether some parameter or buffer still waits for its shape."""
        return any(is_lazy(member) for _, member in self._members())

    def _lazy_load_hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs) -> None:
        """A state that is read gives the shapes too."""
        for name, member in self._members():
            given = state_dict.get(prefix + name)
            if is_lazy(member) and given is not None and not is_lazy(given):
                member.materialize(given.shape)

    def _infer_parameters(self, module, args, kwargs) -> None:
        module.initialize_parameters(*args, **kwargs)
        if module.has_uninitialized_params():
            raise RuntimeError(f"{type(module).__name__}: initialize_parameters has left parameters without a shape")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook
        del module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become
