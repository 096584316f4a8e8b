"""One recording of a function: where its inputs come from, its program, and where its results go."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..compile.engine import repeats, state_of
from ..compile.evaluate import compiled_graph
from ..compile.ownership import is_ours, pooled, references
from ..compile.profile import copy_of
from ..compile.program import Program
from ..graph.leaves import from_array
from ..graph.node import Node, constant_op
from .box import Box, Storage, is_variable, with_history_of
from .snapshot import Held, Snapshot
from .tensor import wrap
from .tracing import Trace, tracing

MISS = object()
"""What a recording answers that does not fit."""


class Unsuitable(Exception):
    """What was recorded cannot be replayed; `result` is what the function returned, which holds all the same."""

    def __init__(self, result: Any):
        self.result = result


@dataclass
class Effects:
    """What a call did, as the tensors before and after show it."""

    written: list[Storage]
    gradients: list[Held]  # tensors that were given another `.grad`
    results: dict[int, Box]  # returned, and made by the call
    stored: list[Box]  # made by the call and still held by something
    before: Snapshot = field(repr=False)

    def roots(self) -> list[Node]:
        given = [h.box._grad.node for h in self.gradients if h.box._grad is not None]
        return [*given, *(b.node for b in self.results.values()), *(b.node for b in self.stored), *(s.node for s in self.written)]

    def homes(self) -> list[tuple[weakref.ref[Box], Storage]]:
        """The written tensors that are no gradients, and where they lie: one may be given other memory, by `x.data = y`."""
        gradients = {id(h.grad) for h in self.before.held.values() if h.grad is not None}
        return [(r, storage) for r, storage in self.before.homes() if id(r()) not in gradients]

    def targets(self) -> list[Callable[[], Storage]]:
        """Each written storage, or where it was a tensor's gradient, whatever is that by then."""
        owners = {id(h.grad._storage): h.box for h in self.before.held.values() if h.grad is not None}

        def target(storage: Storage) -> Callable[[], Storage]:
            owner = owners.get(id(storage))
            return lambda: storage if owner is None or owner._grad is None else owner._grad._storage

        return [target(s) for s in self.written]


def record(function: Callable, args: tuple, kwargs: dict) -> tuple[Recording, Any]:
    """Trace a call: its recording, and its result. Raises Unsuitable, and what the function raises."""
    with Snapshot() as before:
        with tracing() as trace:
            result = function(*args, **kwargs)
        effects = _effects(before, result)
    if any(n.needs_grad and not n.released and not is_variable(n) for n in effects.roots()):
        raise Unsuitable(result)
    try:
        recording = Recording(trace, effects, tensors_in((args, kwargs)), result)
    except NotImplementedError:
        raise Unsuitable(result) from None
    del before, effects  # which hold what was there before
    recording.run_first()
    return recording, result


def _effects(before: Snapshot, result: Any) -> Effects:
    results = {id(box): box for box in tensors_in(result) if id(box) not in before.held}
    gradients = before.new_gradients()
    known = {*results, *(id(h.box._grad) for h in gradients)}
    stored = [box for box in before.newcomers() if id(box) not in known]
    return Effects(before.written(), gradients, results, stored, before)


