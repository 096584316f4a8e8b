"""A module called with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...tensor import Tensor, stack
from ..batchnorm import _BatchNorm
from ..module import Module


def functional_call(module: Module, parameters_and_buffers: Mapping[str, Tensor], args: Any = None, kwargs=None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """module(*args, **kwargs) with the named parameters and buffers in place of its own, which come back afterwards.

    Tied weights are replaced together if `tie_weights`. Raises RuntimeError, if `strict`, for names that do not match.
    """
    given = dict(parameters_and_buffers)
    own = dict([*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)])
    unexpected, missing = sorted(given.keys() - own.keys()), sorted(own.keys() - given.keys())
    if unexpected and strict or missing and strict:
        raise RuntimeError(f"functional_call: Missing key(s): {missing}. Unexpected key(s): {unexpected}.")
    if tie_weights:
        by_tensor = {id(own[name]): value for name, value in given.items() if name in own}
        tied = {name: by_tensor[id(tensor)] for name, tensor in own.items() if id(tensor) in by_tensor}
        given = {**tied, **given}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    places = [_place(module, name) for name in given if name in own]
    before = [(members, name, members[name]) for members, name in places]
    try:
        for (members, name), value in zip(places, [v for n, v in given.items() if n in own]):
            members[name] = value
        return module(*args, **(kwargs or {}))
    finally:
        for members, name, value in before:
            members[name] = value


def _place(module: Module, path: str) -> tuple[dict, str]:
    """The dictionary that holds a member, and its name there."""
    owner, _, name = path.rpartition(".")
    found = module.get_submodule(owner)
    return (found._parameters if name in found._parameters else found._buffers), name


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(parameters, buffers) of several equal modules, each name's tensors stacked: for vmap over the models.

    Parameters become leaves that require grad as the modules' own do. Raises RuntimeError for no model, or models of
    different kinds.
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(tensors: list[Tensor]) -> Tensor:
        return stack([t.detach() for t in tensors]).requires_grad_(tensors[0].requires_grad)

    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return ({name: stacked([p[name] for p in params]) for name in params[0]},
            {name: stacked([b[name] for b in buffers]) for name in buffers[0]})


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let every batch normalisation below `root` forget its running statistics, in place, and use each batch's own: what
    vmap over a training step needs, since statistics are written to. Returns `root`."""
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
