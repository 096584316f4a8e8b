"""A module's state by name: what state_dict() saves and load_state_dict() reads back (PyTorch's keys)."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from ..tensor import Tensor, no_grad
from .hooks import RemovableHandle, add_hook
from .parameter import Parameter
from .registry import Registry

EXTRA_STATE = "_extra_state"


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What a load left over: keys the module has and the state lacked, and the reverse."""

    __slots__ = ()

    def __repr__(self) -> str:
        left_over = self.missing_keys or self.unexpected_keys
        return super().__repr__() if left_over else "<All keys matched successfully>"

    __str__ = __repr__


class State(Registry):
    """The part of Module that writes its state out and takes it in."""

    # Raised by a subclass whose keys change, and stored beside them, so that it can still read what it wrote
    # before.
    _version: int = 1

    _state_dict_hooks: OrderedDict[int, tuple[Callable, bool]]
    _state_dict_pre_hooks: OrderedDict[int, Callable]
    _load_state_dict_pre_hooks: OrderedDict[int, tuple[Callable, bool]]
    _load_state_dict_post_hooks: OrderedDict[int, Callable]

    def get_extra_state(self) -> Any:
        """Overridden, with set_extra_state, by modules that keep more than tensors in their state_dict."""
        raise RuntimeError(
            f"{type(self).__name__}.get_extra_state: there is none; override it and set_extra_state"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what get_extra_state returned."""
        raise RuntimeError(
            f"{type(self).__name__}.set_extra_state: there is none; override it and get_extra_state"
        )

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not State.get_extra_state

    def state_dict(
        self, destination=None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """An ordered dict from dotted name to tensor, of all parameters and persistent buffers.

        The tensors share the module's memory and are detached, unless `keep_vars`. `destination` is filled if
        given.
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()  # type: ignore[attr-defined]
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return self._after_state_dict(destination, prefix, local_metadata)

    def _after_state_dict(self, destination, prefix: str, local_metadata: dict):
        for hook, may_replace in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, local_metadata)
            if result is None:
                continue
            if not may_replace:
                raise RuntimeError("state_dict: a post-hook must change the dict in place and return None")
            destination = result
        return destination

    def _save_to_state_dict(self, destination, prefix: str, keep_vars: bool) -> None:
        """Write this module's own entries (not its children's) into `destination`."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if self._has_extra_state():
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        persistent = {n: b for n, b in self._buffers.items() if n not in self._non_persistent_buffers_set}
        return {n: t for n, t in {**self._parameters, **persistent}.items() if t is not None}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy `state_dict` into the module, or with `assign` make its tensors the module's own.

        Returns the missing and the unexpected keys. Raises RuntimeError naming them if `strict`, and in any
        case for sizes that differ; TypeError unless `state_dict` is a mapping.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: Expected state_dict to be dict-like, got {type(state_dict)}")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", {})
        self._load_tree(OrderedDict(state_dict), "", metadata, assign, missing, unexpected, errors)
        if strict:
            errors = _key_errors(missing, unexpected) + errors
        if errors:
            lines = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}")
        return IncompatibleKeys(missing, unexpected)

    def _load_tree(
        self, state_dict, prefix: str, metadata, assign: bool, missing, unexpected, errors
    ) -> None:
        local_metadata = dict(metadata.get(prefix[:-1], {}))
        if assign:
            local_metadata["assign_to_params_buffers"] = True
        self._load_from_state_dict(state_dict, prefix, local_metadata, True, missing, unexpected, errors)
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}{name}."
                theirs = OrderedDict(
                    (key, value) for key, value in state_dict.items() if key.startswith(below)
                )
                module._load_tree(theirs, below, metadata, assign, missing, unexpected, errors)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, IncompatibleKeys(missing, unexpected)) is not None:
                raise RuntimeError(
                    "load_state_dict: a post-hook must edit the lists of keys in place and return None"
                )

    def _load_from_state_dict(
        self, state_dict, prefix: str, local_metadata: dict, strict: bool, missing_keys, unexpected_keys,
        error_msgs
    ) -> None:
        """Read this module's own entries (not its children's), adding to the three lists what goes wrong."""
        arguments = (state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        for hook, with_module in self._load_state_dict_pre_hooks.values():
            hook(self, *arguments) if with_module else hook(*arguments)
        assign = local_metadata.get("assign_to_params_buffers", False)
        own_state = self._own_state()
        for name, own in own_state.items():
            if prefix + name in state_dict:
                self._load_one(name, own, state_dict[prefix + name], prefix + name, assign, error_msgs)
            elif strict:
                missing_keys.append(prefix + name)
        self._load_extra_state(state_dict, prefix + EXTRA_STATE, strict, missing_keys, unexpected_keys)
        if strict:
            known = {*own_state, EXTRA_STATE}
            unexpected_keys.extend(key for key in state_dict if self._is_unexpected(key, prefix, known))

    def _load_one(self, name: str, own: Tensor, given: Any, key: str, assign: bool, errors: list) -> None:
        if not isinstance(given, Tensor):
            errors.append(
                f'While copying the parameter named "{key}", expected a Tensor from checkpoint but received '
                f"{type(given)}."
            )
            return
        if given.dim() == 1 and own.dim() == 0 and given.shape[0] == 1:
            given = given[0]  # checkpoints of PyTorch before 0.4 have no scalars
        if given.shape != own.shape:
            errors.append(
                f"size mismatch for {key}: copying a param with shape {_sizes(given)} from checkpoint, the "
                f"shape in current model is {_sizes(own)}."
            )
            return
        with no_grad():
            try:
                self._take(name, own, given) if assign else own.copy_(given)
            except Exception as error:
                errors.append(
                    f'While copying the parameter named "{key}", of shape {_sizes(own)} and from one of '
                    f"shape {_sizes(given)}, an exception occurred: {error}."
                )

    def _take(self, name: str, own: Tensor, given: Tensor) -> None:
        if isinstance(own, Parameter):
            given = given if isinstance(given, Parameter) else Parameter(given)
            given.requires_grad_(own.requires_grad)
        setattr(self, name, given)

    def _load_extra_state(
        self, state_dict, key: str, strict: bool, missing: list[str], unexpected: list[str]
    ) -> None:
        if type(self).set_extra_state is not State.set_extra_state:
            if key in state_dict:
                self.set_extra_state(state_dict[key])
            elif strict:
                missing.append(key)
        elif strict and key in state_dict:
            unexpected.append(key)

    def _is_unexpected(self, key: str, prefix: str, known: set[str]) -> bool:
        if not key.startswith(prefix):
            return False
        first, *rest = key[len(prefix):].split(".", 1)
        return first not in self._modules if rest else first not in known

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        return add_hook(self._state_dict_hooks, (hook, True))

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` once this module's part is written."""
        return add_hook(self._state_dict_hooks, (hook, False))

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before this module's part is written."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        return add_hook(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, *arguments of _load_from_state_dict)` before this module's part is read."""
        return add_hook(self._load_state_dict_pre_hooks, (hook, True))

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` once this module and those below it are read."""
        return add_hook(self._load_state_dict_post_hooks, hook)


def _sizes(tensor: Tensor) -> str:
    return str(list(tensor.shape))


def _key_errors(missing: list[str], unexpected: list[str]) -> list[str]:
    found = (("Missing", missing), ("Unexpected", unexpected))
    return [f"{word} key(s) in state_dict: {_quoted(keys)}. " for word, keys in found if keys]


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
