"""Module: a function with parameters. It owns tensors and other modules, and forward() says what it computes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..core.devices import device as Device
from ..core.devices import usable
from ..core.dtypes import bfloat16, float16, float32, float64
from ..core.dtypes import dtype as DType
from ..tensor import Tensor, no_grad
from ..tensor.tracing import active
from .hooks import Hooks
from .state import State

# What an instance starts with, by name: also what an older pickle may lack.
_INTERNALS: dict[str, Callable[[], Any]] = {
    "training": lambda: True,
    "_parameters": dict,
    "_buffers": dict,
    "_modules": dict,
    "_non_persistent_buffers_set": set,
    "_forward_hooks": OrderedDict,
    "_forward_pre_hooks": OrderedDict,
    "_backward_hooks": OrderedDict,
    "_backward_pre_hooks": OrderedDict,
    "_state_dict_hooks": OrderedDict,
    "_state_dict_pre_hooks": OrderedDict,
    "_load_state_dict_pre_hooks": OrderedDict,
    "_load_state_dict_post_hooks": OrderedDict,
}


class Module(State, Hooks):
    """The base of all layers and models (L 4.1). A subclass calls super().__init__() first and defines
    forward().

    What is assigned to an attribute is registered by its kind: a Parameter is trained, a Buffer is kept, a
    Module becomes a child. `training` is True until eval() and says how dropout and batch normalisation
    behave.
    """

    training: bool
    call_super_init: bool = False  # True for a class that wants the other bases of a subclass initialised too

    def __init__(self, *args, **kwargs):
        if (args or kwargs) and not self.call_super_init:
            given = ", ".join([*map(repr, args), *kwargs])
            raise TypeError(f"{type(self).__name__}: Module.__init__() takes no arguments, got {given}")
        for name, make in _INTERNALS.items():
            self.__dict__[name] = make()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *args, **kwargs) -> Any:
        """What the module computes: defined by each subclass."""
        raise NotImplementedError(f'Module [{self._get_name()}] is missing the required "forward" function')

    def __call__(self, *args, **kwargs):
        trace = active()
        if trace is not None:
            trace.guard(self, "training")
        if self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks:
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        for name, make in _INTERNALS.items():
            if name not in self.__dict__:
                self.__dict__[name] = make()

    # Modes

    def train(self, mode: bool = True):
        """Set training mode here and below. Raises ValueError unless `mode` is a bool."""
        if not isinstance(mode, bool):
            raise ValueError(
                f"{type(self).__name__}.train: training mode is expected to be boolean, got {mode!r}"
            )
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Set evaluation mode here and below: dropout passes everything, running statistics are used."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True):
        """Freeze (False) or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach().zero_()

    # Changing all members at once

    def apply(self, fn: Callable[[Module], Any]):
        """Call `fn` on every module below, children first, then on this one: for initialisation."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True):
        """Replace the value of every parameter, gradient and buffer by `fn` of it; parameters stay the same objects."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            gradient = parameter.grad
            with no_grad():
                parameter.grad = None  # it must not differ in type from the value, even in between
                parameter.data = fn(parameter.data)
                parameter.grad = None if gradient is None else fn(gradient)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """`to(device)`, `to(dtype)`, `to(device, dtype)` or `to(tensor)`: floating-point members are
        converted in place.

        Raises TypeError for a type that is not floating point, RuntimeError for a device that is not there.
        """
        device, dtype, non_blocking = _destination(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(tensor: Tensor) -> Tensor:
            convertible = tensor.is_floating_point() or tensor.is_complex()
            if dtype is not None and convertible:
                tensor = tensor.to(dtype)
            return tensor if device is None else tensor.to(device, non_blocking=non_blocking)

        return self._apply(convert)

    def type(self, dst_type: DType):
        """Convert every parameter and buffer, also those that are not floating point."""
        return self._apply(lambda tensor: tensor.to(dst_type))

    def float(self):
        """Convert floating-point members to float32."""
        return self._as_floating_point(float32)

    def double(self):
        """Convert floating-point members to float64."""
        return self._as_floating_point(float64)

    def half(self):
        """Convert floating-point members to float16."""
        return self._as_floating_point(float16)

    def bfloat16(self):
        """Convert floating-point members to bfloat16."""
        return self._as_floating_point(bfloat16)

    def _as_floating_point(self, dtype: DType):
        return self._apply(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)

    def cpu(self):
        """Move all members to the CPU."""
        return self.to("cpu")

    def cuda(self, device: int | str | Device | None = None):
        """Move all members to a CUDA device. Raises RuntimeError where there is none."""
        return self.to(f"cuda:{device}" if isinstance(device, int) else device or "cuda")

    # What is printed

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed: its settings."""
        return ""

    def __repr__(self) -> str:
        settings = self.extra_repr()
        children = [f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()]
        lines = [*(settings.split("\n") if settings else []), *children]
        return layout(self._get_name(), lines, one_line=not children and len(lines) <= 1)


def layout(name: str, lines: list[str], one_line: bool = False) -> str:
    """`name(...)` around the lines, each on its own and indented by two unless they fit on one."""
    if one_line:
        return f"{name}({''.join(lines)})"
    return "\n".join([f"{name}(", *(f"  {line}" for line in lines), ")"])


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def _destination(*args, **kwargs) -> tuple[Device | None, DType | None, bool]:
    """Device, dtype and non_blocking out of the ways in which Module.to may be called."""
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    non_blocking = kwargs.pop("non_blocking", False)
    kwargs.pop("memory_format", None)  # the compiler chooses layouts
    other = kwargs.pop("tensor", None)
    if kwargs:
        raise TypeError(f"nn.Module.to: unknown arguments {sorted(kwargs)}")
    for given in args:
        if isinstance(given, Tensor):
            other = given
        elif isinstance(given, DType):
            dtype = given
        elif isinstance(given, bool):
            non_blocking = given
        elif isinstance(given, (str, Device)):
            device = given
        elif given is not None:
            raise TypeError(
                f"nn.Module.to: expected a device, a dtype or a Tensor, got {type(given).__name__}"
            )
    if other is not None:
        device, dtype = other.device, other.dtype
    return None if device is None else usable(device), dtype, non_blocking
