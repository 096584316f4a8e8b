"""Receptive fields (L 4.2 fig. 4.4, N 5.2.6 fig. 5.10): which part of the input an activation can depend on.

Followed through the recorded graph, dimension by dimension: element i of a value sees the input's positions from
low + i jump to high + i jump. A convolution with kernel K, stride S, dilation D and padding P makes of that

    low - P jump,  high + (D (K - 1) - P) jump,  S jump,

so that L layers with kernel K and stride 1 see 1 + L (K - 1). Borders are not cut off: this is the published figure,
which may be larger than the image. Where a bound is not exact, it is too large, never too small.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from ..graph import ops
from ..graph.node import Node, expand_composite
from ..graph.text import ancestors
from ..nn.utils.calls import Recording
from .reshapes import reshaped

Number = Fraction | int


@dataclass(frozen=True)
class Span:
    """Along one dimension of the input: `dim` is the dimension of the value that moves with it, None if none does."""

    dim: int | None
    jump: Number
    low: Number
    high: Number

    @property
    def size(self) -> int:
        """Positions of the input that one element can depend on."""
        return math.ceil(self.high) - math.floor(self.low) + 1

    def at(self, index: int) -> tuple[int, int]:
        """First and last position that the element at `index` can depend on, before the borders cut."""
        return math.floor(self.low + index * self.jump), math.ceil(self.high + index * self.jump)

    def everywhere(self, shape: tuple[int, ...]) -> Span:
        """What all elements of a value of this shape see together."""
        if self.dim is None:
            return self
        ends = (0, (shape[self.dim] - 1) * self.jump)
        return Span(None, 0, self.low + min(ends), self.high + max(ends))

    def moved(self, dim: int) -> Span:
        return self if self.dim is None else replace(self, dim=dim)


Field = tuple[Span, ...]
"""One span for each spatial dimension of the input."""


def receptive_fields(recording: Recording, source: Node | None = None) -> dict[Node, Field]:
    """The field of every recorded value that depends on `source`, by default the first input.

    The spatial dimensions of (N, C, *spatial) are followed, of (N, T) the last.
    """
    source = recording.inputs[0] if source is None else source
    rank = len(source.shape)
    dims = range(2, rank) if rank > 2 else range(1, rank)
    known: dict[Node, Field] = {source: tuple(Span(d, 1, 0, 0) for d in dims)}
    for node in recording.nodes():
        _follow(node, known)
    return known


def _follow(node: Node, known: dict[Node, Field]) -> None:
    if node in known or not any(s in known for s in node.inputs):
        return
    rule = _RULES.get(node.op) or _BY_KIND.get(node.op.kind, _anywhere)
    known[node] = rule(node, known)


def _anywhere(node: Node, known: dict[Node, Field]) -> Field:
    """All that any element of any input sees: for what moves elements in a way that is not followed."""
    return _union([tuple(span.everywhere(s.shape) for span in known[s]) for s in node.inputs if s in known], node)


def _union(fields: list[Field], node: Node) -> Field:
    """What all of them see together, as far as they move alike."""
    return tuple(_joined(spans, node) for spans in zip(*fields))


def _joined(spans: tuple[Span, ...], node: Node) -> Span:
    if len({(s.dim, s.jump) for s in spans}) > 1:
        spans = tuple(s.everywhere(node.shape) for s in spans)
    return replace(spans[0], low=min(s.low for s in spans), high=max(s.high for s in spans))


def _elementwise(node: Node, known: dict[Node, Field]) -> Field:
    """Operands are aligned at their last dimensions; what is repeated by broadcasting does not move."""
    fields = []
    for source in node.inputs:
        if source in known:
            shift = len(node.shape) - len(source.shape)
            fields.append(tuple(_aligned(span, source, node, shift) for span in known[source]))
    return _union(fields, node)


def _aligned(span: Span, source: Node, node: Node, shift: int) -> Span:
    if span.dim is None or source.shape[span.dim] != node.shape[span.dim + shift]:
        return span.everywhere(source.shape)
    return span.moved(span.dim + shift)


def _composite(node: Node, known: dict[Node, Field]) -> Field:
    result = expand_composite(node)
    for inner in ancestors([result], through_values=True):
        if inner.serial > node.serial:
            _follow(inner, known)
    return known.get(result) or _anywhere(node, known)


def _windowed(window: Callable[[Node, int], tuple[int, int, int, int]]) -> Callable:
    """A rule for windows of (kernel, stride, padding, dilation) over the dimensions from the third on."""

    def rule(node: Node, known: dict[Node, Field]) -> Field:
        source = node.inputs[0]
        if source not in known:
            return _anywhere(node, known)
        return tuple(_through_window(span, source, window, node) for span in known[source])

    return rule


def _through_window(span: Span, source: Node, window: Callable, node: Node) -> Span:
    if span.dim is None or span.dim < 2:
        return span.everywhere(source.shape)
    kernel, stride, padding, dilation = window(node, span.dim - 2)
    reach = dilation * (kernel - 1)
    return Span(span.dim, span.jump * stride, span.low - padding * span.jump, span.high + (reach - padding) * span.jump)


def _transposed(node: Node, known: dict[Node, Field]) -> Field:
    """Output o = i S - P + t D, t < K, so that i lies between (o + P - D (K - 1)) / S and (o + P) / S."""
    source, weight = node.inputs
    if source not in known:
        return _anywhere(node, known)
    _, strides, paddings, dilations, _ = node.attrs
    spans = []
    for span in known[source]:
        if span.dim is None or span.dim < 2:
            spans.append(span.everywhere(source.shape))
            continue
        i = span.dim - 2
        jump = Fraction(span.jump) / strides[i]
        reach = dilations[i] * (weight.shape[span.dim] - 1)
        low = span.low + jump * (paddings[i] - reach)
        spans.append(Span(span.dim, jump, low, span.high + jump * paddings[i]))
    return tuple(spans)


def _reduced(node: Node, known: dict[Node, Field]) -> Field:
    source = node.inputs[0]
    dims = node.attrs[0] if isinstance(node.attrs[0], tuple) else (node.attrs[0],)
    kept = len(node.shape) == len(source.shape)
    spans = []
    for span in known[source]:
        if span.dim is None or span.dim in dims:
            spans.append(span.everywhere(source.shape))
        else:
            spans.append(span.moved(span.dim if kept else span.dim - sum(d < span.dim for d in dims)))
    return tuple(spans)


def _product(node: Node, known: dict[Node, Field]) -> Field:
    """Rows of the first and columns of the second operand move on; what is summed over is seen whole."""
    fields = []
    rank = len(node.shape)
    for source, summed in zip(node.inputs, (1, 2)):
        if source not in known:
            continue
        shift = rank - len(source.shape)
        fields.append(tuple(
            span.everywhere(source.shape) if span.dim == len(source.shape) - summed else _aligned(span, source, node, shift)
            for span in known[source]
        ))
    return _union(fields, node)


def _permuted(node: Node, known: dict[Node, Field]) -> Field:
    order = node.attrs[0]
    return tuple(s if s.dim is None else s.moved(order.index(s.dim)) for s in known[node.inputs[0]])


def _reshaped(node: Node, known: dict[Node, Field]) -> Field:
    source = node.inputs[0]
    return tuple(_one_reshaped(s, source.shape, node.shape) for s in known[source])


def _one_reshaped(span: Span, before: tuple[int, ...], after: tuple[int, ...]) -> Span:
    """Where several dimensions become one, the first of them moves on, more slowly; where one becomes several, faster."""
    if span.dim is None:
        return span
    found = reshaped(before, after, span.dim)
    if found is None:
        return span.everywhere(before)
    dim, inside, parts = found
    if parts == 1:
        jump = Fraction(span.jump) / inside
        return Span(dim, jump, span.low - jump * (inside - 1), span.high)
    return Span(dim, span.jump * parts, span.low, span.high + span.jump * (parts - 1))


def _shifted(starts: Callable[[Node, int], tuple[int, int]]) -> Callable:
    """A rule for values cut or padded: element i of the result is element start + i step."""

    def rule(node: Node, known: dict[Node, Field]) -> Field:
        if len([s for s in node.inputs if s in known]) != 1 or node.inputs[0] not in known:
            return _anywhere(node, known)
        spans = []
        for span in known[node.inputs[0]]:
            start, step = (0, 1) if span.dim is None else starts(node, span.dim)
            spans.append(Span(span.dim, span.jump * step, span.low + start * span.jump, span.high + start * span.jump))
        return tuple(spans)

    return rule


def _expanded(node: Node, known: dict[Node, Field]) -> Field:
    return _elementwise(node, known)


def _joined_parts(node: Node, known: dict[Node, Field]) -> Field:
    """Concatenation, of values that are as long in every dimension that moves."""
    dim = node.attrs[0]
    fields = []
    for source in node.inputs:
        if source in known:
            fields.append(tuple(s.everywhere(source.shape) if s.dim == dim else s for s in known[source]))
    return _union(fields, node)


_RULES: dict = {
    ops.conv: _windowed(lambda n, i: (n.inputs[1].shape[2 + i], *(n.attrs[k][i] for k in (0, 1, 2)))),
    ops.max_pool: _windowed(lambda n, i: tuple(n.attrs[k][i] for k in range(4))),
    ops.avg_pool: _windowed(lambda n, i: (*(n.attrs[k][i] for k in range(3)), 1)),
    ops.conv_input_grad: _transposed,
    ops.matmul: _product,
    ops.permute: _permuted,
    ops.reshape: _reshaped,
    ops.expand: _expanded,
    ops.cat: _joined_parts,
    ops.slice_: _shifted(lambda n, d: (n.attrs[0][d], n.attrs[2][d])),
    ops.pad: _shifted(lambda n, d: (-n.attrs[0][d], 1)),
}
_BY_KIND: dict[str, Callable] = {
    "pointwise": _elementwise, "identity": _elementwise, "composite": _composite, "reduce": _reduced,
}
