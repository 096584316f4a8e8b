"""Which modules a forward pass calls, on which values, and which part of the recorded graph each call makes.

Nothing is computed: the pass is recorded as `talweg.compile` records a function. What has a graph can be counted, drawn
and rewritten, whatever the forward methods look like.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...graph.node import Node, next_serial
from ...graph.text import ancestors
from ...tensor import Tensor
from ...tensor.pending import READ_WHILE_TRACED
from ...tensor.tracing import active, tracing
from ...tensor.trees import leaves
from ..functional.attention import undivided
from ..module import Module


@dataclass(eq=False)
class Call:
    """One call of a module: its name in the model ("" for the model itself), what it read and what it returned.

    The nodes it recorded have serial numbers from `start` up to, not including, `end`, those of `children` among them.
    """

    name: str
    module: Module
    inputs: list[Node]
    start: int
    end: int = 0
    outputs: list[Node] = field(default_factory=list)
    children: list[Call] = field(default_factory=list)


class Recording:
    """A recorded forward pass: its calls in order, and to which of them each node belongs.

    `inputs` are the nodes of the example's tensors, `outputs` those of what the model returned.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._open: list[Call] = []
        self._marks: list[int] = []
        self._current: list[Call] = []

    @property
    def root(self) -> Call:
        return self.calls[0]

    @property
    def inputs(self) -> list[Node]:
        return self.root.inputs

    @property
    def outputs(self) -> list[Node]:
        return self.root.outputs

    def nodes(self) -> list[Node]:
        """What the outputs are computed from, recorded during the pass, in order."""
        return [n for n in ancestors(self.outputs) if self.covers(n)]

    def covers(self, node: Node) -> bool:
        """Whether the node was recorded during the pass."""
        return self.root.start <= node.serial < self.root.end

    def call_of(self, node: Node) -> Call:
        """The innermost call that recorded the node, which must be covered."""
        return self._current[bisect_right(self._marks, node.serial) - 1]

    def enter(self, name: str, module: Module, given: Any) -> None:
        call = Call(name, module, _nodes(given), next_serial())
        if self._open:
            self._open[-1].children.append(call)
        self.calls.append(call)
        self._open.append(call)
        self._mark(call.start)

    def leave(self, result: Any) -> None:
        call = self._open.pop()
        call.outputs = _nodes(result)
        call.end = next_serial()
        if self._open:
            self._mark(call.end)

    def _mark(self, serial: int) -> None:
        self._marks.append(serial)
        self._current.append(self._open[-1])


def record_calls(model: Module, *args: Any, **kwargs: Any) -> Recording:
    """The forward pass of `model` on these arguments, recorded and not computed, in the model's present mode.

    What the pass writes, as batch normalisation its running statistics in training mode, is recorded too: give a model
    whose buffers may change, or see `functional_call`. Raises RuntimeError for a model whose forward pass reads a value.
    """
    if active() is not None:
        raise RuntimeError("record_calls: it may not be used inside a function that talweg.compile is tracing")
    try:
        with watched_calls(model) as recording, tracing(), undivided():
            model(*args, **kwargs)  # the result is let go: living tensors would be evaluated some day
    except RuntimeError as error:
        if str(error) != READ_WHILE_TRACED:
            raise
        raise RuntimeError(f"record_calls: {type(model).__name__} reads the value of a tensor in its forward pass (item(), "
                           "numpy(), a Python branch on a tensor), so what follows depends on numbers that are not "
                           "computed here; use talweg.where for a choice") from None
    return recording


@contextmanager
def watched_calls(model: Module) -> Iterator[Recording]:
    """Note the calls that the model and its modules get inside the block, which otherwise runs as it would."""
    recording = Recording()
    handles = [handle for name, module in model.named_modules() for handle in _watch(recording, name, module)]
    try:
        yield recording
    finally:
        for handle in handles:
            handle.remove()


def _watch(recording: Recording, name: str, module: Module) -> list:
    def before(module: Module, args: tuple, kwargs: Mapping[str, Any]) -> None:
        recording.enter(name, module, (args, dict(kwargs)))

    def after(module: Module, args: tuple, kwargs: Mapping[str, Any], result: Any) -> None:
        recording.leave(result)

    return [module.register_forward_pre_hook(before, with_kwargs=True),
            module.register_forward_hook(after, with_kwargs=True)]


def _nodes(tree: Any) -> list[Node]:
    return [leaf.node for leaf in leaves(tree) if isinstance(leaf, Tensor)]
