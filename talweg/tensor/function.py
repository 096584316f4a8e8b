"""Operations of the user's own: a forward pass, and the rule that goes back through it (N 2.4.4)."""

from __future__ import annotations

from ..graph.node import VARIADIC, Node, Op, grad_mode, mode
from ..graph.ops import cast, full
from .box import Box, passed_on, without_history
from .tensor import Tensor, wrap


class Context:
    """What a forward pass leaves for its backward pass; a Function calls it `ctx` and may keep anything on it.

    needs_input_grad   one bool for each argument of forward: whether its gradient is of use
    """

    def __init__(self, function: type[Function], args: tuple):
        self.needs_input_grad = tuple(isinstance(a, Box) and a.requires_grad for a in args)
        self._function = function
        self._to_save: tuple = ()
        self._call: Call | None = None
        self._output: tuple[Node, int] | None = None  # while a backward pass runs: which output it came through
        self._constant: tuple = ()
        self._written: tuple = ()
        self._materialize = True

    def save_for_backward(self, *tensors) -> None:
        """Keep inputs, outputs or other tensors (or None) for `saved_tensors`. Raises TypeError for anything else."""
        for i, x in enumerate(tensors):
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument {i} is of type "
                                f"{type(x).__name__}; keep other things as attributes of ctx")
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` was given."""
        if self._call is None or self._output is None:
            return self._to_save
        return self._call.saved_tensors(*self._output)

    def mark_non_differentiable(self, *outputs) -> None:
        """These outputs have no gradient."""
        self._constant = outputs

    def mark_dirty(self, *inputs) -> None:
        """These inputs were written in place by forward, which returns them."""
        self._written = inputs

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward is given zeros (else None) for outputs that no gradient reaches; True unless set."""
        self._materialize = bool(value)


class Call:
    """One use of a Function: its context and where its tensors stand among the recorded nodes.

    Each differentiable output is a node of the function's operation, whose inputs are the argument tensors and the
    values of all outputs. Being linear in the upstream gradients, the rule is asked for one output at a time.
    """

    def __init__(self, ctx: Context, args: tuple, sources: list[Node], values: list[Node], outputs: list):
        self.name = ctx._function.__name__
        self.ctx = ctx
        self.places = [i for i, a in enumerate(args) if isinstance(a, Box)]  # the tensors among the arguments
        self.argument_count = len(args)
        self.shapes = [(n.shape, n.dtype) for n in sources]
        self.output_count = len(values)
        self.saved = [_reference(x, outputs) for x in ctx._to_save]
        self._last: tuple = (None, -1, [])
        ctx._to_save = ()
        ctx._call = self

    def __eq__(self, other) -> bool:
        """Two calls compute alike where the function is the same: the context matters to gradients alone."""
        return isinstance(other, Call) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self):
        return self.ctx._function, self.output_count

    def saved_tensors(self, out: Node, k: int) -> tuple:
        """Saved outputs are recorded anew from the same inputs, so that nothing holds itself."""
        def restored(x):
            if isinstance(x, int):
                return wrap(out if x == k else passed_on(out.op(out.inputs, self, x), out.inputs[len(self.places) + x]))
            return x and wrap(x)

        return tuple([restored(x) for x in self.saved])

    def gradient(self, i: int, g: Node, out: Node, k: int) -> Node | None:
        """The gradient of tensor argument i; a reverse pass asks for rising i, and backward runs once for them."""
        key = (g, k, mode.grad)
        seen, last, parts = self._last
        if seen != key or i <= last:
            parts = self._backward(g, out, k)
        self._last = (key, i, parts)
        part, parts[i] = parts[i], None
        return part

    def _backward(self, g: Node, out: Node, k: int) -> list[Node | None]:
        ctx = self.ctx
        values = out.inputs[len(self.places) :]
        upstream = [wrap(full(0, v.shape, v)) if ctx._materialize else None for v in values]
        upstream[k] = wrap(g)
        ctx._output = (out, k)
        try:
            found = ctx._function.backward(ctx, *upstream)
        finally:
            ctx._output = None
        return self._checked(found if isinstance(found, tuple) else (found,))

    def _checked(self, found: tuple) -> list[Node | None]:
        count = self.argument_count
        if len(found) < count or any(x is not None for x in found[count:]):
            raise RuntimeError(f"function {self.name}Backward returned an incorrect number of gradients "
                               f"(expected {count}, got {len(found)}): one for each argument of forward, None where "
                               "there is none")
        for i, x in enumerate(found[:count]):
            if x is not None and i not in self.places:
                raise RuntimeError(f"function {self.name}Backward returned a gradient different than None at position "
                                   f"{i + 1}, but the corresponding forward input was not a Variable")
        return [self._fitting(found[i], i, *like) for i, like in zip(self.places, self.shapes)]

    def _fitting(self, x, i: int, shape: tuple, dtype) -> Node | None:
        """One gradient in its argument's dtype; the reverse pass sums one that is broadcast."""
        if x is None:
            return None
        if not isinstance(x, Tensor):
            raise TypeError(f"function {self.name}Backward: expected a Tensor or None as the gradient at index {i}, "
                            f"but got {type(x).__name__}")
        node = x.node
        lead = len(node.shape) - len(shape)
        if lead < 0 or any(have not in (1, got) for have, got in zip(shape, node.shape[lead:])):
            raise RuntimeError(f"Function {self.name}Backward returned an invalid gradient at index {i} - got "
                               f"{list(node.shape)} but expected shape compatible with {list(shape)}")
        return node if node.dtype is dtype else cast(node, dtype)


def _reference(x: Tensor | None, outputs: list) -> int | Node | None:
    """How a saved tensor is kept: an output by its number, anything else by its node."""
    k = next((k for k, out in enumerate(outputs) if out is x), None) if x is not None else None
    return k if k is not None or x is None else x.node


class _Rules:
    """One gradient rule an input of the node, made on demand. The values, which come last, are never asked."""

    def __getitem__(self, i: int):
        return lambda g, out, nodes, call, k: call.gradient(i, g, out, k)


def _operation(function: type[Function]) -> Op:
    """The graph operation of a Function's outputs: the value that forward computed, with the user's gradients."""
    def value(nodes, call, k):
        return nodes[len(call.places) + k]

    def infer(nodes, call, k):
        found = value(nodes, call, k)
        return found.shape, found.dtype

    return Op(function.__name__, VARIADIC, "composite", infer, _Rules(), value, ("call", "output"))


class Function:
    """Base of operations with a gradient rule of their own. Use one by `MyFunction.apply(*args)`.

    forward(ctx, *args), or forward(*args) with setup_context(ctx, inputs, output), computes the outputs (one tensor
    or a tuple); nothing it does is recorded for differentiation. backward(ctx, *upstream) returns the gradient of
    each argument of forward (None for what has none); written with tensor operations it can be differentiated
    again. It has to be linear in the upstream gradients, as every derivative is: with several outputs it is called
    once for each that a gradient reaches.

    Raises RuntimeError when backward returns too few gradients, one of a wrong shape, or one for an argument that
    is no tensor.
    """

    _op: Op

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._op = _operation(cls)

    def __init__(self, *_, **__):
        raise RuntimeError(f"{type(self).__name__} should not be instantiated. Methods on autograd functions are all "
                           f"static; use {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError("You must implement the backward function for your custom autograd.Function to use "
                                  "it with backward mode AD.")

    @classmethod
    def apply(cls, *args):
        """Run forward, and record how to go back. Raises TypeError when forward returns what is no tensor."""
        ctx = Context(cls, args)
        sources = [a.node for a in args if isinstance(a, Box)]  # before forward may write to them
        with grad_mode(False):
            returned = cls._run_forward(ctx, args)
        outputs = list(returned) if isinstance(returned, tuple) else [returned]
        if mode.grad and any(ctx.needs_input_grad):
            outputs = cls._record(ctx, args, sources, outputs)
        return tuple(outputs) if isinstance(returned, tuple) else outputs[0]

    @classmethod
    def _run_forward(cls, ctx: Context, args: tuple):
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args)
        output = cls.forward(*args)
        cls.setup_context(ctx, args, output)
        return output

    @classmethod
    def _record(cls, ctx: Context, args: tuple, sources: list[Node], outputs: list) -> list:
        for x in outputs:
            if not isinstance(x, Tensor):
                raise TypeError(f"{cls.__name__}.forward: expected Tensor or tuple of Tensors (got {type(x).__name__})")
        if ctx._to_save:
            cls._op.saves = True
        values = [without_history(x.node) for x in outputs]
        call = Call(ctx, args, sources, values, outputs)
        nodes = (*sources, *values)
        return [x if _is_in(x, ctx._constant) else _shown(x, passed_on(cls._op(nodes, call, k), values[k]), ctx)
                for k, x in enumerate(outputs)]


def _is_in(x: Tensor, tensors: tuple) -> bool:
    return any(x is t for t in tensors)


def _shown(x: Tensor, node: Node, ctx: Context) -> Tensor:
    """An output as its recorded node: a new tensor, or the input that forward wrote to."""
    if _is_in(x, ctx._written):
        x._write(node)
        return x
    return wrap(node)
