"""A random program: inputs and lines of Python, each line drawn to fit the shapes and dtypes of what stands before it.

Drawing records the lines (nothing is computed), so shapes and dtypes are known. A value is `exact` if every way of
computing it gives the same bits: it comes from inputs by moves, comparisons, integers. Only such values are compared,
rounded or sorted, since others may fall on either side of the step.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field

import talweg as T
from talweg.nn import functional as F

SIZES = (1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000)
NAMES = {"T": T, "F": F, "DOUBLE": T.float64, "SINGLE": T.float32, "HALF": T.bfloat16}


@dataclass(frozen=True)
class Input:
    """What the data of an input are: numbers of a dtype, integers from low to below high; how they lie in memory."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: int = -4
    high: int = 5
    layout: str = "plain"
    grad: bool = False
    index: bool = False


@dataclass(frozen=True)
class Line:
    """One statement. `makes` is the name it assigns, None for a write in place."""

    text: str
    makes: str | None = None

    @property
    def names(self) -> set[str]:
        return set(re.findall(r"\b[vx]\d+\b", self.text))


@dataclass
class Program:
    seed: int
    inputs: list[Input]
    lines: list[Line]
    outputs: list[str]
    exact: set[str]
    backward: bool = True
    steps: int = 1
    yardstick: bool = True  # whether a float64 run computes the same: not where random bits depend on the dtype

    def without(self, dropped: set[int]) -> Program:
        """Without these lines, and without what needs what they made."""
        gone = {self.lines[i].makes for i in dropped} - {None}
        lines = []
        for i, line in enumerate(self.lines):
            if i in dropped or line.names & gone:
                gone |= {line.makes} - {None}
            else:
                lines.append(line)
        used = set().union(*(line.names for line in lines), set())
        outputs = [n for n in self.outputs if n not in gone]
        inputs = [x for x in self.inputs if x.name in used or x.name in outputs]
        return Program(self.seed, inputs, lines, outputs, self.exact, self.backward, self.steps,
                       self.yardstick)

    def text(self) -> str:
        head = [f"# {x.name}: {x.dtype}{list(x.shape)} {x.layout}{' grad' if x.grad else ''}"
                + (f" integers {x.low}..{x.high - 1}" if "int" in x.dtype else "") for x in self.inputs]
        tail = [f"gradients of {'them' if self.outputs else 'nothing'}"] if self.backward else []
        return "\n".join([f"# seed {self.seed}", *head, *(line.text for line in self.lines),
                          f"# outputs: {', '.join([*self.outputs, *tail])}; steps: {self.steps}"])


@dataclass
class Value:
    name: str
    tensor: object
    exact: bool
    group: int  # tensors of one storage
    depth: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def kind(self) -> str:
        dtype = self.tensor.dtype
        return "f" if dtype.is_floating_point else "b" if dtype is T.bool else "i"


