"""Pointwise functions of tensors and numbers, with PyTorch's promotion."""

from __future__ import annotations

from collections.abc import Callable

from ...core.dtypes import bool_, complex128, finfo, float32, float64, int64
from ...core.dtypes import dtype as DType
from ...core.shapes import dim_index
from ...graph import ops
from ...graph.declare import half_of
from ...graph.node import Node, Op
from ..box import Box
from ..operands import (
    as_dtype,
    as_node,
    float_pair,
    held,
    in_float32,
    is_number,
    number_node,
    pair,
    refuse,
    require_a_tensor,
    require_operand,
    require_tensor,
    require_tensors,
    result_type,
    to_float,
)
from ..tensor import Tensor, wrap


def _named(function: Callable, name: str, formula: str) -> Callable:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = formula
    return function


def _float_function(name: str, op: Op, formula: str) -> Callable:
    """A function whose result is a float: integers are converted first."""

    def call(input):
        return wrap(op(to_float(require_tensor(input, name).node)))

    return _named(call, name, formula)


def _same_type_function(name: str, op: Op, formula: str, no_bool: type[Exception] | None = None) -> Callable:
    """A function whose result has its input's dtype; `no_bool` is the error that bools raise."""

    def call(input):
        node = require_tensor(input, name).node
        if no_bool and node.dtype is bool_:
            raise no_bool(f"{name}: not implemented for 'bool': it is not supported on a bool tensor; use logical_not or ~ to "
                          "invert one, or convert it to numbers")
        return wrap(op(node))

    return _named(call, name, formula)


def _rounding_function(name: str, op: Op, formula: str) -> Callable:
    """Integers are what they are already."""

    def call(input):
        node = require_tensor(input, name).node
        return wrap(op(node) if node.dtype.is_floating_point else ops.clone(node))

    return _named(call, name, formula)


exp = _float_function("exp", ops.exp, "e^x")
exp2 = _float_function("exp2", ops.exp2, "2^x")
expm1 = _float_function("expm1", ops.expm1, "e^x - 1, exact near 0")
log = _float_function("log", ops.log, "The natural logarithm; -inf at 0, nan below")
log2 = _float_function("log2", ops.log2, "The logarithm to base 2")
log10 = _float_function("log10", ops.log10, "The logarithm to base 10")
log1p = _float_function("log1p", ops.log1p, "log(1 + x), exact near 0")
sqrt = _float_function("sqrt", ops.sqrt, "The square root; nan below 0")
rsqrt = _float_function("rsqrt", ops.rsqrt, "1 / sqrt(x)")
reciprocal = _float_function("reciprocal", ops.reciprocal, "1 / x")
sin = _float_function("sin", ops.sin, "The sine of x in radians")
cos = _float_function("cos", ops.cos, "The cosine of x in radians")
tan = _float_function("tan", ops.tan, "The tangent of x in radians")
asin = _float_function("asin", ops.asin, "The angle whose sine is x")
acos = _float_function("acos", ops.acos, "The angle whose cosine is x")
atan = _float_function("atan", ops.atan, "The angle whose tangent is x")
sinh = _float_function("sinh", ops.sinh, "(e^x - e^-x) / 2")
cosh = _float_function("cosh", ops.cosh, "(e^x + e^-x) / 2")
tanh = _float_function("tanh", ops.tanh, "sinh(x) / cosh(x)")
asinh = _float_function("asinh", ops.asinh, "The inverse of sinh")
acosh = _float_function("acosh", ops.acosh, "The inverse of cosh")
atanh = _float_function("atanh", ops.atanh, "The inverse of tanh")
arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
erf = _float_function("erf", ops.erf, "2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x")
erfc = _float_function("erfc", ops.erfc, "1 - erf(x)")
sigmoid = _float_function("sigmoid", ops.sigmoid, "1 / (1 + e^-x)")
neg = negative = _same_type_function("neg", ops.neg, "-x", RuntimeError)
sign = _same_type_function("sign", ops.sign, "-1, 0 or 1")
relu = _same_type_function("relu", ops.relu, "max(x, 0); its derivative at 0 is 0 (L 4.3)", RuntimeError)
floor = _rounding_function("floor", ops.floor, "The largest integer not above x")
ceil = _rounding_function("ceil", ops.ceil, "The smallest integer not below x")
trunc = fix = _rounding_function("trunc", ops.trunc, "x without its fraction")
isnan = _same_type_function("isnan", ops.isnan, "Whether x is nan")
isinf = _same_type_function("isinf", ops.isinf, "Whether x is an infinity")
isfinite = _same_type_function("isfinite", ops.isfinite, "Whether x is neither nan nor an infinity")
logical_not = _same_type_function("logical_not", ops.logical_not, "Whether x is zero")


