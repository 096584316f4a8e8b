"""Random programs over tensors: views, in-place writes, arithmetic, reductions and gradients, the same in any framework.

A program is a list of steps drawn once; `run` replays it with PyTorch or Talweg as `T` and reports what is
observable at the end (and along the way): values, gradients, and the kind of error a step raised.
"""

from __future__ import annotations

import random

import numpy as np

SHAPES = [(4,), (3, 4), (2, 3), (2, 3, 2), (1, 4), (3, 1)]


def draw(seed: int, length: int) -> list[tuple]:
    """`length` steps; what each refers to is chosen by number and taken modulo what exists when it runs."""
    rng = random.Random(seed)
    steps: list[tuple] = [("leaf", rng.choice(SHAPES), rng.randrange(10**6), rng.random() < 0.7) for _ in range(3)]
    kinds = [*VIEWS] * 2 + [*WRITES] * 2 + [*POINTWISE] * 2 + ["grad_write", "no_grad_write", "observe", "detach_write",
             "detach_part", "set_data", "clone", "backward", "setitem", "alias_write", "requires_grad"]
    for _ in range(length):
        steps.append((rng.choice(kinds), rng.randrange(10**6), rng.randrange(10**6), rng.randrange(10**6)))
    return steps


def _repeats(x) -> bool:
    """Whether some elements of x are the same memory."""
    return any(s == 0 and n > 1 for s, n in zip(x.stride(), x.shape))


