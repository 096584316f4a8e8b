"""Which parameters learn, and how fast: freezing and discriminative rates by patterns of names (L 6.3, 6.4)."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from .. import nn


def matching(model: nn.Module, pattern: str, setting: str) -> list[str]:
    """The parameters whose name, or whose layer's name, fits the pattern: `conv1`, `conv*`, `*.bias`, `fc2.weight`.

    Raises ValueError when there is none, with the nearest name.
    """
    names = [name for name, _ in model.named_parameters()]
    found = [name for name in names if fits(name, pattern)]
    if not found:
        known = list(dict.fromkeys([*names, *(n.rpartition(".")[0] for n in names if "." in n)]))
        near = difflib.get_close_matches(pattern, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known[:12])}"
        raise ValueError(f"setting {setting}: no parameter of {type(model).__name__} fits {pattern!r}: {hint}")
    return found


def fits(name: str, pattern: str) -> bool:
    """Whether a dotted name, or the beginning of it up to a dot, fits the shell pattern."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))


def freeze(model: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Let the parameters that fit learn no more; returns their names. Raises ValueError for a pattern that fits none,
    and when nothing is left to learn."""
    frozen = [name for pattern in patterns for name in matching(model, pattern, "freeze")]
    parameters = dict(model.named_parameters())
    for name in frozen:
        parameters[name].requires_grad_(False)
    if not any(p.requires_grad for p in parameters.values()):
        raise ValueError("setting freeze: all parameters are frozen, so there is nothing to learn")
    return frozen


def scales(texts: Sequence[str]) -> list[tuple[str, float]]:
    """`PATTERN=FACTOR` taken apart. Raises ValueError for anything else."""
    found = []
    for text in texts:
        pattern, equals, factor = text.rpartition("=")
        try:
            value = float(factor)
        except ValueError:
            value = -1.0
        if not equals or not pattern or not 0 < value < float("inf"):
            raise ValueError(f"setting lr_scale must be PATTERN=FACTOR with a positive factor, got {text!r}")
        found.append((pattern, value))
    return found


def parameter_groups(model: nn.Module, lr: float, lr_scale: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The parameters that learn, in one group for each factor on the rate; where several patterns fit, the last one counts.

    Raises ValueError for a pattern that fits no parameter.
    """
    factors: dict[str, float] = {}
    for pattern, factor in scales(lr_scale):
        factors |= dict.fromkeys(matching(model, pattern, "lr_scale"), factor)
    groups: dict[float, list] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(factors.get(name, 1.0), []).append(parameter)
    return [{"params": parameters, "lr": lr * factor} for factor, parameters in groups.items()]
