"""Recurrent layers: RNN, LSTM and GRU, stacked and in both directions (L "missing bits", N 6)."""

from __future__ import annotations

import math
import numbers
import warnings

from ..tensor import Tensor, cat, empty, full, is_autocast_enabled, stack, zeros
from . import functional as F
from . import init
from .functional.recurrent import IDLE, input_share, recurrent_steps
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence, Places

_GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}


class RNNBase(Module):
    """What the recurrent layers share: settings, parameters, checks and the walk through layers and directions.

    Parameters of layer k (with the suffix _reverse for the other direction): weight_ih_l{k} (gates H, input),
    weight_hh_l{k} (gates H, H or proj_size), bias_ih_l{k}, bias_hh_l{k} (gates H), and with proj_size
    weight_hr_l{k} (proj_size, H), all from U(-1/sqrt(H), 1/sqrt(H)).
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device=None, dtype=None,
    ):
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout) if isinstance(dropout, numbers.Number) else dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_settings()
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: self._directions]:
                self._add_layer(layer, suffix, {"device": device, "dtype": dtype})
        self.reset_parameters()

    @property
    def _kind(self) -> str:
        return {"RNN_TANH": "tanh", "RNN_RELU": "relu"}.get(self.mode, self.mode.lower())

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _width(self) -> int:
        """The width of h."""
        return self.proj_size or self.hidden_size

    def _check_settings(self) -> None:
        name = type(self).__name__
        rate = self.dropout
        if not isinstance(rate, float) or isinstance(rate, bool) or not 0 <= rate <= 1:
            raise ValueError(f"{name}: dropout should be a number in range [0, 1], the probability of an element being "
                             f"zeroed, got {rate!r}")
        if rate > 0 and self.num_layers == 1:
            warnings.warn(f"{name}: dropout acts between layers, so with num_layers=1 dropout={rate} has no effect",
                          stacklevel=4)
        if not isinstance(self.hidden_size, int):
            raise TypeError(f"{name}: hidden_size should be of type int, got: {type(self.hidden_size).__name__}")
        for what in ("hidden_size", "num_layers"):
            if getattr(self, what) <= 0:
                raise ValueError(f"{name}: {what} must be greater than zero, got {getattr(self, what)}")
        if not 0 <= self.proj_size < self.hidden_size:
            raise ValueError(f"{name}: proj_size must be zero (no projections) or positive, and smaller than hidden_size "
                             f"{self.hidden_size}, got {self.proj_size}")

    def _add_layer(self, layer: int, suffix: str, factory: dict) -> None:
        rows = _GATES[self._kind] * self.hidden_size
        columns = self.input_size if layer == 0 else self._width * self._directions
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, columns), "weight_hh": (rows, self._width)}
        if self.bias:
            shapes.update(bias_ih=(rows,), bias_hh=(rows,))
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        names = [f"{name}_l{layer}{suffix}" for name in shapes]
        for name, shape in zip(names, shapes.values()):
            self.register_parameter(name, Parameter(empty(*shape, **factory)))
        self._all_weights.append(names)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: it is there because models for GPUs call it."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [weight for weights in self.all_weights for weight in weights]

    def _weights(self, number: int) -> dict:
        """The parameters of one layer and direction, by name without its suffix."""
        return {name[: name.rindex("_l")]: getattr(self, name) for name in self._all_weights[number]}

    # --- checks
    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        name = type(self).__name__
        if input.dtype is not self.weight_ih_l0.dtype and not is_autocast_enabled():
            raise ValueError(f"{name}: input dtype {input.dtype} does not match weight dtype {self.weight_ih_l0.dtype}")
        expected = 2 if batch_sizes is not None else 3
        if input.dim() != expected:
            raise RuntimeError(f"{name}: input must have {expected} dimensions, got {input.dim()}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(f"{name}: input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{input.shape[-1]}")

    def check_hidden_size(self, hx: Tensor, expected_hidden_size, msg: str = "Expected hidden size {}, got {}") -> None:
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(f"{type(self).__name__}: {msg.format(expected_hidden_size, list(hx.shape))}")

    def _check_batch_dims(self, input: Tensor, states) -> None:
        name = type(self).__name__
        if input.dim() not in (2, 3):
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        for state in states or ():
            if state.dim() != input.dim():
                kind = "batched 3-D" if input.dim() == 3 else "unbatched 2-D"
                raise RuntimeError(f"{name}: For {kind} input, the initial states should also be {input.dim()}-D but got a "
                                   f"{state.dim()}-D tensor of shape {list(state.shape)}")

    # --- states
    def _first_states(self, states, batch: int, like: Tensor) -> list[Tensor]:
        """The initial states (layers x directions, B, width of each), zeros unless given."""
        count = self.num_layers * self._directions
        widths = [self._width, self.hidden_size][: 2 if self._kind == "lstm" else 1]
        if states is None:
            return [zeros(count, batch, width, dtype=like.dtype) for width in widths]
        for what, state, width in zip(("hidden[0]", "hidden[1]") if len(widths) == 2 else ("hidden",), states, widths):
            self.check_hidden_size(state, (count, batch, width), f"Expected {what} size {{}}, got {{}}")
        return list(states)

    # --- the walk
    def _run(self, x: Tensor, states: list[Tensor], places: Places | None) -> tuple[Tensor, list[Tensor]]:
        """All layers over x (T, B, *), or packed rows: (the last layer's outputs, the last states of all)."""
        last: list[tuple] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for direction in range(self._directions):
                number = layer * self._directions + direction
                given = tuple([s.select(0, number) for s in states])
                output, *ends = self._one(x, given, self._weights(number), direction == 1, places)
                outputs.append(output)
                last.append(tuple(ends))
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
        return x, [stack(list(column)) for column in zip(*last)]

    def _one(self, x: Tensor, state: tuple, weights: dict, reverse: bool, places: Places | None):
        """One layer in one direction: (outputs, last h, [last c])."""
        kind = self._kind
        share = input_share(kind, x, weights)
        if places is not None:
            share = self._padded(share, places, reverse)
        elif reverse:
            share = share.flip(0)
        hidden, memory = recurrent_steps(kind, share, state, weights)
        if places is None:
            ends = [hidden.select(0, hidden.shape[0] - 1)]
            hidden = hidden.flip(0) if reverse else hidden
        else:
            flat = hidden.reshape(-1, hidden.shape[-1])
            ends = [flat.index_select(0, Tensor._from_array(places.last()))]
            hidden = flat.index_select(0, Tensor._from_array(places.cells(reverse)))
        return hidden, *ends, *([] if memory is None else [memory])

    def _padded(self, share: Tensor, places: Places, reverse: bool) -> Tensor:
        """(packed rows, gates H) as (T, B, gates H), with idle steps behind each sequence's end."""
        idle = cat([full((1, self.hidden_size), v, dtype=share.dtype) for v in IDLE[self._kind]], 1)
        rows = Tensor._from_array(places.rows(reverse).reshape(-1))
        return cat([share, idle]).index_select(0, rows).reshape(places.steps, places.batch, -1)

    def _forward(self, input, states):
        """(output, [last states]) for a tensor, batched or not, or a PackedSequence."""
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, states)
        self._check_batch_dims(input, states)
        batched = input.dim() == 3
        time = 1 if self.batch_first and batched else 0
        x = input if batched else input.unsqueeze(1)
        if states is not None and not batched:
            states = [s.unsqueeze(1) for s in states]
        self.check_input(x, None)
        x = x.transpose(0, 1) if time == 1 else x  # (T, B, *)
        if not x.shape[0]:
            raise RuntimeError(f"{type(self).__name__}: Expected sequence length to be larger than 0")
        output, last = self._run(x, self._first_states(states, x.shape[1], x), None)
        if not batched:
            return output.squeeze(1), [s.squeeze(1) for s in last]
        return (output.transpose(0, 1) if time == 1 else output), last

    def _forward_packed(self, input: PackedSequence, states):
        self.check_input(input.data, input.batch_sizes)
        places = Places(input.batch_sizes.numpy())
        first = self._first_states(states, places.batch, input.data)
        if states is not None and input.sorted_indices is not None:
            first = [s.index_select(1, input.sorted_indices) for s in first]
        output, last = self._run(input.data, first, places)
        if input.unsorted_indices is not None:
            last = [s.index_select(1, input.unsorted_indices) for s in last]
        return input._with(output), last

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        usual = (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0),
                 ("bidirectional", False))
        parts += [f"{name}={getattr(self, name)}" for name, default in usual if getattr(self, name) != default]
        return ", ".join(parts)