def _first_half(x, n):
    return x[: max(x.shape[0] // 2, 1)] if x.ndim else x


VIEWS = {
    "transpose": lambda x, n: x.transpose(0, -1) if x.ndim else x.reshape(1),
    "flatten": lambda x, n: x.reshape(-1),
    "half": _first_half,
    "select": lambda x, n: x[n % x.shape[0]] if x.ndim and x.shape[0] else x,
    "last": lambda x, n: x[..., -1:] if x.ndim else x.view(1, 1),
    "stepped": lambda x, n: x[::2] if x.ndim else x.unsqueeze(0),
    "unsqueeze": lambda x, n: x.unsqueeze(n % (x.ndim + 1)) if x.ndim < 4 else x,
    "squeeze": lambda x, n: x.squeeze(),
    "expand": lambda x, n: x.expand(2, *x.shape).clone().contiguous() if x.ndim < 3 else x,
    "narrow": lambda x, n: x.narrow(0, 0, 1) if x.ndim else x,
    "diagonal": lambda x, n: x.diagonal(n % 3 - 1) if x.ndim >= 2 else x,
    "unfold": lambda x, n: x.unfold(0, 2, 2) if x.ndim and x.shape[0] >= 2 and x.ndim < 4 else x,
    "permute": lambda x, n: x.permute(*reversed(range(x.ndim))) if x.ndim else x,
    "view": lambda x, n: x.view(-1),
}
POINTWISE = {
    "mul": lambda x, y, n: x * y,
    "add": lambda x, y, n: x + 0.5 * y,
    "sin": lambda x, y, n: x.sin(),
    "tanh": lambda x, y, n: x.tanh(),
    "square": lambda x, y, n: x * x,
    "sum": lambda x, y, n: x.sum(),
    "rows": lambda x, y, n: x.sum(0) if x.ndim else x,
    "scale": lambda x, y, n: x * 0.7,
    "where": lambda x, y, n: (x > 0) * x,
    "cumsum": lambda x, y, n: x.cumsum(0) if x.ndim else x,
    "index": lambda x, y, n: x[[0, 0]] if x.ndim else x,
}
WRITES = {
    "mul_": lambda x, y, n: x.mul_(y.detach().sum().tanh()),
    "add_": lambda x, y, n: x.add_(y.sum().tanh()),
    "fill_": lambda x, y, n: x.fill_(0.25),
    "zero_": lambda x, y, n: x.zero_(),
    "copy_": lambda x, y, n: x.copy_(y.clone()),
    "sin_": lambda x, y, n: x.sin_(),
    "sub_": lambda x, y, n: x.sub_(x),
    "iadd": lambda x, y, n: x.__iadd__(1.0),
}


class Run:
    """One replay. Tensors made so far are in `pool`; `trace` collects what is seen."""

    def __init__(self, T):
        self.T = T
        self.pool: list = []
        self.trace: list = []
        self.messages: list[str] = []

    def step(self, step: tuple) -> None:
        kind = step[0]
        try:
            getattr(self, "_" + kind, None)(step) if hasattr(self, "_" + kind) else self._generic(kind, step)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            self.trace.append((kind, "error", type(error).__name__))
            self.messages.append(str(error))
        if len(self.pool) > 12:  # forget some, so that bases die before their views and the reverse
            del self.pool[step[1] % len(self.pool)]

    def _pick(self, number: int):
        return self.pool[number % len(self.pool)]

    def _leaf(self, step):
        _, shape, seed, grad = step
        values = np.random.default_rng(seed).uniform(-1, 1, shape)
        self.pool.append(self.T.tensor(values.tolist(), dtype=self.T.float64, requires_grad=grad))

    def _generic(self, kind: str, step) -> None:
        _, a, b, n = step
        x, y = self._pick(a), self._pick(b)
        if kind in VIEWS:
            self.pool.append(VIEWS[kind](x, n))
        elif kind in POINTWISE:
            self.pool.append(POINTWISE[kind](x, y, n).clone().contiguous())  # PyTorch keeps the layout of its operands
        elif not _repeats(x):  # PyTorch leaves writes to repeated memory partly undefined
            WRITES[kind](x, y, n)

    def _grad_write(self, step):
        x = self._pick(step[1])
        if x.grad is not None:
            x.grad.mul_(0.5)

    def _no_grad_write(self, step):
        x = self._pick(step[1])
        if not _repeats(x):
            with self.T.no_grad():
                x.mul_(0.5)

    def _alias_write(self, step):
        x = self._pick(step[1])
        if not _repeats(x) and not x.requires_grad:  # PyTorch would compute a history's gradient from the new value
            x.data.add_(0.125)

    def _requires_grad(self, step):
        self.pool.append(self._pick(step[1]).detach().clone().contiguous().requires_grad_())

    def _detach_write(self, step):
        x = self._pick(step[1])
        if not _repeats(x):
            x.detach().mul_(0.9)

    def _detach_part(self, step):
        x = self._pick(step[1])
        if x.ndim and not _repeats(x):
            x[:1].detach().mul_(0.9)

    def _set_data(self, step):
        x, y = self._pick(step[1]), self._pick(step[2])
        if x.shape == y.shape and x.is_leaf and x._base is None:
            x.data = y.detach().clone().contiguous()

    def _clone(self, step):
        self.pool.append(self._pick(step[1]).clone().contiguous())

    def _setitem(self, step):
        x = self._pick(step[1])
        if _repeats(x):
            return
        x[..., 0] = self._pick(step[2]).sum() if step[3] % 2 else 0.5

    def _backward(self, step):
        self._pick(step[1]).sum().backward(retain_graph=True)

    def _observe(self, step):
        x = self._pick(step[1])
        self.trace.append(("value", np.array(x.detach().numpy())))

    def finish(self) -> None:
        for x in self.pool:
            grad = None if not x.is_leaf or x.grad is None else np.array(x.grad.detach().numpy())
            strides = [s for s, n in zip(x.stride(), x.shape) if n > 1 and 0 not in x.shape]
            self.trace.append(("end", np.array(x.detach().numpy()), x.requires_grad, x.is_leaf, strides,
                               x.is_contiguous(), grad))


def run(T, steps: list[tuple]) -> Run:
    """Replay a program to its end."""
    replay = Run(T)
    for step in steps:
        replay.step(step)
    replay.finish()
    return replay


def differences(ours: list, theirs: list) -> str | None:
    """The first thing that differs between two traces, or None."""
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a[0] != b[0] or len(a) != len(b):
            return f"entry {i}: {a} against {b}"
        for u, v in zip(a, b):
            if isinstance(u, np.ndarray) and isinstance(v, np.ndarray):
                if u.shape != v.shape or not np.allclose(u, v, rtol=1e-9, atol=1e-12, equal_nan=True):
                    return f"entry {i}: values\n{u}\nagainst\n{v}"
            elif (u is None) != (v is None) or (not isinstance(u, np.ndarray) and u != v):
                return f"entry {i}: {a} against {b}"
    return None if len(ours) == len(theirs) else f"{len(ours)} entries against {len(theirs)}"
