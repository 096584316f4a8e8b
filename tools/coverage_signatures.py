"""Signatures of PyTorch's functions and ours, and whether a call that fits theirs fits ours."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

Parameters = list[inspect.Parameter]
STUBS = Path(torch.__file__).parent
UNKNOWN = object()  # a default that is there and cannot be read from the text
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


# --- PyTorch's: read off the function where Python can, else off the stub files, which have a definition an overload
def overloads(namespace: str, name: str, value: Any) -> list[Parameters]:
    """The signatures of a function or class; empty where none can be read."""
    if not callable(value):
        return []
    found = _inspected(value)
    if found is not None and not _is_dispatcher(found):
        return [_without_self(found) if namespace == "torch.Tensor" else found]
    if namespace in ("torch.linalg", "torch.fft", "torch.special"):
        return _documented(value.__doc__ or "", name)
    current = [s for s in _stubbed(namespace).get(name, []) if not _is_deprecated(s)]
    return [_of_a_method(s) if namespace == "torch.Tensor" else s for s in current]


def _documented(text: str, name: str) -> list[Parameters]:
    """The signature that the first line of a documentation gives."""
    line = text.strip().partition("\n")[0].partition("->")[0].strip()
    try:
        found = ast.parse(f"def {line.rpartition(name + '(')[1]}{line.rpartition(name + '(')[2]}: pass").body[0]
    except SyntaxError:
        return []
    return [_parameters(found.args)] if isinstance(found, ast.FunctionDef) else []


def _is_deprecated(parameters: Parameters) -> bool:
    """add(self, alpha, other): the scalar before the tensors, an order from before keyword arguments."""
    names = [p.name for p in parameters if p.kind in POSITIONAL]
    return any(n in names[:-1] for n in ("alpha", "beta", "value")) and names[-1] not in ("value", "alpha", "beta")


def _inspected(value: Any) -> Parameters | None:
    try:
        return list(inspect.signature(value).parameters.values())
    except (ValueError, TypeError):
        return None


def _is_dispatcher(parameters: Parameters) -> bool:
    """fn(*args, **kwargs): the choice between two functions, which says nothing."""
    return [p.kind for p in parameters] == [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]


def _without_self(parameters: Parameters) -> Parameters:
    return parameters[1:] if parameters and parameters[0].name in ("self", "input", "x", "tensor") else parameters


def _of_a_method(parameters: Parameters) -> Parameters:
    """Without `out`, which the stub files promise for some methods and every method refuses."""
    return [p for p in _without_self(parameters) if p.name != "out"]


def _stubbed(namespace: str) -> dict[str, list[Parameters]]:
    if namespace == "torch.Tensor":
        return _stubs("_C/__init__.pyi", "TensorBase")
    if namespace == "torch":
        return _stubs("_C/_VariableFunctions.pyi", "")
    if namespace == "torch.nn.functional":
        return _stubs("_C/_nn.pyi", "") | _stubs("nn/functional.pyi", "")
    return {}


@functools.cache
def _stubs(file: str, within: str) -> dict[str, list[Parameters]]:
    body = ast.parse((STUBS / file).read_text()).body
    if within:
        body = next(n.body for n in body if isinstance(n, ast.ClassDef) and n.name == within)
    found: dict[str, list[Parameters]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(_parameters(node.args))
    return found


def _parameters(arguments: ast.arguments) -> Parameters:
    kinds = inspect.Parameter
    plain = [*[(a, kinds.POSITIONAL_ONLY) for a in arguments.posonlyargs],
             *[(a, kinds.POSITIONAL_OR_KEYWORD) for a in arguments.args]]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    found = [_parameter(a.arg, kind, d) for (a, kind), d in zip(plain, defaults)]
    if arguments.vararg:
        found.append(inspect.Parameter(arguments.vararg.arg, kinds.VAR_POSITIONAL))
    found += [_parameter(a.arg, kinds.KEYWORD_ONLY, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults)]
    return found


def _parameter(name: str, kind: Any, default: ast.expr | None) -> inspect.Parameter:
    return inspect.Parameter(name, kind, default=inspect.Parameter.empty if default is None else _literal(default))


def _literal(node: ast.expr) -> Any:
    try:
        found = ast.literal_eval(node)
        return UNKNOWN if found is ... else found
    except ValueError:
        return UNKNOWN


# --- ours
def signature(value: Callable, method: bool) -> inspect.Signature | None:
    """Our signature, with what the wrappers around a function take beside it (`out`)."""
    found = _inspected(value)
    if found is None:
        return None
    names = {p.name for p in found}
    for wrapper in _wrappers(value):
        code = wrapper.__code__
        added = code.co_varnames[code.co_argcount:code.co_argcount + code.co_kwonlyargcount]
        fresh = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None) for n in added if n not in names]
        at = next((i for i, p in enumerate(found) if p.kind is inspect.Parameter.VAR_KEYWORD), len(found))
        found[at:at] = fresh
    return inspect.Signature(found[1:] if method else found)


def other_names(value: Any) -> dict[str, str]:
    """Parameters that can be passed under another keyword: {keyword: parameter}."""
    found: dict[str, str] = {}
    for wrapper in _wrappers(value):
        found |= wrapper.__dict__.get("also_named", {})
    return found


def _wrappers(value: Any) -> Iterable[Any]:
    while hasattr(value, "__wrapped__"):
        if hasattr(value, "__code__"):
            yield value
        value = value.__wrapped__


# --- compared
def differences(theirs: list[Parameters], ours: inspect.Signature, unasked: set[str], alike: set[tuple[str, str]]) -> list[str]:
    """What a call that PyTorch takes would meet here: empty if every overload fits. `unasked` are parameters that may be
    missing, `alike` pairs of defaults (PyTorch's, ours) that mean one thing."""
    rivals = [[p.name for p in overload if p.kind in POSITIONAL] for overload in theirs]
    found: list[str] = []
    for overload in theirs:
        for parameter, own, place in _paired(overload, ours):
            if own is None:
                told = "" if parameter.name in unasked else f"no parameter `{parameter.name}`"
            else:
                told = _place(parameter, place, ours, rivals) or _default(parameter, own, alike)
            if told and told not in found:
                found.append(told)
    return found


def renamed(theirs: list[Parameters], names: dict[str, str]) -> list[Parameters]:
    """Their signatures with our names for the parameters that ours takes under both."""
    return [[p.replace(name=names[p.name]) if p.name in names else p for p in overload] for overload in theirs]


def _paired(overload: Parameters, ours: inspect.Signature) -> Iterable[tuple[inspect.Parameter, inspect.Parameter | None, int]]:
    """Each parameter of theirs that can be passed by name, ours of that name, and its place."""
    mine = ours.parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in mine.values())
    for place, parameter in enumerate(overload):
        named = parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        own = mine.get("input" if parameter.name == "self" else parameter.name)
        if named and not (own is None and takes_any):
            yield parameter, own, place


