"""Optimizer: groups of parameters with their settings, the state kept for each parameter, and the shape of a step."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from ..core.dtypes import float32
from ..nn.hooks import RemovableHandle, add_hook
from ..tensor import Tensor, enable_grad, no_grad, step_done, where
from ..tensor import tensor as new_tensor
from ..tensor.tensor import wrap
from ..tensor.tracing import active, each_call, varying_number

COUNTED = ("step", "eta", "mu")
"""State that Python computes at each step, beside the graph."""

ParamsT = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]


class _Required:
    """Stands for a setting without a default, which every group must name."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _as_step(step: Callable) -> Callable:
    """`step` with its hooks around it, after which what the update recorded is evaluated."""

    @functools.wraps(step)
    def whole_step(self, *args, **kwargs):
        if self._stepping:  # a subclass called super().step(): one step, not two
            return step(self, *args, **kwargs)
        self._stepping = True
        try:
            args, kwargs = self._before_step(args, kwargs)
            known = len(self.state)
            if (trace := active()) is not None:
                trace.guard(self, "_loads")
                trace.guard(self, "_decisions")
            result = step(self, *args, **kwargs)
            if trace is not None and len(self.state) != known:
                trace.sets_up = True
            self._opt_called = True
            step_done()
            for hook in tuple(self._step_post_hooks.values()):
                hook(self, args, kwargs)
            return result
        finally:
            self._stepping = False

    return whole_step


