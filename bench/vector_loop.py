"""A loop over one elementary function, compiled as the emitter's kernels are: for tests and benchmarks.

    square_roots = VectorLoop("rsqrt", "float")
    square_roots(x, out)              out[i] = 1 / sqrt(x[i])
    square_roots.vector_loops()       the assembly of its loops over vectors
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import re
from collections.abc import Callable

import llvmlite.binding as llvm
import numpy as np

from talweg.backends.cpu.llvm.elementary import BINARY, RANDOM, definitions
from talweg.backends.cpu.llvm.functions.formula import symbol

MEMORY = {"float": np.float32, "double": np.float64, "i32": np.uint32, "half": np.float32, "bfloat": np.float32}
LLVM_TYPE = {"half": "float", "bfloat": "float"}
VECTOR_BITS = 512
_NUMBERS = itertools.count()


def new_machine():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, reloc="pic")


@functools.cache
def machine():
    """The target machine of this processor."""
    return new_machine()


@functools.cache
def engine():
    """It owns its machine and every module that is given to it, for as long as the process lives."""
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), new_machine())


def optimised(text: str, target=None):
    """The module of this IR, through LLVM's pipeline with loop vectorisation, for a machine (this one by default)."""
    target = target or machine()
    module = llvm.parse_assembly(text)
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = True
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return module


def assembly_for(triple: str, cpu: str, name: str, type: str) -> str:
    """What another processor would run."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=3, reloc="pic")
    return target.emit_assembly(optimised(loop_text(name, type, "loop", False, None), target))


def calls(assembly: str) -> list[str]:
    """Lines that call another function."""
    return re.findall(r"^\s+(?:callq?|bl|blr)\s.*$", assembly, re.MULTILINE)


def per_step(name: str, type: str) -> int:
    """How many elements one call makes."""
    if not name.endswith("block"):
        return 1
    return 2 if type == "double" else 4


def _body(name: str, type: str) -> list[str]:
    """The call and the store of step %i."""
    real, size = LLVM_TYPE.get(type, type), per_step(name, type)
    lines = ["%e = add i64 %i, %first"]
    arguments = "i64 %e, i64 %a, i64 %b, i64 %c"
    if (name, type) not in RANDOM:
        for p in "xy"[: 1 + (name in BINARY)]:
            lines += [f"%p{p} = getelementptr {real}, ptr %{p}, i64 %i", f"%v{p} = load {real}, ptr %p{p}"]
        arguments = ", ".join(f"{real} %v{p}" for p in "xy"[: 1 + (name in BINARY)])
    if size == 1:
        return [*lines, f"%r = call {real} {symbol(name, type)}({arguments})",
                f"%q = getelementptr {real}, ptr %out, i64 %i", f"store {real} %r, ptr %q"]
    whole = "{" + ", ".join([real] * size) + "}"
    lines += [f"%r = call {whole} {symbol(name, type)}({arguments})", f"%start = mul i64 %i, {size}"]
    for k in range(size):
        lines += [f"%r{k} = extractvalue {whole} %r, {k}", f"%k{k} = add i64 %start, {k}",
                  f"%q{k} = getelementptr {real}, ptr %out, i64 %k{k}", f"store {real} %r{k}, ptr %q{k}"]
    return lines


def loop_text(name: str, type: str, loop: str, scaling: bool, width: int | None) -> str:
    """`void <loop>(x, y, out, n, a, b, c, first)`. `width`: the lanes asked for; None leaves it to LLVM."""
    hint = f"!1 = !{{!\"llvm.loop.vectorize.width\", i32 {width}}}" if width else '!1 = !{!"llvm.loop.mustprogress"}'
    body = "\n  ".join(_body(name, type))
    return f"""{definitions([(name, type)], scaling)}

define void @{loop}(ptr noalias %x, ptr noalias %y, ptr noalias %out, i64 %n, i64 %a, i64 %b, i64 %c, i64 %first)
    nounwind "prefer-vector-width"="{VECTOR_BITS}" {{
entry:
  br label %head
head:
  %i = phi i64 [0, %entry], [%next, %body]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %done
body:
  {body}
  %next = add nsw i64 %i, 1
  br label %head, !llvm.loop !0
done:
  ret void
}}
!0 = distinct !{{!0, !1}}
{hint}
"""


class VectorLoop:
    """A compiled loop.

    scaling: as `definition` has it; None takes what this processor has. width: lanes; None leaves them to LLVM.
    Call it with the input arrays and the output; a random function with the output, seed, call, stream and the number
    of the first element or block.
    """

    def __init__(self, name: str, type: str, scaling: bool | None = None, width: int | None = None):
        self.name, self.type = name, type
        loop = f"loop_{name}_{type}_{next(_NUMBERS)}"
        scaling = bool(llvm.get_host_cpu_features().get("avx512f")) if scaling is None else scaling
        module = optimised(loop_text(name, type, loop, scaling, width))
        self.assembly = machine().emit_assembly(module)
        engine().add_module(module)
        engine().finalize_object()
        signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 5)
        self._function = signature(engine().get_function_address(loop))

    def __call__(self, *arguments) -> np.ndarray:
        self.bound(*arguments)()
        return next(a for a in reversed(arguments) if isinstance(a, np.ndarray))

    def bound(self, *arguments) -> Callable[[], None]:
        """The call with nothing left to do but the loop; keep the arrays alive."""
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        for a in arrays:
            if a.dtype != MEMORY[self.type] or not a.flags.c_contiguous or a.shape != arrays[0].shape:
                raise ValueError(f"{self.name}: contiguous arrays of {np.dtype(MEMORY[self.type])} and one shape, please")
        *inputs, out = arrays
        addresses = [a.ctypes.data for a in inputs] + [None] * (2 - len(inputs))
        integers = [(v + 2**63) % 2**64 - 2**63 for v in (*arguments[len(arrays):], 0, 0, 0, 0)[:4]]
        numbers = [ctypes.c_int64(v) for v in (out.size // per_step(self.name, self.type), *integers)]
        return functools.partial(self._function, *map(ctypes.c_void_p, addresses), ctypes.c_void_p(out.ctypes.data), *numbers)

    def loops(self) -> list[str]:
        """The text of each innermost loop: from a label to a jump back to it, with no other such label between."""
        lines = self.assembly.splitlines()
        places = {line[:-1]: i for i, line in enumerate(lines) if re.fullmatch(r"\.?\w+:", line)}
        found = []
        for end, line in enumerate(lines):
            jump = re.match(r"\s+(?:j\w+|b\.?\w*|cbn?z|tbn?z)\s+(?:.*,\s*)?(\.?\w+)$", line)
            if jump and places.get(jump[1], end) < end:
                found.append((places[jump[1]], end))
        inner = [(a, b) for a, b in found if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in found)]
        return ["\n".join(lines[a:b + 1]) for a, b in inner]

    def vector_loops(self) -> list[str]:
        """Of the loops, those whose arithmetic is on vector registers."""
        packed = r"\bv(?:fn?m\w+|add|sub|mul|div)p[sd]\s|\bvp(?:mul|add)\w+\s|\bv\d+\.(?:4s|2d)"
        return [text for text in self.loops() if re.search(packed, text)]

    def widest_register(self) -> int:
        """Bits of the widest vector register in any loop."""
        text = "\n".join(self.vector_loops())
        return max((bits for mark, bits in (("%zmm", 512), ("%ymm", 256), ("%xmm", 128)) if mark in text),
                   default=128 if text else 0)


@functools.cache
def vector_loop(name: str, type: str) -> VectorLoop:
    """The loop for this processor, compiled once."""
    return VectorLoop(name, type)
