"""The other way: tensors and plain containers as the pickle and the storages of a file that PyTorch reads."""

from __future__ import annotations

import codecs
import io
import pickle
import zipfile
from collections import Counter, OrderedDict
from typing import Any

import numpy as np

from ..core.devices import device as Device
from ..core.dtypes import dtype as DType
from ..core.shapes import Size
from ..nn import Parameter
from ..tensor import Tensor
from ..tensor.pending import value_of
from .unpickling import STORAGES

PLAIN = (bool, int, float, complex, str, bytes, type(None), list, tuple, dict, set, frozenset, OrderedDict, Counter)
NAMED = (*PLAIN, codecs.encode)  # what the pickles of plain containers name; bytes are written as encoded text
STORAGE_OF = {dtype: name for name, dtype in STORAGES.items() if name != "UntypedStorage"}


class _Global:
    """A name of PyTorch's, written into the pickle without being looked up."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self, *args: Any) -> Any:
        raise TypeError(f"{self.module}.{self.name} stands in a file only")


def _is_one_of(obj: Any, things: tuple) -> bool:
    return any(obj is thing for thing in things)


class _Reference:
    """A storage, to be written once and referred to by its number."""

    def __init__(self, dtype: DType, key: str, count: int):
        self.pid = ("storage", _global("torch", STORAGE_OF[dtype]), key, "cpu", count)


_globals: dict[tuple[str, str], _Global] = {}


def _global(module: str, name: str) -> _Global:
    return _globals.setdefault((module, name), _Global(module, name))


class _Pickler(pickle._Pickler):  # type: ignore[name-defined]
    dispatch = pickle._Pickler.dispatch.copy()  # type: ignore[attr-defined]

    def __init__(self, file: io.BytesIO):
        super().__init__(file, protocol=2)  # type: ignore[call-arg]
        self.arrays: list[np.ndarray] = []
        self._references: dict[int, _Reference] = {}
        self._roots: list[Any] = []  # kept alive, so that their ids stay theirs

    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, _Reference) else None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Parameter):
            data = obj.detach()
            return _global("torch._utils", "_rebuild_parameter"), (data, obj.requires_grad, OrderedDict())
        if isinstance(obj, Tensor):
            return _global("torch._utils", "_rebuild_tensor_v2"), self._tensor(obj)
        if isinstance(obj, Size):
            return _global("torch", "Size"), (tuple(obj),)
        if isinstance(obj, Device):
            return _global("torch", "device"), (obj.type,) if obj.index is None else (obj.type, obj.index)
        if isinstance(obj, (_Global, _Reference, DType)) or type(obj) in PLAIN or _is_one_of(obj, NAMED):
            return NotImplemented
        raise TypeError(f"save: a {type(obj).__name__} is no tensor and no plain container (list, tuple, dict, set, number, "
                        "text). Of a module or an optimiser, save the state_dict()")

    def _tensor(self, x: Tensor) -> tuple:
        strides, offset = x._geometry()
        return self._storage(x), offset, tuple(x.shape), tuple(strides), x.requires_grad and x.is_leaf, OrderedDict()

    def _storage(self, x: Tensor) -> _Reference:
        """The memory that x shows a part of, once a file."""
        root = x._storage.root()
        if id(root) not in self._references:
            array = np.ascontiguousarray(value_of(root.node))
            self._references[id(root)] = _Reference(x.dtype, str(len(self.arrays)), array.size)
            self.arrays.append(array)
            self._roots.append(root)
        return self._references[id(root)]

    def _save_global(self, obj: _Global) -> None:
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())  # type: ignore[attr-defined]
        self.memoize(obj)  # type: ignore[attr-defined]

    dispatch[_Global] = _save_global  # type: ignore[assignment]

    def _save_dtype(self, obj: DType) -> None:
        self._save_global(_global("torch", obj.name))

    dispatch[DType] = _save_dtype  # type: ignore[assignment]


def archive(obj: Any, name: str) -> bytes:
    """The content of a file in PyTorch's zip format. Raises TypeError for what is no tensor and no plain container."""
    pickled = io.BytesIO()
    pickler = _Pickler(pickled)
    pickler.dump(obj)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        for entry, data in [("data.pkl", pickled.getvalue()), ("byteorder", b"little"),
                            *((f"data/{i}", a.tobytes()) for i, a in enumerate(pickler.arrays)), ("version", b"3\n")]:
            file.writestr(zipfile.ZipInfo(f"{name}/{entry}"), data)
    return content.getvalue()
