"""Naming schemes of published checkpoints: which of their tensors are which of ours, in both directions.

One network is published under several naming schemes, each with its own way to store a weight (transposed, three
projections packed into one). A Layout lists the differences as rules; names that no rule speaks of are equal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Rule:
    """Published names on the left, ours on the right; several names are the parts of one tensor.

    In a name `*` stands for one word between dots and `**` for any rest; both sides have the same wildcards in
    the same order. With `transpose` the last two dimensions are exchanged (GPT-2 stores its weights (in, out)).
    Parts are joined and cut evenly along `axis` of our tensors: Rule("*.qkv.**", ("*.q.**", "*.k.**", "*.v.**")).
    """

    published: str | tuple[str, ...]
    own: str | tuple[str, ...]
    transpose: bool = False
    axis: int = 0

    def __post_init__(self) -> None:
        wildcards = {tuple(WILDCARD.findall(name)) for name in (*_names(self.published), *_names(self.own))}
        if len(wildcards) != 1:
            raise ValueError(f"Rule: {self.published!r} and {self.own!r} must have the same wildcards in one order")

    @cached_property
    def there(self) -> tuple[Pattern, ...]:
        return tuple(map(Pattern, _names(self.published)))

    @cached_property
    def here(self) -> tuple[Pattern, ...]:
        return tuple(map(Pattern, _names(self.own)))


@dataclass(frozen=True)
class Layout:
    """A published naming scheme.

    `rules`: how names and tensors differ from ours, the first that fits a name is used. `old`: rules for names of
    older files, read and never written. `ignored`: published names without weights (masks, position numbers).
    `optional`: our names that a file may lack. `prefixes`: beginnings that some files put before their names;
    `saved_under` is put before every name when writing.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    old: tuple[Rule, ...] = ()
    ignored: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("**.num_batches_tracked",)
    prefixes: tuple[str, ...] = ("module.",)
    saved_under: str = ""

    def plan(self, names: Collection[str], own: Collection[str]) -> Plan:
        """Which published names make which of ours, with the prefix under which most of ours are found."""
        plans = [self._plan(names, prefix) for prefix in ("", *self.prefixes)]
        return max(plans, key=lambda plan: plan.fit(own))

    def may_lack(self, name: str) -> bool:
        """Whether a file without our tensor `name` is complete all the same."""
        return any(Pattern(pattern).match(name) is not None for pattern in self.optional)

    def written(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Our arrays under their published names: what reading undoes. Raises KeyError where a part is missing."""
        result: dict[str, np.ndarray] = {}
        for names, targets, rule in _steps(arrays, self.rules, forward=False):
            parts = _parts([arrays[name] for name in names], len(targets), rule.axis if rule else 0)
            result |= {self.saved_under + name: _turned(a, rule) for name, a in zip(targets, parts)}
        return result

    def _plan(self, names: Collection[str], prefix: str) -> Plan:
        bare = {name.removeprefix(prefix): name for name in names}
        kept = {short: name for short, name in bare.items() if not self._is_ignored(short)}
        steps = [
            Step([kept[name] for name in sources], targets, rule)
            for sources, targets, rule in _steps(kept, (*self.rules, *self.old), forward=True)
        ]
        return Plan(self, steps)

    def _is_ignored(self, name: str) -> bool:
        return any(Pattern(pattern).match(name) is not None for pattern in self.ignored)


@dataclass(frozen=True)
class Step:
    """Published tensors `sources` become our tensors `targets`."""

    sources: list[str]
    targets: list[str]
    rule: Rule | None

    def apply(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Our arrays. Raises ValueError when a packed tensor cannot be cut evenly."""
        turned = [_turned(arrays[name], self.rule) for name in self.sources]
        return dict(zip(self.targets, _parts(turned, len(self.targets), self.rule.axis if self.rule else 0)))


@dataclass(frozen=True)
class Plan:
    """How one file is read with one layout."""

    layout: Layout
    steps: list[Step] = field(default_factory=list)

    def fit(self, own: Collection[str]) -> int:
        """How many of our names the file fills, less those it has and we do not."""
        targets = [target for step in self.steps for target in step.targets]
        known = sum(target in own for target in targets)
        return 2 * known - len(targets)


class Pattern:
    """A name with wildcards."""

    def __init__(self, text: str) -> None:
        self.text = text
        parts = [KINDS.get(part, re.escape(part)) for part in SPLIT.split(text) if part]
        self.expression = re.compile("".join(parts))

    def match(self, name: str) -> tuple[str, ...] | None:
        """What stands for the wildcards, or None."""
        found = self.expression.fullmatch(name)
        return None if found is None else found.groups()

    def filled(self, words: Iterable[str]) -> str:
        given = iter(words)
        return WILDCARD.sub(lambda _: next(given), self.text)


WILDCARD = re.compile(r"\*\*|\*")
SPLIT = re.compile(r"(\*\*|\*)")
KINDS = {"*": r"([^.]+)", "**": r"(.+)"}


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _steps(
    names: Collection[str], rules: tuple[Rule, ...], forward: bool
) -> list[tuple[list[str], list[str], Rule | None]]:
    """(names here, names on the other side, rule), every name once; one without a rule keeps its name."""
    steps: list[tuple[list[str], list[str], Rule | None]] = []
    done: set[str] = set()
    for name in names:
        if name in done:
            continue
        sources, targets, rule = _first_fit(name, names, rules, forward)
        done.update(sources)
        steps.append((sources, targets, rule))
    return steps


def _first_fit(
    name: str, names: Collection[str], rules: tuple[Rule, ...], forward: bool
) -> tuple[list[str], list[str], Rule | None]:
    for rule in rules:
        near, far = (rule.there, rule.here) if forward else (rule.here, rule.there)
        for pattern in near:
            words = pattern.match(name)
            if words is None:
                continue
            sources = [p.filled(words) for p in near]
            if all(source in names for source in sources):
                return sources, [p.filled(words) for p in far], rule
    return [name], [name], None


def _turned(array: np.ndarray, rule: Rule | None) -> np.ndarray:
    return array.swapaxes(-1, -2) if rule is not None and rule.transpose and array.ndim >= 2 else array


def _parts(arrays: list[np.ndarray], count: int, axis: int) -> list[np.ndarray]:
    """The arrays joined along `axis` and cut into `count` equal parts."""
    if len(arrays) == count:
        return arrays
    whole = arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis)
    if whole.ndim <= axis or whole.shape[axis] % count:
        raise ValueError(f"a packed tensor of shape {list(whole.shape)} cannot be cut into {count} along axis {axis}")
    return np.split(whole, count, axis)


