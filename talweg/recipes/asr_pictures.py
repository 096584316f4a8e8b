"""Pictures of what was heard: spectrograms with their transcription, and attention over time (L 6.5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..data.whisper_sound import log_mel_spectrogram
from ..models.transcription import Segment

SCALE = 2  # pixels a frame and band
LINE = 14  # pixels a line of text
STOPS = np.array([[13, 8, 40], [88, 25, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], np.float64)
"""Colours of loudness, dark to light, in equal steps."""


def coloured(values: np.ndarray) -> np.ndarray:
    """Numbers (H, W) in [0, 1] as colours, uint8 (H, W, 3)."""
    place = np.clip(values, 0, 1) * (len(STOPS) - 1)
    lower = np.minimum(place.astype(np.int64), len(STOPS) - 2)
    share = (place - lower)[..., None]
    return np.round(STOPS[lower] * (1 - share) + STOPS[lower + 1] * share).astype(np.uint8)


def spectrogram_picture(sound: np.ndarray, segments: Sequence[Segment], bands: int = 80) -> Image.Image:
    """The log-mel spectrogram of a sound, low notes below, with each segment's text under its time."""
    mel = log_mel_spectrogram(sound, bands)
    image = Image.fromarray(coloured((mel[::-1] - mel.min()) / max(1e-9, float(np.ptp(mel)))))
    image = image.resize((SCALE * image.width, SCALE * image.height), Image.Resampling.NEAREST)
    page = Image.new("RGB", (image.width, image.height + 2 * LINE), "white")
    page.paste(image)
    draw = ImageDraw.Draw(page)
    for number, segment in enumerate(segments):
        left, right = (round(100 * SCALE * time) for time in (segment.start, segment.end))
        top = image.height + (number % 2) * LINE
        draw.line([(left, image.height - 4), (left, top + LINE - 2)], fill="#2f6fb0")
        draw.line([(left, image.height - 4), (right, image.height - 4)], fill="#5ec8ff", width=3)
        draw.text((left + 3, top + 1), segment.text, fill="#22262b")
    return page


def attention_picture(weights: np.ndarray, tokens: Sequence[str], most: int = 40) -> Image.Image:
    """Attention (T, S) of each token to the sound, one row a token with its name; S counts 20 ms each, left to right."""
    shown = weights[:most]
    peak = shown.max(axis=1, keepdims=True)
    image = Image.fromarray(coloured(shown / np.maximum(peak, 1e-9)))
    image = image.resize((2 * SCALE * image.width, LINE * image.height), Image.Resampling.NEAREST)
    margin = 110
    page = Image.new("RGB", (margin + image.width, image.height), "white")
    page.paste(image, (margin, 0))
    draw = ImageDraw.Draw(page)
    for number, name in enumerate(tokens[:most]):
        draw.text((4, number * LINE + 1), name.strip() or repr(name), fill="#22262b")
    return page
