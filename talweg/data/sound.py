"""Sound files: 16,000 samples a second, one channel, float32 in [-1, 1]; and their spectrograms as pictures."""

from __future__ import annotations

import importlib
import math
import wave
from pathlib import Path
from typing import Any

import numpy as np

RATE = 16_000  # samples a second
LONGEST = 3600  # seconds
WINDOW = 400  # samples: 25 ms


def read_sound(path: str | Path) -> np.ndarray:
    """A sound file as float32 (samples,), 16 kHz, the mean of its channels.

    WAV with 8 to 32 bit is read by the standard library; anything else needs the soundfile package. Raises
    FileNotFoundError, and ValueError for a file that is damaged, empty, or longer than an hour.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    values, rate = _read_wave(path)
    if not len(values):
        raise ValueError(f"{path}: holds no sound")
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{path}: holds values that are no numbers")
    return resampled(values.mean(axis=1), rate)


def resampled(sound: np.ndarray, rate: int) -> np.ndarray:
    """The sound (samples,) at 16 kHz, low-passed before samples are dropped."""
    if rate == RATE:
        return sound.astype(np.float32)
    common = math.gcd(rate, RATE)
    signal: Any = importlib.import_module("scipy.signal")  # half a second: only when it is needed
    return signal.resample_poly(sound.astype(np.float64), RATE // common, rate // common).astype(np.float32)


def log_mel(sound: np.ndarray, bands: int, frames: int) -> np.ndarray:
    """A picture of a sound, float32 (bands, frames) in [0, 1]: the logarithm of its energy by pitch and time.

    Frames of 25 ms (Hann window) lie evenly over the whole sound; bands are triangles, evenly spaced on the mel
    scale 2595 log10(1 + f/700) from 0 to 8 kHz. The loudest is 1, what is 80 dB fainter 0 (L 6.5).
    """
    if bands < 1 or frames < 1:
        raise ValueError(f"log_mel: bands and frames must be 1 or more, got {bands} and {frames}")
    sound = np.pad(sound, (WINDOW // 2, WINDOW // 2 + max(0, WINDOW - len(sound))))
    starts = np.linspace(0, len(sound) - WINDOW, frames).round().astype(np.int64)
    cut = sound[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW + 1)[:-1]  # (frames, WINDOW)
    power = np.abs(np.fft.rfft(cut, 512, axis=1)) ** 2
    mel = mel_filters(bands, power.shape[1]) @ power.T  # (bands, frames)
    decibel = 10 * np.log10(np.maximum(mel, 1e-10))
    return np.clip((decibel - decibel.max()) / 80 + 1, 0, 1).astype(np.float32)


def mel_filters(bands: int, frequencies: int) -> np.ndarray:
    """Triangles over the frequencies 0 ... 8 kHz, (bands, frequencies); each has a sum above 0."""
    highest = 2595 * math.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)
    hertz = np.linspace(0, RATE / 2, frequencies)
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    for band in np.flatnonzero(filters.sum(1) == 0):  # narrower than the distance of two frequencies
        filters[band, np.abs(hertz - edges[band + 1]).argmin()] = 1
    return filters


def _read_wave(path: Path) -> tuple[np.ndarray, int]:
    """Values (samples, channels) and samples a second."""
    try:
        with wave.open(str(path)) as file:
            _check_length(path, file.getnframes() / max(1, file.getframerate()))
            raw = file.readframes(file.getnframes())
            values = _integers(raw, file.getsampwidth()).reshape(-1, file.getnchannels())
            return values, file.getframerate()
    except (wave.Error, EOFError, ValueError, ZeroDivisionError) as error:
        if str(error).startswith(str(path)):
            raise
        return _read_with_soundfile(path, error)


def _check_length(path: Path, seconds: float) -> None:
    if seconds > LONGEST:
        raise ValueError(f"{path}: is {seconds / 3600:.1f} hours long: cut it into pieces of an hour or less")


def _integers(raw: bytes, width: int) -> np.ndarray:
    """Little-endian whole numbers of `width` bytes as float32 in [-1, 1]; 8-bit ones have no sign."""
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        padded = np.zeros((len(raw) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(raw[: len(raw) // 3 * 3], np.uint8).reshape(-1, 3)
        raw, width = padded.tobytes(), 4
    kind = {2: "<i2", 4: "<i4"}.get(width)
    if kind is None:
        raise ValueError(f"samples have {8 * width} bits")
    return np.frombuffer(raw, kind).astype(np.float32) / 2.0 ** (8 * width - 1)


def _read_with_soundfile(path: Path, reason: Exception) -> tuple[np.ndarray, int]:
    try:
        soundfile: Any = importlib.import_module("soundfile")
    except (ModuleNotFoundError, OSError) as error:
        if path.suffix.lower() in (".wav", ".wave"):
            raise ValueError(f"{path}: is no WAV file of whole numbers, or is damaged ({reason})") from error
        raise ModuleNotFoundError(f"{path}: files other than WAV need soundfile: run `pip install talweg[sound]`") from error
    try:
        info = soundfile.info(str(path))
        _check_length(path, info.duration)
        return soundfile.read(str(path), dtype="float32", always_2d=True)
    except RuntimeError as error:
        raise ValueError(f"{path}: is no sound file that can be read ({error})") from error
