"""Functions that a user hangs on a module: before and after its forward pass, and on the gradients through it."""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from ..tensor import Tensor, cat, is_grad_enabled


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away, and so does leaving a `with` block."""

    next_id = 0

    def __init__(self, hooks: OrderedDict):
        self._hooks = weakref.ref(hooks)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1

    def remove(self) -> None:
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception) -> None:
        self.remove()


class Hook(NamedTuple):
    """One registered forward hook and how it wants to be called."""

    call: Callable
    with_kwargs: bool = False
    always_call: bool = False


def add_hook(hooks: OrderedDict, hook: Any, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


class Hooks:
    """The part of Module that registers hooks on its calls and runs them."""

    _forward_hooks: OrderedDict[int, Hook]
    _forward_pre_hooks: OrderedDict[int, Hook]
    _backward_hooks: OrderedDict[int, Callable]
    _backward_pre_hooks: OrderedDict[int, Callable]
    forward: Callable

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward. What it returns, unless None, replaces the arguments.

        With `with_kwargs` the call is `hook(module, args, kwargs)`, which returns None or (args, kwargs).
        """
        return add_hook(self._forward_pre_hooks, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward. What it returns, unless None, replaces the output.

        With `with_kwargs` the call is `hook(module, args, kwargs, output)`; with `always_call` it is made,
        with None for the output, even when forward raises.
        """
        return add_hook(self._forward_hooks, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the upstream gradients arrive; its result, unless None,
        replaces them.

        `grad_output` is a tuple with one entry an output, None where an output is no tensor with a gradient.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the downstream gradients are known.

        Both are tuples, one entry for each positional argument and each output, None where there is no
        gradient. What the hook returns, unless None, replaces `grad_input`. If no argument needs a gradient
        the hook is called with the upstream gradients alone, as soon as they arrive.
        """
        return add_hook(self._backward_hooks, hook, prepend)

    def _call_with_hooks(self, args: tuple, kwargs: dict) -> Any:
        finished: set[int] = set()
        try:
            args, kwargs = self._before_forward(args, kwargs)
            gradients = GradientWatch(self) if self._watches_gradients() else None
            if gradients:
                args = gradients.watch_inputs(args)
            result = self.forward(*args, **kwargs)
            result = self._after_forward(args, kwargs, result, finished)
            return gradients.watch_outputs(result) if gradients else result
        except Exception:
            self._after_failure(args, kwargs, finished)
            raise

    def _watches_gradients(self) -> bool:
        return bool(self._backward_hooks or self._backward_pre_hooks) and is_grad_enabled()

    def _before_forward(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        for hook in tuple(self._forward_pre_hooks.values()):
            if not hook.with_kwargs:
                changed = hook.call(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
                continue
            changed = hook.call(self, args, kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    "forward pre-hook: one registered with with_kwargs=True must return None or a tuple "
                    f"(args, kwargs), got {changed!r}"
                )
            args, kwargs = changed
        return args, kwargs

    def _after_forward(self, args: tuple, kwargs: dict, result: Any, finished: set[int]) -> Any:
        for key, hook in tuple(self._forward_hooks.items()):
            finished.add(key)
            given = (args, kwargs, result) if hook.with_kwargs else (args, result)
            changed = hook.call(self, *given)
            result = result if changed is None else changed
        return result

    def _after_failure(self, args: tuple, kwargs: dict, finished: set[int]) -> None:
        for key, hook in tuple(self._forward_hooks.items()):
            if not hook.always_call or key in finished:
                continue
            try:
                hook.call(self, args, kwargs, None) if hook.with_kwargs else hook.call(self, args, None)
            except Exception as error:  # the failure of forward itself is the one to report
                warnings.warn(
                    f"a forward hook with always_call=True raised an error of its own: {error}", stacklevel=3
                )


class GradientWatch:
    """Reports to a module's backward hooks the gradients that enter and leave one call of it.

    The tensors on each side pass through one node made for the purpose, so that their gradients are seen
    together, once, and apart from what other uses of the same tensors contribute.
    """

    def __init__(self, module: Hooks):
        self.module = module
        self.hooks = tuple(module._backward_hooks.values())
        self.pre_hooks = tuple(module._backward_pre_hooks.values())
        self.inputs = 0
        self.has_gradient_input = False
        self.grad_output: tuple | None = None

    def watch_inputs(self, args: tuple) -> tuple:
        self.inputs = len(args)
        watched = watch(args, self._downstream)
        self.has_gradient_input = watched is not None
        return args if watched is None else watched

    def watch_outputs(self, result: Any) -> Any:
        outputs = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        watched = watch(outputs, self._upstream)
        if watched is None:
            return result
        if not isinstance(result, (tuple, list)):
            return watched[0]
        return type(result)(*watched) if hasattr(result, "_fields") else type(result)(watched)

    def _upstream(self, grad_output: tuple) -> tuple:
        for hook in self.pre_hooks:
            grad_output = _replaced(hook(self.module, grad_output), grad_output, "backward pre-hook")
        self.grad_output = grad_output
        if not self.has_gradient_input:
            for hook in self.hooks:
                if hook(self.module, (None,) * self.inputs, grad_output) is not None:
                    raise RuntimeError(
                        "backward hook: it returned gradients, but no input of the module requires one; "
                        "return None"
                    )
        return grad_output

    def _downstream(self, grad_input: tuple) -> tuple:
        for hook in self.hooks:
            grad_input = _replaced(
                hook(self.module, grad_input, self.grad_output), grad_input, "backward hook"
            )
        return grad_input


def _replaced(changed: Any, gradients: tuple, what: str) -> tuple:
    if changed is None:
        return gradients
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != len(gradients):
        raise RuntimeError(
            f"{what}: it returned {len(changed)} gradients where {len(gradients)} are expected"
        )
    return changed


def watch(values: tuple, report: Callable[[tuple], tuple]) -> tuple | None:
    """`values` with its differentiable tensors replaced by ones whose gradients go through `report`.

    `report` maps the tuple of gradients (None for what is not differentiable) to the one to go on with.
    Returns None if nothing here is differentiable.
    """
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not places:
        return None
    tensors = [values[i] for i in places]
    joined = tensors[0].view_as(tensors[0]) if len(tensors) == 1 else cat([t.reshape(-1) for t in tensors])
    shapes = [t.shape for t in tensors]

    def through_report(gradient: Tensor) -> Tensor:
        parts: list = [None] * len(values)
        for i, part in zip(places, _apart(gradient, shapes)):
            parts[i] = part
        reported = report(tuple(parts))
        kept = [reported[i] for i in places]
        return kept[0] if len(kept) == 1 else cat([part.reshape(-1) for part in kept])

    joined.register_hook(through_report)
    result = list(values)
    for i, tensor, part in zip(places, tensors, _apart(joined, shapes)):
        result[i] = part.to(tensor.dtype)
    return tuple(result)


def _apart(joined: Tensor, shapes: list) -> list[Tensor]:
    if len(shapes) == 1:
        return [joined]
    pieces = joined.split([shape.numel() for shape in shapes])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes)]
