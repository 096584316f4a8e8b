"""Convolutions that are better matrix products: kernels of one element, and few positions under many channels.

Measured (oneDNN 3.2, channels-last, two threads, weights as they lie; ms for the result, input gradient, weight gradient):

    x, weights               convolution            matrix product
    16x512x2x2, 512 3x3      16.7   16.3   20.9     2.8   7.0   2.8
    16x256x4x4, 256 3x3       5.2    5.3    2.9     2.6   7.5   5.6
    16x2048x2x2, 512 1x1      8.7    5.6   11.0     1.3   1.3   1.0
    16x1024x4x4, 256 1x1      1.4    1.5    2.3     0.9   0.9   1.0
    16x64x16x16, 256 1x1      1.0    1.1    6.5     0.9   0.9   1.2
    8x256x56x56, 64 1x1      10.6   12.2   17.0     8.7  14.9  21.4

The library packs weights at each call and holds few positions in its registers; a product takes the weights as they are.
Channels-last activations are the product's rows without a copy.
"""

from __future__ import annotations

import itertools
import math

from ..core.dtypes import bfloat16, float32
from ..core.shapes import Shape
from ..graph import ops
from ..graph.node import Node
from .rules import rule

FEW = 4  # output positions of an image up to which a larger kernel is unrolled into a product


def _suits(x_shape: Shape, w_shape: Shape, out: Shape, dtype, groups: int) -> bool:
    """Whether the product is the better way; the larger kernels only where their unrolled input stays small."""
    if groups != 1 or dtype not in (float32, bfloat16) or not all((*x_shape, *w_shape, *out)):
        return False
    return math.prod(w_shape[2:]) == 1 or (math.prod(out) <= FEW and w_shape[1] >= 32)


def _rows(y: Node) -> Node:
    """(N, C, *spatial) -> (N * positions, C)"""
    last = ops.permute(y, (0, *range(2, len(y.shape)), 1))
    return ops.reshape(last, (math.prod(last.shape[:-1]), y.shape[1]))


def _images(rows: Node, batch: int, spatial: Shape) -> Node:
    """(N * positions, C) -> (N, C, *spatial)"""
    whole = ops.reshape(rows, (batch, *spatial, rows.shape[1]))
    return ops.permute(whole, (0, len(spatial) + 1, *range(1, len(spatial) + 1)))


def _matrix(w: Node) -> Node:
    """(O, C, *kernel) -> (O, C * taps)"""
    return ops.reshape(w, (w.shape[0], math.prod(w.shape[1:])))


def _transposed(m: Node) -> Node:
    return ops.permute(m, (1, 0))


def _taps(kernel: Shape) -> list[Shape]:
    return list(itertools.product(*map(range, kernel)))


def _unrolled(x: Node, kernel: Shape, out: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Node:
    """What the kernel sees at each position: (N * positions, C * taps)."""
    if any(padding):
        edge = (0, 0, *padding)
        x = ops.pad(x, edge, edge, 0)
    parts = []
    for tap in _taps(kernel):
        starts = (0, 0, *(t * d for t, d in zip(tap, dilation)))
        stops = (*x.shape[:2], *(a + (n - 1) * s + 1 for a, n, s in zip(starts[2:], out, stride)))
        seen = x if x.shape[2:] == out and not any(starts) else ops.slice_(x, starts, stops, (1, 1, *stride))
        last = ops.permute(seen, (0, *range(2, len(seen.shape)), 1))  # (N, *out, C)
        parts.append(ops.reshape(last, (*last.shape, 1)))
    together = ops.cat(tuple(parts), len(parts[0].shape) - 1) if len(parts) > 1 else parts[0]
    return ops.reshape(together, (x.shape[0] * math.prod(out), x.shape[1] * len(parts)))


@rule(ops.conv)
def conv(x: Node, w: Node, stride, padding, dilation, groups) -> Node | None:
    out = ops.conv.infer(x, w, stride, padding, dilation, groups)[0][2:]
    if not _suits(x.shape, w.shape, out, x.dtype, groups):
        return None
    seen = _unrolled(x, w.shape[2:], out, stride, padding, dilation)
    return _images(ops.matmul(seen, _transposed(_matrix(w))), x.shape[0], out)


@rule(ops.conv_weight_grad)
def conv_weight_grad(x: Node, g: Node, shape, stride, padding, dilation, groups) -> Node | None:
    out = g.shape[2:]
    if not _suits(x.shape, shape, out, x.dtype, groups):
        return None
    seen = _unrolled(x, shape[2:], out, stride, padding, dilation)
    return ops.reshape(ops.matmul(_transposed(_rows(g)), seen), shape)


@rule(ops.conv_input_grad)
def conv_input_grad(g: Node, w: Node, shape, stride, padding, dilation, groups) -> Node | None:
    out = g.shape[2:]
    if not _suits(shape, w.shape, out, g.dtype, groups):
        return None
    taps = _taps(w.shape[2:])
    seen = ops.matmul(_rows(g), _matrix(w))  # (N * positions, C * taps)
    whole = ops.reshape(seen, (shape[0], *out, shape[1], len(taps)))
    total: Node | None = None
    for number, tap in enumerate(taps):
        part = ops.reshape(ops.slice_along(whole, len(whole.shape) - 1, number, number + 1), whole.shape[:-1])
        part = ops.permute(part, (0, len(out) + 1, *range(1, len(out) + 1)))  # (N, C, *out)
        placed = _put_back(part, shape[2:], tap, stride, padding, dilation)
        if placed is not None:
            total = placed if total is None else ops.add(total, placed)
    return total


def _put_back(part: Node, spatial: Shape, tap: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Node | None:
    """One tap's share at the input positions it came from, zeros elsewhere; None where it came from padding alone."""
    starts, begin, end = [0, 0], [0, 0], list(part.shape[:2])
    for size, n, t, s, p, d in zip(spatial, part.shape[2:], tap, stride, padding, dilation):
        offset = t * d - p  # position i reads input i * s + offset
        first = max(0, -(offset // s)) if offset < 0 else 0
        last = min(n - 1, (size - 1 - offset) // s)
        if last < first:
            return None
        starts.append(first * s + offset)
        begin.append(first)
        end.append(last + 1)
    kept = ops.slice_(part, tuple(begin), tuple(end), (1,) * len(begin)) if tuple(end) != part.shape or any(begin) else part
    whole = (*part.shape[:2], *spatial)
    if kept.shape == whole:
        return kept
    return ops.assemble((kept,), whole, ((tuple(starts), (1, 1, *stride)),))
