"""Kernels put together: the module that holds them, and for each run of kernels one native function that calls them in
turn, sharing long ones among threads."""

from __future__ import annotations

import ctypes
from typing import Any

from .elementary import definitions
from .jit import Module, add_symbol, libgomp
from .nest import Kernel

PARALLEL_COST = 60_000
"""Instructions from which on a kernel is worth the threads' start."""

_DECLARATIONS = """
declare void @GOMP_parallel(ptr, ptr, i32, i32)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()
declare i64 @llvm.smin.i64(i64, i64)
"""
_INTRINSICS = [f"declare {t} @llvm.{name}.{s}({t})" for t, s in (("float", "f32"), ("double", "f64"))
               for name in ("fabs", "sqrt", "floor", "ceil", "trunc", "roundeven")]
_INTRINSICS += [f"declare {t} @llvm.{name}.{s}({t}, {t})" for t, s in (("float", "f32"), ("double", "f64"))
                for name in ("maximum", "minimum", "copysign")]
_INTRINSICS += [f"declare {t} @llvm.fma.{s}({t}, {t}, {t})" for t, s in (("float", "f32"), ("double", "f64"))]
_INTRINSICS += [f"declare i64 @llvm.fptosi.sat.i64.{s}({t})" for t, s in (("float", "f32"), ("double", "f64"))]
_INTRINSICS += [f"declare {t} @llvm.abs.{t}({t}, i1)" for t in ("i8", "i16", "i32", "i64")]


class Segment:
    """Kernels that run one after another in one native call."""

    def __init__(self, name: str):
        self.name = name
        self.kernels: list[Kernel] = []
        self.module: Module | None = None  # keeps the machine code
        self._call: Any = None

    def run(self, table: int, arrays) -> None:
        self._call(table)


class Driver:
    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.module: Module | None = None

    def new_segment(self) -> Segment:
        self.segments.append(Segment(f"segment{len(self.segments)}"))
        return self.segments[-1]

    def add(self, segment: Segment, kernel: Kernel) -> None:
        segment.kernels.append(kernel)

    def compile(self) -> None:
        if not self.segments:
            return
        for name in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads"):
            add_symbol(name, ctypes.cast(getattr(libgomp(), name), ctypes.c_void_p).value or 0)
        self.module = Module(self.text(), [s.name for s in self.segments])
        for segment in self.segments:
            address = self.module.address(segment.name)
            segment.module = self.module
            segment._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)

    def text(self) -> str:
        kernels = [k for s in self.segments for k in s.kernels]
        needed = sorted({r for k in kernels for r in k.requires})
        parts = [_DECLARATIONS, "\n".join(_INTRINSICS), definitions(needed)]
        for kernel in kernels:
            parts.append(kernel.text)
            if _shared(kernel):
                parts.append(_thread_function(kernel))
        for segment in self.segments:
            calls = [_started(k) for k in segment.kernels]
            parts.append("\n".join([f"define void @{segment.name}(ptr %table) {{", *calls, "  ret void", "}"]))
        return "\n\n".join(parts)


def _shared(kernel: Kernel) -> bool:
    return kernel.work > 1 and kernel.work * kernel.cost > PARALLEL_COST


def _started(kernel: Kernel) -> str:
    if _shared(kernel):
        return f"  call void @GOMP_parallel(ptr @{kernel.name}_thread, ptr %table, i32 0, i32 0)"
    return f"  call void @{kernel.name}(ptr %table, i64 0, i64 {kernel.work})"


def _thread_function(kernel: Kernel) -> str:
    """Each thread takes an equal, contiguous share of the outer iterations."""
    return "\n".join([
        f"define internal void @{kernel.name}_thread(ptr %table) {{",
        "  %me32 = call i32 @omp_get_thread_num()", "  %all32 = call i32 @omp_get_num_threads()",
        "  %me = zext i32 %me32 to i64", "  %all = zext i32 %all32 to i64", "  %next = add i64 %me, 1",
        f"  %a = mul i64 %me, {kernel.work}", "  %begin = udiv i64 %a, %all",
        f"  %b = mul i64 %next, {kernel.work}", "  %end = udiv i64 %b, %all",
        f"  call void @{kernel.name}(ptr %table, i64 %begin, i64 %end)", "  ret void", "}",
    ])
