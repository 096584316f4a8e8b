"""Products of vectors and matrices."""

from __future__ import annotations

import math

from ...core.dtypes import bool_, promote_types
from ...graph import ops
from ...graph.node import Node
from ..autocast import lowered
from ..keywords import also_named
from ..operands import refuse, require_tensor
from ..tensor import Tensor, wrap
from .pointwise import check_factor


def _operands(x, y, call: str) -> tuple[Node, Node]:
    a, b = require_tensor(x, call).node, require_tensor(y, call).node
    if a.dtype is not b.dtype:
        raise RuntimeError(f"{call}: expected m1 and m2 to have the same dtype, but got: {a.dtype.name} != {b.dtype.name}; "
                           "convert one with .to(dtype)")
    if a.dtype is bool_ and a.shape and b.shape:
        refuse(call, a.dtype, "bool")
    return a, b


@lowered
def matmul(input, other):
    """x @ y: products of matrices over the last two dimensions; the others broadcast; vectors are rows or columns."""
    a, b = _operands(input, other, "matmul")
    if not a.shape or not b.shape:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {len(a.shape)}D and {len(b.shape)}D")
    return wrap(_product(a, b))


def _product(a: Node, b: Node) -> Node:
    if len(a.shape) == 1 and len(b.shape) == 1:
        _same_length(a, b, "dot")
        return ops.sum_(ops.mul(a, b), (0,), False)
    if len(a.shape) == 1:
        out = _product(ops.reshape(a, (1, *a.shape)), b)
        return ops.reshape(out, (*out.shape[:-2], out.shape[-1]))
    if len(b.shape) == 1:
        return ops.reshape(out := _product(a, ops.reshape(b, (*b.shape, 1))), out.shape[:-1])
    if len(b.shape) == 2 and len(a.shape) > 2:  # one matrix for all: one product over all the rows
        rows = ops.reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))
        return ops.reshape(ops.matmul(rows, b), (*a.shape[:-1], b.shape[-1]))
    return ops.matmul(a, b)


def _same_length(a: Node, b: Node, call: str) -> None:
    if a.shape != b.shape:
        raise RuntimeError(f"{call}: inconsistent tensor size, expected tensors of the same length, but got "
                           f"{list(a.shape)} and {list(b.shape)}")


def _ranked(x, y, ranks: tuple[int, int], call: str) -> tuple[Node, Node]:
    a, b = _operands(x, y, call)
    if (len(a.shape), len(b.shape)) != ranks:
        raise RuntimeError(f"{call}: expected a {ranks[0]}-D and a {ranks[1]}-D tensor, got shapes {list(a.shape)} and "
                           f"{list(b.shape)}")
    return a, b


@lowered
def mm(input, mat2):
    """The product of two matrices."""
    return wrap(ops.matmul(*_ranked(input, mat2, (2, 2), "mm")))


@lowered
def bmm(input, mat2):
    """Products of two stacks of matrices, (B, M, K) and (B, K, N)."""
    a, b = _ranked(input, mat2, (3, 3), "bmm")
    if a.shape[0] != b.shape[0]:
        raise RuntimeError(f"bmm: Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] "
                           f"but got: [{b.shape[0]}, {b.shape[1]}].")
    return wrap(ops.matmul(a, b))


def mv(input, vec):
    """A matrix times a vector."""
    a, b = _ranked(input, vec, (2, 1), "mv")
    return wrap(_product(a, b))


@also_named(tensor="other")
def dot(input, other):
    """sum x_i y_i of two vectors."""
    a, b = _ranked(input, other, (1, 1), "dot")
    return wrap(_product(a, b))


def outer(input, vec2):
    """The matrix x_i y_j of two vectors."""
    if input.dim() != 1 or vec2.dim() != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.dim()}-D and {vec2.dim()}-D")
    return input.unsqueeze(1) * vec2.unsqueeze(0)


ger = outer


def _sum_with(input, product: Tensor, beta, alpha):
    for factor, name in ((beta, "beta"), (alpha, "alpha")):
        check_factor(factor, product, "addmm and its kin", name)
    scaled = product if alpha == 1 else alpha * product
    return scaled if beta == 0 else (input if beta == 1 else beta * input) + scaled


@lowered
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta input + alpha (mat1 @ mat2)"""
    return _sum_with(input, mm(mat1, mat2), beta, alpha)


def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta input + alpha (mat @ vec)"""
    return _sum_with(input, mv(mat, vec), beta, alpha)