def _place(parameter: inspect.Parameter, place: int, ours: inspect.Signature, rivals: list[list[str]]) -> str:
    """Whether it stands elsewhere, unless what stands there is another overload's: then the types decide."""
    mine = list(ours.parameters.values())
    if parameter.kind not in POSITIONAL or any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in mine):
        return ""
    places = [p.name for p in mine if p.kind in POSITIONAL]
    standing = places[place] if place < len(places) else ""
    known = {names[place] for names in rivals if place < len(names)} | {parameter.name}
    return "" if standing in known or parameter.name == "self" else f"`{parameter.name}` stands at another place"


def _default(parameter: inspect.Parameter, own: inspect.Parameter, alike: set[tuple[str, str]]) -> str:
    if parameter.default is inspect.Parameter.empty or parameter.default is UNKNOWN:
        return ""
    there = _shown(parameter.default)
    if own.default is inspect.Parameter.empty:
        return f"`{parameter.name}` has no default, PyTorch's is {there}"
    here = _shown(own.default)
    return "" if here == there or (there, here) in alike else f"default of `{parameter.name}` is {here}, PyTorch's {there}"


def _shown(value: Any) -> str:
    """A default as text: numbers by value, objects by their last name, so that torch.x and talweg.x agree."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return repr(value)
    if isinstance(value, (int, float)):
        return repr(float(value))
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(_shown(v) for v in value) + ")"
    if type(value).__str__ is object.__str__:
        return type(value).__name__
    return str(getattr(value, "__name__", None) or str(value).rpartition(".")[2])
