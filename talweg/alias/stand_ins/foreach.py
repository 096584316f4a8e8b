"""torch._foreach_*: one operation over lists of tensors, as optimisers write it. Recording fuses them anyway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...tensor import Tensor
from ...tensor.functions.norms import vector_norm

ONE = """abs acos asin atan ceil clone cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round
rsqrt sigmoid sign sin sinh sqrt tan tanh trunc""".split()
TWO = "add clamp_max clamp_min div lerp maximum minimum mm mul pow sub".split()
THREE = "addcdiv addcmul".split()


def _lists(call: str, *operands: Any) -> list[list[Any]]:
    """Operands by tensor. A list gives one for each, anything else is the same for all. Raises RuntimeError for lengths."""
    first = next((x for x in operands if isinstance(x, (list, tuple))), None)
    if not first:
        raise RuntimeError(f"{call}: expected a list with at least one tensor, got {operands[0]!r}")
    for x in operands:
        if isinstance(x, (list, tuple)) and len(x) != len(first):
            raise RuntimeError(f"{call}: lists must have the same number of tensors, got {len(first)} and {len(x)}")
    return [list(x) if isinstance(x, (list, tuple)) else [x] * len(first) for x in operands]


def _maximum(x: Tensor, other: Any) -> Tensor:
    return x.maximum(other) if isinstance(other, Tensor) else x.clamp_min(other)


def _minimum(x: Tensor, other: Any) -> Tensor:
    return x.minimum(other) if isinstance(other, Tensor) else x.clamp_max(other)


def _valued(name: str) -> Callable[..., tuple[Tensor, ...]]:
    function = {"maximum": _maximum, "minimum": _minimum}.get(name) or getattr(Tensor, name)

    def each(self: Any, *others: Any, **options: Any) -> tuple[Tensor, ...]:
        rows = _lists(f"torch._foreach_{name}", self, *others, *options.values())
        numbers = len(others) + 1
        return tuple([function(*row[:numbers], **dict(zip(options, row[numbers:]))) for row in zip(*rows)])

    each.__name__, each.__doc__ = f"_foreach_{name}", f"torch.{name} of each tensor."
    return each


def _written(name: str, valued: Callable[..., tuple[Tensor, ...]]) -> Callable[..., None]:
    def each(self: Sequence[Tensor], *others: Any, **options: Any) -> None:
        for tensor, value in zip(self, valued(self, *others, **options)):
            tensor.copy_(value)

    each.__name__, each.__doc__ = f"_foreach_{name}_", f"torch.{name} of each tensor, written into it."
    return each


def _foreach_copy_(self: Sequence[Tensor], src: Sequence[Tensor], non_blocking: bool = False) -> None:
    """Each tensor gets the other's values."""
    for tensor, value in zip(*_lists("torch._foreach_copy_", self, src)):
        tensor.copy_(value)


def _foreach_zero_(self: Sequence[Tensor]) -> None:
    """Each tensor becomes 0."""
    for tensor in _lists("torch._foreach_zero_", self)[0]:
        tensor.zero_()


def _foreach_norm(self: Sequence[Tensor], ord: float = 2, dtype: Any = None) -> tuple[Tensor, ...]:
    """The norm of each tensor, taken as one vector."""
    return tuple([vector_norm(x, ord, dtype=dtype) for x in _lists("torch._foreach_norm", self)[0]])


def _foreach_max(self: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The largest element of each tensor."""
    return tuple([x.max() for x in _lists("torch._foreach_max", self)[0]])


_FOUND = {f"_foreach_{name}": _valued(name) for name in [*ONE, *TWO, *THREE] if hasattr(Tensor, name)}
globals().update(_FOUND)
globals().update({f"{name}_": _written(name.removeprefix("_foreach_"), each) for name, each in _FOUND.items()})


def _group_tensors_by_device_and_dtype(tensorlistlist: list[list], with_indices: bool = False) -> dict:
    """Lists of tensors that belong together, split by the device and dtype of the first list's."""
    groups: dict = {}
    for index, row in enumerate(zip(*tensorlistlist)):
        lists, indices = groups.setdefault((row[0].device, row[0].dtype), ([[] for _ in row], []))
        indices.append(index)
        for group, tensor in zip(lists, row):
            group.append(tensor)
    return {key: (lists, indices if with_indices else []) for key, (lists, indices) in groups.items()}


def _get_foreach_kernels_supported_devices() -> list[str]:
    return ["cpu"]


_get_fused_kernels_supported_devices = _get_foreach_kernels_supported_devices
