"""How samples are written down, and how one becomes arguments for PyTorch or for Talweg.

A sample is a function's name and its arguments, where a tensor is described by a `Spec`: R(2, 3) real numbers, P positive
ones, U inside (0, 1), D all different, Z integers, B bools, A literal values. The numbers are drawn from a seed that is a
function of the sample, so both libraries see the same.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

DTYPES = ("float64", "float32", "bfloat16", "int64")
FLOATS = DTYPES[:3]


@dataclasses.dataclass(frozen=True)
class Spec:
    """A tensor: its shape, what numbers it holds, whether it lies transposed in memory, whether a gradient is wanted."""

    shape: tuple
    kind: str = "real"
    low: float = -2.0
    high: float = 2.0
    transposed: bool = False
    fixed: bool = False
    values: Any = None

    @property
    def T(self) -> Spec:
        """The same shape, as the transpose of contiguous memory (first and last dimension exchanged)."""
        return dataclasses.replace(self, transposed=True)

    @property
    def no_grad(self) -> Spec:
        return dataclasses.replace(self, fixed=True)

    @property
    def is_real(self) -> bool:
        return self.kind in ("real", "distinct") or (self.kind == "literal" and np.asarray(self.values).dtype.kind == "f")

    def array(self, rng: np.random.Generator) -> np.ndarray:
        shape = self.shape
        if self.kind == "literal":
            return np.asarray(self.values)
        if self.kind == "int":
            return rng.integers(int(self.low), int(self.high), shape)
        if self.kind == "bool":
            return rng.random(shape) < 0.5
        if self.kind == "distinct":  # at least a step of 0.25 apart, so that small moves do not change their order
            count = int(np.prod(shape))
            return (rng.permutation(count).reshape(shape) - count // 2) * 0.25 + 0.1
        return rng.uniform(self.low, self.high, shape)


def R(*shape, low=-2.0, high=2.0):
    return Spec(shape, "real", low, high)


def P(*shape, low=0.3, high=2.0):
    return Spec(shape, "real", low, high)


def U(*shape):
    return Spec(shape, "real", 0.1, 0.9)


def D(*shape):
    return Spec(shape, "distinct")


def Z(*shape, low=-4, high=5):
    return Spec(shape, "int", low, high)


def B(*shape):
    return Spec(shape, "bool")


def A(values):
    return Spec(np.asarray(values).shape, "literal", values=values)


@dataclasses.dataclass
class Sample:
    """One call. `order`: how often it may be differentiated; `loose`: factor on the tolerances; `dtypes`: what the real
    arguments are tried as; `fn`: what is called instead of the function of that name, as fn(T, *args)."""

    name: str
    args: tuple
    kwargs: dict
    order: int = 2
    loose: float = 1.0
    dtypes: tuple = DTYPES
    fn: Callable | None = None
    number: int = 0

    @property
    def id(self) -> str:
        return f"{self.name}-{self.number}"

    def function(self, T) -> Callable:
        if self.fn is not None:
            return lambda *args, **kwargs: self.fn(T, *args, **kwargs)
        found = T
        for part in self.path().split("."):
            found = getattr(found, part)
        return found

    def path(self) -> str:
        return "nn.functional." + self.name[2:] if self.name.startswith("F.") else self.name

    def arguments(self, T, dtype: str = "float64", grad: bool = False, place: Callable | None = None) -> tuple[list, dict, list]:
        """(args, kwargs, leaves) for library T; the real tensors in `dtype`, those in `leaves` requiring grad.

        place: makes a tensor and its leaf of an array, a dtype and whether a gradient is wanted, in place of T.tensor.
        """
        rng = np.random.default_rng(zlib.crc32(repr((self.name, self.args, sorted(self.kwargs))).encode()))
        leaves: list = []

        def built(x):
            if isinstance(x, Spec):
                return _tensor(T, x, x.array(rng), dtype, grad, leaves, place)
            if isinstance(x, (list, tuple)):
                return type(x)(built(v) for v in x)
            if isinstance(x, str) and x.startswith("dtype:"):
                return getattr(T, x[6:])
            return x

        args = [built(a) for a in self.args]
        return args, {k: built(v) for k, v in self.kwargs.items()}, leaves

    def run(self, T, dtype: str = "float64", grad: bool = False) -> tuple[list, list]:
        """(the tensors of the result, the leaves)."""
        args, kwargs, leaves = self.arguments(T, dtype, grad)
        return tensors_of(self.function(T)(*args, **kwargs), T), leaves

    @property
    def has_reals(self) -> bool:
        return any(s.is_real for s in self.specs())

    def specs(self) -> list[Spec]:
        found: list[Spec] = []
        stack = [*self.args, *self.kwargs.values()]
        while stack:
            x = stack.pop(0)
            if isinstance(x, Spec):
                found.append(x)
            elif isinstance(x, (list, tuple)):
                stack = [*x, *stack]
        return found


def _tensor(T, spec: Spec, values: np.ndarray, dtype: str, grad: bool, leaves: list, place: Callable | None):
    if spec.is_real:
        values = _rounded(values, spec) if dtype == "int64" else values.astype(_numpy_name(dtype))
    kind, wanted = getattr(T, dtype if spec.is_real else str(values.dtype)), grad and spec.is_real and not spec.fixed
    if place is not None:
        x, leaf = place(values, kind, wanted)
        leaves.extend([leaf] * wanted)
        return x
    if spec.transposed:
        values = np.ascontiguousarray(np.swapaxes(values, 0, -1))
    x = T.tensor(values, dtype=kind)
    x = x.transpose(0, -1) if spec.transposed else x
    if wanted:
        x = x.detach().requires_grad_()
        leaves.append(x)
    return x


def _rounded(values: np.ndarray, spec: Spec) -> np.ndarray:
    """Integers in place of reals; different ones stay different."""
    scaled = (values - 0.1) * 4 if spec.kind == "distinct" else np.nan_to_num(values) * 3
    return np.round(scaled).astype(np.int64)


def _numpy_name(dtype: str) -> str:
    return "float32" if dtype == "bfloat16" else dtype


def tensors_of(result, T) -> list:
    """The tensors and numbers in a result, in order."""
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in tensors_of(part, T)]
    return [result]


def value(x) -> np.ndarray:
    """A tensor's value in either library; bfloat16 as float32."""
    if not hasattr(x, "detach"):
        return np.asarray(str(x).rpartition(".")[2] if "dtype" in type(x).__name__ else x)
    x = x.detach()
    if "bfloat16" in str(x.dtype):
        x = x.float()
    return np.asarray(x.numpy(force=True))


def dtype_name(x) -> str:
    return str(getattr(x, "dtype", type(x).__name__)).rpartition(".")[2]


def S(name: str, *args, _order=2, _loose=1.0, _dtypes=DTYPES, _fn=None, **kwargs) -> Sample:
    return Sample(name, args, kwargs, _order, _loose, _dtypes, _fn)


def each(names: str, *args, **kwargs) -> list[Sample]:
    """The same arguments for several functions."""
    return [S(name, *args, **kwargs) for name in names.split()]


@dataclasses.dataclass
class Misuse:
    """A call that has to be refused, with the type PyTorch refuses it with; `fn` as in Sample."""

    sample: Sample
    match: str
    number: int = 0

    @property
    def id(self) -> str:
        return f"{self.sample.name}-{self.number}"


def E(match: str, name: str, *args, _fn=None, **kwargs) -> Misuse:
    return Misuse(S(name, *args, _fn=_fn, **kwargs), match)
