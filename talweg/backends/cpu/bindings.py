"""oneDNN's C interface, typed: constants, prototypes, status codes turned into exceptions. No policy here.

Names and values are those of the headers dnnl_types.h and dnnl.h, stable within version 3 of oneDNN.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint, c_void_p
from enum import IntEnum
from typing import Any

MAX_RANK = 12
Dims = c_int64 * MAX_RANK


class DataType(IntEnum):
    BF16 = 2
    F32 = 3


class PropKind(IntEnum):
    FORWARD_TRAINING = 64


class Algorithm(IntEnum):
    CONVOLUTION_DIRECT = 0x1
    POOLING_AVG_INCLUDE_PADDING = 0x2FF
    POOLING_AVG_EXCLUDE_PADDING = 0x3FF


class Argument(IntEnum):
    """What an array is to a primitive; the number it is passed under."""

    SRC = 1
    DST = 17
    WEIGHTS = 33
    SCRATCHPAD = 80
    DIFF_SRC = 129
    DIFF_DST = 145
    DIFF_WEIGHTS = 161


class Query(IntEnum):
    IMPLEMENTATION = 8
    STRIDES = 14
    SRC = 129
    DIFF_SRC = 130
    WEIGHTS = 131
    DIFF_WEIGHTS = 132
    DST = 133
    DIFF_DST = 134
    SCRATCHPAD = 136
    INNER_BLOCKS = 263


FORMAT_ANY = 1
CPU_ENGINE = 1
IN_ORDER = 1
SCRATCHPAD_BY_USER = 1
ISA_AVX512 = 0x27  # the least that computes with bfloat16

_OUT_OF_MEMORY = 1
_UNIMPLEMENTED = 3
_STATUS = {
    1: "out of memory",
    2: "invalid arguments",
    3: "not implemented for these arguments",
    4: "no further implementation",
    5: "failed while running",
    6: "not required",
}


class Unsupported(NotImplementedError):
    """oneDNN has no implementation of what was asked on this processor. The caller takes another way."""


class Version(ctypes.Structure):
    _fields_ = [
        ("major", c_int),
        ("minor", c_int),
        ("patch", c_int),
        ("hash", c_char_p),
        ("cpu_runtime", c_uint),
        ("gpu_runtime", c_uint),
    ]


class ExecutionArgument(ctypes.Structure):
    _fields_ = [("argument", c_int), ("memory", c_void_p)]


_H = c_void_p  # a handle: engine, stream, descriptor, primitive, memory, attributes
_NEW = POINTER(c_void_p)  # where a new handle is written
_WINDOW = (Dims, Dims, Dims, Dims)

# name: argument types. Each returns a status.
_PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "engine_create": (_NEW, c_int, c_size_t),
    "stream_create": (_NEW, _H, c_uint),
    "primitive_attr_create": (_NEW,),
    "primitive_attr_set_scratchpad_mode": (_H, c_int),
    "memory_desc_create_with_strides": (_NEW, c_int, Dims, c_int, Dims),
    "memory_desc_create_with_tag": (_NEW, c_int, Dims, c_int, c_int),
    "memory_desc_clone": (_NEW, _H),
    "memory_desc_query": (_H, c_int, c_void_p),
    "memory_desc_destroy": (_H,),
    "memory_create": (_NEW, _H, _H, c_void_p),
    "memory_destroy": (_H,),
    "primitive_desc_query": (_H, c_int, c_int, c_void_p),
    "primitive_desc_destroy": (_H,),
    "primitive_create": (_NEW, _H),
    "primitive_execute": (_H, _H, c_int, c_void_p),
    "primitive_destroy": (_H,),
    "reorder_primitive_desc_create": (_NEW, _H, _H, _H, _H, _H),
    "matmul_primitive_desc_create": (_NEW, _H, _H, _H, _H, _H, _H),
    "convolution_forward_primitive_desc_create": (_NEW, _H, c_int, c_int, _H, _H, _H, _H, *_WINDOW, _H),
    "convolution_backward_data_primitive_desc_create": (_NEW, _H, c_int, _H, _H, _H, *_WINDOW, _H, _H),
    "convolution_backward_weights_primitive_desc_create": (_NEW, _H, c_int, _H, _H, _H, _H, *_WINDOW, _H, _H),
    "pooling_forward_primitive_desc_create": (_NEW, _H, c_int, c_int, _H, _H, Dims, *_WINDOW, _H),
    "pooling_backward_primitive_desc_create": (_NEW, _H, c_int, _H, _H, Dims, *_WINDOW, _H, _H),
}

# name: (result, argument types), for the few that return something else.
_QUERIES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "version": (POINTER(Version), ()),
    "get_effective_cpu_isa": (c_int, ()),
    "memory_desc_get_size": (c_size_t, (_H,)),
    "memory_desc_equal": (c_int, (_H, _H)),
    "primitive_desc_query_md": (c_void_p, (_H, c_int, c_int)),
}


class OneDNN:
    """A loaded libdnnl: its functions, one CPU engine, one in-order stream, and attributes that leave scratch
    memory to the caller.

    Raises AttributeError where a function is missing.
    """

    def __init__(self, releasing: ctypes.CDLL, holding: ctypes.PyDLL):
        self._functions: dict[str, Any] = {}
        for name, argument_types in _PROTOTYPES.items():
            self._functions[name] = _typed(releasing, name, c_int, argument_types)
        for name, (result, argument_types) in _QUERIES.items():
            self._functions[name] = _typed(releasing, name, result, argument_types)
        # The two hot calls. Computing releases Python's lock; setting a pointer is too short for that.
        self.execute = self._functions["primitive_execute"]
        self.execute_address = ctypes.cast(self.execute, c_void_p).value or 0  # for native code that calls it
        self.set_pointer = _typed(holding, "memory_set_data_handle", c_int, (_H, c_void_p))
        # Looked up through libdnnl, so that it is the OpenMP runtime libdnnl itself runs on.
        self.omp_set_num_threads = holding.omp_set_num_threads
        version = self._functions["version"]().contents
        self.version = (version.major, version.minor, version.patch)
        self.engine: int | None = None
        self.stream: int | None = None
        self.attributes: int | None = None

    def start(self) -> None:
        """Make the engine, the stream and the attributes.

        Raises RuntimeError or MemoryError if oneDNN refuses.
        """
        self.engine = self.new("engine_create", CPU_ENGINE, 0)
        self.stream = self.new("stream_create", self.engine, IN_ORDER)
        self.attributes = self.new("primitive_attr_create")
        self.call("primitive_attr_set_scratchpad_mode", self.attributes, SCRATCHPAD_BY_USER)

    @property
    def computes_bfloat16(self) -> bool:
        return self.ask("get_effective_cpu_isa") & ISA_AVX512 == ISA_AVX512

    def new(self, name: str, *arguments) -> int:
        """Call a function that writes a new handle to its first argument."""
        handle = c_void_p()
        check(self._functions[name](ctypes.byref(handle), *arguments), name)
        assert handle.value is not None, f"dnnl_{name} succeeded without a handle"
        return handle.value

    def call(self, name: str, *arguments) -> None:
        """Call a function that returns a status."""
        check(self._functions[name](*arguments), name)

    def ask(self, name: str, *arguments):
        """Call a function that returns its answer."""
        return self._functions[name](*arguments)


def _typed(loaded: ctypes.CDLL, name: str, result, argument_types: tuple[Any, ...]):
    function = loaded["dnnl_" + name]  # indexing gives an object of its own, with no types set by anyone else
    function.restype = result
    function.argtypes = argument_types
    return function


def check(status: int, name: str) -> None:
    """Raise for any status but success: MemoryError, Unsupported, or RuntimeError."""
    if status == 0:
        return
    if status == _OUT_OF_MEMORY:
        raise MemoryError(f"oneDNN: dnnl_{name} ran out of memory")
    error = Unsupported if status == _UNIMPLEMENTED else RuntimeError
    raise error(f"oneDNN: dnnl_{name}: {_STATUS.get(status, 'unknown error')} (status {status})")


def dims(values) -> Any:
    return Dims(*values)
