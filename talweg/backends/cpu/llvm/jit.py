"""Machine code of kernels, made once: looked up among what is alive, then on disk, then compiled.

    codes = compiled(texts)          one Code a text; each text is LLVM IR with a function named `kernel`
    codes[0].address                 of that function, for as long as the Code is kept

Objects are linked by LLVM's ORC, each into a library of its own, so that one can be unloaded without the others. An
unloaded library leaves 9 KB behind in the linker; therefore each call of `compiled` has a linker of its own, which goes
with the last Code that came from it.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ....runtime.threads import get_num_threads
from . import store
from .codegen import key_of, llvm, object_of

_KERNEL = ("kernel",)


@dataclass
class Counts:
    """Where the codes asked for in this process came from."""

    compiled: int = 0
    from_disk: int = 0
    shared: int = 0  # were alive already, or being made


counts = Counts()
_symbols: dict[str, int] = {}
_alive: weakref.WeakValueDictionary[tuple, Code] = weakref.WeakValueDictionary()
_being_made: dict[tuple, Future] = {}
_lock = threading.Lock()


def add_symbol(name: str, address: int) -> None:
    """Make a C function callable by name from code that is linked from now on."""
    _symbols[name] = address


class Code:
    """Machine code in memory, freed with this object."""

    def __init__(self, addresses: dict[str, int]):
        self.addresses = addresses

    @property
    def address(self) -> int:
        return self.addresses["kernel"]


def _unload(library: Any, jit: Any) -> None:
    """Free a library. `jit`, its linker, is named here so that it lives at least until then."""
    library.close()


class _Linker:
    """Turns objects into code in memory."""

    def __init__(self) -> None:
        target = llvm().Target.from_default_triple()
        machine = target.create_target_machine(reloc="pic", codemodel="default")
        # JITLink puts the sections of an object side by side. LLVM's older linker maps each where there is room: in a
        # large process that may be more than 2 GB apart, which the addresses in the code cannot reach.
        self._jit = llvm().create_lljit_compiler(machine, use_jit_link=True, suppress_errors=True)
        self._numbers = itertools.count()

    def linked(self, content: bytes, names: Sequence[str]) -> Code:
        """Raises RuntimeError where a name is missing or cannot be resolved."""
        builder = llvm().JITLibraryBuilder().add_object_img(content).add_current_process()
        for name, address in list(_symbols.items()):
            builder.import_symbol(name, address)
        for name in names:
            builder.export_symbol(name)
        library = builder.link(self._jit, f"library{next(self._numbers)}")
        code = Code({name: library[name] for name in names})
        # Not as attributes of the Code: if it is part of a cycle, the collector finalizes in any order, and a linker
        # that goes before its library takes the process with it.
        weakref.finalize(code, _unload, library, self._jit).atexit = False
        return code


def compiled(texts: Sequence[str], names: tuple[str, ...] = _KERNEL) -> list[Code]:
    """The machine code of each text. The same text gives the same Code while one is alive.

    Args:
        texts: LLVM IR without triple and data layout.
        names: the functions whose addresses are wanted.

    Raises:
        RuntimeError: a text is not valid IR, lacks one of the names, or calls a function that nobody has.
    """
    keys = [(key_of(text), names) for text in texts]
    wanted = dict(zip(keys, texts))
    with _lock:
        found: dict[tuple, Code | Future] = {}
        for key in wanted:
            code = _alive.get(key) or _being_made.get(key)
            if code is not None:
                found[key] = code
        mine = {key: text for key, text in wanted.items() if key not in found}
        _being_made.update({key: Future() for key in mine})
        counts.shared += len(texts) - len(mine)
    if mine:
        found.update(_made(mine))
    return [code.result() if isinstance(code, Future) else code for code in (found[key] for key in keys)]


def _made(wanted: dict[tuple, str]) -> dict[tuple, Code]:
    """Codes that are not in memory, for all who wait for them."""
    made: dict[tuple, Code] = {}
    failure: Exception = RuntimeError("compiling was interrupted in another thread")
    try:
        made.update(_from_disk_or_compiled(wanted))
        return made
    except Exception as error:
        failure = error
        raise
    finally:
        with _lock:
            _alive.update(made)
            waiting = {key: _being_made.pop(key) for key in wanted if key in _being_made}
        for key, future in waiting.items():
            if key in made:
                future.set_result(made[key])
            else:
                future.set_exception(failure)


def _from_disk_or_compiled(wanted: dict[tuple, str]) -> dict[tuple, Code]:
    linker = _Linker()
    kept = store.current()
    made = {key: code for key in wanted if (code := _loaded(kept, key, linker)) is not None}
    missing = [key for key in wanted if key not in made]

    def make(key: tuple) -> Code:
        content = object_of(wanted[key])
        code = linker.linked(content, key[1])
        if kept is not None:
            kept.save(key[0], content)
        return code

    threads = min(get_num_threads(), len(missing))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            codes = list(pool.map(make, missing))
    else:
        codes = [make(key) for key in missing]
    with _lock:
        counts.from_disk += len(made)
        counts.compiled += len(missing)
    return {**made, **dict(zip(missing, codes))}


def _loaded(kept: store.Store | None, key: tuple, linker: _Linker) -> Code | None:
    """From the disk. None where it has nothing that can be used."""
    content = None if kept is None else kept.load(key[0])
    if content is None:
        return None
    try:
        return linker.linked(content, key[1])
    except RuntimeError:
        return None


def _forget_other_threads() -> None:
    """In a forked process: what other threads were making will never be finished there."""
    global _lock
    _lock = threading.Lock()
    _being_made.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def libgomp() -> ctypes.CDLL:
    """The OpenMP runtime that oneDNN runs on."""
    return ctypes.CDLL("libgomp.so.1")