def abs(input):
    """The absolute value; of a complex number its distance from 0."""
    node = require_tensor(input, "abs").node
    if node.dtype is bool_:
        raise NotImplementedError("abs: not implemented for 'bool'; convert it to numbers")
    return wrap(ops.magnitude(node) if node.dtype.is_complex else ops.abs_(node))


absolute = abs


def square(input):
    """x^2"""
    node = require_tensor(input, "square").node
    return wrap(ops.square(ops.cast(node, int64) if node.dtype is bool_ else node))


def round(input, *, decimals: int = 0):
    """The nearest integer, halves to the even one; with `decimals`, to that many digits."""
    node = require_tensor(input, "round").node
    if node.dtype is bool_:
        raise NotImplementedError("round: not implemented for 'bool'")
    if not node.dtype.is_floating_point:
        return wrap(ops.clone(node))
    if decimals == 0:
        return wrap(ops.round_(node))
    scale = 10.0**decimals
    return wrap(ops.scaled(ops.round_(ops.scaled(node, scale)), 1 / scale))


def _arithmetic(name: str, op: Op, formula: str) -> Callable:
    def call(input, other):
        return wrap(op(*pair(input, other, name)))

    return _named(call, name, formula)


def _comparison(name: str, op: Op, formula: str, refused: tuple[str, ...] = ("complex",)) -> Callable:
    """The first operand has to be a tensor."""

    def call(input, other):
        if not isinstance(input, Box):
            require_tensors(name, input)
        a, b = pair(input, other, name)
        if refused:
            refuse(name, a.dtype, *refused)
        return wrap(op(a, b))

    return _named(call, name, formula)


def _of_tensors(name: str, op: Op, formula: str, ordered: bool = False) -> Callable:
    """Neither operand may be a number."""

    def call(input, other):
        require_tensors(name, input, other)
        a, b = pair(input, other, name)
        if ordered:
            refuse(name, a.dtype, "complex", error=RuntimeError)
        return wrap(op(a, b))

    return _named(call, name, formula)


def mul(input, other):
    """x * y"""
    a, b = pair(input, other, "mul")
    exact = a.dtype.itemsize == 2 and (in_float32(input, other) or (is_number(input) and in_float32(other, input)))
    return wrap(_rounded(ops.mul, exact) if exact else ops.mul(a, b))


multiply = mul


def _rounded(op: Callable[[Node, Node], Node], exact: tuple[Node, Node, DType]) -> Node:
    """An operation in float32, its result in half precision."""
    x, y, half = exact
    return ops.cast(op(x, y), half)


maximum = _of_tensors("maximum", ops.maximum, "The larger of x and y; nan if either is", ordered=True)
minimum = _of_tensors("minimum", ops.minimum, "The smaller of x and y; nan if either is", ordered=True)
fmod = _comparison("fmod", ops.fmod, "x - y trunc(x / y): the sign is x's", ("bool", "complex"))
eq = _comparison("eq", ops.eq, "Whether x = y", ())
ne = not_equal = _comparison("ne", ops.ne, "Whether x differs from y", ())
lt = less = _comparison("lt", ops.lt, "Whether x < y")
le = less_equal = _comparison("le", ops.le, "Whether x <= y")
gt = greater = _comparison("gt", ops.gt, "Whether x > y")
ge = greater_equal = _comparison("ge", ops.ge, "Whether x >= y")
logical_and = _of_tensors("logical_and", ops.logical_and, "Whether both are nonzero")
logical_or = _of_tensors("logical_or", ops.logical_or, "Whether either is nonzero")
logical_xor = _of_tensors("logical_xor", ops.logical_xor, "Whether exactly one is nonzero")


