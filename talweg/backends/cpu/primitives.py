"""From a signature (shapes, strides, types, settings) to a compiled primitive and the memory layouts it
wants.

Nothing here knows NumPy or holds data. A primitive is immutable and may be shared; `plans` gives it memory
to work on.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from .bindings import (
    FORMAT_ANY,
    Algorithm,
    Argument,
    DataType,
    OneDNN,
    PropKind,
    Query,
    dims,
)
from .library import library


class Descriptor:
    """A memory descriptor: shape, type and layout of one array. Owns its handle."""

    __slots__ = ("_library", "handle")

    def __init__(self, owner: OneDNN, handle: int):
        self._library = owner
        self.handle = handle

    @classmethod
    def strided(cls, shape: Sequence[int], strides: Sequence[int], type: DataType) -> Descriptor:
        """A plain layout; strides in elements."""
        name = "memory_desc_create_with_strides"
        return cls(library(), library().new(name, len(shape), dims(shape), type, dims(strides)))

    @classmethod
    def free(cls, shape: Sequence[int], type: DataType) -> Descriptor:
        """A layout left to the primitive to choose."""
        name = "memory_desc_create_with_tag"
        return cls(library(), library().new(name, len(shape), dims(shape), type, FORMAT_ANY))

    @property
    def nbytes(self) -> int:
        return self._library.ask("memory_desc_get_size", self.handle)

    def strides(self, rank: int) -> tuple[int, ...] | None:
        """Strides in elements, or None for a layout in blocks."""
        blocks = ctypes.c_int(0)
        self._library.call("memory_desc_query", self.handle, Query.INNER_BLOCKS, ctypes.byref(blocks))
        if blocks.value:
            return None
        found = ctypes.POINTER(ctypes.c_int64)()
        self._library.call("memory_desc_query", self.handle, Query.STRIDES, ctypes.byref(found))
        return tuple(found[:rank])

    def same_layout(self, other: Descriptor) -> bool:
        return bool(self._library.ask("memory_desc_equal", self.handle, other.handle))

    def __del__(self):
        self._library.call("memory_desc_destroy", self.handle)


class Primitive:
    """One compiled oneDNN kernel. `layouts` says what it reads and writes, and in which layout.

    Takes over the handle of the primitive descriptor that it is made from.
    """

    __slots__ = ("_library", "description", "handle", "implementation", "layouts")

    def __init__(self, description: int, *arguments: Argument):
        self._library = library()
        self.description = description
        self.handle = 0
        wanted = (*arguments, Argument.SCRATCHPAD)
        found = {argument: self._layout(Query[argument.name]) for argument in wanted}
        self.layouts = {argument: layout for argument, layout in found.items() if layout.nbytes}
        self.implementation = self._implementation()
        self.handle = self._library.new("primitive_create", description)

    def _layout(self, query: Query) -> Descriptor:
        owned_by_description = self._library.ask("primitive_desc_query_md", self.description, query, 0)
        return Descriptor(self._library, self._library.new("memory_desc_clone", owned_by_description))

    def _implementation(self) -> str:
        name = ctypes.c_char_p()
        self._library.call(
            "primitive_desc_query", self.description, Query.IMPLEMENTATION, 0, ctypes.byref(name)
        )
        return (name.value or b"").decode()

    def __del__(self):
        if self.handle:
            self._library.call("primitive_destroy", self.handle)
        self._library.call("primitive_desc_destroy", self.description)


class Window(NamedTuple):
    """How a kernel slides over its input, one entry a spatial dimension; dilation 1 is dense."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    padding_end: tuple[int, ...]
    dilation: tuple[int, ...]


def reorder(source: Descriptor, target: Descriptor) -> Primitive:
    """Copy from one layout or type to another."""
    lib = library()
    ends = (source.handle, lib.engine, target.handle, lib.engine)
    made = lib.new("reorder_primitive_desc_create", *ends, lib.attributes)
    return Primitive(made, Argument.SRC, Argument.DST)


