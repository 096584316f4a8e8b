"""Named arrays in one safetensors file, with a few strings beside them. Nothing here can run code."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import safetensors
from safetensors.numpy import save

from .atomic import write_atomically

# The library's NumPy interface writes bfloat16 but does not read it back, so bytes are named here.
DTYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
}


def write_tensors(
    path: str | Path, tensors: dict[str, np.ndarray], notes: dict[str, str] | None = None, keep: Path | None = None
) -> None:
    """Write arrays and notes (strings in the file's header) atomically; the file that was there stays as `keep`."""
    contiguous = {name: _plain(array) for name, array in tensors.items()}
    write_atomically(path, save(contiguous, metadata=notes or None), keep)


def read_tensors(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and notes of a safetensors file.

    Raises FileNotFoundError, or ValueError when the file is cut short or not safetensors.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{path}: is a folder, expected a safetensors file") from error
    try:
        entries = safetensors.deserialize(content)
        with safetensors.safe_open(path, framework="np") as file:
            notes = file.metadata() or {}
        return {name: _array(entry) for name, entry in entries}, notes
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: is cut short or not a safetensors file ({error})") from error


def _plain(array: np.ndarray) -> np.ndarray:
    """Contiguous and in the machine's byte order, whatever the strides; zero-dimensional arrays stay so."""
    return np.ascontiguousarray(array).reshape(array.shape)


def _array(entry: dict) -> np.ndarray:
    return np.frombuffer(bytearray(entry["data"]), dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
