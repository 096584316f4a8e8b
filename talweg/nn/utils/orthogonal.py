"""Weights with orthonormal columns, or rows where there are fewer of these, by maps from free matrices (Lezcano, 2019)."""

from __future__ import annotations

from collections.abc import Callable

from ...core.dtypes import finfo
from ...tensor import Tensor, cat, eye, matrix_exp, randn, zeros_like
from ...tensor.functions.factor import geqrf, qr
from ...tensor.functions.reflections import householder_product
from ...tensor.functions.solving import solve
from ..module import Module
from .parametrize import register_parametrization


def _skew(x: Tensor, size: int) -> Tensor:
    """The skew-Hermitian matrix (size, size) with the strictly lower triangle of x (size, k) in its first columns."""
    lower = x.tril()
    if x.shape[-1] < size:
        lower = cat([lower, zeros_like(lower[..., :1]).expand(*lower.shape[:-1], size - x.shape[-1])], -1)
    return lower - lower.mH


def _exponential(x: Tensor) -> Tensor:
    n, k = x.shape[-2:]
    return matrix_exp(_skew(x, n))[..., :k]


def _cayley(x: Tensor) -> Tensor:
    """(I - A / 2)^-1 (I + A / 2)."""
    n, k = x.shape[-2:]
    half, one = _skew(x, n) / 2, eye(n, dtype=x.dtype)
    return solve(one - half, one + half)[..., :k]


def _householder(x: Tensor) -> Tensor:
    """The product of reflections along the columns below the diagonal; the diagonal gives each column's sign."""
    below = x.tril(-1)
    scale = 2 / (1 + (below * below.conj()).sum(-2))
    signs = x.diagonal(0, -2, -1).real if x.dtype.is_complex else x.diagonal(0, -2, -1)
    return householder_product(below, scale) * signs.detach().trunc().to(x.dtype).unsqueeze(-2)


MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "matrix_exp": _exponential, "cayley": _cayley, "householder": _householder,
}


class _Orthogonal(Module):
    """Q = base map(X). The base lets training start anywhere: at the start X is -I, whose map is I."""

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool):
        super().__init__()
        if weight.dtype.is_complex and orthogonal_map == "householder":
            raise ValueError("orthogonal: The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        wide = X.shape[-2] < X.shape[-1]
        q = MAPS[self.orthogonal_map](X.mT if wide else X)  # (n, k), n >= k
        base = self._buffers.get("base")
        q = q if base is None else base @ q
        return q.mT if wide else q

    def right_inverse(self, Q: Tensor) -> Tensor:  # noqa: N803
        """What the map takes to the orthogonal matrix nearest to the factor Q of Q's QR decomposition.

        Raises ValueError for another shape, NotImplementedError without a base for maps that have no inverse here.
        """
        if Q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {tuple(self.shape)}. Got a tensor of shape "
                             f"{tuple(Q.shape)}.")
        wide = Q.shape[-2] < Q.shape[-1]
        tall = Q.mT if wide else Q  # (n, k)
        found = self._started_from(tall) if "base" in self._buffers else self._inverted(tall)
        return found.mT if wide else found

    def _started_from(self, tall: Tensor) -> Tensor:
        n, k = tall.shape[-2:]
        whole = tall
        if n != k:
            whole = cat([tall, randn(*tall.shape[:-1], n - k, dtype=tall.dtype)], -1)
        self.base = whole.clone() if n == k and _is_orthogonal(whole) else _orthogonalised(whole)
        start = zeros_like(tall)
        start.diagonal(0, -2, -1).fill_(-1.0)  # reflections of a zero triangle give -1, times these signs; others ignore it
        return start

    def _inverted(self, tall: Tensor) -> Tensor:
        if self.orthogonal_map != "householder":
            raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley parametrizations "
                                      "when use_trivialization=False.")
        factors, scale = geqrf(tall)
        diagonal = factors.diagonal(0, -2, -1)
        diagonal.copy_(diagonal.sign())
        diagonal.mul_(1 - 2 * (scale == 0).to(factors.dtype))  # no reflection was needed there
        return factors


def _is_orthogonal(q: Tensor) -> bool:
    n, k = q.shape[-2:]
    error = (q.mH @ q - eye(k, dtype=q.dtype)).abs()
    return bool((error < 10 * n * finfo(q.dtype).eps).all())


def _orthogonalised(x: Tensor) -> Tensor:
    """The factor Q of x, with the signs that make R's diagonal positive."""
    q, r = qr(x)
    return q * r.diagonal(0, -2, -1).sgn().unsqueeze(-2)


def orthogonal(module: Module, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> Module:
    """Keep module.name orthogonal while it is trained: orthonormal columns, or rows where it is wider than high.

    `orthogonal_map` is matrix_exp (Q = exp(A), A skew), cayley, or householder (a product of reflections); unless given,
    matrix_exp for square and complex matrices, else householder. The weight at hand is the start, made orthogonal if it is
    not. Raises ValueError for a name that is no tensor, one of less than two dimensions, and an unknown map. Source: Lezcano-
    Casado and Martinez-Rubio, 2019; Lezcano-Casado, Trivializations for gradient-based optimization on manifolds, 2019.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"orthogonal: Module '{type(module).__name__}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(f"orthogonal: Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.dtype.is_complex else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(f"orthogonal: orthogonal_map has to be one of {', '.join(MAPS)}. Got: {orthogonal_map}")
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True)
