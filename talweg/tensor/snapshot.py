"""What all living tensors hold at one moment, and what has changed since: how a traced function's effects are found."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from weakref import ref

from ..graph.node import Node
from .box import Box, Storage
from .living import living
from .pending import evaluate_pending


@dataclass
class Held:
    """A tensor, its node and its gradient when the snapshot was taken."""

    box: Box
    node: Node
    grad: Box | None


class Snapshot:
    """Every tensor alive when it is taken; they stay alive as long as it does. As a context, it sees what is made inside.

    The collector rests in the context: what is made there then stays in its youngest generation, where finding the
    rings among it takes no look at everything else that the process holds.

    What waits is evaluated first: a tensor's value would otherwise be computed in what is recorded from now on, from
    arrays that are not the tensor's, and be the same at each replay.
    """

    def __init__(self) -> None:
        boxes = living()
        for box in boxes:
            _ = box.node  # views of what was written are read anew
        evaluate_pending()
        self.held = {id(box): Held(box, box.node, box._grad) for box in boxes}

    def __enter__(self) -> Snapshot:
        self._collecting = gc.isenabled()
        gc.disable()
        return self

    def __exit__(self, *_: object) -> None:
        if self._collecting:
            gc.enable()

    def written(self) -> list[Storage]:
        """The storages that hold another value now, each once."""
        found: dict[int, Storage] = {}
        for held in self.held.values():
            storage = held.box._storage
            if held.box.node is not held.node:
                found[id(storage)] = storage
        return list(found.values())

    def homes(self) -> list[tuple[ref[Box], Storage]]:
        """The tensors that hold another value now, and where."""
        return [(ref(h.box), h.box._storage) for h in self.held.values() if h.box.node is not h.node]

    def new_gradients(self) -> list[Held]:
        """The tensors whose `.grad` is another tensor now, or none."""
        return [h for h in self.held.values() if h.box._grad is not h.grad]

    def newcomers(self) -> list[Box]:
        """The tensors that were made in the context and are still referred to by something."""
        gc.collect(0)
        return [box for box in living() if id(box) not in self.held]