def check_factor(factor, like, call: str, name: str = "alpha") -> None:
    """Raise RuntimeError for a fraction that scales integers."""
    if isinstance(factor, float) and like.dtype.category in ("bool", "integer"):
        raise RuntimeError(f"{call}: For integral input tensors, argument {name} must not be a floating point number.")


def _scaled_second(x, y, alpha, call: str) -> tuple[Node, Node]:
    a, b = pair(x, y, call)
    check_factor(alpha, a, call)
    factor = number_node(alpha, b.dtype)
    if half_of((b,)):  # one rounding, at the end
        a, b, factor = [ops.cast(n, float32) for n in (a, b, factor)]
    return a, ops.mul(b, factor)


def _sum(op: Op, x, y, alpha, call: str) -> Tensor:
    if alpha == 1:
        return wrap(op(*pair(x, y, call)))
    dtype = result_type(require_operand(x, call), require_operand(y, call))
    return wrap(as_dtype(op(*_scaled_second(x, y, alpha, call)), dtype))


def remainder(input, other):
    """x - y floor(x / y): the sign is y's"""
    require_a_tensor("remainder", input, other)
    a, b = pair(input, other, "remainder")
    refuse("remainder", a.dtype, "bool", "complex")
    return wrap(ops.remainder(a, b))


def add(input, other, *, alpha=1):
    """x + alpha y"""
    return _sum(ops.add, input, other, alpha, "add")


def sub(input, other, *, alpha=1):
    """x - alpha y"""
    if any(x.dtype is bool_ if isinstance(x, Box) else isinstance(x, bool) for x in (input, other)):
        raise RuntimeError("sub: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
                           "invert a mask, use the `~` or `logical_not()` operator instead.")
    return _sum(ops.sub, input, other, alpha, "sub")


subtract = sub


def rsub(input, other, *, alpha=1):
    """y - alpha x"""
    require_tensors("rsub", input)
    return sub(other, input, alpha=alpha)


def div(input, other, *, rounding_mode: str | None = None):
    """x / y as a float; rounded down with rounding_mode="floor", towards 0 with "trunc"."""
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode not in (None, "trunc"):
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")
    a, b = pair(input, other, "div")
    kind = a.dtype
    exact = kind.itemsize == 2 and in_float32(input, other)
    if exact:
        return wrap(_rounded(ops.div if rounding_mode is None else _truncated_quotient, exact))
    if kind.itemsize == 2 and is_number(input) and in_float32(other, input):  # PyTorch's way, which rounds twice
        return _truncated(mul(reciprocal(other), input), rounding_mode)
    if rounding_mode is None:
        return wrap(ops.div(a, b) if kind.is_floating_point else ops.div(*float_pair(input, other, "div")))
    quotient = ops.div(to_float(a), to_float(b))
    rounded = ops.trunc(quotient)
    return wrap(rounded if kind.is_floating_point else ops.cast(rounded, kind))


def _truncated_quotient(x: Node, y: Node) -> Node:
    return ops.trunc(ops.div(x, y))


def _truncated(quotient: Tensor, rounding_mode: str | None) -> Tensor:
    return quotient if rounding_mode is None else trunc(quotient)


divide = true_divide = div


def floor_divide(input, other):
    """floor(x / y). Raises RuntimeError when an integer is divided by 0."""
    a, b = pair(input, other, "floor_divide")
    refuse("floor_divide", a.dtype, "bool", "complex")
    exact = a.dtype.itemsize == 2 and in_float32(input, other)
    return wrap(_rounded(ops.floor_divide, exact) if exact else ops.floor_divide(a, b))


_SPECIAL_POWERS = {2: ops.square, 0.5: ops.sqrt, -0.5: ops.rsqrt, -1: ops.reciprocal}


def pow(input, exponent):
    """x^y. A number as exponent is part of the graph, so that squares and roots are computed as such."""
    if isinstance(input, Box) and is_number(exponent):
        dtype = result_type(input, exponent)
        node = as_node(input, dtype)
        special = _SPECIAL_POWERS.get(exponent) if dtype.is_floating_point or exponent == 2 else None
        if special is not None:
            return wrap(special(node))
        if dtype.category == "integer" and exponent < 0:
            raise RuntimeError("pow: Integers to negative integer powers are not allowed.")
        exponent = held(exponent, dtype) if dtype.category == "integer" else exponent
        return wrap(ops.pow_(node, ops.number(exponent, node)))
    require_a_tensor("pow", input, exponent)
    a, b = pair(input, exponent, "pow")
    refuse("pow", a.dtype, "bool")
    return wrap(ops.pow_(a, b))


