"""Bags of embeddings: sums, means or maxima of the rows that a bag names."""

from __future__ import annotations

from ..tensor import Tensor, empty, no_grad
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .sparse import _row


class EmbeddingBag(Module):
    """The rows of the table at each bag's ids, reduced by `mode` (sum, mean or max): (bags, L) to (bags, embedding_dim).

    Parameter: weight (num_embeddings, embedding_dim) from N(0, 1). Settings as in Embedding; ids equal to padding_idx count
    for nothing. Raises ValueError for a padding_idx outside the table.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Tensor | None = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device=None, dtype=None,
    ):
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.padding_idx = _row(padding_idx, num_embeddings)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        if _weight is not None:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ValueError(f"EmbeddingBag: the weight's shape {list(_weight.shape)} is not (num_embeddings, "
                                 f"embedding_dim) = {[num_embeddings, embedding_dim]}")
            self.weight = Parameter(_weight)
            return
        self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, include_last_offset: bool = False,
        padding_idx: int | None = None,
    ):
        """A layer whose table is `embeddings` (rows, dimensions), not trained if `freeze`."""
        if embeddings.dim() != 2:
            raise ValueError(f"EmbeddingBag.from_pretrained: embeddings must be 2-dimensional, got {list(embeddings.shape)}")
        rows, dims = embeddings.shape
        layer = cls(rows, dims, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset,
                    padding_idx)
        layer.weight.requires_grad_(not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the table anew; the padding row is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            per_sample_weights, self.include_last_offset, self.padding_idx,
        )

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        shown = (("max_norm", None), ("norm_type", 2), ("scale_grad_by_freq", False))
        parts += [f"{name}={getattr(self, name)}" for name, default in shown if getattr(self, name) != default]
        parts.append(f"mode={self.mode!r}")
        return ", ".join(parts if self.padding_idx is None else [*parts, f"padding_idx={self.padding_idx}"])
