"""The losses of policy gradients (N 9). Arguments are (B,), one for each step that was taken."""

from __future__ import annotations

from ...tensor import Tensor, minimum


def policy_gradient(log_prob: Tensor, advantage: Tensor) -> Tensor:
    """-mean(log pi(a | s) A): its gradient is minus the gradient of the expected return (Williams 1992)."""
    return -(log_prob * advantage).mean()


def clipped(log_prob: Tensor, before: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """PPO's loss (Schulman et al. 2017): -mean min(r A, clamp(r, 1 - clip, 1 + clip) A), r = pi(a | s) / pi_before(a | s).

    Where the policy has already left the interval in the direction that the advantage asks for, the gradient is 0.
    """
    ratio = (log_prob - before).exp()
    return -minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def normalised(advantage: Tensor) -> Tensor:
    """Of mean 0 and standard deviation 1 in the batch, so that the step does not depend on the scale of rewards."""
    return (advantage - advantage.mean()) / (advantage.std(unbiased=False) + 1e-8)
