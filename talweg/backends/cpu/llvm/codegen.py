"""LLVM IR text to an ELF object with machine code for this processor. No state that a caller sees; several threads may
compile at once.

The settings were chosen on the kernels of the MLP and LeNet training steps. Level 2 takes 10 % less time than level 3, and
its code is as fast (in sum 3 % faster, one pooling gradient 1.7 times). Without unrolling, compiling would take another
18 % less, but some sums and pooling gradients become 2 to 10 times slower; without the second vectoriser (3 % less), some
become 1.6 to 2.8 times slower. The rest is LLVM's own speed: its wheel is built with assertions, and a kernel of 14
instructions already takes half of what one of 200 takes.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib
from collections.abc import Iterator
from typing import Any

_LEVEL = 2  # of the passes and of the code generator; both vectorisers and unrolling are on
_FORMAT = 2  # to be raised when objects of the same text and settings come to mean something else


@functools.cache
def llvm() -> Any:
    """llvmlite, which takes a while to load: brought in with the first kernel."""
    binding = importlib.import_module("llvmlite.binding")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@functools.cache
def _processor() -> tuple[str, str]:
    """Name and features of this processor, as LLVM calls them."""
    return llvm().get_host_cpu_name(), llvm().get_host_cpu_features().flatten()


@functools.cache
def _circumstances() -> Any:
    """The hash of all that decides, besides the text, what machine code comes out."""
    versions = importlib.import_module("llvmlite").__version__, llvm().llvm_version_info
    what = (_FORMAT, versions, llvm().get_default_triple(), _processor(), _LEVEL)
    return hashlib.sha256(repr(what).encode() + b"\n")


def key_of(text: str) -> bytes:
    """What machine code is known by: 32 bytes that differ where text, LLVM, processor or settings differ."""
    found = _circumstances().copy()
    found.update(text.encode())
    return found.digest()


def object_of(text: str) -> bytes:
    """The object file of one module's IR text (without triple and data layout).

    Raises:
        RuntimeError: the text is not valid IR; the message is LLVM's.
    """
    with _some_compiler() as compiler:
        return compiler.object_of(text)


def _never_unwound(module) -> None:
    """Nothing is thrown through kernels: without tables for that, the C++ runtime need not be told of each of them, which
    it takes amiss where code that has gone lay at the same address."""
    for function in module.functions:
        if not function.is_declaration:
            function.add_function_attribute("nounwind")


class _Compiler:
    """A target machine and the passes' settings: for one thread at a time."""

    def __init__(self) -> None:
        cpu, features = _processor()
        target = llvm().Target.from_default_triple()
        self._machine = target.create_target_machine(cpu=cpu, features=features, opt=_LEVEL, reloc="pic",
                                                     codemodel="default")
        self._options = llvm().create_pipeline_tuning_options(speed_level=_LEVEL)
        self._options.loop_vectorization = True
        self._options.slp_vectorization = True
        self._options.loop_unrolling = True
        self._layout = str(self._machine.target_data)

    def object_of(self, text: str) -> bytes:
        # Types and constants live as long as their context: each module has its own, which goes with it.
        with llvm().create_context() as context, llvm().parse_assembly(text, context) as module:
            module.verify()
            module.triple = llvm().get_default_triple()
            module.data_layout = self._layout
            _never_unwound(module)
            self._optimise(module)
            return self._emitted(module)

    def _optimise(self, module) -> None:
        # A builder for each module: running passes leaves hooks in it that point to what is gone afterwards.
        with llvm().create_pass_builder(self._machine, self._options) as builder:
            passes = builder.getModulePassManager()
            try:
                _unlocked("LLVMPY_RunNewModulePassManager")(passes, module, builder)
            finally:
                # By hand: llvmlite 0.50 finds a `_dispose` that does nothing first, and loses 70 KB a module.
                llvm().newpassmanagers.NewPassManager._dispose(passes)
                passes.detach()

    def _emitted(self, module) -> bytes:
        library = llvm().ffi.lib
        with llvm().ffi.OutputString() as failure:
            buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(self._machine, module, 1, failure)
            if not buffer:
                raise RuntimeError(str(failure))
        try:
            return ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), library.LLVMPY_GetBufferSize(buffer))
        finally:
            library.LLVMPY_DisposeMemoryBuffer(buffer)


@functools.cache
def _unlocked(name: str) -> Any:
    """A C function of llvmlite without the lock that it holds around each call, which would let one thread compile at a
    time. LLVM itself only asks that threads share no context and no target machine."""
    locked = getattr(llvm().ffi.lib, name)
    function = getattr(ctypes.CDLL(llvm().ffi.lib._name), name)
    function.argtypes, function.restype = locked.argtypes, locked.restype
    return function


_idle: list[_Compiler] = []  # append and pop are atomic: no lock


@contextlib.contextmanager
def _some_compiler() -> Iterator[_Compiler]:
    """One that no other thread uses. They are kept: making one takes 2 ms."""
    try:
        compiler = _idle.pop()
    except IndexError:
        compiler = _Compiler()
    try:
        yield compiler
    finally:
        _idle.append(compiler)