def float_power(input, exponent):
    """x^y in float64, or complex128; float_power_ raises RuntimeError for a tensor of another dtype."""
    require_a_tensor("float_power", input, exponent)
    wide = complex128 if result_type(input, exponent).is_complex else float64
    return pow(*[wrap(as_node(x, wide)) if isinstance(x, Tensor) else x for x in (input, exponent)])


def atan2(input, other):
    """The angle of the point (y, x) from the first axis, in (-pi, pi]."""
    require_tensors("atan2", input, other)
    a, b = float_pair(input, other, "atan2")
    refuse("atan2", a.dtype, "complex")
    return wrap(ops.atan2(a, b))


arctan2 = atan2


def _bitwise(name: str, op: Op, formula: str, refused: tuple[str, ...] = ("float", "complex")) -> Callable:
    def call(input, other):
        a, b = pair(input, other, name)
        refuse(name, a.dtype, *refused)
        return wrap(op(a, b))

    return _named(call, name, formula)


bitwise_and = _bitwise("bitwise_and", ops.bitwise_and, "x & y")
bitwise_or = _bitwise("bitwise_or", ops.bitwise_or, "x | y")
bitwise_xor = _bitwise("bitwise_xor", ops.bitwise_xor, "x ^ y")
bitwise_left_shift = _bitwise("bitwise_left_shift", ops.left_shift, "x << y", ("bool", "float", "complex"))
bitwise_right_shift = _bitwise("bitwise_right_shift", ops.right_shift, "x >> y", ("bool", "float", "complex"))


def bitwise_not(input):
    """~x"""
    node = require_tensor(input, "bitwise_not").node
    if node.dtype.category not in ("integer", "bool"):
        raise NotImplementedError(f"bitwise_not: not implemented for '{node.dtype.name}'; the operand must be integer or bool")
    return wrap(ops.bitwise_not(node))


def where(condition, input=None, other=None):
    """x where the condition holds, y elsewhere; with the condition alone, the indices where it holds."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype is not bool_:
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}")
    dtype = result_type(require_operand(input, "where"), require_operand(other, "where"))
    return wrap(ops.where(condition.node, as_node(input, dtype), as_node(other, dtype)))


def clamp(input, min=None, max=None):
    """x held between min and max (numbers or tensors, either may be missing)."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    bounds = [b for b in (min, max) if b is not None]
    dtype = result_type(require_tensor(input, "clamp"), *[require_operand(b, "clamp") for b in bounds])
    if any(isinstance(b, complex) for b in bounds) and input.dtype.is_floating_point:
        raise RuntimeError(f"clamp: the bounds {bounds} cannot be converted to real numbers without overflow; give real ones")
    refuse("clamp", dtype, "complex", *([] if any(isinstance(b, Box) for b in bounds) else ["bool"]))
    node = as_node(input, dtype)
    low = None if min is None else as_node(min, dtype)
    high = None if max is None else as_node(max, dtype)
    if any(isinstance(b, Box) for b in bounds):
        return wrap(_clamped(node, low, high))
    # Number bounds: the gradient passes on the bounds too, where maximum would give half.
    inside = _clamped(ops.detach(node), low, high)
    return wrap(ops.where(ops.eq(node, inside), node, inside))


def _clamped(node: Node, low: Node | None, high: Node | None) -> Node:
    if low is not None:
        node = ops.maximum(node, low)
    return node if high is None else ops.minimum(node, high)


clip = clamp


def clamp_min(input, min):
    """max(x, min)"""
    return clamp(input, min=min)


def clamp_max(input, max):
    """min(x, max)"""
    return clamp(input, max=max)


def lerp(input, end, weight):
    """x + weight (end - x)"""
    require_tensors("lerp", input, end)
    for what, given in (("end", end), ("weight", weight)):
        if isinstance(given, Box) and given.dtype is not input.dtype:
            raise RuntimeError(f"lerp(): expected dtype {input.dtype.name} for `{what}` but got dtype {given.dtype.name}; "
                               f"convert it with .to({input.dtype.name})")
    refuse("lerp", input.dtype, "bool", "integer")
    return input + weight * (end - input)


