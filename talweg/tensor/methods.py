"""Binds the functions as methods of Tensor, with the operators and the in-place forms."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..core.dtypes import can_cast, complex128, float64
from ..core.shapes import broadcast_all
from ..graph import ops
from ..graph.node import mode
from . import autograd, exchange, sparse, views
from .autocast import without_autocast
from .box import Box
from .functions import (
    arithmetic,
    complex,
    convert,
    copies,
    creation,
    diagonals,
    factor,
    indexing,
    inspection,
    joining,
    matrix,
    norms,
    pointwise,
    products,
    random,
    reduce,
    reflections,
    scans,
    scattering,
    shape,
    solving,
    sorting,
    special,
    statistics,
    stft,
    storage,
)
from .keywords import also_named, second_names
from .operands import is_number, number_node, result_type
from .tensor import Tensor, wrap

_POINTWISE = """
abs absolute acos acosh add addcdiv addcmul arctan2 asin asinh atan atan2 atanh bitwise_and bitwise_left_shift
bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil clamp clamp_max clamp_min clip cos cosh deg2rad
div divide eq erf erfc exp exp2 expm1 fix float_power floor floor_divide fmod ge greater greater_equal gt
isclose isfinite isinf isnan le lerp less less_equal log log10 log1p log2 log_softmax logical_and logical_not
logical_or logical_xor logit lt maximum minimum mul multiply nan_to_num ne neg negative not_equal pow rad2deg
reciprocal relu remainder round rsqrt sigmoid sign sin sinh softmax sqrt square sub subtract tan tanh
true_divide trunc
""".split()
_REDUCE = """
all amax amin aminmax any argmax argmin argsort count_nonzero cumprod cumsum kthvalue logsumexp max mean
median min nansum prod sort std sum topk var
""".split()
_SHAPE = """
as_strided broadcast_to chunk expand expand_as flatten flip fliplr flipud moveaxis movedim narrow permute
ravel repeat reshape reshape_as roll select split split_with_sizes squeeze swapaxes swapdims t tensor_split
tile transpose unbind unflatten unfold unsqueeze view view_as
""".split()
_DIAGONALS = "diag diag_embed diagonal tril triu".split()
_INDEXING = """
argwhere gather index_add index_copy index_fill index_put index_select masked_fill masked_scatter
masked_select nonzero scatter scatter_add take take_along_dim
""".split()
_MATRIX = ["addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "dot", "ger", "matmul", "mm", "mv", "outer"]
_RANDOM = """
bernoulli bernoulli_ cauchy_ exponential_ geometric_ log_normal_ multinomial normal_ random_ uniform_
""".split()
_CREATION = ["new_empty", "new_full", "new_ones", "new_tensor", "new_zeros"]
_CONVERT = """
alias allclose bfloat16 bool byte cdouble cfloat char clone contiguous cpu cuda double equal float half int
is_pinned long pin_memory positive short to type type_as
""".split()
_AUTOGRAD = ["register_hook", "register_post_accumulate_grad_hook", "retain_grad"]

_MORE = {
    arithmetic: """copysign fmax fmin frac frexp gcd heaviside hypot isneginf isposinf lcm ldexp logaddexp logaddexp2 nextafter
        signbit""",
    complex: "angle conj conj_physical is_conj is_neg isreal resolve_conj resolve_neg sgn",
    copies: """as_strided_scatter diagonal_scatter narrow_copy select_scatter slice_scatter unsafe_chunk unsafe_split
        unsafe_split_with_sizes""",
    factor: "geqrf",
    inspection: "adjoint is_nonzero is_same_size",
    joining: "diagflat dsplit hsplit rot90 vsplit",
    products: "cross inner kron matrix_exp matrix_power renorm trace vdot",
    reflections: "ormqr",
    scans: "cummax cummin diff logcumsumexp",
    scattering: "index_reduce nonzero_static put repeat_interleave scatter_reduce",
    solving: "cholesky_inverse cholesky_solve det logdet triangular_solve",
    sorting: "bincount histc histogram msort unique unique_consecutive",
    special: "digamma erfinv i0 igamma igammac lgamma mvlgamma polygamma sinc xlogy",
    statistics: "corrcoef cov mode nanmean nanmedian nanquantile quantile",
    stft: "istft stft",
    storage: "new_empty_strided resize_ resize_as_ sum_to_size",
}

# Methods whose name is another function's in linalg.
_RENAMED: dict[str, Callable] = {
    "cholesky": factor.torch_cholesky, "lu": factor.torch_lu, "lu_solve": factor.torch_lu_solve, "qr": factor.torch_qr,
    "svd": factor.torch_svd, "inverse": solving.inv, "pinverse": solving.torch_pinverse, "slogdet": solving.torch_slogdet,
    "norm": norms.torch_norm, "dist": norms.dist,
    "orgqr": reflections.householder_product, "arccos": pointwise.acos, "arcsin": pointwise.asin, "arctan": pointwise.atan,
    "arccosh": pointwise.acosh, "arcsinh": pointwise.asinh, "arctanh": pointwise.atanh, "arctan2": pointwise.atan2,
}

_METHODS = ((pointwise, _POINTWISE), (reduce, _REDUCE), (shape, _SHAPE), (diagonals, _DIAGONALS),
            (indexing, _INDEXING), (matrix, _MATRIX),
            (random, _RANDOM), (creation, _CREATION), (convert, _CONVERT),
            *[(module, names.split()) for module, names in _MORE.items()])

# Forms that write their result to the tensor itself: name_ for each.
_IN_PLACE = """
abs absolute acos acosh add addcdiv addcmul asin asinh atan atan2 atanh bitwise_and bitwise_left_shift
bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil clamp clamp_max clamp_min clip cos cosh cumprod
cumsum deg2rad div divide eq erf erfc exp exp2 expm1 fix floor floor_divide fmod ge greater greater_equal gt
index_add index_copy index_fill index_put le lerp less less_equal log log10 log1p log2 logical_and logical_not
logical_or logical_xor logit lt masked_fill masked_scatter mul multiply nan_to_num ne neg negative not_equal
pow rad2deg reciprocal relu remainder round rsqrt scatter scatter_add sigmoid sign sin sinh sqrt square sub
subtract tan tanh tril triu true_divide trunc addmm addmv addr addbmm baddbmm float_power
copysign frac gcd heaviside hypot lcm ldexp nextafter conj_physical sgn renorm index_reduce put scatter_reduce
digamma erfinv i0 igamma igammac lgamma mvlgamma polygamma sinc xlogy
""".split()

_TESTS = {"eq", "ne", "lt", "le", "gt", "ge", "greater", "greater_equal", "less", "less_equal", "not_equal"}

# Those of them that PyTorch offers as functions too.
WRITTEN = tuple(name + "_" for name in """
abs acos acosh asin asinh atan atanh ceil clamp clamp_max clamp_min clip conj_physical cos cosh deg2rad erf erfc exp exp2
expm1 fill fix floor frac gcd i0 index_put lcm ldexp log log10 log1p log2 logit nan_to_num neg negative rad2deg reciprocal
round rsqrt sigmoid sin sinc sinh sqrt square tan tanh trunc xlogy detach addmv arccos arccosh arcsin arcsinh arctan arctanh
""".split())


def _in_place(name: str, function: Callable) -> Callable:
    function = without_autocast(function)  # a tensor keeps its dtype

    @functools.wraps(function)
    def write(self, *args, **kwargs):
        try:
            result = function(before_write(self, *args, *kwargs.values()), *args, **kwargs)
        except NotImplementedError:
            _require_room(self, args, name)
            raise
        return assign(self, result, name + "_")

    write.__name__ = write.__qualname__ = name + "_"
    return write


def _wide_enough(float_power_: Callable) -> Callable:
    """float_power_ of tensors that can hold its result; others' would be rounded."""

    @functools.wraps(float_power_)
    def checked(self, exponent):
        wanted = complex128 if result_type(self, exponent).is_complex else float64
        if self.dtype is not wanted:
            raise RuntimeError(f"the base given to float_power_ has dtype {self.dtype.name} but the operation's result requires "
                               f"dtype {wanted.name}: x = x.float_power(y) makes another tensor")
        return float_power_(self, exponent)

    return checked


