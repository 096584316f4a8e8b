"""A script run as `python script.py` would run it, but that `import torch` finds Talweg."""

from __future__ import annotations

import builtins
import io
import os
import sys
import types
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader

from .finder import install

INTERRUPTED = 130
CANNOT_OPEN = 2


def run(script: str, arguments: Sequence[str] = ()) -> int:
    """Run a file as `__main__`; returns its exit code. sys.exit inside it passes through.

    A traceback goes to stderr as Python prints it, without a line of ours. The name torch stays Talweg's until the
    process ends, as the script's threads and exit handlers may still use it.
    """
    source = _read(script)
    if source is None:
        return CANNOT_OPEN
    install()
    sys.argv = [script, *arguments]
    sys.path[0:0] = [os.path.dirname(os.path.abspath(script))]
    main = _main_module(script)
    sys.modules["__main__"] = main
    try:
        exec(compile(source, os.path.abspath(script), "exec", dont_inherit=True), vars(main))
    except SystemExit:
        raise
    except BaseException as error:
        return _told(error)
    return 0


def _read(script: str) -> bytes | None:
    try:
        with io.open_code(os.path.abspath(script)) as file:
            return file.read()
    except OSError as error:
        print(f"talweg: can't open file {os.path.abspath(script)!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        return None


def _main_module(script: str) -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__file__ = os.path.abspath(script)
    main.__loader__ = SourceFileLoader("__main__", script)
    main.__dict__.update(__builtins__=builtins, __cached__=None, __annotations__={})
    return main


def _told(error: BaseException) -> int:
    """Print the traceback from the script's own first line; returns the exit code."""
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
