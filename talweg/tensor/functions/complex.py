"""Complex numbers: from parts, and parts of them."""

from __future__ import annotations

from ...core.dtypes import float32, float64
from ...graph import ops
from ..autocast import raised
from ..operands import require_tensor, require_tensors
from ..tensor import wrap
from .creation import ones_like, zeros_like
from .pointwise import abs, atan2, where


def complex(real, imag):
    """real + i imag, of two tensors of float32 or of float64."""
    require_tensors("complex", real, imag)
    for x in (real, imag):
        if require_tensor(x, "complex").dtype not in (float32, float64):
            raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {real.dtype.name} and "
                               f"{imag.dtype.name}")
    if real.dtype is not imag.dtype:
        raise RuntimeError(f"Expected object of scalar type {real.dtype.name} but got scalar type {imag.dtype.name} for second "
                           "argument")
    return wrap(ops.join(real.node, imag.node))


@raised
def polar(abs, angle):
    """abs (cos(angle) + i sin(angle))"""
    require_tensors("polar", abs, angle)
    for x in (abs, angle):
        if require_tensor(x, "polar").dtype not in (float32, float64):
            raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {abs.dtype.name} and "
                               f"{angle.dtype.name}")
    return complex(abs * angle.cos(), abs * angle.sin())


def real(input):
    """The real part; a real tensor is its own."""
    node = require_tensor(input, "real").node
    return wrap(ops.real(node)) if node.dtype.is_complex else input


def imag(input):
    """The imaginary part. Raises RuntimeError for a real tensor."""
    node = require_tensor(input, "imag").node
    if not node.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return wrap(ops.imag(node))


def angle(input):
    """The argument of a complex number, 0 at 0; of a real one pi where it is negative, else 0."""
    x = require_tensor(input, "angle")
    if not x.is_complex():
        floats = x if x.is_floating_point() else x.to(ones_like(x).float().dtype)
        turned = where(floats < 0, ones_like(floats) * 3.141592653589793, zeros_like(floats))
        return where(floats.isnan(), floats, turned)
    re, im = real(x), imag(x)
    nothing = (re == 0) & (im == 0)
    return atan2(im, where(nothing, ones_like(re), re))


def conj(input):
    """The complex conjugate; a real tensor is its own."""
    node = require_tensor(input, "conj").node
    return wrap(ops.conj(node)) if node.dtype.is_complex else input

conj_physical = conj


def resolve_conj(input):
    """The tensor: conjugates are values here, never marks on a tensor."""
    return require_tensor(input, "resolve_conj")


def resolve_neg(input):
    """The tensor: negatives are values here, never marks on a tensor."""
    return require_tensor(input, "resolve_neg")


def is_conj(input) -> bool:
    """False: conjugates are values here."""
    return False


def is_neg(input) -> bool:
    """False: negatives are values here."""
    return False


def view_as_real(input):
    """(..., 2): real and imaginary parts. A copy, where PyTorch shares memory."""
    node = require_tensor(input, "view_as_real").node
    if not node.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    parts = [ops.reshape(part(node), (*node.shape, 1)) for part in (ops.real, ops.imag)]
    return wrap(ops.cat(tuple(parts), len(node.shape)))


def view_as_complex(input):
    """(..., 2) as complex numbers. A copy, where PyTorch shares memory."""
    node = require_tensor(input, "view_as_complex").node
    if node.dtype not in (float32, float64):
        raise RuntimeError(f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
                           f"type: {node.dtype.name}")
    if not node.shape or node.shape[-1] != 2:
        raise RuntimeError(f"Tensor must have a last dimension of size 2, got shape {list(node.shape)}")
    last = len(node.shape) - 1
    parts = [ops.reshape(ops.slice_along(node, last, i, i + 1), node.shape[:-1]) for i in range(2)]
    return wrap(ops.join(*parts))


def isreal(input):
    """Whether the imaginary part is 0."""
    x = require_tensor(input, "isreal")
    return imag(x) == 0 if x.is_complex() else ones_like(x, dtype=x.isnan().dtype)


def sgn(input):
    """x / |x|, 0 at 0; the sign of a real number."""
    x = require_tensor(input, "sgn")
    if not x.is_complex():
        return x.sign()
    size = abs(x)
    zero = size == 0
    return where(zero, zeros_like(x), x / where(zero, ones_like(size), size))