def addcmul(input, tensor1, tensor2, *, value=1):
    """x + value a b"""
    require_tensors("addcmul", input, tensor1, tensor2)
    refuse("addcmul", result_type(input, tensor1, tensor2), "bool")
    check_factor(value, input, "addcmul", "value")
    if _all_half(input, tensor1, tensor2):
        return addcmul(input.float(), tensor1.float(), tensor2.float(), value=value).to(input.dtype)
    product = tensor1 * tensor2
    return input + (product if value == 1 else value * tensor1 * tensor2)


def addcdiv(input, tensor1, tensor2, *, value=1):
    """x + value a / b"""
    require_tensors("addcdiv", input, tensor1, tensor2)
    check_factor(value, input, "addcdiv", "value")
    if _all_half(input, tensor1, tensor2):
        return addcdiv(input.float(), tensor1.float(), tensor2.float(), value=value).to(input.dtype)
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else value * tensor1 / tensor2)


def _all_half(*tensors) -> bool:
    """Whether all are of one half-precision dtype: the whole is then computed in float32 and rounded once."""
    kinds = {x.dtype for x in tensors}
    return len(kinds) == 1 and half_of([x.node for x in tensors]) is not None


def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """nan and the infinities replaced, by 0 and the largest finite numbers unless said otherwise."""
    node = require_tensor(input, "nan_to_num").node
    if not node.dtype.is_floating_point:
        return wrap(ops.clone(node))
    from_limits = _limits(node)
    high = from_limits[1] if posinf is None else posinf
    low = from_limits[0] if neginf is None else neginf
    infinite = ops.where(ops.gt(node, ops.number(0, node)), ops.number(high, node), ops.number(low, node))
    finite = ops.where(ops.isinf(node), infinite, node)
    return wrap(ops.where(ops.isnan(node), ops.number(nan or 0.0, node), finite))


def _limits(node: Node) -> tuple[float, float]:
    info = finfo(node.dtype)
    return info.min, info.max


def isclose(input, other, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False):
    """|x - y| <= atol + rtol |y|"""
    require_tensors("isclose", input, other)
    for value, name in ((rtol, "rtol"), (atol, "atol")):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype.name} did not match {other.dtype.name}: isclose compares tensors of one dtype")
    near = abs(input - other) <= atol + rtol * abs(other) if input.is_floating_point() or input.is_complex() else input == other
    close = logical_or(eq(input, other), logical_and(near, logical_and(isfinite(input), isfinite(other))))
    return logical_or(close, logical_and(isnan(input), isnan(other))) if equal_nan else close


def logit(input, eps: float | None = None):
    """log(x / (1 - x)), with x held in [eps, 1 - eps] if eps is given."""
    x = input if eps is None else clamp(input, eps, 1 - eps)
    return log(x / (1 - x))


def rad2deg(input):
    """Radians to degrees."""
    return input * (180 / 3.141592653589793)


def deg2rad(input):
    """Degrees to radians."""
    return input * (3.141592653589793 / 180)


def softmax(input, dim=None, dtype=None):
    """exp(x) / sum exp(x) along dim (L 3.1)."""
    return _along(ops.softmax, input, dim, dtype, "softmax")


def log_softmax(input, dim=None, dtype=None):
    """log softmax(x) along dim, without overflow."""
    return _along(ops.log_softmax, input, dim, dtype, "log_softmax")


def _along(op: Op, input, dim, dtype, call: str):
    node = require_tensor(input, call).node
    if dim is None:
        dim = 0 if len(node.shape) in (0, 1, 3) else 1
    dim = dim_index(dim, len(node.shape), call)
    node = node if dtype is None else ops.cast(node, dtype) if node.dtype is not dtype else node
    if not node.dtype.is_floating_point:
        raise NotImplementedError(f"{call}: not implemented for '{node.dtype.name}'; convert the input to a float type")
    if not node.shape:
        return wrap(ops.reshape(op(ops.reshape(node, (1,)), 0), ()))
    return wrap(op(node, dim))
