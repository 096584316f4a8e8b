"""Single modules of the package openai-whisper, whose __init__ asks for numba and triton; skipped where it is missing."""

import importlib
import importlib.util
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import pytest

STANDING_IN = ("whisper", "tiktoken")


def folder():
    found = importlib.util.find_spec("whisper")
    if found is None or not found.submodule_search_locations:
        pytest.skip("openai-whisper is not installed: pip install --no-deps openai-whisper")
    return Path(found.submodule_search_locations[0])


def part(name):
    """The module whisper.NAME."""
    where = folder()
    with _standing_in(where):
        return importlib.import_module(f"whisper.{name}")


@contextmanager
def _standing_in(where):
    """Empty modules in the place of the package and of tiktoken, which only tokenizing needs, while a module is imported."""
    package, tiktoken = types.ModuleType("whisper"), types.ModuleType("tiktoken")
    package.__path__, tiktoken.Encoding = [str(where)], object
    before = {name: sys.modules.get(name) for name in STANDING_IN}
    sys.modules.update({"whisper": package, "tiktoken": tiktoken})
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
