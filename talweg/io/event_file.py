"""TensorBoard's event files: records with checksums, each a message with a time, a step and values by name."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from pathlib import Path

from . import wire

_count = 0
_naming = threading.Lock()


def _checksums() -> list[int]:
    """CRC-32C of every byte (Castagnoli's polynomial, bits reversed)."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _checksums()


def crc32c(data: bytes) -> int:
    """The cyclic checksum of RFC 3720, appendix B.4."""
    found = 0xFFFFFFFF
    for byte in data:
        found = _TABLE[(found ^ byte) & 0xFF] ^ found >> 8
    return found ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    """A record's checksum: turned by 15 bits and moved, so that a checksum of data with checksums is no problem."""
    found = crc32c(data)
    return struct.pack("<I", ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """Length, checksum of the length, data, checksum of the data."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


class EventFile:
    """A new file `events.out.tfevents.*` in a folder, which is made if it is not there; written to until close()."""

    def __init__(self, folder: str | Path, suffix: str = "") -> None:
        global _count
        Path(folder).mkdir(parents=True, exist_ok=True)
        with _naming:
            number, _count = _count, _count + 1
        now = time.time()
        name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{number}{suffix}"
        self.path = Path(folder) / name
        self._file = self.path.open("ab")
        self._write(wire.double(1, now) + wire.counted(3, "brain.Event:2"))
        self.flush()

    def add(self, value: bytes, step: int | None, walltime: float | None = None) -> None:
        """One value (see summary_values.py). Raises ValueError after close()."""
        event = wire.double(1, time.time() if walltime is None else float(walltime))
        if step is not None:
            event += wire.integer(2, int(step))
        self._write(event + wire.counted(5, wire.counted(1, value)))

    def _write(self, event: bytes) -> None:
        self._file.write(record(event))

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        self._file.close()