def before_write(self: Tensor, *others) -> Tensor:
    """What an in-place function computes from. The gradients of x.sin_() and of y in x.mul_(y) need the old x: it is read
    from a node of its own, which no write makes stale."""
    if mode.grad and (self.node.needs_grad or any(isinstance(x, Box) and x.node.needs_grad for x in others)):
        return wrap(ops.clone(self.node))
    return self


def _require_room(self: Tensor, operands, name: str) -> None:
    """Raise RuntimeError where the operands' common shape or dtype does not fit the tensor: PyTorch looks at this first."""
    operands = [x for x in operands if isinstance(x, Box) or is_number(x)]
    shape = broadcast_all([self.node.shape, *(x.node.shape for x in operands if isinstance(x, Box))])
    if shape != self.node.shape:
        raise RuntimeError(f"{name}_: output with shape {list(self.node.shape)} doesn't match the broadcast shape {list(shape)}")
    common = result_type(self, *operands)
    if name not in _TESTS and not can_cast(common, self.dtype):  # every dtype holds bools
        raise RuntimeError(f"{name}_: result type {common.name} can't be cast to the desired output type {self.dtype.name}")


def assign(self: Tensor, result: Tensor, call: str) -> Tensor:
    """Make a result the tensor's own value, in its dtype. Raises RuntimeError where shape or kind cannot be kept."""
    node = result.node
    if node.shape != self.node.shape:
        raise RuntimeError(f"{call}: output with shape {list(self.node.shape)} doesn't match the broadcast shape "
                           f"{list(node.shape)}")
    if node.dtype is not self.node.dtype:
        if not can_cast(node.dtype, self.node.dtype):
            raise RuntimeError(f"{call}: result type {node.dtype.name} can't be cast to the desired output type "
                               f"{self.node.dtype.name}")
        node = ops.cast(node, self.node.dtype)
    self._write(node)
    return self


