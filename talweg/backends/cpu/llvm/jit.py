"""LLVM IR to machine code for this processor."""

from __future__ import annotations

import ctypes
import functools
import importlib
import threading
from collections.abc import Sequence
from typing import Any

_one_at_a_time = threading.RLock()


@functools.cache
def _llvm() -> Any:
    """llvmlite, which takes a while to load: brought in with the first kernel."""
    return importlib.import_module("llvmlite.binding")


@functools.cache
def _machine():
    """The target machine of this processor, set up once."""
    _llvm().initialize_native_target()
    _llvm().initialize_native_asmprinter()
    target = _llvm().Target.from_default_triple()
    return target.create_target_machine(
        cpu=_llvm().get_host_cpu_name(), features=_llvm().get_host_cpu_features().flatten(), opt=3, reloc="pic",
        codemodel="default",
    )


@functools.cache
def _engine():
    return _llvm().create_mcjit_compiler(_llvm().parse_assembly(""), _machine())


def add_symbol(name: str, address: int) -> None:
    """Make a C function callable by name from compiled code."""
    _llvm().add_symbol(name, address)


class Module:
    """Compiled code that lives as long as this object."""

    def __init__(self, text: str):
        with _one_at_a_time:
            module = _llvm().parse_assembly(text)
            module.triple = _llvm().get_default_triple()
            module.data_layout = str(_machine().target_data)
            self.text = text
            optimise(module)
            self._module = module
            _engine().add_module(module)
            _engine().finalize_object()

    def address(self, name: str) -> int:
        with _one_at_a_time:
            return _engine().get_function_address(name)

    def __del__(self):
        with _one_at_a_time:
            _engine().remove_module(self._module)


def optimise(module) -> None:
    options = _llvm().create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    options.slp_vectorization = True
    options.loop_unrolling = True
    builder = _llvm().create_pass_builder(_machine(), options)
    builder.getModulePassManager().run(module, builder)


def libgomp() -> ctypes.CDLL:
    """The OpenMP runtime that oneDNN runs on."""
    return ctypes.CDLL("libgomp.so.1")


class Code:
    """One kernel's machine code."""

    def __init__(self, text: str):
        for name in ("kernel", "inner", "share"):
            text = text.replace(f"@{name}(", f"@{name}{id(self)}(").replace(f"@{name},", f"@{name}{id(self)},")
        self.module = Module(text)
        self.address = self.module.address(f"kernel{id(self)}")


def compiled(texts: Sequence[str]) -> list[Code]:
    """Machine code of each text, which defines a function `kernel`; equal texts share it."""
    made: dict[str, Code] = {}
    return [made.get(t) or made.setdefault(t, Code(t)) for t in texts]
