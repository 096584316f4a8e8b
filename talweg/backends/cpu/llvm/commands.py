"""A program's work as a list of commands, and the native function that runs such a list.

A command is a kernel on some pointers, a primitive of the library on some arguments, or memory to clear. The list
lies in one array; running it is one call, without Python and without its lock.
"""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Collection, Sequence

import numpy as np

from .elementary import definitions
from .jit import Code, add_symbol, compiled, libgomp
from .nest import Kernel

PARALLEL_COST = 300_000
"""Instructions from which on a kernel is worth the threads' start."""

ALONE, SHARED, PRIMITIVE, CLEAR = range(4)
WORDS = 8  # of a command: kind, function, pointers, work, stream, whether it sets the status, executor, unused
BAD_INDEX = -1  # what the runner answers where a kernel met an index out of range

_FLOATS = (("float", "f32"), ("double", "f64"))
_INTRINSICS = {"llvm.smin.i64": "declare i64 @llvm.smin.i64(i64, i64)"}
_INTRINSICS |= {f"llvm.{name}.{s}": f"declare {t} @llvm.{name}.{s}({t})" for t, s in _FLOATS
                for name in ("fabs", "sqrt", "floor", "ceil", "trunc", "roundeven")}
_INTRINSICS |= {f"llvm.{name}.{s}": f"declare {t} @llvm.{name}.{s}({t}, {t})" for t, s in _FLOATS
                for name in ("maximum", "minimum", "copysign")}
_INTRINSICS |= {f"llvm.fma.{s}": f"declare {t} @llvm.fma.{s}({t}, {t}, {t})" for t, s in _FLOATS}
_INTRINSICS |= {f"llvm.fptosi.sat.i64.{s}": f"declare i64 @llvm.fptosi.sat.i64.{s}({t})" for t, s in _FLOATS}
_INTRINSICS |= {f"llvm.abs.{t}": f"declare {t} @llvm.abs.{t}({t}, i1)" for t in ("i8", "i16", "i32", "i64")}
_CALLED = re.compile(r"@(llvm\.[a-z0-9.]+)\(")

# for each command: do it; stop with its number (from 1) where the library fails, with -1 where the status is set
_RUNNER = """
%command = type { i64, ptr, ptr, i64, ptr, i64, ptr, i64 }
declare void @GOMP_parallel(ptr, ptr, i32, i32)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define internal void @share(ptr %this) {
  %f.at = getelementptr inbounds %command, ptr %this, i64 0, i32 1
  %f = load ptr, ptr %f.at
  %pointers.at = getelementptr inbounds %command, ptr %this, i64 0, i32 2
  %pointers = load ptr, ptr %pointers.at
  %work.at = getelementptr inbounds %command, ptr %this, i64 0, i32 3
  %work = load i64, ptr %work.at
  %me32 = call i32 @omp_get_thread_num()
  %all32 = call i32 @omp_get_num_threads()
  %me = zext i32 %me32 to i64
  %all = zext i32 %all32 to i64
  %next = add i64 %me, 1
  %a = mul i64 %me, %work
  %begin = udiv i64 %a, %all
  %b = mul i64 %next, %work
  %end = udiv i64 %b, %all
  call void %f(ptr %pointers, i64 %begin, i64 %end)
  ret void
}

define i64 @kernel(ptr %list, i64 %count, ptr %status) {
entry:
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %more]
  %i.next = add i64 %i, 1
  %is.more = icmp slt i64 %i, %count
  br i1 %is.more, label %one, label %done
one:
  %this = getelementptr inbounds %command, ptr %list, i64 %i
  %kind = load i64, ptr %this
  %f.at = getelementptr inbounds %command, ptr %this, i64 0, i32 1
  %f = load ptr, ptr %f.at
  %pointers.at = getelementptr inbounds %command, ptr %this, i64 0, i32 2
  %pointers = load ptr, ptr %pointers.at
  %work.at = getelementptr inbounds %command, ptr %this, i64 0, i32 3
  %work = load i64, ptr %work.at
  switch i64 %kind, label %more [ i64 0, label %alone i64 1, label %shared i64 2, label %primitive i64 3, label %clear ]
alone:
  call void %f(ptr %pointers, i64 0, i64 %work)
  br label %check
shared:
  call void @GOMP_parallel(ptr @share, ptr %this, i32 0, i32 0)
  br label %check
primitive:
  %stream.at = getelementptr inbounds %command, ptr %this, i64 0, i32 4
  %stream = load ptr, ptr %stream.at
  %execute.at = getelementptr inbounds %command, ptr %this, i64 0, i32 6
  %execute = load ptr, ptr %execute.at
  %arguments = trunc i64 %work to i32
  %failed = call i32 %execute(ptr %f, ptr %stream, i32 %arguments, ptr %pointers)
  %has.failed = icmp ne i32 %failed, 0
  br i1 %has.failed, label %stop, label %more
clear:
  %target = load ptr, ptr %pointers
  call void @llvm.memset.p0.i64(ptr %target, i8 0, i64 %work, i1 false)
  br label %more
check:
  %checks.at = getelementptr inbounds %command, ptr %this, i64 0, i32 5
  %checks = load i64, ptr %checks.at
  %has.checks = icmp ne i64 %checks, 0
  br i1 %has.checks, label %look, label %more
look:
  %state = load i64, ptr %status
  %is.bad = icmp ne i64 %state, 0
  br i1 %is.bad, label %bad, label %more
more:
  br label %head
stop:
  ret i64 %i.next
bad:
  ret i64 -1
done:
  ret i64 0
}
"""


