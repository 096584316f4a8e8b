"""Networks on graphs: each node gathers what its neighbours send (L "missing bits"; Gilmer et al., 2017).

A graph is a tensor of edges (2, E) of node numbers: row 0 the senders, row 1 the receivers. An undirected edge stands in
both directions. Several graphs in one batch are one graph without edges between them.
"""

from __future__ import annotations

import math
from typing import Any

from .. import nn
from ..nn import functional as F
from ..nn import init
from ..tensor import Tensor, arange, cat, empty, ones, stack, zeros

AGGREGATES = ("mean", "sum")


def with_loops(edges: Tensor, nodes: int) -> Tensor:
    """The edges, and one from each node to itself (2, E + nodes)."""
    here = arange(nodes)
    return cat([edges, stack([here, here])], 1)


def gather_sum(messages: Tensor, receivers: Tensor, nodes: int) -> Tensor:
    """Messages (E, ...) summed at their receivers, (nodes, ...)."""
    return zeros(nodes, *messages.shape[1:]).index_add(0, receivers, messages)


class GCNConv(nn.Module):
    """D^(-1/2) (A + I) D^(-1/2) X W + b, D the degrees of A + I (Kipf and Welling, 2017, eq. 2)."""

    def __init__(self, width_in: int, width_out: int, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(width_in, width_out, bias=False)
        self.bias = nn.Parameter(zeros(width_out)) if bias else None
        init.xavier_uniform_(self.linear.weight)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        nodes = x.shape[0]
        senders, receivers = with_loops(edges, nodes)
        degrees = gather_sum(ones(senders.shape[0]), receivers, nodes)  # (nodes,), at least 1
        weights = (degrees[senders] * degrees[receivers]) ** -0.5
        y = gather_sum(self.linear(x)[senders] * weights.unsqueeze(1), receivers, nodes)
        return y if self.bias is None else y + self.bias


class GATConv(nn.Module):
    """Each node weighs its neighbours by attention (Veličković et al., 2018, eq. 1 to 6).

    The weight of sender j at receiver i is the softmax, over the senders, of LeakyReLU(a_s W x_j + a_r W x_i). `heads`
    of width_out each are put side by side, or averaged with join=False.
    """

    def __init__(self, width_in: int, width_out: int, heads: int = 1, join: bool = True, slope: float = 0.2) -> None:
        super().__init__()
        self.heads, self.width, self.join, self.slope = heads, width_out, join, slope
        self.linear = nn.Linear(width_in, heads * width_out, bias=False)
        self.sender = nn.Parameter(empty(heads, width_out))
        self.receiver = nn.Parameter(empty(heads, width_out))
        self.bias = nn.Parameter(zeros(heads * width_out if join else width_out))
        for parameter in (self.linear.weight, self.sender, self.receiver):
            init.xavier_uniform_(parameter)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        nodes = x.shape[0]
        senders, receivers = with_loops(edges, nodes)
        y = self.linear(x).reshape(nodes, self.heads, self.width)  # (nodes, heads, width)
        sent, received = (y * self.sender).sum(-1), (y * self.receiver).sum(-1)  # (nodes, heads)
        scores = F.leaky_relu(sent[senders] + received[receivers], self.slope)  # (E, heads)
        # One number for all receivers: the softmax at each of them does not change by it, and exp does not overflow.
        powers = (scores - scores.detach().amax()).exp()
        weights = powers / gather_sum(powers, receivers, nodes)[receivers].clamp_min(1e-30)
        z = gather_sum(y[senders] * weights.unsqueeze(-1), receivers, nodes)
        return (z.flatten(1) if self.join else z.mean(1)) + self.bias


class SAGEConv(nn.Module):
    """W_own x_i + W_near aggregate of x_j over the neighbours j (Hamilton et al., 2017, algorithm 1), mean or sum.

    A node without neighbours gathers zeros. Raises ValueError for another aggregate.
    """

    def __init__(self, width_in: int, width_out: int, aggregate: str = "mean") -> None:
        super().__init__()
        if aggregate not in AGGREGATES:
            raise ValueError(f"SAGEConv: the aggregate must be one of {', '.join(AGGREGATES)}, got {aggregate!r}")
        self.aggregate = aggregate
        self.own = nn.Linear(width_in, width_out, bias=False)
        self.near = nn.Linear(width_in, width_out)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        senders, receivers = edges
        gathered = gather_sum(x[senders], receivers, x.shape[0])
        if self.aggregate == "mean":
            counts = gather_sum(ones(senders.shape[0]), receivers, x.shape[0])
            gathered = gathered / counts.clamp_min(1.0).unsqueeze(1)
        return self.own(x) + self.near(gathered)


def _attentive(width_in: int, width_out: int) -> GATConv:
    """HEADS heads side by side, fewer where width_out cannot be divided by so many: one alone learns unsteadily."""
    heads = math.gcd(width_out, HEADS)
    return GATConv(width_in, width_out // heads, heads)


HEADS = 4
LAYERS: dict[str, Any] = {"gcn": GCNConv, "gat": _attentive, "sage": SAGEConv}


class GraphNetwork(nn.Module):
    """Node features (nodes, F) and edges (2, E) to logits of each node (nodes, classes).

    With `graphs` (nodes,), the number of each node's graph, to logits of each graph: from the mean or the sum of its nodes, as
    `readout` says.
    `layers` convolutions of one kind, "gcn", "gat" (of up to four heads) or "sage", with a rectifier between them, then a
    linear head.
    """

    def __init__(self, features: int, hidden: int, classes: int, *, kind: str = "gcn", layers: int = 2,
                 readout: str = "mean") -> None:
        super().__init__()
        if readout not in AGGREGATES:
            raise ValueError(f"GraphNetwork: the readout must be one of {', '.join(AGGREGATES)}, got {readout!r}")
        self.readout = readout
        if kind not in LAYERS or layers < 1:
            raise ValueError(f"GraphNetwork: the kind must be one of {', '.join(LAYERS)} and layers 1 or more, got {kind!r} "
                             f"and {layers}")
        widths = [features] + [hidden] * layers
        self.layers = nn.ModuleList([LAYERS[kind](a, b) for a, b in zip(widths, widths[1:])])
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor, edges: Tensor, graphs: Tensor | None = None, count: int = 0) -> Tensor:
        """`count` is the number of graphs, where there are several."""
        if edges.dim() != 2 or edges.shape[0] != 2:
            raise ValueError(f"GraphNetwork: edges must be (2, E), got {list(edges.shape)}")
        for layer in self.layers:
            x = F.relu(layer(x, edges))  # (nodes, hidden)
        if graphs is not None:
            sizes = gather_sum(ones(x.shape[0]), graphs, count).clamp_min(1.0)
            x = gather_sum(x, graphs, count)  # (graphs, hidden)
            x = x / sizes.unsqueeze(1) if self.readout == "mean" else x
        return self.head(x)
