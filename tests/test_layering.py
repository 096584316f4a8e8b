"""Imports go one way: each room only from the rooms before it, and never inside a function."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "talweg"
ORDER = ["core", "runtime", "graph", "backends", "compile", "tensor", ("nn", "distributions"), "optim",
         ("data", "io"), "training", "inspection", "models", "recipes", "demos", "alias", "ui", "cli"]
RANK = {room: i for i, rooms in enumerate(ORDER) for room in (rooms if isinstance(rooms, tuple) else (rooms,))}
FACADE = {"__init__", "facade", "version", "__main__", "amp", "autograd", "cpu", "fft", "func", "linalg", "masked", "signal",
          "special", "utils"}
FILES = sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(node: ast.AST, path: Path) -> list[str]:
    """Dotted names of our own modules that one import statement brings in."""
    if isinstance(node, ast.Import):
        return [a.name for a in node.names if a.name.split(".")[0] == "talweg"]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            package = ["talweg", *path.relative_to(ROOT).parts[:-1]]
            base = package[: len(package) - node.level + 1]
            base += node.module.split(".") if node.module else []
        else:
            base = (node.module or "").split(".")
        if base[:1] == ["talweg"]:
            return [".".join(base)] if len(base) > 1 else [f"talweg.{a.name}" for a in node.names]
    return []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = room_of(path)
    for node in ast.walk(ast.parse(path.read_text())):
        for name in imported(node, path):
            target = name.split(".")[1]
            if room in FACADE or target == "version" or target == room:
                continue
            assert target in RANK, f"{path}: imports {name}, which is no room of the house"
            assert RANK[target] < RANK[room], f"{path}:{node.lineno}: {room} must not import {target}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_import_of_ours_inside_a_function(path):
    # The command line loads its sub-commands by name when they are called: importlib, not an import statement.
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                assert not imported(node, path), f"{path}:{node.lineno}: import inside {function.name}"


def test_every_folder_is_a_room_with_a_place_in_the_order():
    rooms = {p.name for p in ROOT.iterdir() if p.is_dir() and any(p.rglob("*.py"))}
    assert rooms <= set(RANK) | FACADE
