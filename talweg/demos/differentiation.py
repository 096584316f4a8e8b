"""Three ways to a derivative, compared (N 2.3): difference quotients, symbolic expressions, the reverse pass.

Numerical: (f(x+h) - f(x)) / h is wrong by about h |f''| / 2 from cutting Taylor's series and by about 2 e |f| / h from
rounding, e being the spacing of the dtype's numbers at 1: a V in logarithmic axes, lowest near h = sqrt(e). The central
quotient's first term is h^2 |f'''| / 6, its best step near e^(1/3).

Symbolic: the derivative of l_n = 4 l_(n-1) (1 - l_(n-1)), l_1 = x, the logistic map of Baydin et al. (Automatic
differentiation in machine learning: a survey, 2018), written out, repeats what it is made of: expression swell.

Automatic: the same derivative as a graph shares what repeats, so that it grows by the same few nodes an iteration.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any

from ..core.dtypes import dtype as DType
from ..core.dtypes import float32, float64
from ..graph.node import Node, leaf
from ..graph.text import ancestors
from ..tensor import Tensor, grad, no_grad, tensor
from .figures import COLOURS, new_figure
from .shown import Shown, Table

EXPONENTS = range(1, 17)
NO_SYMPY = "symbolic differentiation needs sympy: run `pip install talweg[symbolic]`"
FIRST = 2  # l_1 is x itself


def run(at: Annotated[float, "Where sin is differentiated."] = 1.0,
        iterations: Annotated[int, "Iterations of the logistic map, at most."] = 6) -> Shown:
    """The derivative of sin by difference quotients of every step size, in two precisions, and by the reverse pass; and how
    the derivative of an iterated map grows as an expression and as a graph.

    Raises ValueError for a point that is not finite, and for less than 2 or more than 12 iterations.
    """
    if not math.isfinite(at):
        raise ValueError(f"diff: --at must be a finite number, got {at}")
    if not FIRST <= iterations <= 12:
        raise ValueError(f"diff: --iterations must be from {FIRST} to 12, got {iterations}")
    sweeps = [sweep(at, dtype) for dtype in (float64, float32)]
    swell = [Swell(n, *graph_sizes(n), symbolic_operations(n)) for n in range(FIRST, iterations + 1)]
    return Shown(
        title=f"the derivative of sin at {at:g}, which is cos {at:g} = {math.cos(at):.16g}",
        tables=[_best_table(sweeps), _step_table(sweeps), _swell_table(swell)],
        facts={"at": at, "derivative": math.cos(at), "numerical": [s.facts() for s in sweeps],
               "swell": [asdict(s) for s in swell]},
        figures={"differentiation": partial(step_figure, sweeps, at), "swell": partial(swell_figure, swell)},
        notes=[] if symbolic_is_here() else [NO_SYMPY],
    )


# --- numerical against automatic
@dataclass(frozen=True)
class Sweep:
    """Absolute errors of the derivative of sin in one precision, one a step size, and that of the reverse pass."""

    dtype: DType
    steps: list[float]
    forward: list[float]
    central: list[float]
    automatic: float

    def best(self, errors: list[float]) -> tuple[float, float]:
        """(smallest error, its step)."""
        return min(zip(errors, self.steps))

    def facts(self) -> dict[str, Any]:
        best = {name: dict(zip(("error", "step"), self.best(errors)))
                for name, errors in (("forward", self.forward), ("central", self.central))}
        return asdict(self) | {"dtype": self.dtype.name, "best": best}


def sweep(at: float, dtype: DType) -> Sweep:
    """Everything is computed in `dtype`; the error is taken against cos(at) in double precision."""
    exact = math.cos(at)
    x = tensor(at, dtype=dtype)
    h = tensor([10.0**-k for k in EXPONENTS], dtype=dtype)  # (16,)
    with no_grad():
        forward = ((x + h).sin() - x.sin()) / h
        central = ((x + h).sin() - (x - h).sin()) / (2 * h)
    variable = x.clone().requires_grad_()
    automatic = grad(variable.sin(), variable)[0].item()
    steps = [10.0**-k for k in EXPONENTS]
    wrong = [[abs(value - exact) for value in quotients.tolist()] for quotients in (forward, central)]
    return Sweep(dtype, steps, forward=wrong[0], central=wrong[1], automatic=abs(automatic - exact))


# --- symbolic against automatic
@dataclass(frozen=True)
class Swell:
    """How large the derivative of l_n is: `function` and `derivative` count recorded operations of l_n, and of l_n with its
    derivative; `symbolic` those of the derivative written out (None without sympy)."""

    n: int
    function: int
    derivative: int
    symbolic: int | None


def logistic_map(x: Any, n: int) -> Any:
    """l_n of anything with arithmetic: l_1 = x, l_(n+1) = 4 l_n (1 - l_n)."""
    for _ in range(n - 1):
        x = 4 * x * (1 - x)
    return x


def graph_sizes(n: int) -> tuple[int, int]:
    """(operations recorded for l_n, operations recorded for l_n and dl_n/dx)."""
    x = tensor(0.2, dtype=float64, requires_grad=True)
    value = logistic_map(x, n)
    derivative: Tensor = grad(value, x, retain_graph=True)[0]
    return operations([value.node]), operations([value.node, derivative.node])


def operations(roots: list[Node]) -> int:
    """How many operations compute the roots, each once however often its value is used; inputs count as none."""
    return sum(node.op.kind != "leaf" and node.op is not leaf for node in ancestors(roots, through_values=True))


def symbolic_is_here() -> bool:
    return find_spec("sympy") is not None


def symbolic_operations(n: int) -> int | None:
    """Operations in the expression of dl_n/dx as sympy writes it, not simplified; None where sympy is not installed."""
    if not symbolic_is_here():
        return None
    sympy = importlib.import_module("sympy")
    x = sympy.Symbol("x")
    return int(sympy.count_ops(sympy.diff(logistic_map(x, n), x)))


# --- tables and figures
def _best_table(sweeps: list[Sweep]) -> Table:
    rows = [["method", *[s.dtype.name for s in sweeps]]]
    for name in ("forward", "central"):
        best = [s.best(getattr(s, name)) for s in sweeps]
        rows.append([f"{name} difference, best step", *[f"{error:.1e} at h = {step:.0e}" for error, step in best]])
    rows.append(["automatic", *[f"{s.automatic:.1e}" for s in sweeps]])
    return Table("error of the derivative", rows)


def _step_table(sweeps: list[Sweep]) -> Table:
    rows = [["h", *[f"{name} {s.dtype.name}" for s in sweeps for name in ("forward", "central")]]]
    for i, step in enumerate(sweeps[0].steps):
        rows.append([f"{step:.0e}", *[f"{errors[i]:.1e}" for s in sweeps for errors in (s.forward, s.central)]])
    return Table("error by step size: truncation above, rounding below", rows)


def _swell_table(swell: list[Swell]) -> Table:
    rows = [["n", "symbolic derivative", "graph of l_n", "graph with derivative"]]
    for s in swell:
        symbolic = "needs sympy" if s.symbolic is None else str(s.symbolic)
        rows.append([str(s.n), symbolic, str(s.function), str(s.derivative)])
    return Table("operations in the derivative of the logistic map l_n = 4 l_(n-1) (1 - l_(n-1))", rows)


def step_figure(sweeps: list[Sweep], at: float) -> Any:
    """The two Vs of each precision; the reverse pass, which has no step, as a level line."""
    figure, axes = new_figure(8.4, 4.2)
    for s, colour in zip(sweeps, COLOURS):
        for errors, style, name in ((s.forward, "-", "forward"), (s.central, "--", "central")):
            axes.loglog(s.steps, [e or math.nan for e in errors], style, color=colour, marker="o", markersize=3, linewidth=1.5,
                        label=f"{name} difference, {s.dtype.name}")
        level = max(s.automatic, 1e-17)  # an error of exactly 0 has no place on a logarithmic axis
        exact = " (exactly 0)" if s.automatic == 0 else ""
        axes.axhline(level, color=colour, linestyle=":", linewidth=1.5, label=f"automatic, {s.dtype.name}{exact}")
    axes.set_xlabel("step h")
    axes.set_ylabel("absolute error")
    axes.set_title(f"the derivative of sin at {at:g}", fontsize=11)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def swell_figure(swell: list[Swell]) -> Any:
    """Operations by n: the expression's, where it could be counted, and the graph's."""
    figure, axes = new_figure()
    numbers = [s.n for s in swell]
    if all(s.symbolic is not None for s in swell):
        axes.semilogy(numbers, [s.symbolic for s in swell], "o-", color=COLOURS[1], label="symbolic derivative, written out")
    axes.semilogy(numbers, [s.derivative for s in swell], "o-", color=COLOURS[0], label="graph of value and derivative")
    axes.semilogy(numbers, [s.function for s in swell], "o--", color=COLOURS[0], label="graph of the value alone")
    axes.set_xticks(numbers)
    axes.set_xlabel("n")
    axes.set_ylabel("operations")
    axes.set_title("the iterated logistic map", fontsize=11)
    axes.legend(frameon=False, fontsize=9)
    return figure
