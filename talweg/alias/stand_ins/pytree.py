"""torch.utils._pytree: nests taken apart into their leaves and put together again, with kinds of nest that code registers."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = [
    "MappingKey", "SequenceKey", "TreeSpec", "register_pytree_node", "tree_all", "tree_any", "tree_flatten", "tree_iter",
    "tree_leaves", "tree_map", "tree_map_", "tree_map_only", "tree_structure", "tree_unflatten",
]


class NodeDef(NamedTuple):
    """One kind of nest: value -> (children, context), and back from (children, context)."""

    type: type
    flatten_fn: Callable[[Any], tuple[list, Any]]
    unflatten_fn: Callable[[Iterable, Any], Any]


@dataclass(frozen=True)
class SequenceKey:
    """The place of a child in a sequence."""

    idx: int


@dataclass(frozen=True)
class MappingKey:
    """The place of a child in a mapping."""

    key: Any


@dataclass(frozen=True)
class TreeSpec:
    """The shape of a nest without its leaves. A leaf has the type None."""

    type: Any
    context: Any
    children_specs: tuple[TreeSpec, ...]

    @property
    def num_leaves(self) -> int:
        return 1 if self.is_leaf() else sum(child.num_leaves for child in self.children_specs)

    @property
    def num_children(self) -> int:
        return len(self.children_specs)

    def is_leaf(self) -> bool:
        return self.type is None


LeafSpec = TreeSpec(None, None, ())


def _dict_flatten(d: dict) -> tuple[list, Any]:
    return list(d.values()), list(d)


def _dict_unflatten(values: Iterable, keys: Any) -> dict:
    return dict(zip(keys, values))


def _dict_flatten_with_keys(d: dict) -> tuple[list, Any]:
    return [(MappingKey(key), value) for key, value in d.items()], list(d)


def _named_flatten(nest: Any) -> tuple[list, Any]:
    return list(nest), type(nest)


SUPPORTED_NODES: dict[type, NodeDef] = {}


def register_pytree_node(cls: type, flatten_fn: Callable, unflatten_fn: Callable, **names: Any) -> None:
    """From now on instances of `cls` are nests. Raises ValueError for a class that is registered already."""
    if cls in SUPPORTED_NODES:
        raise ValueError(f"register_pytree_node: {cls.__name__} is registered already")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn)


def _register_pytree_node(cls: type, flatten_fn: Callable, unflatten_fn: Callable, **names: Any) -> None:
    """The same under its old name, which may be called again."""
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn)


register_pytree_node(list, lambda nest: (list(nest), None), lambda values, _: list(values))
register_pytree_node(tuple, lambda nest: (list(nest), None), lambda values, _: tuple(values))
register_pytree_node(dict, _dict_flatten, _dict_unflatten)
register_pytree_node(OrderedDict, _dict_flatten, lambda values, keys: OrderedDict(zip(keys, values)))
register_pytree_node(deque, lambda nest: (list(nest), nest.maxlen), lambda values, most: deque(values, maxlen=most))
register_pytree_node(defaultdict, lambda d: (list(d.values()), (d.default_factory, list(d))),
                     lambda values, kept: defaultdict(kept[0], zip(kept[1], values)))
register_pytree_node(namedtuple, _named_flatten, lambda values, kind: kind(*values))  # type: ignore[arg-type]


def _kind(nest: Any) -> NodeDef | None:
    if isinstance(nest, tuple) and hasattr(nest, "_fields") and type(nest) not in SUPPORTED_NODES:
        return SUPPORTED_NODES[namedtuple]  # type: ignore[index]
    return SUPPORTED_NODES.get(type(nest))


def _is_leaf(nest: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    return _kind(nest) is None or (is_leaf is not None and is_leaf(nest))


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list, TreeSpec]:
    """The leaves from left to right, and the nest's shape."""
    kind = _kind(tree)
    if kind is None or _is_leaf(tree, is_leaf):
        return [tree], LeafSpec
    children, context = kind.flatten_fn(tree)
    parts = [tree_flatten(child, is_leaf) for child in children]
    return [leaf for leaves, _ in parts for leaf in leaves], TreeSpec(kind.type, context, tuple([s for _, s in parts]))


def tree_unflatten(leaves: Iterable, treespec: TreeSpec) -> Any:
    """The nest of that shape with these leaves. Raises ValueError where their number is another."""
    values = list(leaves)
    if len(values) != treespec.num_leaves:
        raise ValueError(f"tree_unflatten: the nest has {treespec.num_leaves} leaves, got {len(values)}")
    return _built(iter(values), treespec)


def _built(leaves: Any, spec: TreeSpec) -> Any:
    if spec.is_leaf():
        return next(leaves)
    return SUPPORTED_NODES[spec.type].unflatten_fn([_built(leaves, s) for s in spec.children_specs], spec.context)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list:
    """The leaves from left to right."""
    return tree_flatten(tree, is_leaf)[0]


tree_iter = tree_leaves


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """The nest's shape."""
    return tree_flatten(tree, is_leaf)[1]


def _leaves_like(spec: TreeSpec, tree: Any) -> list:
    """What `tree` holds where the first nest has its leaves. Raises ValueError where their shapes differ above those."""
    if spec.is_leaf():
        return [tree]
    kind = _kind(tree)
    children, context = kind.flatten_fn(tree) if kind else ([], None)
    if kind is None or kind.type is not spec.type or len(children) != spec.num_children or context != spec.context:
        raise ValueError(f"tree_map: {type(tree).__name__} does not have the shape of the first nest, {spec}")
    return [leaf for child, below in zip(children, spec.children_specs) for leaf in _leaves_like(below, child)]


def tree_map(func: Callable, tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """The nest of func(leaf, *leaves of the others at the same place)."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [_leaves_like(spec, rest) for rest in rests]
    return tree_unflatten([func(*at) for at in zip(leaves, *others)], spec)


def tree_map_(func: Callable, tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """Calls func as tree_map does, for its effects; returns the nest itself."""
    tree_map(func, tree, *rests, is_leaf=is_leaf)
    return tree


def tree_map_only(kinds: Any, func: Callable, tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """tree_map for the leaves of certain types, or for which a predicate holds; the others stay."""
    wanted = kinds if callable(kinds) and not isinstance(kinds, type) else lambda x: isinstance(x, kinds)
    return tree_map(lambda x: func(x) if wanted(x) else x, tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether it holds for every leaf."""
    return all(map(pred, tree_leaves(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> bool:
    """Whether it holds for some leaf."""
    return any(map(pred, tree_leaves(tree, is_leaf)))
