"""What the synthesiser has spoken once is kept on disk: a thousand utterances take it ten seconds."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from ..examples import content_hash
from .espeak import Spoken, speak
from .fetch import data_folder


def kept_or_spoken(requests: Sequence[Spoken]) -> list[np.ndarray]:
    """The sounds of these requests, float32 (samples,) at 16 kHz, from the folder of data if they are there.

    Values are multiples of 2^-15, as 16-bit files have them. Raises as `speak` does.
    """
    path = data_folder("speech") / f"{content_hash(repr([astuple(r) for r in requests])).hex()}.npz"
    found = _read(path, len(requests))
    if found is None:
        found = [np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16) for sound in speak(requests)]
        _keep(path, found)
    return [sound.astype(np.float32) / 32768 for sound in found]


def _read(path: Path, count: int) -> list[np.ndarray] | None:
    """None where there is no file, or one that is not as it was written."""
    try:
        with np.load(path, allow_pickle=False) as file:
            samples, lengths, digest = file["samples"], file["lengths"], file["digest"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if digest.tobytes() != content_hash(samples, lengths) or len(lengths) != count or lengths.sum() != len(samples):
        return None
    return np.split(samples, np.cumsum(lengths)[:-1])


def _keep(path: Path, sounds: Sequence[np.ndarray]) -> None:
    """A folder that cannot be written to is no error: the sounds are spoken again the next time."""
    samples, lengths = np.concatenate(sounds), np.array([len(sound) for sound in sounds], np.int64)
    digest = np.frombuffer(content_hash(samples, lengths), np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, samples=samples, lengths=lengths, digest=digest)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError:
        pass