@dataclass
class Drawing:
    """A program in the making."""

    seed: int
    length: int
    values: list[Value] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    yardstick: bool = True

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.most = self.rng.choice((600, 4000, 4000, 30000))  # elements of a value
        few = 0 if self.rng.random() < 0.03 else self.rng.choice((1, 2, 3, 4, 6))
        self.sizes = [*(self.rng.choice(SIZES) for _ in range(3)), few]
        self.dtype = self.rng.choice(("float32",) * 6 + ("float64", "bfloat16"))
        self.scope = dict(NAMES)
        self.layouts = self.rng.random() < 0.4

    # --- shapes
    def shape(self, rank: int | None = None) -> tuple[int, ...]:
        rank = self.rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4)) if rank is None else rank
        for _ in range(50):
            found = tuple(self.rng.choice([*self.sizes, *self.sizes, 1]) for _ in range(rank))
            if math.prod(found) <= self.most:
                return found
        return (1,) * rank

    # --- inputs
    def new_input(self, shape, dtype=None, low=-4, high=5, grad=None, index=False) -> Value:
        dtype = dtype or self.dtype
        real = dtype in ("float32", "float64", "bfloat16")
        layout = self.rng.choice(("plain", "transposed", "flipped", "stepped", "padded")) if self.layouts else "plain"
        grad = real and self.rng.random() < 0.6 if grad is None else grad
        made = Input(f"x{len(self.inputs)}", tuple(shape), dtype, low, high, layout, grad, index)
        self.inputs.append(made)
        tensor = T.zeros(made.shape, dtype=getattr(T, dtype))
        tensor = tensor.detach().requires_grad_(grad) if real else tensor
        value = Value(made.name, tensor, True, len(self.values))
        self.scope[made.name] = tensor
        self.values.append(value)
        return value

    def some(self, kind: str = "f", exact: bool | None = None, rank=None, least: int = 0) -> Value:
        """A value that fits, the later ones more often; a new input if there is none."""
        fits = [v for v in self.values if v.kind in kind and (not exact or v.exact) and len(v.shape) >= least
                and (rank is None or len(v.shape) == rank)]
        if fits and self.rng.random() < 0.95:
            return fits[-1 - min(int(self.rng.expovariate(0.25)), len(fits) - 1)]
        dtype = {"f": None, "i": self.rng.choice(("int64", "int32", "uint8", "int8", "int16")), "b": "bool"}[kind[0]]
        shape = self.shape(rank) if rank is not None else self.shape()
        while len(shape) < least:
            shape = (self.rng.choice(self.sizes), *shape)
        if math.prod(shape) > 4 * self.most:
            shape = tuple(min(s, 8) for s in shape)
        return self.new_input(shape, dtype, low=0 if dtype == "uint8" else -4)

    def partner(self, x: Value, kind: str = "f", exact: bool | None = None) -> Value:
        """A value of x's dtype that broadcasts with it; a new input if there is none."""
        fits = [v for v in self.values if v.tensor.dtype is x.tensor.dtype and (not exact or v.exact)
                and self._broadcasts(v.shape, x.shape)]
        if fits and self.rng.random() < 0.85:
            return self.rng.choice(fits[-12:])
        shape = [1 if self.rng.random() < 0.3 else n for n in x.shape[self.rng.randint(0, len(x.shape)):]]
        return self.new_input(shape, x.tensor.dtype.name)

    def _broadcasts(self, a, b) -> bool:
        joint = [max(m, n) if 0 not in (m, n) else 0 for m, n in zip(a[::-1], b[::-1])]
        fits = all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1]))
        longer = a if len(a) > len(b) else b
        return fits and math.prod(joint) * math.prod(longer[: len(longer) - len(joint)]) <= 4 * self.most

    # --- lines
    def emit(self, text: str, *sources: Value, exact: bool = False, view: bool = False) -> Value | None:
        """`v = text` if that can be recorded and its value is not too large."""
        try:
            tensor = eval(text, self.scope)  # noqa: S307
        except (RuntimeError, IndexError, ValueError, TypeError):
            return None
        if not isinstance(tensor, T.Tensor) or tensor.numel() > 8 * self.most or tensor.dtype.is_complex or tensor.ndim > 6:
            return None
        name = f"v{len(self.lines)}"
        group = sources[0].group if view and sources else len(self.values) + len(self.lines) + 1000
        value = Value(name, tensor, exact and all(s.exact for s in sources), group)
        self.scope[name] = tensor
        self.values.append(value)
        self.lines.append(Line(f"{name} = {text}", name))
        return value

    def write(self, text: str, target: Value, *sources: Value, exact: bool = False) -> bool:
        """A statement that changes `target` in place."""
        try:
            exec(text, self.scope)  # noqa: S102
        except (RuntimeError, IndexError, ValueError, TypeError):
            return False
        if not (exact and all(s.exact for s in sources)):
            for value in self.values:
                if value.group == target.group:
                    value.exact = False
        self.lines.append(Line(text))
        return True

    def note(self, text: str) -> None:
        """A line that is not tried while drawing."""
        self.lines.append(Line(text))

    def program(self) -> Program:
        """The lines so far, with some values as outputs: the last, and a few others."""
        made = [v for v in self.values if v.name.startswith("v")]
        chosen = self.rng.sample(made, min(len(made), self.rng.randint(1, 5)))
        outputs = list(dict.fromkeys([*(v.name for v in made[-2:]), *(v.name for v in chosen)]))
        exact = {v.name for v in self.values if v.exact}
        backward = self.rng.random() < 0.7
        steps = 3 if backward and self.rng.random() < 0.3 else 1
        return Program(self.seed, self.inputs, self.lines, outputs, exact, backward, steps, self.yardstick)
