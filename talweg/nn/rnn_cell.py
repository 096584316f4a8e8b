"""One step of a recurrent layer as a layer of its own, for loops that a user writes (L "missing bits", N 6)."""

from __future__ import annotations

import math

from ..tensor import Tensor, empty, relu, tanh, zeros
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class RNNCellBase(Module):
    """Parameters: weight_ih (gates H, input_size), weight_hh (gates H, H), bias_ih and bias_hh (gates H), all from
    U(-1/sqrt(H), 1/sqrt(H)). Inputs and states are batched (B, *) or not.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device=None, dtype=None):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias_ih": (rows,), "bias_hh": (rows,)}
        for name, shape in shapes.items():
            wanted = bias or name.startswith("weight")
            self.register_parameter(name, Parameter(empty(*shape, device=device, dtype=dtype)) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}"
        return shown if self.bias else f"{shown}, bias=False"

    def _shares(self, input: Tensor, hx: Tensor) -> tuple[Tensor, Tensor]:
        """The input's and the state's pre-activations, (B, gates H) each."""
        return F.linear(input, self.weight_ih, self.bias_ih), F.linear(hx, self.weight_hh, self.bias_hh)

    def _checked(self, input: Tensor, states, count: int) -> tuple[Tensor, list[Tensor]]:
        """Input (B, input_size) and states (B, H), zeros unless given."""
        name = type(self).__name__
        for what, x in (("input", input), *(("hx", s) for s in states or ())):
            if x.dim() not in (1, 2):
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {x.dim()}D instead")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"{name}: input has inconsistent input_size: got {input.shape[-1]}, expected {self.input_size}")
        x = input if input.dim() == 2 else input.unsqueeze(0)
        if states is None:
            return x, [zeros(x.shape[0], self.hidden_size, dtype=x.dtype)] * count
        states = [s if s.dim() == 2 else s.unsqueeze(0) for s in states]
        for s in states:
            if tuple(s.shape) != (x.shape[0], self.hidden_size):
                raise RuntimeError(f"{name}: hidden has inconsistent size: got {list(s.shape)}, expected "
                                   f"{[x.shape[0], self.hidden_size]}")
        return x, states


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device=None,
                 dtype=None):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """h' (B, H) from input (B, input_size) and h (B, H), zeros unless given."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"RNNCell: Unknown nonlinearity: {self.nonlinearity}; use 'tanh' or 'relu'")
        x, (h,) = self._checked(input, None if hx is None else [hx], 1)
        a, b = self._shares(x, h)
        out = tanh(a + b) if self.nonlinearity == "tanh" else relu(a + b)
        return out if input.dim() == 2 else out.squeeze(0)

    def extra_repr(self) -> str:
        shown = super().extra_repr()
        return shown if self.nonlinearity == "tanh" else f"{shown}, nonlinearity={self.nonlinearity}"


class LSTMCell(RNNCellBase):
    """One step of LSTM: its formulas and the order of its gates."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """(h', c') from input (B, input_size) and (h, c), zeros unless given."""
        x, (h, c) = self._checked(input, hx, 2)
        a, b = self._shares(x, h)
        i, f, g, o = (a + b).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * tanh(g)
        h = o.sigmoid() * tanh(c)
        return (h, c) if input.dim() == 2 else (h.squeeze(0), c.squeeze(0))


class GRUCell(RNNCellBase):
    """One step of GRU: its formulas and the order of its gates."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """h' (B, H) from input (B, input_size) and h, zeros unless given."""
        x, (h,) = self._checked(input, None if hx is None else [hx], 1)
        (xr, xz, xn), (hr, hz, hn) = (share.chunk(3, 1) for share in self._shares(x, h))
        r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
        n = tanh(xn + r * hn)
        out = n + z * (h - n)
        return out if input.dim() == 2 else out.squeeze(0)