def matmul(a: Descriptor, b: Descriptor, c: Descriptor) -> Primitive:
    """c = a @ b over equal ranks; a batch dimension of size 1 is broadcast."""
    made = _create("matmul", a.handle, b.handle, None, c.handle)
    return Primitive(made, Argument.SRC, Argument.WEIGHTS, Argument.DST)


def convolution(x: Descriptor, w: Descriptor, y: Descriptor, window: Window) -> Primitive:
    """y = x * w (cross-correlation); w has a leading group dimension where there are groups."""
    made = _convolution_forward(x, w, y, window)
    return Primitive(made, Argument.SRC, Argument.WEIGHTS, Argument.DST)


def _convolution_forward(x: Descriptor, w: Descriptor, y: Descriptor, window: Window) -> int:
    settings = (PropKind.FORWARD_TRAINING, Algorithm.CONVOLUTION_DIRECT)
    return _create("convolution_forward", *settings, x.handle, w.handle, None, y.handle, *_geometry(window))


def convolution_input_gradient(dx: Descriptor, w: Descriptor, dy: Descriptor, window: Window) -> Primitive:
    with _hint(_convolution_forward(dx, w, dy, window)) as forward:
        arrays = (dx.handle, w.handle, dy.handle)
        algorithm = Algorithm.CONVOLUTION_DIRECT
        made = _create("convolution_backward_data", algorithm, *arrays, *_geometry(window), forward)
    return Primitive(made, Argument.DIFF_DST, Argument.WEIGHTS, Argument.DIFF_SRC)


def convolution_weight_gradient(x: Descriptor, dw: Descriptor, dy: Descriptor, window: Window) -> Primitive:
    with _hint(_convolution_forward(x, dw, dy, window)) as forward:
        arrays = (x.handle, dw.handle, None, dy.handle)  # None: the bias
        algorithm = Algorithm.CONVOLUTION_DIRECT
        made = _create("convolution_backward_weights", algorithm, *arrays, *_geometry(window), forward)
    return Primitive(made, Argument.SRC, Argument.DIFF_DST, Argument.DIFF_WEIGHTS)


def average_pooling(algorithm: Algorithm, x: Descriptor, y: Descriptor, window: Window) -> Primitive:
    return Primitive(_pooling_forward(algorithm, x, y, window), Argument.SRC, Argument.DST)


def _pooling_forward(algorithm: Algorithm, x: Descriptor, y: Descriptor, window: Window) -> int:
    settings = (PropKind.FORWARD_TRAINING, algorithm, x.handle, y.handle)
    return _create("pooling_forward", *settings, *_pooling_geometry(window))


def average_pooling_input_gradient(
    algorithm: Algorithm, dx: Descriptor, dy: Descriptor, window: Window
) -> Primitive:
    with _hint(_pooling_forward(algorithm, dx, dy, window)) as forward:
        settings = (algorithm, dx.handle, dy.handle)
        made = _create("pooling_backward", *settings, *_pooling_geometry(window), forward)
    return Primitive(made, Argument.DIFF_DST, Argument.DIFF_SRC)


def _create(kind: str, *arguments) -> int:
    """A new primitive descriptor on our engine."""
    lib = library()
    return lib.new(f"{kind}_primitive_desc_create", lib.engine, *arguments, lib.attributes)


@contextmanager
def _hint(forward: int) -> Iterator[int]:
    """A forward descriptor that a backward one is made after, and no longer."""
    try:
        yield forward
    finally:
        library().call("primitive_desc_destroy", forward)


def _geometry(window: Window) -> tuple:
    dilates = dims([d - 1 for d in window.dilation])  # oneDNN counts the gaps, not the steps
    return dims(window.stride), dilates, dims(window.padding), dims(window.padding_end)


def _pooling_geometry(window: Window) -> tuple:
    stride, *rest = _geometry(window)
    return stride, dims(window.kernel), *rest
