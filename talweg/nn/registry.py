"""What a module owns. Parameters, buffers and sub-modules live in three registries that attribute access sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..tensor import Tensor
from .parameter import Buffer, Parameter


class Registry:
    """The part of Module that registers its members and walks through them. Each registry keeps insertion order."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def __setattr__(self, name: str, value) -> None:
        if isinstance(value, Parameter):
            self._claim(name, "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Registry):
            self._claim(name, "_modules")
            self._modules[name] = value
        elif isinstance(value, Buffer) and name not in self.__dict__.get("_parameters", ()):
            self._claim(name, "_buffers")
            self.register_buffer(name, value, value.persistent)
        else:
            self._set_member_or_attribute(name, value)

    def _claim(self, name: str, registry: str) -> None:
        """Take `name` away from the instance and from the other registries, so that one of them alone holds it."""
        state = self.__dict__
        if registry not in state:
            raise AttributeError(_uninitialised(self, f"cannot assign {name!r}"))
        state.pop(name, None)
        for other in ("_parameters", "_buffers", "_modules"):
            if other != registry:
                state[other].pop(name, None)
        if registry != "_buffers":
            self._non_persistent_buffers_set.discard(name)

    def _set_member_or_attribute(self, name: str, value) -> None:
        state = self.__dict__
        for registry, kind, word in _KINDS:
            members = state.get(registry)
            if members and name in members:
                if value is not None and not isinstance(value, kind):
                    raise TypeError(
                        f"cannot assign a {type(value).__name__} as {word} {name!r} of "
                        f"{type(self).__name__}: "
                        f"a {kind.__name__} or None is expected; delete the attribute first to give it "
                        "another meaning"
                    )
                members[name] = value
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        missing = f"{type(self).__name__!r} object has no attribute {name!r}"
        if "_modules" not in state:
            raise AttributeError(_uninitialised(self, missing))
        for registry in ("_parameters", "_buffers", "_modules"):
            if name in state[registry]:
                return state[registry][name]
        raise AttributeError(missing)

    def __delattr__(self, name: str) -> None:
        for registry in ("_parameters", "_buffers", "_modules"):
            members = self.__dict__.get(registry, {})
            if name in members:
                del members[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        owned = [*self._parameters, *self._buffers, *self._modules]
        names = {*dir(type(self)), *self.__dict__, *owned}
        return sorted(name for name in names if not name[:1].isdigit())

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Own `param` under `name`; None keeps the place free. Raises KeyError for a bad or taken name."""
        self._check_name("register_parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter({name!r}): expected a Parameter or None, got {type(param).__name__}"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"register_parameter({name!r}): a parameter must be a leaf, but this one was computed from "
                "other "
                "tensors; compute it in forward() instead, or detach it"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Own `tensor` as state that is not trained. Raises KeyError for a bad or taken name."""
        self._check_name("register_buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"register_buffer({name!r}): expected a Tensor or None, got {type(tensor).__name__}"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module) -> None:
        """Own `module` (or None) under `name`. Raises KeyError for a bad or taken name."""
        self._check_name("add_module", name, "_modules")
        if module is not None and not isinstance(module, Registry):
            raise TypeError(f"add_module({name!r}): expected a Module or None, got {type(module).__name__}")
        self._modules[name] = module

    def register_module(self, name: str, module) -> None:
        """The same as add_module."""
        self.add_module(name, module)

    def _check_name(self, call: str, name: str, registry: str) -> None:
        if registry not in self.__dict__:
            raise AttributeError(_uninitialised(self, f"cannot call {call}({name!r})"))
        if not isinstance(name, str):
            raise TypeError(f"{call}: the name must be a str, not {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(
                f"{call}: the name {name!r} is empty or holds a dot, which separates names in a state_dict"
            )
        if name not in self.__dict__[registry] and hasattr(self, name):
            raise KeyError(f"{call}: attribute {name!r} already exists in {type(self).__name__}")

    def get_submodule(self, target: str) -> Any:
        """The module at the dotted path `target`; "" is this one. Raises AttributeError where the path breaks."""
        found = self
        for step in target.split(".") if target else ():
            if step not in found._modules:
                raise AttributeError(
                    f"get_submodule({target!r}): {type(found).__name__} has no sub-module {step!r}"
                )
            found = found._modules[step]
            if found is None:
                raise AttributeError(f"get_submodule({target!r}): {step!r} is registered as None")
        return found

    def set_submodule(self, target: str, module) -> None:
        """Put `module` at the dotted path `target`, whose parent must exist. Raises ValueError for an empty path."""
        if not target:
            raise ValueError("set_submodule: the path is empty; a module cannot replace itself")
        parent, _, name = target.rpartition(".")
        setattr(self.get_submodule(parent), name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the dotted path `target`. Raises AttributeError if there is none."""
        return self._member("_parameters", target, "get_parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted path `target`. Raises AttributeError if there is none."""
        return self._member("_buffers", target, "get_buffer")

    def _member(self, registry: str, target: str, call: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if name not in getattr(owner, registry):
            raise AttributeError(
                f"{call}({target!r}): {type(owner).__name__} has no {registry[1:-1]} {name!r}"
            )
        return getattr(owner, registry)[name]

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator:
        """(path, module) of this module and all below it; a module held twice comes once unless told otherwise."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, _join(prefix, name), remove_duplicate)

    def modules(self) -> Iterator:
        """This module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator:
        """(name, module) of the modules directly owned, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator:
        """The modules directly owned, each once."""
        for _, module in self.named_children():
            yield module

    def _named_members(
        self, members_of: Callable, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator:
        seen: set[int] = set()
        owners: Iterable[tuple[str, Any]] = [(prefix, self)]
        if recurse:
            owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, owner in owners:
            for name, member in members_of(owner):
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield _join(path, name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter), tied ones once under their first name unless `remove_duplicate` is False."""
        return self._named_members(lambda owner: owner._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and, with `recurse`, of all below it: what an optimiser is given."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(path, buffer), shared ones once unless `remove_duplicate` is False."""
        return self._named_members(lambda owner: owner._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and, with `recurse`, of all below it."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer


_KINDS: tuple[tuple[str, type, str], ...] = (
    ("_parameters", Parameter, "parameter"),
    ("_modules", Registry, "child module"),
    ("_buffers", Tensor, "buffer"),
)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _uninitialised(module, what: str) -> str:
    kind = type(module).__name__
    return f"{what} before Module.__init__() call: begin {kind}.__init__ with super().__init__()"
