"""What all living tensors hold at one moment, and what has changed since: how a traced function's effects are found."""

from __future__ import annotations

import gc
from dataclasses import dataclass

from ..graph.node import Node
from .box import Box, Storage


@dataclass
class Held:
    """A tensor, its node and its gradient when the snapshot was taken."""

    box: Box
    node: Node
    grad: Box | None


class Snapshot:
    """Every tensor alive when it is taken; they stay alive as long as it does."""

    def __init__(self) -> None:
        self.held = {id(box): Held(box, box.node, box._grad) for box in living()}

    def written(self) -> list[Storage]:
        """The storages that hold another value now, each once."""
        found: dict[int, Storage] = {}
        for held in self.held.values():
            storage = held.box._storage
            if held.box.node is not held.node:
                found[id(storage)] = storage
        return list(found.values())

    def new_gradients(self) -> list[Held]:
        """The tensors whose `.grad` is another tensor now, or none."""
        return [h for h in self.held.values() if h.box._grad is not h.grad]

    def newcomers(self) -> list[Box]:
        """The tensors that have been made since and are still referred to by something."""
        gc.collect()
        return [box for box in living() if id(box) not in self.held]


def living() -> list[Box]:
    """Every tensor that exists."""
    return [thing for thing in gc.get_objects() if issubclass(type(thing), Box) and "_storage" in vars(thing)]
