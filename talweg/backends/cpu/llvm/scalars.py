"""Pointwise operations as LLVM instructions: a table from operation to emitter.

An emitter gets the body, the node, and the names of its operands in the types they are computed in. There are no
fast-math flags, not even `contract`: a value that two kernels compute must be the same to the bit in both, or no element
of a row equals its maximum in the kernel of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable

from ....core.dtypes import dtype as DType
from ....graph import ops
from ....graph.node import Node, Op
from .body import Body, literal
from .types import kind_of

EMITTERS: dict[Op, Callable[..., str]] = {}


def _operand(node: Node) -> DType:
    return node.inputs[0].dtype


def _register(dtype: DType) -> str:
    kind = kind_of(dtype)
    assert kind is not None
    return kind.register


def _arithmetic(op: Op, for_float: str, for_int: str, unsigned: str | None = None) -> None:
    def emit(body: Body, node: Node, x: str, y: str) -> str:
        kind = kind_of(node.dtype)
        assert kind is not None
        if kind.is_float:
            return body.add(f"{for_float} {kind.register} {x}, {y}")
        if kind.register == "i1":
            return body.add(f"{ {'add': 'or', 'mul': 'and'}[for_int] } i1 {x}, {y}")
        return body.add(f"{for_int if kind.is_signed or unsigned is None else unsigned} {kind.register} {x}, {y}")

    EMITTERS[op] = emit


_arithmetic(ops.add, "fadd", "add")
_arithmetic(ops.mul, "fmul", "mul")


def emitter(*for_ops: Op):
    def register(function):
        for op in for_ops:
            EMITTERS[op] = function
        return function

    return register


@emitter(ops.sub)
def sub(body: Body, node: Node, x: str, y: str) -> str:
    type = _register(node.dtype)
    return body.add(f"fsub {type} {x}, {y}") if node.dtype.is_floating_point else body.add(f"sub {type} {x}, {y}")


@emitter(ops.div)
def div(body: Body, node: Node, x: str, y: str) -> str:
    return body.add(f"fdiv {_register(node.dtype)} {x}, {y}")


@emitter(ops.neg)
def neg(body: Body, node: Node, x: str) -> str:
    type = _register(node.dtype)
    return body.add(f"fneg {type} {x}") if node.dtype.is_floating_point else body.add(f"sub {type} 0, {x}")


@emitter(ops.square)
def square(body: Body, node: Node, x: str) -> str:
    return EMITTERS[ops.mul](body, node, x, x)


@emitter(ops.reciprocal)
def reciprocal(body: Body, node: Node, x: str) -> str:
    return body.add(f"fdiv {_register(node.dtype)} {literal(1, node.dtype)}, {x}")


@emitter(ops.rsqrt)
def rsqrt(body: Body, node: Node, x: str) -> str:
    return reciprocal(body, node, sqrt(body, node, x))


def _intrinsic(op: Op, name: str) -> None:
    def emit(body: Body, node: Node, x: str) -> str:
        type = _register(node.dtype)
        return body.add(f"call {type} @llvm.{name}.{ {'float': 'f32', 'double': 'f64'}[type] }({type} {x})")

    EMITTERS[op] = emit


for _op, _name in ((ops.floor, "floor"), (ops.ceil, "ceil"), (ops.trunc, "trunc"), (ops.round_, "roundeven"),
                   (ops.sqrt, "sqrt")):
    _intrinsic(_op, _name)
sqrt = EMITTERS[ops.sqrt]


@emitter(ops.abs_)
def abs_(body: Body, node: Node, x: str) -> str:
    type = _register(node.dtype)
    if node.dtype.is_floating_point:
        return body.add(f"call {type} @llvm.fabs.{ {'float': 'f32', 'double': 'f64'}[type] }({type} {x})")
    if not node.dtype.is_signed:
        return x
    return body.add(f"call {type} @llvm.abs.{type}({type} {x}, i1 false)")


def _elementary(op: Op, name: str) -> None:
    def emit(body: Body, node: Node, *operands: str) -> str:
        return body.call(name, _register(node.dtype), *operands)

    EMITTERS[op] = emit


for _op in (ops.exp, ops.exp2, ops.expm1, ops.log, ops.log2, ops.log10, ops.log1p, ops.sin, ops.cos, ops.tan, ops.tanh,
            ops.sinh, ops.cosh, ops.sigmoid, ops.erf, ops.erfc, ops.atan, ops.atan2, ops.asin, ops.acos, ops.asinh,
            ops.acosh, ops.atanh):
    _elementary(_op, _op.name)


def _comparison(op: Op, for_float: str, signed: str, unsigned: str) -> None:
    def emit(body: Body, node: Node, x: str, y: str) -> str:
        kind = kind_of(_operand(node))
        assert kind is not None
        if kind.is_float:
            return body.add(f"fcmp {for_float} {kind.register} {x}, {y}")
        return body.add(f"icmp {signed if kind.is_signed else unsigned} {kind.register} {x}, {y}")

    EMITTERS[op] = emit


_comparison(ops.eq, "oeq", "eq", "eq")
_comparison(ops.ne, "une", "ne", "ne")
_comparison(ops.lt, "olt", "slt", "ult")
_comparison(ops.le, "ole", "sle", "ule")
_comparison(ops.gt, "ogt", "sgt", "ugt")
_comparison(ops.ge, "oge", "sge", "uge")


def _extremum(op: Op, for_float: str, signed: str, unsigned: str) -> None:
    """nan if either is: the comparison is false for nan, and x + y carries it on."""

    def emit(body: Body, node: Node, x: str, y: str) -> str:
        kind = kind_of(node.dtype)
        assert kind is not None
        type = kind.register
        if not kind.is_float:
            wins = body.add(f"icmp {signed if kind.is_signed else unsigned} {type} {x}, {y}")
            return body.add(f"select i1 {wins}, {type} {x}, {type} {y}")
        wins = body.add(f"fcmp {for_float} {type} {x}, {y}")
        chosen = body.add(f"select i1 {wins}, {type} {x}, {type} {y}")
        nan = body.add(f"fcmp uno {type} {x}, {x}")
        return body.add(f"select i1 {nan}, {type} {x}, {type} {chosen}")

    EMITTERS[op] = emit


_extremum(ops.maximum, "ogt", "sgt", "ugt")
_extremum(ops.minimum, "olt", "slt", "ult")


@emitter(ops.relu)
def relu(body: Body, node: Node, x: str) -> str:
    type = _register(node.dtype)
    zero = literal(0, node.dtype)
    if not node.dtype.is_floating_point:
        return body.add(f"select i1 {body.add(f'icmp sgt {type} {x}, 0')}, {type} {x}, {type} 0")
    below = body.add(f"fcmp ole {type} {x}, {zero}")  # false for nan, which passes
    return body.add(f"select i1 {below}, {type} {zero}, {type} {x}")


@emitter(ops.sign)
def sign(body: Body, node: Node, x: str) -> str:
    type, zero, one = _register(node.dtype), literal(0, node.dtype), literal(1, node.dtype)
    kind = kind_of(node.dtype)
    assert kind is not None
    compare, up, down = ("fcmp", "ogt", "olt") if kind.is_float else ("icmp", "sgt" if kind.is_signed else "ugt", "slt")
    minus = literal(-1, node.dtype) if kind.is_signed else zero
    low = body.add(f"select i1 {body.add(f'{compare} {down} {type} {x}, {zero}')}, {type} {minus}, {type} {zero}")
    return body.add(f"select i1 {body.add(f'{compare} {up} {type} {x}, {zero}')}, {type} {one}, {type} {low}")  # nan: 0


@emitter(ops.where)
def where(body: Body, node: Node, c: str, x: str, y: str) -> str:
    type = _register(node.dtype)
    return body.add(f"select i1 {c}, {type} {x}, {type} {y}")


@emitter(ops.isnan)
def isnan(body: Body, node: Node, x: str) -> str:
    return body.add(f"fcmp uno {_register(_operand(node))} {x}, {x}") if _operand(node).is_floating_point else "false"


def _against_infinity(op: Op, relation: str, for_int: str) -> None:
    def emit(body: Body, node: Node, x: str) -> str:
        dtype = _operand(node)
        if not dtype.is_floating_point:
            return for_int
        type = _register(dtype)
        size = body.add(f"call {type} @llvm.fabs.{ {'float': 'f32', 'double': 'f64'}[type] }({type} {x})")
        return body.add(f"fcmp {relation} {type} {size}, {literal(float('inf'), dtype)}")

    EMITTERS[op] = emit


_against_infinity(ops.isinf, "oeq", "false")
_against_infinity(ops.isfinite, "olt", "true")


def truth(body: Body, dtype: DType, x: str) -> str:
    """Whether a value is nonzero (nan is)."""
    type = _register(dtype)
    if type == "i1":
        return x
    return body.add(f"fcmp une {type} {x}, {literal(0, dtype)}" if dtype.is_floating_point else f"icmp ne {type} {x}, 0")


@emitter(ops.logical_not)
def logical_not(body: Body, node: Node, x: str) -> str:
    return body.add(f"xor i1 {truth(body, _operand(node), x)}, true")


def _logical(op: Op, instruction: str) -> None:
    def emit(body: Body, node: Node, x: str, y: str) -> str:
        dtype = _operand(node)
        return body.add(f"{instruction} i1 {truth(body, dtype, x)}, {truth(body, dtype, y)}")

    EMITTERS[op] = emit


_logical(ops.logical_and, "and")
_logical(ops.logical_or, "or")
_logical(ops.logical_xor, "xor")


def _bitwise(op: Op, instruction: str) -> None:
    def emit(body: Body, node: Node, x: str, y: str) -> str:
        return body.add(f"{instruction} {_register(node.dtype)} {x}, {y}")

    EMITTERS[op] = emit


_bitwise(ops.bitwise_and, "and")
_bitwise(ops.bitwise_or, "or")
_bitwise(ops.bitwise_xor, "xor")


@emitter(ops.bitwise_not)
def bitwise_not(body: Body, node: Node, x: str) -> str:
    return body.add(f"xor {_register(node.dtype)} {x}, {'true' if node.dtype.name == 'bool' else '-1'}")


@emitter(ops.cast)
def cast(body: Body, node: Node, x: str) -> str:
    """To an integer: towards zero, wrapping as a 64-bit conversion does."""
    source, target = kind_of(_operand(node)), kind_of(node.dtype)
    assert source is not None
    assert target is not None
    a, b = source.register, target.register
    if b == "i1":
        return truth(body, _operand(node), x)
    if source.is_float and target.is_float:
        wider = a == b
        value = x if wider else body.add(f"{'fpext' if b == 'double' else 'fptrunc'} {a} {x} to {b}")
        return body.rounded(value, node.dtype)
    if source.is_float:
        wide = body.add(f"call i64 @llvm.fptosi.sat.i64.{ {'float': 'f32', 'double': 'f64'}[a] }({a} {x})")
        return wide if b == "i64" else body.add(f"trunc i64 {wide} to {b}")
    if target.is_float:
        return body.rounded(body.add(f"{'sitofp' if source.is_signed else 'uitofp'} {a} {x} to {b}"), node.dtype)
    if a == b:
        return x
    size = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64}
    if size[a] > size[b]:
        return body.add(f"trunc {a} {x} to {b}")
    return body.add(f"{'sext' if source.is_signed else 'zext'} {a} {x} to {b}")