class Optimizer:
    """The base of all optimisers. A subclass says in `_update(parameter, gradient, state, group, numbers)` how
    one moves, and in `_numbers(group, state)` which numbers that takes.

    `params` holds tensors, (name, tensor) pairs, or dicts with "params" and settings that replace `defaults`.
    A subclass may define step() instead. Raises TypeError for a single tensor, ValueError for an empty list
    or a tensor that is no leaf.
    """

    guard: Tensor | None = None
    """A 0-d bool: whether the next steps happen. Decided in the graph, as by PyTorch's `found_inf`, so that a step whose loss
    is not finite leaves weights and state as they were without anybody looking at the loss before. A step() of an
    optimiser's own does not ask."""

    _stepping = False
    _loads = 0  # how often its state has been replaced: a recorded step holds the tensors of before
    _opt_called = False  # read by schedulers, which should step after the optimiser

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _as_step(cls.step)

    def __init__(self, params: ParamsT, defaults: dict[str, Any]):
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                "a single "
                f"Tensor of shape {list(params.shape)}; give {type(self).__name__} a list"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._make_hooks()
        groups: list = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list: the model has no parameters, or the iterator over "
                "them is "
                "used up already"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group))

    @property
    def _decisions(self) -> list:
        """What Python decides by in a step, of each group: how many parameters there are, and which settings are on. Numbers
        that are on may change; they are inputs of a recorded step."""
        return [(len(group["params"]), *[
            (name, bool(value) if isinstance(value, int | float) else value)
            for name, value in group.items() if name != "lr" and (value is None or isinstance(value, int | float | str))
        ]) for group in self.param_groups]

    def _make_hooks(self) -> None:
        self._step_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._step_post_hooks: OrderedDict[int, Callable] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_step_pre_hooks" not in self.__dict__:
            self._make_hooks()
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * bool(i) + [f"Parameter Group {i}"]
            settings = sorted(group.keys() - {"params", "param_names"})
            lines += [f"    {name}: {group[name]}" for name in settings]
        return "\n".join([*lines, ")"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimise more parameters: a dict with "params" and the settings in which this group differs.

        Raises TypeError for what is no tensor, ValueError for a tensor that is no leaf, is in a group
        already, or misses a setting that has no default.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        if "params" not in param_group:
            raise KeyError(f"add_param_group: the group has no 'params'; it has {sorted(param_group)}")
        params, names = _listed(param_group["params"])
        for param in params:
            self._check_param(param)
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        if self.param_groups and ("param_names" in self.param_groups[0]) != bool(names):
            raise ValueError(
                "all optimizer param groups should be with/without names: name all parameters or none"
            )
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        self._check_disjoint(params)
        self.param_groups.append(param_group)

    def _check_param(self, param: Any) -> None:
        if not isinstance(param, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}"
            )
        if not self.defaults.get("differentiable") and not (param.is_leaf or getattr(param, "retains_grad", False)):
            raise ValueError(
                f"can't optimize a non-leaf Tensor: one of shape {list(param.shape)} was computed from "
                "others; give the "
                "optimizer what it was computed from, or detach it"
            )

    def _check_disjoint(self, params: list[Tensor]) -> None:
        taken = {id(param) for group in self.param_groups for param in group["params"]}
        own = {id(param) for param in params}
        if len(own) < len(params):
            raise ValueError(
                "some parameters appear twice in one parameter group; tied weights are listed once"
            )
        if taken & own:
            raise ValueError("some parameters appear in more than one parameter group")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros: to be called before each backward pass."""
        for param in self._params():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                param.grad = param.grad.detach().zero_()

    def _params(self) -> Iterable[Tensor]:
        return chain.from_iterable(group["params"] for group in self.param_groups)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient. `closure` recomputes the loss, which is then returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                self._update_group(group, [p for p in group["params"] if p.grad is not None])
        return loss

    step = _as_step(step)  # type: ignore[assignment]

    def _update_group(self, group: dict[str, Any], params: list[Tensor]) -> None:
        states = [self.state.get(param, {}) for param in params]
        if self._counts_steps:
            each_call(lambda: _count(states))
        shared: dict[Any, dict[str, Tensor]] = {}  # parameters with the same count share their numbers
        for param, state in zip(params, states):
            key = state.get("step"), param.dtype
            if key not in shared:
                shared[key] = self._inputs(group, state, param)
            gradient = param.grad
            assert gradient is not None
            if group.get("maximize"):
                gradient = -gradient
            if self.guard is None:
                self._update(param, gradient, state, group, shared[key])
            else:
                self._update_if(self.guard, param, gradient, state, group, shared[key])
            if state:
                self.state[param] = state

    def _update_if(
        self, wanted: Tensor, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any],
        numbers: dict[str, Tensor],
    ) -> None:
        """_update, undone within the same graph where `wanted` turns out to be false: nobody has to wait for its value."""
        before = {name: wrap(value.node) for name, value in state.items() if isinstance(value, Tensor)}
        old = wrap(param.node)
        self._update(param, gradient, state, group, numbers)
        param.copy_(where(wanted, param, old))
        for name, value in state.items():
            if isinstance(value, Tensor):
                value.copy_(where(wanted, value, before.get(name, 0.0)))

    def _inputs(self, group: dict[str, Any], state: dict[str, Any], like: Tensor) -> dict[str, Tensor]:
        """The numbers of an update as inputs of the graph, which may be others at the next step."""

        def reader(name: str) -> Callable[[], float]:
            return lambda: self._numbers(group, state)[name]

        numbers = self._numbers(group, state)
        return {
            name: value if isinstance(value, Tensor) else wrap(varying_number(reader(name), like.dtype))
            for name, value in numbers.items()
        }

    _counts_steps = False  # whether state["step"] counts the updates of each parameter

    def _numbers(self, group: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        """The numbers that an update takes from the settings and the step count: `_update` gets them as 0-d tensors."""
        return {}

    def _update(
        self, param: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], numbers: dict[str, Tensor]
    ) -> None:
        """Move one parameter, in place. `state` is what is kept for it, empty at first; `group` holds the settings: those
        that are numbers should be used through `numbers`."""
        raise NotImplementedError(f"{type(self).__name__} must define _update() or step()")

    def _before_step(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        for hook in tuple(self._step_pre_hooks.values()):
            changed = hook(self, args, kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    f"step pre-hook: it must return None or a tuple (args, kwargs), got {changed!r}"
                )
            args, kwargs = changed
        return args, kwargs

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return a new (args, kwargs)."""
        return add_hook(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._step_post_hooks, hook)

    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: {name: value}}, "param_groups": [settings, "params" as indices]}, as in PyTorch.

        Parameters are counted through the groups in order. Tensors are not copied.
        """
        index = {id(param): i for i, param in enumerate(self._params())}
        groups = [_with_params(group, [index[id(p)] for p in group["params"]]) for group in self.param_groups]
        state = {
            index[id(key)] if isinstance(key, Tensor) else key: {n: _saved(n, v) for n, v in kept.items()}
            for key, kept in self.state.items()
        }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what state_dict() gave, for parameters in the same order; tensors are copied.

        Raises ValueError when the groups differ in number or in how many parameters they have.
        """
        given = state_dict["param_groups"]
        self._check_same_sizes(given)
        indices = chain.from_iterable(group["params"] for group in given)
        params = dict(zip(indices, self._params()))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, kept in state_dict["state"].items():
            param = params.get(key)
            state[key if param is None else param] = {n: _loaded(n, v, param) for n, v in kept.items()}
        groups = []
        for theirs, ours in zip(given, self.param_groups):
            settings = {name: deepcopy(value) for name, value in theirs.items() if name != "params"}
            if "param_names" in ours:
                settings["param_names"] = ours["param_names"]
            groups.append(_with_params(settings, ours["params"]))
        self.__setstate__({"state": state, "param_groups": groups})
        self._loads += 1

    def _check_same_sizes(self, given: list[dict[str, Any]]) -> None:
        if len(given) != len(self.param_groups):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups: {len(given)}, where the "
                "optimizer "
                f"has {len(self.param_groups)}"
            )
        for i, (theirs, ours) in enumerate(zip(given, self.param_groups)):
            if len(theirs["params"]) != len(ours["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                    "group: "
                    f"group {i} has {len(theirs['params'])} parameters, where the optimizer has "
                    f"{len(ours['params'])}"
                )


def _listed(params: Any) -> tuple[list, list[str]]:
    """The tensors of a group, and their names if (name, tensor) pairs were given."""
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but a set has no order"
        )
    listed = list(params)
    paired = [isinstance(entry, tuple) for entry in listed]
    if not any(paired):
        return listed, []
    if not all(paired):
        raise ValueError("add_param_group: either all parameters come as (name, tensor) pairs, or none")
    return [param for _, param in listed], [name for name, _ in listed]


def _count(states: list[dict[str, Any]]) -> None:
    for state in states:
        state["step"] = state.get("step", 0.0) + 1


def _with_params(group: dict[str, Any], params: list) -> dict[str, Any]:
    """The settings of a group with other "params", which come last, as in PyTorch."""
    return {**{name: value for name, value in group.items() if name != "params"}, "params": params}


def _saved(name: str, value: Any) -> Any:
    """Steps are counted as Python numbers, and such numbers stored as 0-d tensors."""
    is_number = name in COUNTED and not isinstance(value, Tensor)
    return new_tensor(float(value), dtype=float32) if is_number else value


def _loaded(name: str, value: Any, param: Tensor | None) -> Any:
    if name in COUNTED:
        return float(value)
    if not isinstance(value, Tensor):
        return deepcopy(value)
    if param is None or not param.is_floating_point():
        return value.detach().clone()
    return value.detach().clone().to(dtype=param.dtype, device=param.device)
