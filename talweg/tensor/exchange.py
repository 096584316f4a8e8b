"""Arrays handed to other libraries and taken from them: DLPack, and NumPy's arrays, without a copy where nobody
can write to what is shared.

Arrays go out by `__array__` (which NumPy asks for) and `__dlpack__`, both of which hand over an owner of the memory.
`__array_interface__` hands over an address only, which a later write to the tensor would leave without one: it is left out.
What is recorded may be computed later, so a value must not change under it. Our own arrays are therefore shared read-only,
and only what nobody can write to any more (a read-only map of a file, bytes) is taken over as it is.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

from ..compile.profile import copy_of
from ..core.dtypes import from_numpy as dtype_of_numpy
from ..graph.leaves import from_array
from .pending import value_of
from .tensor import Tensor, wrap

CPU_DEVICE = (1, 0)  # DLPack's kDLCPU and the device's number


def frozen(array: np.ndarray) -> bool:
    """Whether nobody can write to this array's memory, not even through another array or the buffer below."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        if owner.base is None:  # its own memory, which could be made writable again
            return False
        owner = owner.base
    if isinstance(owner, (bytes, mmap.mmap)):
        return memoryview(owner).readonly
    return isinstance(owner, memoryview) and owner.readonly and isinstance(owner.obj, bytes)


def taken(array: np.ndarray) -> Tensor:
    """A tensor of an array's values: the array itself where it is frozen, a copy otherwise."""
    dtype_of_numpy(array.dtype)
    shared = frozen(array) and array.dtype.isnative and array.flags.aligned and array.flags.c_contiguous
    return wrap(from_array(array.view(np.ndarray) if shared else copy_of(array.view(np.ndarray))))


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of anything with `__dlpack__`. It copies, except from a NumPy array that nobody can write to (of bytes, or of
    a file mapped read-only): of other memory nobody knows who may still write to it.

    Raises TypeError for what speaks no DLPack, BufferError where the producer refuses, ValueError with copy=False where a
    copy is needed.
    """
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.clone() if copy else ext_tensor.detach()
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__, got {type(ext_tensor).__name__}; a capsule alone "
                        "does not say which device it is on")
    array = ext_tensor if isinstance(ext_tensor, np.ndarray) else np.from_dlpack(ext_tensor)
    if copy is False:
        raise ValueError("from_dlpack: copy=False cannot be kept: the producer may write to the memory afterwards, and what "
                         "is recorded must not change")
    return taken(array)


def dlpack(self, *, stream=None, max_version: tuple[int, int] | None = None, dl_device=None, copy: bool | None = None):
    """The tensor's value as a DLPack capsule: shared and marked read-only for a reader that understands that mark
    (max_version 1.0 or later), else a copy. Raises BufferError for a tensor that requires grad."""
    if self.node.needs_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if dl_device is not None and tuple(dl_device) != CPU_DEVICE:
        raise BufferError(f"__dlpack__: the tensor is on the CPU {CPU_DEVICE}, not on {tuple(dl_device)}")
    array = value_of(self.node)
    if copy is not True and max_version is not None and tuple(max_version) >= (1, 0):
        shared = array.view()
        shared.flags.writeable = False
        return shared.__dlpack__(max_version=max_version)
    if copy is False:
        raise BufferError("__dlpack__: without a copy the value can be shared read-only, which needs max_version=(1, 0)")
    return copy_of(array).__dlpack__(max_version=max_version)


def dlpack_device(self) -> tuple[int, int]:
    """The CPU, in DLPack's numbers."""
    return CPU_DEVICE
