"""A reader of pickles that can make tensors and plain containers, and nothing else.

A pickle is a program that may call anything it names. Here it may name what ALLOWED lists, and use the instructions that
such files need; whatever else it asks for is an error, and nothing is executed.
"""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import IO, Any

from ..core import dtypes
from ..core.devices import device as Device
from ..core.shapes import Size

OPCODES = b"".join([
    pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK, pickle.MEMOIZE, pickle.PUT,
    pickle.BINPUT, pickle.LONG_BINPUT, pickle.GET, pickle.BINGET, pickle.LONG_BINGET, pickle.NONE, pickle.NEWTRUE,
    pickle.NEWFALSE, pickle.INT, pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG, pickle.LONG1, pickle.LONG4,
    pickle.FLOAT, pickle.BINFLOAT, pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8,
    pickle.STRING, pickle.BINSTRING, pickle.SHORT_BINSTRING, pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8,
    pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_LIST, pickle.LIST,
    pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT, pickle.DICT, pickle.SETITEM, pickle.SETITEMS, pickle.EMPTY_SET,
    pickle.ADDITEMS, pickle.FROZENSET, pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD, pickle.BINPERSID,
    pickle.PERSID,
])


class Refused(ValueError):
    """A file asks for something that is no tensor and no plain container."""


class Name:
    """What a pickle has named: callable if it makes something, and otherwise only itself. It cannot be changed."""

    __slots__ = ("call", "name")

    call: Callable | None
    name: str

    def __init__(self, name: str, call: Callable | None = None):
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "call", call)

    def __setattr__(self, attribute: str, value: Any) -> None:
        raise Refused(f"it tries to set {attribute!r} of {self.name}")

    def __call__(self, *args: Any) -> Any:
        if self.call is None:
            raise Refused(f"it calls {self.name}, which may be named only")
        return self.call(*args)


STORAGES = {
    "FloatStorage": dtypes.float32, "DoubleStorage": dtypes.float64, "HalfStorage": dtypes.float16,
    "BFloat16Storage": dtypes.bfloat16, "ByteStorage": dtypes.uint8, "CharStorage": dtypes.int8,
    "ShortStorage": dtypes.int16, "IntStorage": dtypes.int32, "LongStorage": dtypes.int64, "BoolStorage": dtypes.bool_,
    "ComplexFloatStorage": dtypes.complex64, "ComplexDoubleStorage": dtypes.complex128, "UntypedStorage": dtypes.uint8,
}

_BUILTIN = {"set": set, "frozenset": frozenset, "list": list, "dict": dict, "tuple": tuple, "complex": complex,
            "bytearray": bytearray}


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, as protocol 2 writes them."""
    if encoding not in ("latin1", "latin-1"):
        raise Refused(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


def _plain_default(kind: Any = None) -> defaultdict:
    """defaultdict(list) and its like, and nothing that computes."""
    if kind is None:
        return defaultdict()
    found = _BUILTIN.get(kind.name.rpartition(".")[2]) if isinstance(kind, Name) else None
    if found is None:
        raise Refused("it makes a defaultdict of something that is no plain container")
    return defaultdict(found)


ALLOWED: dict[str, Callable | None] = {
    "collections.OrderedDict": OrderedDict, "collections.Counter": Counter, "collections.defaultdict": _plain_default,
    "_codecs.encode": _encoded, "torch.Size": Size, "torch.device": Device, "torch.Tensor": None,
    "torch.nn.parameter.Parameter": None,
}
ALLOWED |= {f"{module}.{name}": kind for module in ("builtins", "__builtin__") for name, kind in _BUILTIN.items()}
ALLOWED |= {f"{module}.{name}": None for module in ("torch", "torch.storage") for name in STORAGES}


class Unpickler(pickle._Unpickler):  # type: ignore[name-defined]
    """Reads one pickle. `makers` are the functions that make tensors by their names; `persistent` gives stored data."""

    dispatch = {code: pickle._Unpickler.dispatch[code] for code in OPCODES}  # type: ignore[attr-defined]

    def __init__(self, file: IO[bytes], makers: dict[str, Callable], persistent: Callable[[Any], Any]):
        super().__init__(file, encoding="latin1")  # type: ignore[call-arg]
        self._makers = makers
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if full in self._makers:
            return Name(full, self._makers[full])
        if full not in ALLOWED:
            raise Refused(f"it asks for {full}; only tensors and plain containers are read, nothing else is executed. Save a "
                          "state_dict() instead of the object")
        return Name(full, ALLOWED[full])

    def persistent_load(self, pid: Any) -> Any:
        return self._persistent(pid)

    def read_one(self) -> Any:
        """The object. Raises Refused for what is not allowed, ValueError for what is no pickle."""
        try:
            return self.load()
        except Refused:
            raise
        except KeyError as error:
            raise Refused(f"it uses the pickle instruction {error.args[0]!r}, or refers to something it has not made") from error
        except Exception as error:
            raise ValueError(f"its pickle is damaged ({type(error).__name__}: {error})") from error


_DTYPES = {d.name: d for d in dtypes.ALL} | {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "long": dtypes.int64, "int": dtypes.int32,
    "short": dtypes.int16, "cfloat": dtypes.complex64, "cdouble": dtypes.complex128,
}
