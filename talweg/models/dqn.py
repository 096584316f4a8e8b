"""The Nature DQN network (L 7.3): Mnih et al., Human-level control through deep reinforcement learning (2015)."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..io import Checkpoint, Layout, Pretrained, Rule
from ..tensor import Tensor

CLEANRL = Layout("cleanrl")
# Stable-Baselines3 keeps the convolutions, the hidden layer and the output apart, and the target network beside them.
STABLE_BASELINES = Layout(
    "stable-baselines3",
    (
        Rule("q_net.features_extractor.linear.0.**", "network.7.**"),
        Rule("q_net.q_net.0.**", "network.9.**"),
        Rule("q_net.features_extractor.cnn.*.**", "network.*.**"),
    ),
    ignored=("q_net_target.**",),
)


class NatureDQN(Pretrained):
    """The value Q(s, a) of each action: frames (B, frames, 84, 84) in [0, 1] to (B, actions).

    Integer frames 0..255, as a replay memory holds them, are scaled here. 1,686,180 parameters with four
    actions. Names are CleanRL's.
    """

    layouts = (CLEANRL, STABLE_BASELINES)

    def __init__(self, actions: int = 4, frames: int = 4) -> None:
        super().__init__()
        if actions < 1 or frames < 1:
            raise ValueError(f"NatureDQN: actions and frames must be 1 or more, got {actions} and {frames}")
        self.network = nn.Sequential(
            nn.Conv2d(frames, 32, kernel_size=8, stride=4), nn.ReLU(),  # (B, 32, 20, 20)
            nn.Conv2d(32, 64, kernel_size=4, stride=2), nn.ReLU(),  # (B, 64, 9, 9)
            nn.Conv2d(64, 64, kernel_size=3, stride=1), nn.ReLU(),  # (B, 64, 7, 7)
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, 512), nn.ReLU(),
            nn.Linear(512, actions),
        )

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            x = x.float() / 255
        return self.network(x)  # (B, frames, 84, 84) -> (B, actions)

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        shapes = checkpoint.shapes
        theirs = "q_net.q_net.0.weight" in shapes
        first, last = ("q_net.features_extractor.cnn.0", "q_net.q_net.0") if theirs else ("network.0", "network.9")
        return {"actions": shapes[f"{last}.weight"][0], "frames": shapes[f"{first}.weight"][1]}