@functools.cache
def _runner():
    for name in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads"):
        add_symbol(name, ctypes.cast(getattr(libgomp(), name), ctypes.c_void_p).value or 0)
    code = compiled([_RUNNER])[0]
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)(code.address)
    return function, code


def module_text(kernel: Kernel) -> str:
    """A kernel with all it needs, and nothing else: each declaration costs time."""
    functions = definitions(sorted(kernel.requires))
    called = sorted({*_CALLED.findall(functions), *_CALLED.findall(kernel.text.body)})
    return "\n".join([*(_INTRINSICS[name] for name in called), functions, kernel.text.body])


def is_shared(kernel: Kernel) -> bool:
    """Whether threads share its work."""
    return kernel.work > 1 and kernel.work * kernel.cost > PARALLEL_COST


class CommandList:
    """Commands in the order they run. Pointers are cells that `point` fills once the addresses are known."""

    def __init__(self) -> None:
        self.words: list[list[int]] = []
        self.cells: list[tuple[int, int]] = []  # (slot, offset) of every pointer of every command
        self._first: list[int | None] = []  # of each command: its first cell; None where its pointers are not ours
        self._kernels: dict[int, Kernel] = {}
        self._code: list[Code] = []

    def __len__(self) -> int:
        return len(self.words)

    def kernel(self, kernel: Kernel) -> None:
        if not kernel.work:  # nothing to go over; what it reads ahead of its loop may not be there
            return
        checks = any(slot < 0 for slot, _ in kernel.text.pointers)
        self._kernels[len(self.words)] = kernel
        kind = SHARED if is_shared(kernel) else ALONE
        self._add([kind, 0, 0, kernel.work, 0, int(checks), 0, 0], kernel.text.pointers)

    def primitive(self, handle: int, arguments: int, count: int, stream: int, execute: int) -> None:
        """A primitive of the library; `arguments` is the address of its `count` arguments."""
        self._add([PRIMITIVE, handle, arguments, count, stream, 0, execute, 0], None)

    def clear(self, place: tuple[int, int], size: int) -> None:
        self._add([CLEAR, 0, 0, size, 0, 0, 0, 0], (place,))

    def _add(self, words: list[int], pointers: Sequence[tuple[int, int]] | None) -> None:
        self.words.append(words)
        self._first.append(None if pointers is None else len(self.cells))
        self.cells += pointers or ()

    def last_check(self) -> int:
        """The number of the last kernel that checks indices; -1 if there is none."""
        return max((i for i, words in enumerate(self.words) if words[5]), default=-1)

    def first_update(self, names: Collection[str]) -> int:
        """The number of the first of these kernels."""
        return min((i for i, k in self._kernels.items() if k.name in names), default=len(self.words))

    def build(self) -> None:
        """Compile the kernels and lay the commands out."""
        different = {(k.text.body, k.requires): k for k in self._kernels.values()}  # the steps of a loop are one kernel
        self._code = compiled([module_text(k) for k in different.values()])
        codes = dict(zip(different, self._code))
        for number, k in self._kernels.items():
            self.words[number][1] = codes[k.text.body, k.requires].address
        self.table = np.zeros(max(len(self.cells), 1), np.uint64)
        for words, first in zip(self.words, self._first):
            if first is not None:
                words[2] = self.table.ctypes.data + 8 * first
        self._list = np.array(self.words or [[0] * WORDS], np.uint64)
        self._status = np.zeros(1, np.int64)
        self._address, self._status_address = self._list.ctypes.data, self._status.ctypes.data
        self._run, self._runner_code = _runner()
        self._moving: dict[int, list[tuple[int, int]]] = {}
        for cell, (slot, offset) in enumerate(self.cells):
            self._moving.setdefault(slot, []).append((cell, offset))
        self.point(-1, self._status_address)

    def point(self, slot: int, base: int) -> None:
        """Tell every pointer into this slot where it is now."""
        table = self.table
        for cell, offset in self._moving.get(slot, ()):
            table[cell] = base + offset

    def run(self, begin: int, end: int) -> None:
        """Run some of the commands. Raises IndexError where an index was out of range, RuntimeError where the library
        failed."""
        found = self._run(self._address + 8 * WORDS * begin, end - begin, self._status_address)
        if found:
            self._explain(found, begin)

    def _explain(self, found: int, begin: int) -> None:
        self._status[0] = 0
        if found == BAD_INDEX:
            raise IndexError("index out of range in compiled code")
        raise RuntimeError(f"oneDNN failed to execute the primitive of command {begin + found - 1}")

    def kernels(self) -> list[Kernel]:
        return list(self._kernels.values())

    def what(self, number: int) -> str:
        """Which kind of command it is."""
        return ("kernel", "kernel, shared", "library", "clear")[self.words[number][0]]