class Recording:
    def __init__(self, trace: Trace, effects: Effects, given: Sequence[Box], result: Any):
        self._trace = trace
        self._result = result
        self.sets_up = trace.sets_up
        self._written = effects.targets()
        self._homes = effects.homes()
        self._stored = [weakref.ref(b) for b in effects.stored]
        self._gradients = [(h.box, h.box._grad is not None) for h in effects.gradients]
        self._results = list(effects.results)
        self._passed = {id(b): i for i, b in enumerate(given)}  # an argument that is returned: the one of that call
        roots = effects.roots()
        self._nodes = list(dict.fromkeys(n for n in roots if n.value is None))
        place = {n: i for i, n in enumerate(self._nodes)}
        self._which = [place.get(n, -1) for n in roots]
        sources = _Sources(trace, effects, given)
        self._known = [sources.of(n) for n in roots if n.value is not None]  # inputs handed on as they are
        self._compiled, leaves = compiled_graph(self._nodes, sources.donated)
        self._from = [sources.of(leaf) for leaf in leaves]
        self._grads_at_entry = sources.gradients_at_entry(leaves)
        used = {id(w.holder) for w in self._from if isinstance(w, _Captured) and w.of_gradient}
        self._replaced_gradients = [box for box, _ in self._gradients if id(box) not in used]
        inputs = list(enumerate([*self._from, *self._known]))
        self._captured = [(i, w) for i, w in inputs if isinstance(w, _Captured)]
        self._given = [(i, w) for i, w in inputs if isinstance(w, _Given)]
        self._others = [(i, w) for i, w in inputs if not isinstance(w, (_Captured, _Given))]
        self._leaves = leaves

    def run_first(self) -> None:
        """Evaluate what the tracing recorded. What somebody beside its graph holds is not written over."""
        leaves, self._leaves = self._leaves, []
        updated = set(self._compiled.updated)
        named = references(self._nodes, leaves)
        kept = [i in updated and not is_ours(leaves, i, named[i]) for i in range(len(leaves))]
        arrays = [copy_of(n.value) if keep else n.value for n, keep in zip(leaves, kept)]
        for node, array in zip(self._nodes, self._compiled.run(arrays)):
            node.value = array
        for node in self._nodes:
            node.settle(node.value)
        self._nodes = []

    @property
    def program(self) -> Program:
        return self._compiled.program

    # --- running
    def replay(self, tensors: Sequence[Box]) -> Any:
        """The result of one more call on these arguments; MISS where the recording does not fit any more."""
        if not self._settings_hold():
            return MISS
        arrays: list = [None] * (len(self._from) + len(self._known))
        for i, where in self._captured:
            arrays[i] = where.array()
            if arrays[i] is None:
                return MISS
        for i, given in self._given:
            arrays[i] = given.array(tensors)
            if arrays[i] is None:
                return MISS
        moments = [moment() for moment in self._trace.moments]  # not before it is clear that the recording fits
        for i, other in self._others:
            arrays[i] = other.array(moments)
        for box in self._replaced_gradients:  # gone before the new ones are made, so that these find room
            box._grad = None
        in_place = self._claimed(arrays)
        found = self._compiled.run(arrays, self._token)
        handed_on = iter(arrays[len(self._from) :])
        outputs = [found[i] if i >= 0 else next(handed_on) for i in self._which]
        made = self._delivered(outputs, in_place)
        made.update({key: tensors[i] for key, i in self._passed.items()})
        return replaced(self._result, lambda box: made.get(id(box), box))

    def _token(self, i: int) -> object:
        where = self._from[i]
        return where.state() if isinstance(where, _Captured) else None

    def _settings_hold(self) -> bool:
        for holder, name, value in self._trace.guards.values():
            if getattr(holder, name) != value:
                return False
        for reference, storage in self._homes:
            box = reference()
            if box is not None and box._storage is not storage:
                return False
        return all((box._grad is not None) is has for box, has in self._grads_at_entry)

    def _claimed(self, arrays: list) -> dict[int, Box]:
        """Of the arrays to be written over, those that only their tensor holds; the others are copied."""
        claimed: dict[int, Box] = {}
        for i in self._compiled.updated:
            where, array = self._from[i], arrays[i]
            if isinstance(where, _Captured) and where.is_alone(arrays, i):
                claimed[id(array)] = where.box
            else:
                arrays[i] = copy_of(array)
        return claimed

    def _delivered(self, outputs: list[np.ndarray], in_place: dict[int, Box]) -> dict[int, Box]:
        """Put every result where it belongs; the tensors to return, by those that the tracing returned."""
        results = iter(outputs)
        for box, has in self._gradients:
            box._grad = wrap(from_array(next(results))) if has else None
        made: dict[int, Box] = {key: wrap(from_array(next(results))) for key in self._results}
        for reference in self._stored:
            array, stored = next(results), reference()
            if stored is not None:
                _assign(stored._storage, array)
        for target in self._written:
            array, storage = next(results), target()
            owner = in_place.get(id(array))
            if owner is None or owner._storage is not storage:
                _assign(storage, array)
            else:
                _updated(owner)
        return made


def _assign(storage: Storage, array: np.ndarray) -> None:
    storage.assign(with_history_of(storage.node, from_array(array)))


def _updated(box: Box) -> None:
    """The tensor's array has been written over: the node is its own, and goes on as the new value."""
    storage, node = box._storage, box._node
    storage.version += 1
    storage.writes[0] += 1
    box._seen = storage.version
    node.stamp = (storage.writes, storage.writes[0])


# --- where inputs come from
class _Fixed:
    """An array made while tracing, the same at each call."""

    def __init__(self, value: np.ndarray):
        self.value = value

    def array(self, moments: Sequence) -> np.ndarray:
        return self.value


class _Moment:
    """What Python gives at each call: a learning rate, a random key."""

    def __init__(self, number: int):
        self.number = number

    def array(self, moments: Sequence) -> np.ndarray:
        return moments[self.number]


class _Given:
    """One of the arguments."""

    def __init__(self, position: int, like: np.ndarray):
        self.position = position
        self.strides = like.strides

    def array(self, tensors: Sequence[Box]) -> np.ndarray | None:
        """None if it cannot lie as the recording expects."""
        return laid_out(tensors[self.position].node.value, self.strides)


