"""Forward-mode differentiation with dual numbers: values that carry their change in one direction (N 2.3).

A dual number is a value whose node stands for itself, with a tangent noted beside it. What is computed from it is recorded as
ever; its tangent J v is found when it is asked for, by the reverse pass of the reverse pass (transforms.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..graph.node import Node, grad_mode
from .tensor import Tensor, wrap
from .transforms import _entrance, _Level, _pushed_forward


class UnpackedDualTensor(NamedTuple):
    """A dual number's value, and its tangent: None for an ordinary tensor."""

    primal: Tensor
    tangent: Tensor | None


class _DualLevel(_Level):
    """The block in which dual numbers live: the nodes that stand for them, and their tangents."""

    def __init__(self) -> None:
        super().__init__(())
        self.tangents: list[Node] = []

    def dual(self, primal: Tensor, tangent: Tensor) -> Tensor:
        node = _entrance(primal.node)
        self.inputs.append(node)
        self.tangents.append(tangent.node)
        return wrap(node)

    def tangent(self, node: Node) -> Node | None:
        """The change of a value; None where it depends on no dual number."""
        if not self._depends(node):
            return None
        with grad_mode(True):
            return _pushed_forward([node], self.inputs, self.tangents)[0]

    def _depends(self, node: Node) -> bool:
        own = set(self.inputs)
        stack, seen = [node], {node}
        while stack:
            found = stack.pop()
            if found in own:
                return True
            new = [n for n in found.inputs if n.needs_grad and n not in seen]
            seen.update(new)
            stack += new
        return False


class _Current:
    levels: list[_DualLevel] = []


def enter_dual_level() -> int:
    """Begin a block of dual numbers; returns its number. Raises RuntimeError inside another."""
    if _Current.levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    level = _DualLevel()
    level.__enter__()
    _Current.levels.append(level)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the block: its dual numbers are ordinary tensors from then on. Raises RuntimeError where there is none."""
    if not _Current.levels or level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created")
    _Current.levels.pop().__exit__()


class dual_level:
    """A block in which `make_dual` and `unpack_dual` may be called. Everything in it is recorded for differentiation."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *error: Any) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor of the value of `tensor` that carries `tangent`, of its shape and dtype, as its change.

    Raises RuntimeError outside `dual_level`, for tensors that are not of floating point, and where the tangent does not fit.
    """
    current = _current("make_dual")
    for name, x in (("tensor", tensor), ("tangent", tangent)):
        if not isinstance(x, Tensor):
            raise TypeError(f"make_dual(): argument '{name}' must be Tensor, not {type(x).__name__}")
        if not (x.dtype.is_floating_point or x.dtype.is_complex):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")
    if tensor.shape != tangent.shape or tensor.dtype is not tangent.dtype:
        raise RuntimeError(f"Expected tensor and tangent to have the same shape and dtype, but got {list(tensor.shape)} "
                           f"({tensor.dtype}) and {list(tangent.shape)} ({tangent.dtype})")
    return current.dual(tensor, tangent)


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """(value, tangent); the tangent is None where the value depends on no dual number, and outside `dual_level`."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"unpack_dual(): argument 'tensor' must be Tensor, not {type(tensor).__name__}")
    if not _Current.levels:
        return UnpackedDualTensor(tensor, None)
    current = _Current.levels[-1]
    change = current.tangent(tensor.node)
    if change is None:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(*current.freed((tensor, wrap(change))))


def _current(call: str) -> _DualLevel:
    if not _Current.levels:
        raise RuntimeError(f"{call}: Trying to create a dual Tensor for forward AD but no level exists, make sure to "
                           "enter_dual_level() first.")
    return _Current.levels[-1]
