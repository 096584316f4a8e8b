"""Random scalar expressions, and PyTorch's answer to them."""

import re

import torch
from hypothesis import strategies as st

NAMES = ("a", "b", "c")
UNARY = ("exp", "log", "sin", "cos", "tan", "tanh", "sqrt", "sigmoid", "relu", "abs", "sum", "mean")

numbers = st.sampled_from(["0.5", "2", "3", "1.25"])
variables = st.sampled_from(NAMES)
values = st.fixed_dictionaries({name: st.floats(0.25, 2).map(lambda v: round(v, 3)) for name in NAMES})


def _larger(part):
    return st.one_of(
        st.tuples(part, st.sampled_from("+-*/"), part).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(part, numbers).map(lambda t: f"({t[0]}) ** {t[1]}"),
        part.map(lambda p: f"(-{p})"),
        st.tuples(st.sampled_from(UNARY), part).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["maximum", "minimum"]), part, part).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
    )


expressions = st.recursive(st.one_of(variables, variables, numbers), _larger, max_leaves=8)


def names_in(text):
    return [name for name in NAMES if re.search(rf"\b{name}\b", text)]


def pytorchs(text, given):
    """The value, and the gradient of each variable, by PyTorch."""
    leaves = {name: torch.tensor(given[name], dtype=torch.float64, requires_grad=True) for name in names_in(text)}
    functions = {name: getattr(torch, name) for name in (*UNARY, "maximum", "minimum")}
    lifted = re.sub(r"(?<![\w.])(\d+(\.\d+)?)", r"number(\1)", text)
    scope = {**functions, **leaves, "number": lambda v: torch.tensor(v, dtype=torch.float64)}
    out = eval(lifted, scope)
    gradients = torch.autograd.grad(out, list(leaves.values()), materialize_grads=True)
    return out.item(), {name: g.item() for name, g in zip(leaves, gradients)}
