"""Embedding: a table with one learnt vector for each token (L 4.9)."""

from __future__ import annotations

from ..tensor import Tensor, empty, no_grad
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class Embedding(Module):
    """Row i of the table for each index i: (*) of integers to (*, embedding_dim) (L 4.9).

    Parameter: weight (num_embeddings, embedding_dim) from N(0, 1). The row `padding_idx` starts at zero and
    gets no gradient; `max_norm` rescales, in the table, the rows looked up whose norm is larger;
    `scale_grad_by_freq` divides a row's gradient by how often it was looked up; `sparse` has no effect:
    gradients are dense. Raises ValueError for a padding_idx outside the table, and IndexError, when called,
    for an index outside it.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
        sparse: bool = False, _weight: Tensor | None = None, _freeze: bool = False, device=None, dtype=None,
    ):
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = _row(padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            self.weight = Parameter(
                empty(num_embeddings, embedding_dim, device=device, dtype=dtype), not _freeze
            )
            self.reset_parameters()
            return
        if tuple(_weight.shape) != (num_embeddings, embedding_dim):
            raise ValueError(
                f"Embedding: the weight's shape {list(_weight.shape)} is not (num_embeddings, embedding_dim) "
                "= "
                f"{[num_embeddings, embedding_dim]}"
            )
        self.weight = Parameter(_weight, not _freeze)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None,
        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ):
        """A layer whose table is `embeddings` (rows, dimensions), not trained if `freeze`."""
        if embeddings.dim() != 2:
            raise ValueError(
                f"Embedding.from_pretrained: embeddings must be 2-dimensional, got {list(embeddings.shape)}"
            )
        rows, dims = embeddings.shape
        return cls(
            rows, dims, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=embeddings,
            _freeze=freeze
        )

    def reset_parameters(self) -> None:
        """Draw the table anew; the padding row is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq,
            self.sparse
        )

    def extra_repr(self) -> str:
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        shown = (
            ("padding_idx", self.padding_idx, None),
            ("max_norm", self.max_norm, None),
            ("norm_type", self.norm_type, 2),
            ("scale_grad_by_freq", self.scale_grad_by_freq, False),
        )
        parts += [f"{name}={value}" for name, value, default in shown if value != default]
        return ", ".join([*parts, "sparse=True"] if self.sparse else parts)


def _row(padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"Embedding: padding_idx {padding_idx} must be within num_embeddings ({rows})")
    return padding_idx % rows
