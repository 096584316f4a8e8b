"""Losses over many classes or over sequences without an alignment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..tensor import Tensor, cat, log_softmax
from . import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .loss import _Loss, _WeightedLoss
from .module import Module


class MultiLabelMarginLoss(_Loss):
    """sum over targets j and other classes i of max(0, 1 - (x_j - x_i)) / C, for (N, C) and rows of class numbers that end
    with the first -1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class CTCLoss(_Loss):
    """-log of the probability that frames spell a target, over all alignments (Graves et al., 2006): see ctc_loss."""

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False):
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths, target_lengths) -> Tensor:
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
                          self.zero_infinity)


class LinearCrossEntropyLoss(_WeightedLoss):
    """The cross-entropy of a linear layer's outputs. Parameters: those of `linear` (num_classes x out_features, in_features)."""

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False, device=None,
        dtype=None, weight: Tensor | None = None, reduction: str = "mean", ignore_index: int | None = None,
        label_smoothing: float = 0.0, options=None,
    ):
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = tuple(out_features)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.options = options
        rows = num_classes * math.prod(self.out_features)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape = (self.num_classes, *self.out_features)
        bias = None if self.linear.bias is None else self.linear.bias.reshape(shape)
        return F.linear_cross_entropy(
            input, self.linear.weight.reshape(*shape, -1), target, linear_bias=bias, weight=self.weight,
            reduction=self.reduction, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        shown = {"in_features": self.linear.in_features, "num_classes": self.num_classes, "out_features": self.out_features,
                 "bias": self.linear.bias is not None}
        shown.update({name: getattr(self, name) for name in ("reduction", "ignore_index", "label_smoothing", "options")})
        return ", ".join(f"{name}={value}" for name, value in shown.items())


class AdaptiveOutput(NamedTuple):
    """Each sample's log-probability of its target, and the mean of their negatives."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log-softmax over very many classes in clusters, frequent classes first (Grave et al., 2017).

    `cutoffs` divide the classes; each cluster after the first has a projection to in_features / div_value^i dimensions.
    Raises ValueError for cutoffs that are not positive, unique, increasing and below n_classes.
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0, head_bias: bool = False,
        device=None, dtype=None,
    ):
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of length larger than 0")
        if cutoffs != sorted(set(map(int, cutoffs))) or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1:
            raise ValueError("AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in "
                             f"an increasing order, each between 1 and n_classes-1, got {cutoffs}")
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        factory = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **factory)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // (div_value ** (i + 1)))
            classes = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(Sequential(Linear(in_features, width, bias=False, **factory),
                                        Linear(width, classes, bias=False, **factory)))

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        for layer in (self.head, *(part for pair in self.tail for part in pair)):
            layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> AdaptiveOutput:
        """(log-probabilities of the targets (N,), their mean negative) for (N, in_features) and classes (N,), or one sample.

        Raises RuntimeError for shapes that differ or a class outside [0, n_classes).
        """
        single = target_.dim() == 0
        if target_.dim() > 1 or input_.dim() != (1 if single else 2) or (not single and len(input_) != len(target_)):
            raise RuntimeError("AdaptiveLogSoftmaxWithLoss: Input and target should have the same size in the batch dimension, "
                               f"got {list(input_.shape)} and {list(target_.shape)}")
        x, target = (input_.unsqueeze(0), target_.unsqueeze(0)) if single else (input_, target_)
        known = target.numpy()
        if known.size and (known.min() < 0 or known.max() >= self.n_classes):
            raise RuntimeError(f"AdaptiveLogSoftmaxWithLoss: Target values should be in [0, {self.n_classes - 1}], but values "
                               f"in range [{known.min()}, {known.max()}] were found.")
        output = self._of_targets(x, target, known)
        loss = (-output).mean()
        return AdaptiveOutput(output.squeeze(0) if single else output, loss)

    def _of_targets(self, x: Tensor, target: Tensor, known: np.ndarray) -> Tensor:
        head = log_softmax(self.head(x), 1)
        in_head = np.minimum(known, self.shortlist_size)  # class, or the cluster's place in the head
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            in_head = np.where((known >= low) & (known < high), self.shortlist_size + i, in_head)
        output = head.gather(1, Tensor._from_array(in_head.astype(np.int64)).unsqueeze(1)).squeeze(1)
        for cluster, low, high in zip(self.tail, self.cutoffs, self.cutoffs[1:]):
            rows = np.nonzero((known >= low) & (known < high))[0]
            if rows.size:
                index = Tensor._from_array(rows)
                inside = log_softmax(cluster(x.index_select(0, index)), 1)
                classes = (target.index_select(0, index) - low).unsqueeze(1)
                output = output.index_add(0, index, inside.gather(1, classes).squeeze(1))
        return output

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes, (N, n_classes)."""
        return self._all(input, log_softmax(self.head(input), 1))

    def _all(self, x: Tensor, head: Tensor) -> Tensor:
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            place = self.shortlist_size + i
            parts.append(log_softmax(cluster(x), 1) + head[:, place : place + 1])
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most likely class of each sample, (N,)."""
        return self.log_prob(input).argmax(1)
