"""The mutable box: a tensor is a box around a node, and this file alone knows what changing it means.

Below this room nothing changes. Here a write makes new nodes: a `Storage` holds the node of a whole base tensor;
a view holds the storage and the steps that lead from the base to it. Writing to a view computes the base's new
node (the old one with the written part replaced), counts the storage's version up, and every other tensor on
that storage reads its node anew when it is next used.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

from ..core.shapes import Shape, contiguous_strides
from ..graph.leaves import differentiable_leaf
from ..graph.node import Node, constant_op, data, grad_mode, leaf, mode
from ..graph.ops import detach as detach_op
from ..graph.ops import overwrite, substitute
from .living import note
from .pending import remember


class Storage:
    """What tensors share when one is a view of another: the base's node, and how often it was written.

    version   counts every write: tensors that saw an older one read their node again
    writes    [n], counts the writes that autograd must know of; nodes carry it as their stamp
    link      None, or where in another storage this one's memory lies: a detached tensor, or a view that is a leaf,
              has a history of its own (so a storage of its own) and shares its values with the other
    """

    __slots__ = ("link", "node", "version", "writes")

    def __init__(self, node: Node, link: Link | None = None, writes: list[int] | None = None):
        self.node = node
        self.version = 0
        self.writes = [0] if writes is None else writes
        self.link = link

    def sync(self) -> None:
        """Take over what was written to the other storage since."""
        link = self.link
        if link is None:
            return
        if link.changed():
            self.node = with_history_of(self.node, without_history(link.read()))
            self.version += 1
        if link.storage.link is None and sys.getrefcount(link.storage) <= 2:  # nobody else sees that memory any more
            self.link = None

    def assign(self, node: Node, counted: bool = True) -> None:
        """Make `node` the base's value, and the other storage's too where this one is linked."""
        self.node = node
        self.version += 1
        if counted:
            self.writes[0] += 1
        if self.link is not None:
            self.link.write(node)

    def root(self) -> Storage:
        return self if self.link is None else self.link.storage.root()


class Link:
    """The part of another storage that a linked storage shows."""

    __slots__ = ("seen", "storage", "view")

    def __init__(self, storage: Storage, view: View | None):
        self.storage = storage
        self.view = view
        self.seen = storage.version

    def changed(self) -> bool:
        self.storage.sync()
        return self.seen != self.storage.version

    def read(self) -> Node:
        self.seen = self.storage.version
        return self.storage.node if self.view is None else self.view.read(self.storage)

    def write(self, value: Node) -> None:
        storage = self.storage
        storage.sync()
        value = without_history(value)
        base = value if self.view is None else self.view.write(storage, value)
        storage.assign(with_history_of(storage.node, base), counted=False)  # a shared count has gone up already
        self.seen = storage.version


class View:
    """One step from a parent (another view, or the base) to a view.

    The step's `read` makes the view's node from the parent's, its `write` the parent's new node from the parent's
    node and the view's new one.
    """

    __slots__ = ("grad", "parent", "step")

    def __init__(self, parent: View | None, step):
        self.parent = parent
        self.step = step
        self.grad = mode.grad

    def read(self, storage: Storage) -> Node:
        source = storage.node if self.parent is None else self.parent.read(storage)
        with grad_mode(self.grad):
            return self.step.read(source)

    def write(self, storage: Storage, value: Node) -> Node:
        """The base's new node when this view's is `value`."""
        source = storage.node if self.parent is None else self.parent.read(storage)
        new = self.step.write(source, value)
        return new if self.parent is None else self.parent.write(storage, new)


def without_history(node: Node) -> Node:
    return passed_on(detach_op(node), node)


def passed_on(node: Node, source: Node) -> Node:
    """An identity node that has its source's value at once, where there is one."""
    if source.value is not None:
        node.settle(source.value)
    return node


def is_variable(node: Node) -> bool:
    """Whether reverse passes end here and report a gradient."""
    return node.needs_grad and (node.op is leaf or node.op is data)


def with_history_of(old: Node, value: Node) -> Node:
    """`value` written behind autograd's back over `old`: the history stays what it was."""
    if not old.needs_grad:
        return value
    if is_variable(old):
        node = differentiable_leaf(value)
        node.owner, node.watchers = old.owner, old.watchers
        return node
    with grad_mode(True):
        return substitute(old, value)


