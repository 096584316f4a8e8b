"""An expression as text, recorded on tensors: `(x + y) * z` with x = -2, y = 5, z = -4 (N fig. 2.2).

Python's own parser reads it; only numbers, variables, arithmetic and a few functions are let through, and nothing
is ever executed as Python.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..core.dtypes import float64
from ..tensor import Tensor, tensor
from ..tensor.functions import matrix, pointwise, reduce
from .graph_error import ExpressionError, nearest
from .graph_values import character, error_column, finite

MOST_CHARACTERS = 2000


def elementary_sigmoid(u: Tensor) -> Tensor:
    """1 / (1 + exp(-u)), operation by operation (N fig. 2.6)."""
    return 1.0 / (1.0 + (-u).exp())


OPERATORS: dict[type[ast.operator], tuple[str, Callable]] = {
    ast.Add: ("+", pointwise.add), ast.Sub: ("-", pointwise.sub),
    ast.Mult: ("*", pointwise.mul), ast.Div: ("/", pointwise.div),
    ast.Pow: ("**", pointwise.pow), ast.MatMult: ("@", matrix.matmul),
}
_UNARY = ("exp", "log", "sin", "cos", "tan", "tanh", "sqrt", "sigmoid", "relu", "abs")
FUNCTIONS: dict[str, tuple[int, Callable]] = {
    **{name: (1, getattr(pointwise, name)) for name in _UNARY},
    "maximum": (2, pointwise.maximum), "minimum": (2, pointwise.minimum),
    "sum": (1, reduce.sum), "mean": (1, reduce.mean),
}
HINTS: dict[type[ast.AST], str] = {
    ast.BitXor: "^ is no power here: write **", ast.FloorDiv: "// has no gradient: write /",
    ast.Mod: "% is not one of the operations", ast.Compare: "comparisons are not allowed",
    ast.Attribute: "attributes are not allowed: write exp(x), not x.exp()",
    ast.Subscript: "indexing is not allowed: give the element a variable of its own",
    ast.List: "lists are given as values: write x in the expression, and x=[1,2] behind it",
    ast.Tuple: "one expression at a time: a comma only separates the arguments of a function",
}
ALLOWED = f"allowed are + - * / ** @ and {', '.join(FUNCTIONS)}"


@dataclass(frozen=True)
class Recorded:
    """A recorded expression: its text, its value, and what is named in it (variables, and numbers as typed)."""

    text: str
    output: Tensor
    names: list[tuple[str, Tensor]]


def record(text: str, values: Mapping[str, np.ndarray], fused: bool = False) -> Recorded:
    """Record the expression on float64 variables; `fused` makes each sigmoid(...) one operation.

    Raises ExpressionError, with the column, for a syntax error, anything but arithmetic and the known functions, a
    variable without a value, a value without a variable, shapes that do not fit, and a result that is not one number.
    """
    text = " ".join(text.split())
    tree = _parsed(text)
    variables = {name: tensor(value, dtype=float64, requires_grad=True) for name, value in values.items()}
    reader = _Reader(text, variables, fused)
    output = reader.read(tree)
    _check_all_used(text, variables, reader.used)
    if not reader.used:
        raise ExpressionError("the expression has no variable, so it has no gradient: name a number, such as x", text, 0)
    if output.numel() != 1:
        raise ExpressionError(
            f"the result has shape {list(output.shape)}, and only one number has a gradient: wrap it in sum(...)", text, 0
        )
    return Recorded(text, output, [*variables.items(), *reader.numbers])


def _parsed(text: str) -> ast.expr:
    if not text:
        raise ExpressionError("the expression is empty: write one such as (x + y) * z", text, 0)
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"the expression is too long: at most {MOST_CHARACTERS} characters", text, MOST_CHARACTERS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        if "=" in text:
            raise ExpressionError("an expression has no =: values follow behind it, each as NAME=VALUE", text,
                                  text.index("=")) from None
        reason = error.msg.partition(". ")[0]  # what follows is advice for programs
        raise ExpressionError(f"this is no expression: {reason}", text, error_column(error)) from None
    except ValueError:
        raise ExpressionError("the expression has a character that no expression has", text, 0) from None
    except (RecursionError, MemoryError):
        raise _too_deep(text) from None


def _too_deep(text: str) -> ExpressionError:
    return ExpressionError("the expression is nested too deeply", text, 0)


def _check_all_used(text: str, variables: Mapping[str, Tensor], used: set[str]) -> None:
    for name in variables:
        if name not in used:
            raise ExpressionError(f"{name} has a value but is not in the expression{nearest(name, used)}", text, len(text))


class _Reader:
    """Walks the syntax tree and records it."""

    def __init__(self, text: str, variables: Mapping[str, Tensor], fused: bool):
        self.text = text
        self.variables = variables
        self.fused = fused
        self.used: set[str] = set()
        self.numbers: list[tuple[str, Tensor]] = []

    def read(self, tree: ast.expr) -> Tensor:
        try:
            return self._read(tree)
        except RecursionError:
            raise _too_deep(self.text) from None

    def _read(self, node: ast.expr) -> Tensor:
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return self._signed(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Name):
            return self._variable(node)
        if isinstance(node, ast.Constant):
            return self._number(node, 1.0)
        raise self._error(node, f"{HINTS.get(type(node), 'this is not allowed')}; {ALLOWED}")

    def _binary(self, node: ast.BinOp) -> Tensor:
        left_end = character(self.text, node.left.end_col_offset or 0)
        if type(node.op) not in OPERATORS:
            hint = HINTS.get(type(node.op), "this operator is not allowed")
            raise ExpressionError(f"{hint}; {ALLOWED}", self.text, self._operator(left_end))
        symbol, function = OPERATORS[type(node.op)]
        left, right = self._read(node.left), self._read(node.right)
        return self._recorded(function, symbol, self._operator(left_end), left, right)

    def _operator(self, left_end: int) -> int:
        """The column of the operator that follows an operand, behind the brackets that close around it."""
        return left_end + len(self.text[left_end:]) - len(self.text[left_end:].lstrip(" )"))

    def _signed(self, node: ast.UnaryOp) -> Tensor:
        minus = isinstance(node.op, ast.USub)
        if isinstance(node.operand, ast.Constant):
            return self._number(node.operand, -1.0 if minus else 1.0)
        inner = self._read(node.operand)
        return pointwise.neg(inner) if minus else inner

    def _call(self, node: ast.Call) -> Tensor:
        if not isinstance(node.func, ast.Name):
            raise self._error(node, f"only functions by their name can be called; {ALLOWED}")
        name = node.func.id
        if name not in FUNCTIONS:
            if name in self.variables:
                raise self._error(node, f"{name} is a variable, not a function: write {name} * (...) for a product")
            raise self._error(node, f"there is no function {name!r}{nearest(name, FUNCTIONS) or '; ' + ALLOWED}")
        count, function = FUNCTIONS[name]
        plain = not node.keywords and not any(isinstance(a, ast.Starred) for a in node.args)
        if len(node.args) != count or not plain:
            raise self._error(node, f"{name} takes {count} argument{'s' if count > 1 else ''}: "
                                    f"{name}({', '.join('xy'[:count])})")
        arguments = [self._read(argument) for argument in node.args]
        if name == "sigmoid" and not self.fused:
            function = elementary_sigmoid
        return self._recorded(function, name, self._column(node), *arguments)

    def _variable(self, node: ast.Name) -> Tensor:
        name = node.id
        if name in FUNCTIONS:
            raise self._error(node, f"{name} is a function: write {name}({', '.join('xy'[:FUNCTIONS[name][0]])})")
        if name not in self.variables:
            raise self._error(node, f"{name} has no value{nearest(name, self.variables) or f': add {name}=NUMBER'}")
        self.used.add(name)
        return self.variables[name]

    def _number(self, node: ast.Constant, sign: float) -> Tensor:
        value = sign * finite(node.value, self.text, self._column(node))
        number = tensor(value, dtype=float64)
        typed = ast.get_source_segment(self.text, node) or repr(value)
        self.numbers.append((f"-{typed}" if sign < 0 else typed, number))
        return number

    def _recorded(self, function: Callable, called: str, column: int, *operands: Tensor) -> Tensor:
        """Record one operation; what it says of its operands' shapes is said at its place in the text."""
        try:
            return function(*operands)
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            shapes = " and ".join(str(list(operand.shape)) for operand in operands)
            raise ExpressionError(f"{called} does not fit shapes {shapes}: {error}", self.text, column) from None

    def _column(self, node: ast.expr) -> int:
        return character(self.text, node.col_offset)

    def _error(self, node: ast.expr, message: str) -> ExpressionError:
        return ExpressionError(message, self.text, self._column(node))
