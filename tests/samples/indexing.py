"""Samples of reading and writing at positions, and of products of matrices."""

from __future__ import annotations

import numpy as np

from .table import FLOATS, A, B, D, R, S, Z, each


def _index(text: str, *args, order=2):
    return S(f"x[{text}]", *args, _order=order, _fn=eval(f"lambda T, x, *v: x[{text}]", {"np": np}))


def _assign(text: str, *args):
    """x[...] = value on a clone, so that gradients go to both."""
    code = compile(f"def f(T, x, *v):\n    x = x.clone()\n    x{text}\n    return x", "sample", "exec")
    scope: dict = {"np": np}
    exec(code, scope)
    return S(f"x{text}", *args, _fn=scope["f"])


KEYS = [
    _index("0", R(3, 2)), _index("-1, 1", R(3, 2)), _index("1:", R(3, 2)), _index("::2", R(5)),
    _index("-2:, :1", R(3, 2)),
    _index("..., 0", R(2, 3, 2)), _index("None", R(2)), _index("None, :, None, 0", R(2, 3)), _index("5:2", R(4)),
    _index("v[0]", R(4, 2), A([0, 3, 3])), _index("v[0]", R(4, 2), A([[0, -1], [2, 0]])),
    _index("v[0], v[1]", R(3, 4), A([0, 2]), A([1, -1])),
    _index("v[0], 1:", R(3, 3), A([2, 0])), _index("1:, v[0]", R(3, 3), A([2, 0])),
    _index("v[0], :, v[1]", R(2, 3, 2), A([0, 1]), A([[1], [0]])),
    _index(":, v[0], v[1]", R(2, 3, 2), A([0, 1]), A([[1], [0]])), _index("v[0]", R(3, 2), A([True, False, True])),
    _index("v[0]", R(2, 3), A([[True, False, True], [False, False, True]])),
    _index("v[0]", R(2, 2), A([[False, False], [False, False]])),
    _index(":, v[0]", R(2, 3), A([True, False, True])), _index("[0, 2]", R(3)), _index("[[0, 1], [1, 0]]", R(3, 2)),
    _index("True", R(2)), _index("v[0]", R(2), A(np.array(True))), _index("v[0]", R(), A(np.array(False))),
    _index("np.array(True)", R(2)), _index("False", R(2)), _index("v[0]", R(4), A(np.array(2))),
    _index("v[0]", Z(4), A([1, 1])),
    _index("v[0], None", R(4), A([1, 1])), _index("v[0]", R(4), A(np.zeros((0,), int))), _index("()", R()),
    _index("...", R(2)),
    _index("np.array([1, 0])", R(3)), _index("v[0], ..., v[1]", R(2, 3, 2), A([0, 1]), A([1, 0])),
    _index("range(2)", R(3, 4)), _index("range(-2, 0), 1", R(3, 4)), _index(":, (0, 2)", R(3, 4)),
    _index(":, range(0)", R(3, 4)), _index("(0, 1), ..., None", R(3, 4)), _index("range(2), v[0]", R(3, 4), A([3, 1])),
    _index("v[0], (1, 1)", R(3, 4), A([2, 0])),
    _index("0, v[0]", R(2, 3), A([2, 2])), _index("v[0], 0, v[1]", R(2, 2, 3), A([1]), A([2])), _index("1", R(2, 3).T),
]
WRITES = [
    _assign("[0] = v[0]", R(3, 2), R(2)), _assign("[1:, ::2] = v[0]", R(3, 3), R(2, 2)),
    _assign("[...] = 2.5", R(2, 2)), _assign("[range(3), v[0]] = v[1]", R(3, 4), A([3, 0, 1]), R(3)),
    _assign("[:, (0, 2)] *= v[0]", R(3, 4), R(2)),
    _assign("[v[0]] = v[1]", R(4, 2), A([0, 2]), R(2, 2)), _assign("[v[0]] = v[1]", R(4), A([0, 2]), R(1)),
    _assign("[v[0]] = 0.5", R(2, 3), A([[True, False, True], [False, False, True]])),
    _assign("[v[0]] = v[1]", R(3), A([True, False, True]), R(2)),
    _assign("[:, v[0]] = v[1]", R(2, 3), A([0, 2]), R(2, 1)),
    _assign("[v[0], v[1]] = v[2]", R(3, 3), A([0, 1]), A([2, 2]), R(2)),
    _assign("[0, 0] += v[0]", R(2, 2), R()), _assign("[None, 0] = v[0]", R(2, 2), R(1, 2)), _assign("[1:] *= 3", R(3)),
    _assign("[v[0]] += 1", R(3), A([0, 0])), _assign("[1] = v[0]", Z(3), A(np.array(2.7))), _assign("[:0] = 4", R(3)),
    _assign("[0] = True", R(3)),
]
POSITIONS = [
    S("gather", R(3, 2), 0, A([[0, 1], [2, 2]])), S("gather", R(2, 3), -1, A([[0], [2]])),
    S("gather", R(), 0, A(np.array(0))), S("gather", R(), 0, A([0])),
    S("gather", R(2, 3), 1, A(np.zeros((2, 0), int))), S("gather", R(5), 0, A(np.zeros((0,), int))),
    S("gather", R(5), 0, A(np.zeros((2, 0), int))),
    S("gather", Z(3), 0, A([2, 0])),
    S("take_along_dim", R(3, 2), A([[0, 1]]), 0), S("take_along_dim", R(3, 2), A([0, 5, 2])),
    S("take_along_dim", R(3, 2), A([[-1, 0]]), 0),
    S("take", R(2, 3), A([[0, -1], [5, 2]])),
    S("scatter", R(3, 2), 0, A([[0, 1], [2, 0]]), R(2, 2)), S("scatter", R(2, 3), 1, A([[0], [2]]), 1.5),
    S("scatter", R(2, 3), 1, A([[0], [2]]), R(2, 3).no_grad), S("scatter", R(2, 3), 1, A([[0], [2]]), value=-1.0),
    S("scatter", R(), 0, A(np.array(0)), R()), S("scatter", R(3), 0, A([0, 0, 2]), R(3), reduce="add"),
    S("scatter_add", R(3, 2), 0, A([[0, 1], [0, 1]]), R(2, 2)), S("scatter_add", Z(3), 0, A([1, 1]), Z(2)),
    S("scatter_add", R(3), 0, A(np.zeros((0,), int)), R(0)),
    S("scatter_add", R(2, 3), -1, A([[2, 2, 0]]), R(2, 3).no_grad),
    S("index_select", R(3, 2), 0, A([0, 2, 0])), S("index_select", R(2, 3), -1, A([1])),
    S("index_select", R(3), 0, A(np.array(1))),
    S("index_select", R(), 0, A([0])), S("index_add", R(3, 2), 0, A([0, 2, 0]), R(3, 2)),
    S("index_add", R(2, 3), 1, A([0, 0]), R(2, 2), alpha=2), S("index_add", R(), 0, A(np.array(0)), R()),
    S("index_add", R(3), 0, A(np.array(1)), R(1)),
    S("index_copy", R(3, 2), 0, A([2, 0]), R(2, 2)), S("index_copy", R(3), 0, A(np.array(1)), R()),
    S("index_fill", R(3, 2), 0, A([2, 0]), 1.5),
    S("index_fill", R(3, 2), 1, A([1]), R()), S("index_fill", R(), 0, A([0]), 2.0),
    S("index_put", R(3, 2), (A([0, 2]), A([1, 0])), R(2)),
    S("index_put", R(3, 2), (A([0, 0]),), R(2, 2), accumulate=True),
    S("index_put", R(3), (A([True, False, True]),), R(2)),
    S("masked_fill", R(2, 3), B(2, 3), 1.5), S("masked_fill", R(2, 3), B(3), R()), S("masked_fill", Z(3), B(3), 2),
    S("masked_fill", R(3), B(2, 3), -1.0), S("masked_select", R(2, 3), A([[True, False, True], [False, True, True]])),
    S("masked_select", R(2, 1), A([True, False, True])), S("masked_select", R(), A(np.array(True))),
    S("masked_select", R(), A(np.array(False))), S("masked_scatter", R(), A(np.array(True)), R(2)),
    S("masked_scatter", R(3), A([[True, False, True], [False, True, True]]), R(5)),
    S("masked_scatter", R(2, 3), A([[True, False, True], [False, True, True]]), R(5)),
    S("masked_scatter", R(3), A([False, False, True]), R(5)), *each("nonzero argwhere", A([[0, 2], [3, 0]])),
    *each("nonzero argwhere", A(np.array(1.0))), S("nonzero", A(np.array(0.0))),
    S("nonzero", A([0, 1, 2]), as_tuple=True), S("nonzero", R(0, 2)),
]
PRODUCTS = [
    S("matmul", R(3), R(3)), S("matmul", R(2, 3), R(3)), S("matmul", R(3), R(3, 2)), S("matmul", R(2, 3), R(3, 2)),
    S("matmul", R(2, 2, 3), R(3, 2)), S("matmul", R(2, 3), R(2, 3, 2)), S("matmul", R(2, 1, 2, 3), R(2, 3, 2)),
    S("matmul", R(2, 2, 3), R(3)),
    S("matmul", R(3), R(2, 3, 2)), S("matmul", R(3, 2).T, R(2, 3).T), S("matmul", R(2, 0), R(0, 3)),
    S("matmul", R(0, 2), R(2, 3)),
    S("matmul", Z(2, 3), Z(3, 2)), S("matmul", R(0, 2, 3), R(3, 2)), S("mm", R(2, 3), R(3, 2)),
    S("mm", R(2, 3), R(2, 3).T, _fn=lambda T, a, b: a.mm(b.t())),
    S("bmm", R(2, 2, 3), R(2, 3, 2)), S("bmm", R(0, 2, 3), R(0, 3, 2)), S("mv", R(2, 3), R(3)), S("dot", R(3), R(3)),
    S("dot", R(0), R(0)),
    *each("outer ger", R(2), R(3)),
    S("addmm", R(3), R(2, 3), R(3, 3)), S("addmm", R(2, 3), R(2, 3), R(3, 3), beta=0.5, alpha=2, _dtypes=FLOATS),
    S("addmm", R(2, 2), R(2, 3), R(3, 2), beta=0),
    S("addmv", R(2), R(2, 3), R(3), beta=0.5, alpha=-1, _dtypes=FLOATS), S("addr", R(2, 3), R(2), R(3)),
    S("addr", R(3), R(2), R(3), beta=2, alpha=0.5, _dtypes=FLOATS),
    S("addbmm", R(2, 2), R(2, 2, 3), R(2, 3, 2)),
    S("baddbmm", R(2, 2, 2), R(2, 2, 3), R(2, 3, 2), beta=0.5, alpha=2, _dtypes=FLOATS),
    S("baddbmm", R(2), R(2, 2, 3), R(2, 3, 2)),
    *[S("einsum", equation, *args) for equation, args in [
        ("ij,jk->ik", (R(2, 3), R(3, 2))), ("bij,bjk->bik", (R(2, 2, 3), R(2, 3, 2))), ("ii->i", (R(3, 3),)),
        ("ii", (R(3, 3),)),
        ("ij->ji", (R(2, 3),)), ("ij->", (R(2, 3),)), ("i,j->ij", (R(2), R(3))),
        ("...ij,...jk->...ik", (R(2, 2, 3), R(3, 2))),
        ("bhqd,bhkd->bhqk", (R(1, 2, 2, 3), R(1, 2, 2, 3))), ("i,ij,j->", (R(2), R(2, 3), R(3))),
        ("ij,ij->i", (R(2, 3), R(2, 3))),
        ("ik, jk", (R(2, 3), R(2, 3))), ("...", (R(2, 3),)), ("i...->...", (R(2, 3),)),
        ("aij,jk->ika", (R(2, 2, 3), R(3, 2))),
        ("ij,j", (R(2, 3), R(1))), ("i,i->i", (D(3), D(3)))]],
    S("einsum", "ij,jk->ik", [R(2, 3), R(3, 2)]),
]
SAMPLES = KEYS + WRITES + POSITIONS + PRODUCTS
