"""Reading the arguments of layers: one number for all spatial dimensions, or one for each."""

from __future__ import annotations

from collections.abc import Iterable


def spatial(value, dims: int, name: str) -> tuple[int, ...]:
    """`value` for each of `dims` dimensions. Raises ValueError for a sequence of another length."""
    if not isinstance(value, Iterable):
        return (value,) * dims
    sizes = tuple(value)
    if len(sizes) != dims:
        raise ValueError(
            f"{name} must be an int or a sequence of {dims}, one a spatial dimension, got {value!r}"
        )
    return sizes


def stepped(value, dims: int, name: str) -> tuple[int, ...]:
    """The same for strides, paddings and dilations, of which a sequence of one counts for all dimensions."""
    sizes = tuple(value) if isinstance(value, Iterable) else (value,)
    return sizes * dims if len(sizes) == 1 else spatial(sizes, dims, name)


def listed(value, dims: int) -> list:
    """The same without a check, as a list: for output sizes that may be None."""
    return list(value) if isinstance(value, Iterable) else [value] * dims
