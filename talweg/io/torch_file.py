"""PyTorch's files: .pt and .pth, read in all three of its formats and written in the present one.

    zip     since PyTorch 1.6: a pickle, and each storage as a file beside it
    stream  before: a magic number, a few pickles one after another, then the storages
    tar     before 0.2

Reading executes nothing: see unpickling.py.
"""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..core.devices import device as Device
from ..tensor import Tensor
from .atomic import write_atomically
from .pickling import archive
from .stored_tensors import MAKERS, SKIPPING, Stored, check_place, storage_dtype
from .torch_script import ScriptUnpickler, tensors_of
from .unpickling import STORAGES, Refused, Unpickler

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
FILE = str | os.PathLike | IO[bytes]


def load(f: FILE, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
         mmap: bool | None = None, **pickle_load_args: Any) -> Any:
    """What torch.save or talweg.save wrote: tensors, in containers of Python's own.

    Views of one storage share it again, strides are kept. Of a TorchScript archive, which is a program, the tensors of its
    modules are read, by the names of its state_dict(). Whatever `weights_only` says, nothing but tensors and plain
    containers is read; `mmap` and `pickle_load_args` have no effect. Raises FileNotFoundError; ValueError for a file that is
    damaged, no such file, or asks for anything else; RuntimeError for a `map_location` that is not the CPU.
    """
    if pickle_module is not None:
        raise ValueError("load: pickle_module cannot be given: files are read by a reader that executes nothing")
    if isinstance(map_location, (str, Device)) and Device(map_location).type != "cpu":
        raise RuntimeError(f"load: map_location {str(map_location)!r}: this build of Talweg computes on 'cpu' only")
    name, content = _content(f)
    try:
        return _read(content)
    except ValueError as error:
        raise ValueError(f"load: {name}: {error}") from error


def save(obj: Any, f: FILE, pickle_module: Any = None, pickle_protocol: int = 2, _use_new_zipfile_serialization: bool = True,
         _disable_byteorder_record: bool = False) -> None:
    """Write tensors and plain containers so that torch.load(f, weights_only=True) and talweg.load(f) read them back.

    Tensors that share memory share it in the file. A path is replaced atomically. Raises TypeError for any other object:
    of a module or an optimiser, save the state_dict().
    """
    content = archive(obj, Path(f).stem if isinstance(f, (str, os.PathLike)) else "archive")
    if isinstance(f, (str, os.PathLike)):
        write_atomically(Path(f), content)
    else:
        f.write(content)


def _content(f: FILE) -> tuple[str, bytes]:
    if isinstance(f, (str, os.PathLike)):
        try:
            return os.fspath(f), Path(f).read_bytes()
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, "there is no such file", os.fspath(f)) from error
    if not hasattr(f, "read"):
        raise AttributeError(f"load: expected a path or a file open for reading bytes, got {type(f).__name__}")
    return getattr(f, "name", "the file"), f.read()


def _read(content: bytes) -> Any:
    file = io.BytesIO(content)
    if content[:4] == b"PK\x03\x04":
        return _read_zip(file)
    if tarfile.is_tarfile(file):
        file.seek(0)
        return _read_tar(file)
    file.seek(0)
    return _read_stream(file)


# --- zip
def _read_zip(file: IO[bytes]) -> Any:
    try:
        with zipfile.ZipFile(file) as archive_file:
            return _Archive(archive_file).read()
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ValueError(f"it is cut short or damaged ({error})") from error


class _Archive:
    def __init__(self, file: zipfile.ZipFile):
        self.file = file
        self.entries = {entry.filename: entry for entry in file.infolist()}
        found = [n for n in self.entries if n == "data.pkl" or n.endswith("/data.pkl")]
        if len(found) != 1:
            raise ValueError("it is a zip file without one data.pkl, so not PyTorch's")
        self.folder = found[0].removesuffix("data.pkl")
        self.is_script = any(n.startswith(f"{self.folder}code/") for n in self.entries)
        self.storages: dict[str, Stored] = {}
        self.swapped = self._optional("byteorder").strip() == b"big"

    def _bytes(self, name: str) -> bytes:
        entry = self.entries.get(self.folder + name)
        if entry is None:
            raise ValueError(f"{name} is missing in it")
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed, which PyTorch never does")
        return self.file.read(entry)

    def _optional(self, name: str) -> bytes:
        return self._bytes(name) if self.folder + name in self.entries else b""

    def read(self) -> Any:
        if self.is_script:
            return tensors_of(ScriptUnpickler(io.BytesIO(self._bytes("data.pkl")), self._storage).read_one())
        return Unpickler(io.BytesIO(self._bytes("data.pkl")), MAKERS, self._storage).read_one()

    def _storage(self, pid: Any) -> Stored:
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage" and isinstance(pid[2], str)):
            raise Refused(f"it refers to {pid!r}, which is no storage")
        _, kind, key, _, count = pid
        if key not in self.storages:
            dtype = storage_dtype(kind)
            self.storages[key] = Stored(key, dtype, _count(count), lambda: self._bytes(f"data/{key}"), self.swapped)
        return self.storages[key]


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"it has a storage of {value!r} elements")
    return value


