"""A model's drawing in one call."""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor
from .counting import recorded
from .diagram import diagram_of
from .diagram_layout import page_of
from .diagram_repeats import fold_repeats
from .diagram_svg import to_svg


def draw(model: nn.Module, *example: Tensor, title: str = "", depth: int | None = None, down: bool = False) -> str:
    """The model on these inputs as an SVG document, in the conventions of the Little Book (L 4.1).

    Boxes are layers and operations, darker where they have trainable parameters, with their meta-parameters in them;
    shapes, without the batch, stand on the right of a wire where they change; what stands several times in a row is
    drawn once in a dashed frame with its number. `depth` levels of modules are taken apart, all by default. Data flow
    upwards, or with `down` downwards. Raises whatever the model raises for such inputs.
    """
    inputs = [x.clone() for x in example]  # one tensor given twice is two inputs
    diagram = fold_repeats(diagram_of(recorded(model, *inputs), depth))
    return to_svg(page_of(diagram), title or type(model).__name__, down)
