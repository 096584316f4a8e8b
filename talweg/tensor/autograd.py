"""Differentiation as a user calls it: backward, grad, grad modes, hooks (L 3.4, N 2.4)."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Sequence

from ..graph.leaves import constant
from ..graph.node import Node, grad_mode, mode, spent
from ..graph.ops import add, full
from ..graph.reverse import reverse
from .tensor import Tensor, wrap


class _ModeDecorator:
    """A context manager that also decorates functions, as PyTorch's do."""

    wanted = False

    def __init__(self):
        self._entered: list[bool] = []

    def __enter__(self):
        self._entered.append(mode.grad)
        mode.grad = self.wanted
        return self

    def __exit__(self, *_):
        mode.grad = self._entered.pop()

    def clone(self):
        return type(self)()

    def __call__(self, function: Callable) -> Callable:
        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)

        @functools.wraps(function)
        def run(*args, **kwargs):
            with self.clone():
                return function(*args, **kwargs)

        return run

    def _wrap_generator(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def run(*args, **kwargs):
            steps = function(*args, **kwargs)
            sent = None
            while True:
                with self.clone():
                    try:
                        value = steps.send(sent)
                    except StopIteration as end:
                        return end.value
                sent = yield value

        return run


class _FunctionOrContext(type):
    """Lets `@no_grad` stand without its parentheses."""

    def __call__(cls, function=None):
        made = super().__call__()
        return made if function is None else made(function)


class no_grad(_ModeDecorator, metaclass=_FunctionOrContext):
    """What is recorded inside takes no part in differentiation. A context manager or a decorator."""


class enable_grad(_ModeDecorator, metaclass=_FunctionOrContext):
    """Undo `no_grad` inside. A context manager or a decorator."""

    wanted = True


class set_grad_enabled(_ModeDecorator):
    """Differentiation on or off, from the call on; as a context manager, until its end."""

    def __init__(self, mode: bool):
        super().__init__()
        self.wanted = bool(mode)
        self._before = is_grad_enabled()
        self._switch()

    def _switch(self) -> None:
        mode.grad = self.wanted

    def __enter__(self):
        self._switch()
        self._entered.append(self._before)
        return self

    def clone(self):
        return set_grad_enabled(self.wanted)

    def __call__(self, function: Callable) -> Callable:
        mode.grad = self._before
        return super().__call__(function)


class inference_mode(_ModeDecorator):
    """As `no_grad`: values recorded here need no bookkeeping that could be saved."""

    def __init__(self, mode: bool = True):
        super().__init__()
        self.wanted = not mode

    def clone(self):
        return inference_mode(not self.wanted)


def is_grad_enabled() -> bool:
    return mode.grad


# --- the reverse pass
def _as_list(value) -> list:
    return list(value) if isinstance(value, Sequence) else [value]


def _seed(output: Tensor, given: Tensor | None) -> Node:
    """The upstream gradient of an output: what the caller gives, or 1 for a scalar."""
    node = output.node
    if not node.needs_grad:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    if given is None:
        if output.numel() != 1:
            raise RuntimeError(f"grad can be implicitly created only for scalar outputs; this one has shape "
                               f"{list(node.shape)}: pass gradient=, or reduce it with sum() or mean()")
        one = constant(1, node.dtype)
        return one if node.shape == () else full(1, node.shape, node)
    if given.node.shape != node.shape:
        raise RuntimeError(f"Mismatch in shape: grad_output has a shape of {list(given.node.shape)} and output has a "
                           f"shape of {list(node.shape)}.")
    return given.node


def _seeds(outputs: list, given) -> list[Node]:
    supplied = [None] * len(outputs) if given is None else _as_list(given)
    if len(supplied) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(supplied)} gradients")
    return [_seed(o, g) for o, g in zip(outputs, supplied)]


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None) -> None:
    """Add d(sum of tensors, weighted by grad_tensors)/d(leaf) to the `.grad` of every leaf, or of `inputs`.

    Raises RuntimeError for an output that is no scalar and has no weight, for one without history, and when the
    graph has been gone through before without retain_graph.
    """
    outputs = _as_list(tensors)
    retain = create_graph if retain_graph is None else retain_graph
    targets = None if inputs is None else _as_list(inputs)
    if targets is not None and not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    seeds = _seeds(outputs, grad_tensors)
    with grad_mode(create_graph):
        stops = [t.node for t in targets or ()]
        found = reverse([o.node for o in outputs], seeds, stops, release=not retain)
        if targets is not None:
            collected = _by_owner(found)
            for target in targets:
                for g in _arrived(target, found, collected):
                    _collect(target, g)
            return
        for node, g in found.items():
            owner = node.owner and node.owner()
            if owner is not None:
                _collect(owner, g)


