"""Which trainings are compared: the names that `talweg train` knows, with a small form of each for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """`images`: channels-last may be faster; `step`: what a step is where it is not one batch; `small`: settings of a form
    that takes a moment."""

    name: str
    images: bool = False
    step: str = ""
    small: dict[str, Any] = field(default_factory=dict, hash=False)


ROUND = "a round"
ENTRIES = (
    Entry("regress"),
    Entry("mlp", small={"size": 8}),
    Entry("lenet", images=True, small={"batch_size": 8}),
    Entry("resnet_small", images=True, small={"size": 8, "batch_size": 8}),
    Entry("vit_small", images=True, small={"size": 8, "batch_size": 8}),
    Entry("lstm", small={"size": 8, "batch_size": 8}),
    Entry("denoiser", images=True, small={"patch": 16, "patches": 16, "batch_size": 4, "width": 4}),
    Entry("ssd", images=True, small={"scenes": 40, "batch_size": 4}),
    Entry("unet", images=True, small={"batch_size": 4, "width": 4}),
    Entry("fcn_small", images=True, small={"batch_size": 4}),
    Entry("pspnet_small", images=True, small={"batch_size": 4}),
    Entry("clip", images=True, small={"batch_size": 8, "width": 32, "layers": 1}),
    Entry("whisper", small={"batch_size": 2, "width": 32, "layers": 1, "windows": 16}),
    Entry("transformer", small={"batch_size": 8, "width": 32, "layers": 1}),
    Entry("gpt", small={"batch_size": 4, "width": 32, "layers": 1, "context": 32}),
    Entry("ddpm", images=True, small={"batch_size": 4, "widths": [16, 16]}),
    Entry("autoencoder", images=True, small={"batch_size": 4}),
    Entry("vae", images=True, small={"batch_size": 4}),
    Entry("gan", small={"batch_size": 4, "width": 32}),
    Entry("dcgan", images=True, small={"batch_size": 4, "width": 16}),
    Entry("wgan_gp", step="turns of both", small={"batch_size": 4, "width": 32}),
    Entry("realnvp", small={"batch_size": 4, "couplings": 2}),
    Entry("nice", small={"batch_size": 4, "couplings": 2}),
    Entry("gcn"),
    Entry("gat"),
    Entry("graphsage"),
    Entry("dqn", step=ROUND, small={"horizon": 40, "updates": 2, "begin": 40}),
    Entry("reinforce", step=ROUND, small={"horizon": 40}),
    Entry("a2c", step=ROUND),
    Entry("ppo", step=ROUND, small={"passes": 1}),
    Entry("sac", step=ROUND, small={"horizon": 40, "updates": 2, "begin": 40}),
)


def find(name: str) -> Entry:
    """Raises ValueError, with the names there are, for another."""
    for entry in ENTRIES:
        if entry.name == name:
            return entry
    raise ValueError(f"no recipe {name!r}: there are {', '.join(e.name for e in ENTRIES)}")