class _OneState(RNNBase):
    def forward(self, input, hx: Tensor | None = None):
        """(output, h_n): input (T, B, input_size), (B, T, input_size) with batch_first, (T, input_size) or packed; h_n
        (layers x directions, B, H)."""
        output, last = self._forward(input, None if hx is None else (hx,))
        return output, last[0]


class RNN(_OneState):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or relu of it (Elman, 1990; N 6).

    Arguments: input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0
    between layers, bidirectional=False. Raises ValueError for settings out of range, RuntimeError for an input or a
    state of the wrong shape.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device=None, dtype=None, **kwargs):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'.")
        _refuse(kwargs, "RNN")
        self.__dict__["nonlinearity"] = nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, 0, device, dtype)


class GRU(_OneState):
    """r, z = sigmoid of W_i x + b_i + W_h h + b_h; n = tanh(W_in x + b_in + r (W_hn h + b_hn)); h' = (1 - z) n + z h.

    Arguments as in RNN, without nonlinearity. The rows of the weights are those of r, z and n. Source: Cho et al., 2014.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device=None, dtype=None,
                 **kwargs):
        _refuse(kwargs, "GRU")
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
                         device, dtype)


def _refuse(kwargs: dict, name: str) -> None:
    if "proj_size" in kwargs:
        raise ValueError(f"{name}: proj_size argument is only supported for LSTM, not RNN or GRU")
    if kwargs:
        raise TypeError(f"{name}: got an unexpected keyword argument {next(iter(kwargs))!r}")


class LSTM(RNNBase):
    """i, f, o = sigmoid and g = tanh of W_i x + b_i + W_h h + b_h; c' = f c + i g; h' = o tanh(c').

    Arguments as in GRU, and proj_size: h is projected to that many dimensions (0: not at all). The rows of the weights
    are those of i, f, g and o. Source: Hochreiter and Schmidhuber, 1997.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device=None, dtype=None):
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         proj_size, device, dtype)

    def forward(self, input, hx: tuple[Tensor, Tensor] | None = None):
        """(output, (h_n, c_n)): as in RNN; hx is the pair (h_0, c_0)."""
        output, last = self._forward(input, hx)
        return output, tuple(last)