def _collect(tensor: Tensor, g: Node) -> None:
    """tensor.grad += g; the first one is taken as it is."""
    before = tensor._grad
    if before is None:
        tensor._grad = wrap(g)
    elif mode.grad:
        tensor._grad = wrap(add(before.node, g))
    else:
        before._write(add(before.node, g))
    for hook in tensor.__dict__.get("_accumulate_hooks", ()):
        hook(tensor)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
         allow_unused=None, is_grads_batched=False, materialize_grads=False) -> tuple:
    """The gradients of sum(outputs, weighted by grad_outputs) with respect to each of `inputs`, returned.

    Raises RuntimeError for an input the outputs do not depend on, unless allow_unused (its gradient is then None).
    """
    outs, ins = _as_list(outputs), _as_list(inputs)
    for i, x in enumerate(ins):
        if not x.requires_grad:
            raise RuntimeError(f"One of the differentiated Tensors does not require grad (input {i})")
    retain = create_graph if retain_graph is None else retain_graph
    seeds = _seeds(outs, grad_outputs)
    with grad_mode(create_graph):
        found = reverse([o.node for o in outs], seeds, [x.node for x in ins], release=not retain)
        collected = _by_owner(found)
        results = [_result(x, _arrived(x, found, collected), materialize_grads) for x in ins]
    if None in [r if r is None else 0 for r in results] and not (allow_unused or materialize_grads):
        raise RuntimeError("One of the differentiated Tensors appears to not have been used in the graph. "
                           "Set allow_unused=True if this is the desired behavior.")
    return tuple(results)


def _result(x: Tensor, parts: list[Node], materialize: bool) -> Tensor | None:
    if not parts:
        return wrap(full(0, x.node.shape, x.node)) if materialize else None
    return wrap(functools.reduce(add, parts))


def _by_owner(found: dict[Node, Node]) -> dict[int, list[Node]]:
    """The gradients of each leaf tensor: several when it was written to behind autograd's back between its uses."""
    gradients: dict[int, list[Node]] = {}
    for node, g in found.items():
        owner = node.owner and node.owner()
        if owner is not None:
            gradients.setdefault(id(owner), []).append(g)
    return gradients


def _arrived(x: Tensor, found: dict[Node, Node], collected: dict[int, list[Node]]) -> list[Node]:
    g = found.get(x.node)
    return collected.get(id(x)) or ([] if g is None else [g])


# --- hooks
class RemovableHandle:
    """Takes a hook away again: `handle.remove()`, or at the end of a `with` block."""

    def __init__(self, hooks: list, hook):
        self._hooks = hooks
        self._hook = hook

    def remove(self) -> None:
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def register_hook(tensor: Tensor, hook: Callable) -> RemovableHandle:
    """Call `hook(grad)` whenever this tensor's gradient is complete; what it returns replaces the gradient."""
    node = tensor.node
    if not node.needs_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")

    def watch(g: Node) -> Node | None:
        replaced = hook(wrap(g))
        return None if replaced is None else replaced.node

    node.watchers = node.watchers or []
    node.watchers.append(watch)
    return RemovableHandle(node.watchers, watch)


def register_post_accumulate_grad_hook(tensor: Tensor, hook: Callable) -> RemovableHandle:
    """Call `hook(tensor)` after `backward` has added to its `.grad`."""
    if not tensor._variable:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    hooks = tensor.__dict__.setdefault("_accumulate_hooks", [])
    hooks.append(hook)
    return RemovableHandle(hooks, hook)


def retain_grad(tensor: Tensor) -> None:
    """Keep the gradient of a tensor that is no leaf in its `.grad` too."""
    node = tensor.node
    if not node.needs_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if tensor._variable or tensor.__dict__.get("retains_grad"):
        return
    reference = weakref.ref(tensor)

    def keep(g: Node) -> None:
        kept = reference()
        if kept is not None:
            _collect(kept, g)

    tensor.retains_grad = True
    node.watchers = node.watchers or []
    node.watchers.append(keep)


class GradFn:
    """What made a tensor, as PyTorch shows it: a name, and the functions that made its inputs."""

    def __init__(self, node: Node):
        self._node = node

    def name(self) -> str:
        name = self._node.attrs[0] if self._node.op is spent else self._node.op.name
        words = "".join(w.capitalize() for w in name.split("_"))
        return f"{words}Backward0"

    @property
    def next_functions(self) -> tuple:
        return tuple((GradFn(n), 0) for n in self._node.inputs if n.needs_grad)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


def grad_fn(tensor: Tensor) -> GradFn | None:
    return None if tensor.is_leaf else GradFn(tensor.node)