class _Captured:
    """A tensor that the function reaches without its being an argument, or (`of_gradient`) such a tensor's gradient."""

    def __init__(self, box: Box, of_gradient: bool, node: Node, like: np.ndarray):
        self.holder = box
        self.of_gradient = of_gradient
        self.needs_grad = node.needs_grad
        self.shape, self.dtype, self.strides = like.shape, like.dtype, like.strides

    @property
    def box(self) -> Box:
        found = self.holder._grad if self.of_gradient else self.holder
        assert found is not None
        return found

    def array(self) -> np.ndarray | None:
        """What the tensor holds now; None if it is another kind of value than the recording knows."""
        box = self.holder._grad if self.of_gradient else self.holder
        if box is None:
            return None
        storage = box._storage
        node = box._node if storage.link is None and box._seen == storage.version else box.node
        if node.needs_grad is not self.needs_grad:
            return None
        value = node.value
        if value is not None and value.strides == self.strides and value.shape == self.shape and value.dtype == self.dtype:
            return value
        fits = value is not None and value.shape == self.shape and value.dtype == self.dtype
        return laid_out(value, self.strides) if fits else None

    def state(self) -> tuple:
        """Equal at two times only if the tensor's values are."""
        return state_of(self.box.node)

    def is_alone(self, arrays: list, i: int) -> bool:
        """Whether nobody but this tensor, its storage and `arrays` holds the value."""
        return _held_by_one(self.box, arrays, i)


def _held_by_one(box: Box, arrays: list, i: int) -> bool:
    node = box._node
    if box._storage.node is not node or sys.getrefcount(node) > 4:  # storage, tensor, here, the measurement
        return False
    array = node.value
    if array is not arrays[i] or not array.flags.writeable:
        return False
    if sys.getrefcount(array) > 5 + (id(array) in pooled):  # node, list, caller, here, the measurement
        return False
    base = array.base
    return base is None or (isinstance(base, np.ndarray) and base.base is None and sys.getrefcount(base) <= 3)


def laid_out(array: np.ndarray, strides: tuple[int, ...]) -> np.ndarray | None:
    """The array itself if it lies as the program expects, else a copy that does; None where what was recorded repeated one
    element along a dimension, as `zeros` and `expand` do, and this array does not."""
    if array.strides == strides:
        return array
    if repeats(array.shape, strides):
        return None
    order = sorted(range(array.ndim), key=lambda d: -strides[d])
    copy = np.empty([array.shape[d] for d in order], array.dtype).transpose(np.argsort(order))
    if copy.strides != strides:  # not dense: only its extent matters to the copy
        extent = sum((n - 1) * s for n, s in zip(array.shape, strides)) // array.itemsize + 1
        copy = np.lib.stride_tricks.as_strided(np.empty(max(extent, 1), array.dtype), array.shape, strides)
    copy[...] = array
    return copy


class _Sources:
    """Finds for each leaf of a recorded graph where its value came from."""

    def __init__(self, trace: Trace, effects: Effects, given: Sequence[Box]):
        self._moments = {node: number for number, node in trace.inputs.items()}
        held = effects.before.held
        self._written = {id(s) for s in effects.written}
        self._arguments = {held[id(b)].node: i for i, b in reversed(list(enumerate(given))) if id(b) in held}
        self._boxes: dict[Node, tuple[Box, bool]] = {}
        self._arrays: dict[int, Node] = {}
        gradients = {id(h.grad): h for h in held.values() if h.grad is not None}
        for h in sorted(held.values(), key=lambda h: (not h.box._variable, id(h.box) not in gradients)):
            owner = gradients.get(id(h.box))
            self._boxes.setdefault(h.node, (owner.box, True) if owner else (h.box, False))
            self._arrays.setdefault(id(h.node.value), h.node)
        self._changed = {id(h.box): h for h in effects.gradients}
        self._held = held

    def of(self, leaf: Node):
        if leaf in self._moments:
            return _Moment(self._moments[leaf])
        known = leaf if leaf in self._boxes else self._arrays.get(id(leaf.value), leaf)
        if known in self._arguments:
            return _Given(self._arguments[known], leaf.value)
        if known in self._boxes and leaf.op is not constant_op:
            return _Captured(*self._boxes[known], known, leaf.value)
        return _Fixed(leaf.value)

    def donated(self, leaves: list[Node]) -> list[int]:
        """The leaves whose tensors the call wrote to."""
        found = []
        for i, leaf in enumerate(leaves):
            where = self._boxes.get(leaf)
            if where is not None and leaf not in self._arguments:
                written = self._held[id(where[0])].grad if where[1] else where[0]
                if written is not None and id(written._storage) in self._written:
                    found.append(i)
        return found

    def gradients_at_entry(self, leaves: Sequence[Node]) -> list[tuple[Box, bool]]:
        """Of every tensor whose gradient the call set or used: whether it had one before."""
        used = {id(self._boxes[n][0]) for n in leaves if n in self._boxes and self._boxes[n][1]}
        return [(h.box, h.grad is not None) for key, h in self._held.items() if key in self._changed or key in used]


def tensors_in(value: Any) -> list[Box]:
    """The tensors in a nest of tuples, lists and dicts, in order."""
    found: list[Box] = []

    def note(box: Box) -> Box:
        found.append(box)
        return box

    replaced(value, note)
    return found


def replaced(value: Any, new: Callable[[Box], Any]) -> Any:
    """A nest of tuples, lists and dicts with its tensors replaced."""
    if isinstance(value, Box):
        return new(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(replaced(v, new) for v in value))
    if isinstance(value, (tuple, list)):
        return type(value)(replaced(v, new) for v in value)
    if type(value) is dict:
        return {k: replaced(v, new) for k, v in value.items()}
    return value