class Box:
    """The state of a tensor and the few operations on it that are not recordings.

    The class attributes are defaults that an instance overrides where it differs.
    """

    if TYPE_CHECKING:  # what methods.py binds

        def __getattr__(self, name: str) -> Any: ...

        def _operator(self, other: Any) -> Any: ...

        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _operator
        __floordiv__ = __rfloordiv__ = __mod__ = __pow__ = __rpow__ = __matmul__ = __and__ = __or__ = _operator
        __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = _operator

        def __eq__(self, other: Any) -> Any: ...
        def __ne__(self, other: Any) -> Any: ...
        def __neg__(self) -> Any: ...
        def __invert__(self) -> Any: ...
        def __setitem__(self, key: Any, value: Any) -> None: ...

    STATE = frozenset({"_storage", "_node", "_seen", "_view", "_strides", "_offset", "_variable", "_grad"})

    _plain: type  # the class of results: the tensor class itself, whatever subclass an operand is
    _storage: Storage
    _node: Node  # valid while `_seen` is the storage's version
    _seen: int
    _view: View | None = None
    _strides: Shape | None = None  # None: contiguous
    _offset = 0
    _variable = False  # a leaf that requires grad
    _grad: Box | None = None

    def _hold(self, storage: Storage, view: View | None, node: Node) -> None:
        self._storage = storage
        self._view = view
        self._show(node)
        note(self)

    def _show(self, node: Node) -> None:
        """Take `node` as the value at the storage's present version."""
        storage = self._storage
        self._node = node
        self._seen = storage.version
        if node.stamp is None and node.op is not constant_op:  # constants are shared by everyone
            node.stamp = (storage.writes, storage.writes[0])
        if node.value is None:
            remember(weakref.ref(self))

    @property
    def node(self) -> Node:
        """The node of the present value; read anew when another tensor has written to the storage."""
        storage = self._storage
        if storage.link is not None:
            storage.sync()
        if self._seen != storage.version:
            self._show(storage.node if self._view is None else self._view.read(storage))
        return self._node

    def _as_variable(self, node: Node) -> Node:
        node = differentiable_leaf(node)
        node.owner = weakref.ref(self)
        return node

    # --- views
    def _make_view(self, step, strides: Shape, offset: int, kind: type | None = None):
        """A tensor that shares this one's storage, seen through one more step."""
        node = step.read(self.node)
        view: Any = Box.__new__(kind or self._plain)
        view._hold(self._storage, View(self._view, step), node)
        view._strides = strides
        view._offset = offset
        return view

    def _geometry(self) -> tuple[Shape, int]:
        strides = self._strides
        return (contiguous_strides(self._node.shape) if strides is None else strides), self._offset

    def _linked(self, kind: type, counted: bool = True):
        """A tensor of the same memory whose history is its own, and empty. Its writes count for both if `counted`."""
        node = without_history(self.node)
        made: Any = Box.__new__(kind)
        made._hold(Storage(node, Link(self._storage, self._view), self._storage.writes if counted else None), None, node)
        made._strides, made._offset = self._strides, self._offset
        return made

    # --- writes
    def _write(self, value: Node) -> None:
        """Make `value` (of this tensor's shape and dtype) the tensor's value, in place."""
        self._refuse_what_autograd_forbids()
        old, storage, view = self.node, self._storage, self._view
        if mode.grad and old.needs_grad and not value.needs_grad:
            value = overwrite(old, value)
        base = value if view is None else view.write(storage, value)
        if not mode.grad:
            base, value = with_history_of(storage.node, base), with_history_of(old, value)
        storage.assign(base)
        self._show(base if view is None else value)
        if view is not None and base.value is None:
            remember(weakref.ref(self))

    def _refuse_what_autograd_forbids(self) -> None:
        if mode.grad and is_variable(self._storage.node):
            what = "a leaf Variable" if self._view is None else "a view of a leaf Variable"
            raise RuntimeError(f"{what} that requires grad is being used in an in-place operation. "
                               "Write to it under no_grad(), or to a clone of it.")

    # --- differentiation
    def _set_requires_grad(self, wanted: bool) -> None:
        node = self.node
        if node.needs_grad == wanted:
            return
        if not wanted and not self._variable:
            raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a computed "
                               "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().")
        if wanted and not (node.dtype.is_floating_point or node.dtype.is_complex):
            raise RuntimeError(f"only Tensors of floating point and complex dtype can require gradients, "
                               f"not {node.dtype.name}")
        if self._view is not None:  # a leaf has a storage of its own
            self._storage = Storage(node, Link(self._storage, self._view), self._storage.writes)
            self._view = None
        self._variable = wanted
        self._storage.node = self._as_variable(node) if wanted else without_history(node)
        self._show(self._storage.node)

    def _share(self, other: Box) -> None:
        """Become another tensor's value, memory and all, as `x.data = other` does; stay the leaf one is."""
        linked = other._linked(type(self), counted=False)
        was_variable, self._variable = self._variable, False
        self._hold(linked._storage, None, linked._node)
        self._strides, self._offset = linked._strides, linked._offset
        if was_variable:
            self._set_requires_grad(True)
