"""What Whisper hears: log-mel spectrograms of 100 frames a second (Radford et al., 2022, section 2.2; L 6.5)."""

from __future__ import annotations

import functools

import numpy as np

from .sound import RATE, WINDOW

HOP = 160  # samples between two frames: 10 ms
FRAMES_A_SECOND = RATE // HOP
QUIETEST = 1e-10  # what is fainter counts as this
RANGE = 8.0  # powers of ten below the loudest
AT_ONCE = 3000  # frames: what the Fourier transforms of a long sound may hold in memory


def log_mel_spectrogram(sound: np.ndarray, bands: int = 80, padding: int = 0) -> np.ndarray:
    """(samples,) at 16 kHz to float32 (bands, samples // 160), with `padding` silent samples put behind the sound.

    With P the power of Hann windows of 400 samples, 160 apart and centred, the ends mirrored and the last frame dropped:
    x = log10(max(filters P, 1e-10)), then (max(x, max(x) - 8) + 4) / 4. Raises ValueError for anything but one channel,
    for fewer than 201 samples, which cannot be mirrored, and for values that are not finite.
    """
    sound = np.asarray(sound)
    if sound.ndim != 1 or len(sound) + padding <= WINDOW // 2 or padding < 0:
        raise ValueError(f"log_mel_spectrogram: the sound must be (samples,) with more than {WINDOW // 2} samples, padding "
                         f"counted, got {list(sound.shape)} and padding {padding}")
    if not np.isfinite(sound).all():
        raise ValueError("log_mel_spectrogram: the sound holds values that are not finite")
    mirrored = np.pad(np.pad(sound.astype(np.float64), (0, padding)), WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, WINDOW)[:-1:HOP][: (len(sound) + padding) // HOP]
    parts = [_mel(windows[i:i + AT_ONCE], bands) for i in range(0, len(windows), AT_ONCE)]
    x = np.log10(np.maximum(np.concatenate(parts, axis=1), QUIETEST))
    return ((np.maximum(x, x.max() - RANGE) + 4) / 4).astype(np.float32)


def framed(spectrogram: np.ndarray, start: int, frames: int) -> np.ndarray:
    """`frames` frames from `start` on, (bands, frames); what lies behind the end is 0."""
    cut = spectrogram[:, start:start + frames]
    return np.pad(cut, ((0, 0), (0, frames - cut.shape[1])))


@functools.lru_cache(4)
def slaney_filters(bands: int) -> np.ndarray:
    """Triangles over the 201 frequencies from 0 to 8 kHz, float32 (bands, 201), each of area 1 (in hertz).

    Their corners lie evenly on Slaney's mel scale: 3 f / 200 up to 1 kHz, then 15 + 27 ln(f / 1000) / ln 6.4 (Auditory
    Toolbox, 1998). Raises ValueError for fewer than one band.
    """
    if bands < 1:
        raise ValueError(f"slaney_filters: bands must be 1 or more, got {bands}")
    mels = np.linspace(0, 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4), bands + 2)
    corners = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))  # hertz
    hertz = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    widths = np.diff(corners)[:, None]
    rising = (hertz - corners[:-2, None]) / widths[:-1]
    falling = (corners[2:, None] - hertz) / widths[1:]
    area = (corners[2:] - corners[:-2])[:, None] / 2
    filters = (np.maximum(0, np.minimum(rising, falling)) / area).astype(np.float32)
    filters.setflags(write=False)  # it is shared by all callers
    return filters


@functools.cache
def _hann() -> np.ndarray:
    return np.hanning(WINDOW + 1)[:-1]


def _mel(windows: np.ndarray, bands: int) -> np.ndarray:
    """Energy by band, (bands, frames), of windows (frames, WINDOW)."""
    spectrum = np.fft.rfft(windows * _hann(), axis=1)
    return slaney_filters(bands) @ (spectrum.real**2 + spectrum.imag**2).T