# --- writes that are no function's in-place form
@also_named(other="src")
def copy_(self, src, non_blocking: bool = False):
    """The values of src, broadcast and converted to this tensor's shape and dtype."""
    if not isinstance(src, Box):
        src = creation.tensor(src)
    node = src.node if src.node.dtype is self.node.dtype else ops.cast(src.node, self.node.dtype)
    if node.shape != self.node.shape:
        node = ops.expand(node, self.node.shape)
    old = self.node
    self._write(ops.overwrite(old, node) if mode.grad and old.needs_grad else ops.clone(node))
    return self


def fill_(self, value):
    """One number (or 0-d tensor) everywhere."""
    if isinstance(value, Box):
        if value.dim() != 0:
            raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.dim()} dimensions.")
        source = ops.cast(value.node, self.node.dtype)
    elif is_number(value):
        source = number_node(value, self.node.dtype)
    else:
        raise TypeError(f"fill_(): argument 'value' must be a number or a 0-d tensor, not {type(value).__name__}")
    self._write(ops.expand(source, self.node.shape))
    return self


def where(self, condition, other):
    """The tensor itself where the condition holds, `other` elsewhere."""
    return pointwise.where(condition, self, other)


def zero_(self):
    """0 everywhere."""
    return fill_(self, 0)


def fill_diagonal_(self, fill_value, wrap: bool = False):
    """One number on the diagonal of a matrix."""
    self.diagonal()._write(ops.expand(number_node(fill_value, self.dtype), self.diagonal().shape))
    return self


def _shape_in_place(name: str, function: Callable) -> Callable:
    """unsqueeze_, t_, ...: the tensor itself takes the view's shape."""

    def change(self, *args, **kwargs):
        view = function(self, *args, **kwargs)
        self._view, self._strides, self._offset = view._view, view._strides, view._offset
        self._show(view.node)
        return self

    change.__name__ = change.__qualname__ = name + "_"
    change.__doc__ = f"{name}, of the tensor itself."
    return change


