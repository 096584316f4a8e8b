"""A flow whose first layer is fitted in closed form: the data's mean taken off, their covariance made the identity.

What the couplings learn is then what a normal distribution does not know of the data.
"""

from __future__ import annotations

import numpy as np

from .. import nn
from ..tensor import Tensor, eye, from_numpy, no_grad, zeros
from .flows import Flow


class WhitenedFlow(nn.Module):
    """x (B, width) to noise (B, width) and log |det| (B,): z = flow(W (x - mean)). Until `fit` it is the flow alone."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow
        self.register_buffer("mean", zeros(flow.width))
        self.register_buffer("whitening", eye(flow.width))
        self.register_buffer("colouring", eye(flow.width))
        self.register_buffer("log_determinant", zeros(()))

    def fit(self, mean: np.ndarray, whitening: np.ndarray) -> None:
        """Take the first layer's mean (width,) and symmetric matrix (width, width). Raises ValueError for one that cannot be
        undone."""
        sign, size = np.linalg.slogdet(whitening)
        if sign <= 0 or not np.isfinite(size):
            raise ValueError("WhitenedFlow: the matrix has no inverse, or turns space over")
        given = {"mean": mean, "whitening": whitening, "colouring": np.linalg.inv(whitening), "log_determinant": np.array(size)}
        with no_grad():
            for name, value in given.items():
                getattr(self, name).copy_(from_numpy(np.array(value, np.float32)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, change = self.flow((x - self.mean) @ self.whitening)
        return z, change + self.log_determinant

    def inverse(self, z: Tensor) -> Tensor:
        """Noise to data: what forward undoes."""
        return self.flow.inverse(z) @ self.colouring + self.mean

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) of each row, in nats, (B,)."""
        z, change = self(x)
        return self.flow.noise_log_density(z) + change

    def sample(self, count: int) -> Tensor:
        """`count` draws, (count, width)."""
        with no_grad():
            return self.inverse(self.flow.noise(count))
