"""Which operation first gave a result that is not finite, in a forward and a backward pass made once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..compile.engine import compile_after
from ..compile.evaluate import evaluate
from ..graph.node import Node, next_serial
from ..graph.reverse import Inspection
from ..graph.text import ancestors
from .autograd import grad
from .tensor import Tensor


class _Layers:
    """Which layer recorded a node: serial numbers grow, so each call of a layer is an interval of them."""

    def __init__(self, model: Any) -> None:
        self.open: list[tuple[str, int]] = []
        self.calls: list[tuple[int, int, str]] = []
        self.hooks = []
        for name, module in model.named_modules():
            self.hooks.append(module.register_forward_pre_hook(self._enter(name)))
            self.hooks.append(module.register_forward_hook(self._leave))

    def _enter(self, name: str) -> Callable:
        def hook(*_: Any) -> None:
            self.open.append((name, next_serial()))

        return hook

    def _leave(self, *_: Any) -> None:
        name, start = self.open.pop()
        self.calls.append((start, next_serial(), name))

    def close(self) -> None:
        for hook in self.hooks:
            hook.remove()

    def name_of(self, node: Node) -> str:
        inside = [(end - start, name) for start, end, name in self.calls if start < node.serial < end]
        return min(inside)[1] if inside else ""


class _Origins:
    """Inside the block, of which forward operation a backward pass records the gradient: its nodes are recorded before the next
    operation is gone through."""

    def __init__(self) -> None:
        self.passed: list[tuple[int, Node]] = []

    def __enter__(self) -> _Origins:
        self.before, Inspection.check = Inspection.check, self._note
        return self

    def _note(self, node: Node, parts: list) -> None:
        self.passed.append((next_serial(), node))
        if self.before is not None:
            self.before(node, parts)

    def __exit__(self, *_: Any) -> None:
        Inspection.check = self.before

    def of(self, node: Node, last_forward: int) -> Node | None:
        """The operation of the forward pass; one of a composite's decomposition, which comes later, stands for the composite."""
        return next((n for end, n in self.passed if node.serial < end and n.serial < last_forward), None)


def first_not_finite(
    forward: Callable[[], Tensor], model: Any, parameters: Mapping[str, Tensor], given: Mapping[str, Any]
) -> str | None:
    """Run `forward`, which gives a loss, and its backward pass operation by operation; the first one whose result has a
    nan or an infinity while what it read had none, in words. None if all is finite. Nothing of the model is changed
    but what its forward pass itself writes."""
    for name, value in [*given.items(), *((f"the parameter {n}", p) for n, p in parameters.items())]:
        if isinstance(value, Tensor) and not _finite(value.detach().numpy()):
            return f"{name} had {_kind(value.detach().numpy())} before anything was computed"
    layers = _Layers(model)
    try:
        loss = forward()
    finally:
        layers.close()
    last_forward = next_serial()
    wanted = [p for p in parameters.values() if p.requires_grad]
    with _Origins() as origins:
        gradients = [g for g in grad(loss, wanted, allow_unused=True, retain_graph=True) if g is not None]
    read: dict[Node, tuple[Node, ...]] = {n: n.inputs for n in ancestors([loss.node, *(g.node for g in gradients)])}
    order = sorted((n for n in read if n.value is None), key=lambda n: n.serial)
    with compile_after(-1):
        evaluate(order)
    for node in order:
        if node.value is not None and not _finite(node.value) and all(_finite(s.value) for s in read[node]):
            origin = origins.of(node, last_forward) if node.serial > last_forward else None
            return _told(node, read[node], _place(node, origin, layers, node.serial > last_forward))
    return None


def _place(node: Node, origin: Node | None, layers: _Layers, backward: bool) -> str:
    """` in layer fc1`, or ` in the backward pass of `sqrt` in layer fc1`."""
    layer = layers.name_of(origin or node)
    place = f" in layer {layer}" if layer else ""
    return f" in the backward pass{f' of `{origin.op.name}`' if origin else ''}{place}" if backward else place


def _told(node: Node, sources: tuple[Node, ...], place: str) -> str:
    ranges = [_range(s.value) for s in sources if s.value is not None and s.value.size]
    read = f", which read {' and '.join(ranges)}" if ranges else ""
    return f"the first result that is not finite is that of `{node.op.name}`{place}, shape {list(node.shape)}, with " \
           f"{_kind(node.value)}{read}"


def _range(array: np.ndarray) -> str:
    if array.dtype == np.bool_ or np.iscomplexobj(array):
        return f"{array.dtype} values"
    return f"values from {float(array.min()):.4g} to {float(array.max()):.4g}"


def _kind(array: np.ndarray) -> str:
    values = np.asarray(array, np.complex128 if np.iscomplexobj(array) else np.float64)
    nans, infinities = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    parts = [f"{count} {word}" for count, word in ((nans, "nan"), (infinities, "infinite")) if count]
    return f"{' and '.join(parts)} of {values.size} values"


def _finite(array: np.ndarray | None) -> bool:
    if array is None or array.dtype.kind in "biu":
        return True
    return bool(np.isfinite(np.asarray(array, np.complex128 if np.iscomplexobj(array) else np.float64)).all())