def bind() -> None:
    """Give Tensor its methods; called once, when the room is opened."""
    for module, names in _METHODS:
        for name in names:
            setattr(Tensor, name, second_names(getattr(module, name)))
    for name in _IN_PLACE:
        function = next(getattr(m, name) for m, _ in _METHODS if hasattr(m, name))
        setattr(Tensor, name + "_", _in_place(name, function))
    Tensor.float_power_ = _wide_enough(Tensor.float_power_)  # type: ignore[attr-defined]
    for name, function in _RENAMED.items():
        setattr(Tensor, name, function)
    for name in ("arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "arctan2"):
        setattr(Tensor, name + "_", _in_place(name, _RENAMED[name]))
    for name in _AUTOGRAD:
        setattr(Tensor, name, getattr(autograd, name))
    Tensor.backward = also_named(gradient="grad_tensors")(autograd.backward)  # type: ignore[attr-defined]
    for name in ("unsqueeze", "squeeze", "transpose", "t", "swapaxes", "swapdims", "as_strided"):
        setattr(Tensor, name + "_", _shape_in_place(name, getattr(shape, name)))
    for method in (copy_, fill_, zero_, fill_diagonal_, where, sparse.to_sparse, sparse.to_dense):
        setattr(Tensor, method.__name__, method)
    _bind_operators()
    _bind_properties()


def _swapped(function: Callable) -> Callable:
    return lambda self, other: function(other, self)


def _accepting(function: Callable) -> Callable:
    """An operator that leaves operands it does not know to their own class."""

    def operator(self, other):
        if isinstance(other, Box) or is_number(other):
            return function(self, other)
        return function(self, creation.tensor(other)) if hasattr(other, "__array__") else NotImplemented

    return operator


_OPERATORS = {
    "add": pointwise.add, "sub": pointwise.sub, "mul": pointwise.mul, "truediv": pointwise.div,
    "floordiv": pointwise.floor_divide, "mod": pointwise.remainder, "pow": pointwise.pow, "matmul": matrix.matmul,
    "and": pointwise.bitwise_and, "or": pointwise.bitwise_or, "xor": pointwise.bitwise_xor,
    "lshift": pointwise.bitwise_left_shift, "rshift": pointwise.bitwise_right_shift,
}
_COMPARISONS = {"eq": pointwise.eq, "ne": pointwise.ne, "lt": pointwise.lt, "le": pointwise.le, "gt": pointwise.gt,
                "ge": pointwise.ge}


def _bind_operators() -> None:
    for name, function in _OPERATORS.items():
        setattr(Tensor, f"__{name}__", _accepting(function))
        setattr(Tensor, f"__r{name}__", _accepting(_swapped(function)))
        in_place = getattr(Tensor, {"truediv": "div", "floordiv": "floor_divide", "mod": "remainder"}.get(name, name) + "_",
                           None) or getattr(Tensor, f"bitwise_{name}_", None)
        if in_place is not None:
            setattr(Tensor, f"__i{name}__", in_place)
    for name, function in _COMPARISONS.items():
        setattr(Tensor, f"__{name}__", _accepting(function))
    for name, method in _OTHER_OPERATORS.items():
        setattr(Tensor, f"__{name}__", method)
    for name in ("left_shift", "right_shift"):
        setattr(Tensor, f"__i{name[0]}shift__", getattr(Tensor, f"bitwise_{name}_"))


def _contains(self: Tensor, value) -> bool:
    return (self == value).any().item()


_OTHER_OPERATORS = {
    "neg": pointwise.neg, "pos": convert.positive, "abs": pointwise.abs, "invert": pointwise.bitwise_not,
    "getitem": indexing.getitem, "setitem": indexing.setitem, "contains": _contains,
}


def _bind_properties() -> None:
    Tensor.T = property(lambda self: views.permute(self, tuple(range(self.dim() - 1, -1, -1))))  # type: ignore[attr-defined]
    Tensor.mT = property(_matrix_transpose)  # type: ignore[attr-defined]
    for name in ("mH", "H"):
        setattr(Tensor, name, property(lambda self: complex.conj(_matrix_transpose(self))))
    Tensor.real = property(complex.real)  # type: ignore[attr-defined]
    Tensor.imag = property(complex.imag)  # type: ignore[attr-defined]
    Tensor.__dlpack__, Tensor.__dlpack_device__ = exchange.dlpack, exchange.dlpack_device  # type: ignore[attr-defined]
    Tensor.grad_fn = property(autograd.grad_fn)  # type: ignore[attr-defined]


def _matrix_transpose(self: Tensor) -> Tensor:
    if self.dim() < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.dim()}-D tensor.")
    return shape.transpose(self, -2, -1)
