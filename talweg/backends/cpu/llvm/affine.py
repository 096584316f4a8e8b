"""Index arithmetic at compile time: affine expressions of loop variables, c + sum k_i v_i.

Movement operations only rearrange indices, so a chain of them costs nothing in a kernel as long as its indices stay
affine in the loops; a reshape that would need a division that does not come out is where a kernel ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....core.shapes import Shape


@dataclass(frozen=True)
class Loop:
    """A loop variable: its name in the kernel and how far it counts."""

    name: str
    size: int


@dataclass(frozen=True)
class Affine:
    """constant + sum of factor * loop; terms are in the order of the loops."""

    constant: int
    terms: tuple[tuple[Loop, int], ...] = ()

    def __add__(self, other: Affine) -> Affine:
        total = dict(self.terms)
        for loop, factor in other.terms:
            total[loop] = total.get(loop, 0) + factor
        kept = tuple((loop, factor) for loop, factor in total.items() if factor)
        return Affine(self.constant + other.constant, kept)

    def scaled(self, by: int) -> Affine:
        return Affine(self.constant * by, tuple((loop, f * by) for loop, f in self.terms) if by else ())

    def shifted(self, by: int) -> Affine:
        return Affine(self.constant + by, self.terms)

    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest value over all iterations."""
        low = high = self.constant
        for loop, factor in self.terms:
            reach = factor * (loop.size - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
        return low, high

    def divided(self, by: int) -> tuple[Affine, Affine] | None:
        """(quotient, remainder) by a positive number, both affine and exact over all iterations, or None."""
        quotient = Affine(self.constant // by, tuple((v, f // by) for v, f in self.terms if f % by == 0))
        rest = Affine(self.constant % by, tuple((v, f) for v, f in self.terms if f % by))
        low, high = rest.bounds()
        return (quotient, rest) if low >= 0 and high < by else None


ZERO = Affine(0)


def of_loop(loop: Loop) -> Affine:
    return Affine(0, ((loop, 1),)) if loop.size != 1 else ZERO


def linear(indices: tuple[Affine, ...], strides: Shape) -> Affine:
    """sum of index * stride"""
    total = ZERO
    for index, stride in zip(indices, strides):
        total = total + index.scaled(stride)
    return total


def reshaped(indices: tuple[Affine, ...], shape: Shape, source: Shape) -> tuple[Affine, ...] | None:
    """Indices into `shape` as indices into `source`, whose elements are the same in row-major order; None where they
    are not affine."""
    if len(shape) == len(source) and shape == source:
        return indices
    factor, flat = 1, ZERO
    for index, size in zip(reversed(indices), reversed(shape)):
        flat = flat + index.scaled(factor)
        factor *= size
    found: list[Affine] = []
    for size in reversed(source[1:]):
        parts = flat.divided(size) if size > 1 else (flat, ZERO)
        if parts is None:
            return None
        flat, rest = parts
        found.append(rest)
    return (flat, *reversed(found)) if source else ()