@lowered
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta input + alpha (batch1 @ batch2)"""
    return _sum_with(input, bmm(batch1, batch2), beta, alpha)


@lowered
def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta input + alpha sum over the batch of (batch1 @ batch2)"""
    return _sum_with(input, bmm(batch1, batch2).sum(0), beta, alpha)


def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta input + alpha outer(vec1, vec2)"""
    return _sum_with(input, outer(vec1, vec2), beta, alpha)


def einsum(equation: str, *operands):
    """Sums of products by index letters: "bij,bjk->bik" is a product of stacks of matrices. `...` broadcasts.

    Operands are contracted pairwise from the left, each pair by one matrix product.
    """
    tensors = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    terms, result = _parse(equation.replace(" ", ""), tensors)
    dtype = tensors[0].dtype
    for x in tensors[1:]:
        dtype = promote_types(dtype, x.dtype)
    parts = [_diagonals_taken(x.to(dtype), term) for x, term in zip(tensors, terms)]
    x, letters = parts[0]
    for i, (y, others) in enumerate(parts[1:], 1):
        later = set(result).union(*[p[1] for p in parts[i + 1 :]])
        x, letters = _contract(x, letters, y, others, later)
    gone = [i for i, c in enumerate(letters) if c not in result]
    x = x.sum(gone) if gone else x
    left = [c for c in letters if c in result]
    return x.permute(*[left.index(c) for c in result]) if left != list(result) else x


def _parse(equation: str, tensors: list[Tensor]) -> tuple[list[str], str]:
    """Letters of each operand and of the result, with `...` as capital placeholders beyond the alphabet."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(tensors):
        raise RuntimeError(f"einsum(): the equation {equation!r} has {len(terms)} operands, but {len(tensors)} were given")
    widest = 0
    for term, x in zip(terms, tensors):
        named = len(term.replace("...", ""))
        extra = x.dim() - named
        if extra < 0 or (extra and "..." not in term):
            raise RuntimeError(f"einsum(): the number of subscripts in {term!r} does not match the number of dimensions "
                               f"({x.dim()}) of its operand")
        widest = max(widest, extra)
    dots = "".join(chr(0x100 + i) for i in range(widest))
    filled = [t.replace("...", dots[widest - (x.dim() - len(t.replace("...", ""))) :]) for t, x in zip(terms, tensors)]
    if arrow:
        result = right.replace("...", dots)
    else:
        every = "".join(filled)
        result = dots + "".join(sorted(c for c in set(every) if every.count(c) == 1 and c not in dots))
    for c in result:
        if not any(c in t for t in filled):
            raise RuntimeError(f"einsum(): output subscript {c} does not appear in the equation for any input operand")
    return filled, result


def _diagonals_taken(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """A letter that stands twice in one operand means its diagonal."""
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            a, b = letters.index(c), letters.rindex(c)
            x = x.diagonal(0, a, b)
            letters = letters[:a] + letters[a + 1 : b] + letters[b + 1 :] + c
    return x, letters


def _contract(x: Tensor, a: str, y: Tensor, b: str, later: set[str]) -> tuple[Tensor, str]:
    """One pair by one matrix product: letters in both and wanted later are batch, in both and done are summed."""
    x, a = _summed_away(x, a, set(b) | later)
    y, b = _summed_away(y, b, set(a) | later)
    batch = [c for c in a if c in b and c in later]
    inner = [c for c in a if c in b and c not in later]
    rows = [c for c in a if c not in b]
    columns = [c for c in b if c not in a]
    size = dict(zip(b, y.shape))
    size.update((c, s) for c, s in zip(a, x.shape) if s != 1 or c not in b)
    left = _arranged(x, a, batch, rows, inner, size)
    right = _arranged(y, b, batch, inner, columns, size)
    out = matmul(left, right) if inner else left * right
    letters = batch + rows + columns
    return out.reshape([size[c] for c in letters]), "".join(letters)


def _summed_away(x: Tensor, letters: str, wanted: set[str]) -> tuple[Tensor, str]:
    gone = [i for i, c in enumerate(letters) if c not in wanted]
    return (x.sum(gone), "".join(c for c in letters if c in wanted)) if gone else (x, letters)


def _arranged(x: Tensor, letters: str, *groups_and_size) -> Tensor:
    """x with its dimensions in the order of three groups of letters, each group as one dimension."""
    *groups, size = groups_and_size
    order = [c for group in groups for c in group]
    x = x.permute(*[letters.index(c) for c in order]).expand(*[size[c] for c in order])
    return x.reshape([math.prod(size[c] for c in group) for group in groups])