# --- stream
def _read_stream(file: io.BytesIO) -> Any:
    def plain() -> Any:
        return Unpickler(file, {}, _no_storage).read_one()

    if plain() != MAGIC:
        raise ValueError("it is none of PyTorch's formats (zip, stream, tar)")
    if plain() != PROTOCOL:
        raise ValueError("it has another protocol version than 1001")
    system = plain()
    start = file.tell()
    names: dict[str, tuple] = {}
    Unpickler(file, SKIPPING, lambda pid: _noted(pid, names)).read_one()  # the data come after the tensors: look first
    storages = _stream_storages(file, plain(), names, not (isinstance(system, dict) and system.get("little_endian", True)))
    file.seek(start)
    return Unpickler(file, MAKERS, lambda pid: storages[pid[2]]).read_one()


def _no_storage(pid: Any) -> Any:
    raise Refused(f"it refers to {pid!r} where there is no storage")


def _noted(pid: Any, names: dict[str, tuple]) -> None:
    if not (isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == "storage" and isinstance(pid[2], str)):
        raise Refused(f"it refers to {pid!r}, which is no storage")
    if len(pid) == 6 and pid[5] is not None:
        raise ValueError("it has views of storages, as files before PyTorch 0.4 have; save it again with a newer one")
    names[pid[2]] = (storage_dtype(pid[1]), _count(pid[4]))


def _stream_storages(file: io.BytesIO, keys: Any, names: dict[str, tuple], swapped: bool) -> dict[str, Stored]:
    if not isinstance(keys, list) or set(keys) != set(names):
        raise ValueError("the storages it lists are not those that its tensors use")
    found = {}
    for key in keys:
        dtype, count = names[key]
        (written,) = struct.unpack("<q", _exactly(file, 8))
        if written != count:
            raise ValueError(f"storage {key} has {written} elements, its tensors expect {count}")
        content = _exactly(file, count * dtype.itemsize)
        found[key] = Stored(key, dtype, count, lambda content=content: content, swapped)  # type: ignore[misc]
    return found


def _exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) != count:
        raise ValueError("it is cut short")
    return content


# --- tar
# Named in such files beside each tensor, and of no use: the storage says the dtype.
TENSOR_CLASSES: dict[str, Callable] = {
    f"torch.{place}{name.removesuffix('Storage')}Tensor": dict for name in STORAGES for place in ("", "cuda.")
}


def _read_tar(file: IO[bytes]) -> Any:
    with tarfile.open(fileobj=file, mode="r:") as tar:
        parts = {name: _member(tar, name) for name in ("storages", "tensors", "pickle")}
    storages = _tar_storages(parts["storages"])
    tensors = _tar_tensors(parts["tensors"], storages)

    def tensor(pid: Any) -> Any:
        if str(pid) not in tensors:
            raise Refused(f"it refers to {pid!r}, which is no tensor of it")
        return tensors[str(pid)]

    return Unpickler(parts["pickle"], MAKERS, tensor).read_one()


def _member(tar: tarfile.TarFile, name: str) -> io.BytesIO:
    try:
        member = tar.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        raise ValueError(f"it is a tar file without {name!r}, so not PyTorch's")
    return io.BytesIO(member.read())


class _Part(NamedTuple):
    """A storage that is `length` elements of another from `start`, or the whole of it."""

    whole: Stored
    start: int
    length: int

    def tensor(self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
        check_place(self.whole.key, self.length, offset, shape, strides)
        return self.whole.tensor(self.whole.dtype, self.start + offset, shape, strides)


def _tar_storages(file: io.BytesIO) -> dict[str, _Part]:
    """(key, place, class) as a pickle, then the number of elements and these; at the end a list of parts of others."""
    def plain() -> Any:
        return Unpickler(file, {}, _no_storage).read_one()

    found = {}
    for _ in range(_count(plain())):
        key, _, kind = plain()
        dtype = storage_dtype(kind)
        (count,) = struct.unpack("<q", _exactly(file, 8))
        content = _exactly(file, _count(count) * dtype.itemsize)
        stored = Stored(str(key), dtype, count, lambda content=content: content)  # type: ignore[misc]
        found[str(key)] = _Part(stored, 0, count)
    for view in plain():
        found[str(view[0])] = _part_of(found, view)
    return found


def _part_of(storages: dict[str, _Part], view: Any) -> _Part:
    if not (isinstance(view, (tuple, list)) and len(view) == 4 and str(view[1]) in storages):
        raise ValueError(f"it lists {view!r} among the parts of its storages")
    whole = storages[str(view[1])]
    check_place(whole.whole.key, whole.length, view[2], (view[3],), (1,))
    return _Part(whole.whole, whole.start + view[2], view[3])


def _tar_tensors(file: io.BytesIO, storages: dict[str, _Part]) -> dict[str, Any]:
    """(key, storage) as a pickle, then rank, sizes, strides and offset as whole numbers of 8 bytes."""
    found = {}
    for _ in range(_count(Unpickler(file, {}, _no_storage).read_one())):
        key, storage, _ = Unpickler(file, TENSOR_CLASSES, _no_storage).read_one()
        (rank,) = struct.unpack("<q", _exactly(file, 8))
        if not 0 <= rank <= 64 or str(storage) not in storages:
            raise ValueError(f"its tensor {key} has rank {rank} and storage {storage}")
        numbers = struct.unpack(f"<{2 * rank + 1}q", _exactly(file, 8 * (2 * rank + 1)))
        found[str(key)] = storages[str(storage)].tensor(numbers[-1], numbers[:rank], numbers[rank:-1])
    return found
