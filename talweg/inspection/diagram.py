"""What a drawing of a model shows: its layers and the operations between them, who reads whose output (L 4.1).

Found in a recorded forward pass, not in the source: modules without children are boxes, those with children frames
around what they call, and of the operations that a forward method writes itself those that matter to a reader are drawn
(sums of branches, products, activations, pooling, concatenation). Views, masks and scalings are looked through.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .. import nn
from ..core.dtypes import bool_
from ..graph import ops
from ..graph.node import Node
from ..nn.utils.calls import Call, Recording
from .diagram_words import details, layer_label, operation_label

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(eq=False)
class Part:
    """A box, a round sign, a frame around other parts, or an input (kind: "box", "sign", "frame", "input").

    `sources` are the boxes, signs and inputs whose output it reads, `weights` the shapes of its own parameters,
    `copies` how many times it stands in a row.
    """

    kind: str
    label: str
    details: str = ""
    weights: tuple[tuple[int, ...], ...] = ()
    trainable: bool = False
    shape: tuple[int, ...] | None = None
    name: str = ""
    parts: list[Part] = field(default_factory=list)
    sources: list[Part] = field(default_factory=list)
    copies: int = 1

    def leaves(self) -> list[Part]:
        """What is drawn inside, without frames; itself if it is no frame."""
        return [leaf for part in self.parts for leaf in part.leaves()] if self.kind == "frame" else [self]


@dataclass
class Diagram:
    """The model as one frame, its inputs, and the parts whose outputs it returns."""

    model: Part
    inputs: list[Part]
    outputs: list[Part]


def diagram_of(recording: Recording, depth: int | None = None) -> Diagram:
    """The parts of a recorded model. Modules below `depth` levels are drawn as one box each."""
    return _Reader(recording, depth).read()


class _Reader:
    def __init__(self, recording: Recording, depth: int | None) -> None:
        self.recording = recording
        self.depth = depth
        self.made_by: dict[Node, Part] = {}
        root = recording.root.module
        self.named = {p.node: name for name, p in root.named_parameters()}
        self.buffers = {b.node: name for name, b in root.named_buffers()}
        self.trained = {p.node for p in root.parameters() if p.requires_grad}
        self.own: dict[Call, list[Node]] = {}
        self.readers: dict[Node, list[Node]] = {}
        for node in recording.nodes():
            for source in node.inputs:
                self.readers.setdefault(source, []).append(node)
            self.own.setdefault(recording.call_of(node), []).append(node)

    def read(self) -> Diagram:
        inputs = []
        for i, node in enumerate(self.recording.inputs):
            if node not in self.made_by:
                self.made_by[node] = Part("input", _input_name(i, len(self.recording.inputs)), shape=node.shape)
                inputs.append(self.made_by[node])
        model = Part("frame", type(self.recording.root.module).__name__)
        model.parts = _at_home(self._inside(self.recording.root))
        outputs = self.sources(self.recording.outputs)[0]
        return Diagram(model, inputs, outputs)

    def _inside(self, call: Call) -> list[Part]:
        """The parts that one call is made of, in the order of running."""
        events: list[tuple[int, Call | Node]] = [(child.start, child) for child in call.children]
        events += [(node.serial, node) for node in self.own.get(call, [])]
        parts: list[Part] = []
        for _, event in sorted(events, key=lambda pair: pair[0]):
            if isinstance(event, Call):
                parts += self._call(event)
            else:
                parts += self._operation(event)
        return parts

    def _call(self, call: Call) -> list[Part]:
        if self._is_box(call):
            return self._box(call)
        inner = self._inside(call)
        if type(call.module) in _CONTAINERS or len(inner) < 2:
            return inner
        output = call.outputs[0].shape if call.outputs else None
        return [Part("frame", type(call.module).__name__, name=call.name, parts=inner, shape=output)]

    def _is_box(self, call: Call) -> bool:
        level = call.name.count(".") + 1
        if self.depth is not None and level >= self.depth and type(call.module) not in _CONTAINERS:
            return True
        ours = type(call.module).__module__.startswith(nn.__name__) and not isinstance(call.module, _CONTAINERS)
        layer_of_layers = isinstance(call.module, nn.TransformerEncoder | nn.TransformerDecoder | nn.Transformer
                                     | nn.TransformerEncoderLayer | nn.TransformerDecoderLayer)
        return not call.children or (ours and not layer_of_layers)

    def _box(self, call: Call) -> list[Part]:
        if isinstance(call.module, nn.Identity) or not call.outputs or _passes(call):
            return []
        parameters = [*call.module.parameters()]
        part = Part(
            "box", layer_label(call.module), details(call.module, call.name), tuple(tuple(p.shape) for p in parameters),
            any(p.requires_grad for p in parameters), call.outputs[0].shape, call.name,
            sources=self.sources(call.inputs)[0],
        )
        for node in call.outputs:
            self.made_by[node] = part
        return [part]

    def _operation(self, node: Node) -> list[Part]:
        """The part for an operation that a forward method writes, or none where it is looked through."""
        if node in self.made_by:
            return []
        operands = [self.sources([source]) for source in node.inputs]
        found = operation_label(node, operands)
        if found is None:
            return []
        kind, label, words = found
        sources = list(dict.fromkeys(s for parts, _ in operands for s in parts))
        tables = [table for _, tables in operands for table in tables]
        previous = sources[0] if len(sources) == 1 else None
        if previous is not None and not tables and previous.label == label == "resize":  # one step a dimension
            previous.shape = node.shape
            self.made_by[node] = previous
            return []
        trained = any(t in self.trained for t in tables)
        name = ", ".join(self._name(t) for t in tables)
        part = Part(kind, label, words or name, tuple(t.shape for t in tables), trained, self._shape(node), sources=sources)
        self.made_by[node] = part
        return [part]

    def _name(self, node: Node) -> str:
        """The last word of a parameter's name, of a layer's weight the layer's."""
        name = self.named.get(node) or self.buffers[node]
        return name.removesuffix(".weight").rpartition(".")[2]

    def _shape(self, node: Node) -> tuple[int, ...]:
        """As the user sees it: products fold leading dimensions, and unfold them behind."""
        readers = self.readers.get(node, []) if node.op is ops.matmul else []
        return readers[0].shape if len(readers) == 1 and readers[0].op is ops.reshape else node.shape

    def sources(self, nodes: Iterable[Node]) -> tuple[list[Part], list[Node]]:
        """The parts whose outputs these values are made from by what is looked through, and the parameters and buffers."""
        parts: dict[Part, None] = {}
        tables: dict[Node, None] = {}
        stack = list(nodes)
        seen = set()
        while stack:
            node = stack.pop(0)
            if node in seen:
                continue
            seen.add(node)
            if node in self.made_by:
                parts[self.made_by[node]] = None
            elif node in self.named or node in self.buffers:
                tables[node] = None
            elif self.recording.covers(node) and not _says_where(node):
                stack.extend(node.inputs)
        return list(parts), list(tables)


def _at_home(parts: list[Part]) -> list[Part]:
    """The same parts, where a layer that was called from outside its module's frame stands in it, before what is there.

    An attention's keys may be made by whoever has the memory; in the drawing they belong to the attention.
    """
    frames = [p for p in parts if p.kind == "frame" and p.name]
    moved: dict[Part, list[Part]] = {frame: [] for frame in frames}
    stay = []
    for part in parts:
        home = next((f for f in frames if part is not f and part.name.startswith(f.name + ".")), None)
        if home is None:
            stay.append(part)
        else:
            moved[home].append(part)
    for part in stay:
        if part.kind == "frame":
            part.parts = _at_home(moved.get(part, []) + part.parts)
    return stay


def _says_where(node: Node) -> bool:
    """Masks and computed positions: they choose among values and are none."""
    return node.dtype is bool_ or (node.dtype.category == "integer" and node.op.kind in ("reduce", "pointwise", "scan"))


def _passes(call: Call) -> bool:
    """Dropout that drops nothing, and the like: the output is the input."""
    rate = getattr(call.module, "p", None)
    return isinstance(call.module, nn.Dropout) and rate == 0


def _input_name(index: int, count: int) -> str:
    return "X" if count == 1 else f"X{chr(0x2081 + index)}"
