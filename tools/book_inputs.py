"""The files that the commands of docs/book.md take as the user's own, made for `make book` where nobody has them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from PIL import Image

import talweg
from talweg.data.named.captions import captions
from talweg.data.named.espeak import Spoken, speak
from talweg.data.named.photos import photo_files
from talweg.data.named.scenes import scenes
from talweg.data.named.topics import topics_text
from talweg.data.text import train_bpe
from talweg.models import GPT2

RATE = 16_000
LETTERS = 60_000  # of the text that the small GPT-2's byte pairs are learned from


def make_inputs(folder: Path) -> None:
    """Write all of them that are not there yet."""
    for name, make in MADE.items():
        if not (folder / name).exists():
            make(folder / name)


def _photo(path: Path) -> None:
    """The second photograph, which no denoiser has learned from, smaller."""
    with Image.open(photo_files()[-1]) as photo:
        photo.resize((320, 213)).save(path, quality=92)


def _digit(path: Path) -> None:
    """A three in dark ink on paper: none of the named set, whose writers used 8 x 8 pixels."""
    page = np.full((120, 120), 245, np.uint8)
    y, x = np.mgrid[:120, :120]
    for top in (38, 80):  # two arcs that are open on the left
        radius = np.hypot(y - top, x - 56)
        page[(np.abs(radius - 22) < 6) & ((x > 52) | (np.abs(y - top) > 17) & (x > 38))] = 25
    Image.fromarray(page).save(path)


def _scene(path: Path) -> None:
    _saved(scenes(64, (1, 1, 8)).test[1].image, path)


def _captioned(path: Path) -> None:
    _saved(captions((1, 1, 8)).unseen.images[0], path)


def _saved(picture: np.ndarray, path: Path) -> None:
    """A picture (C, H, W) in [0, 1] as a file."""
    pixels = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)


def _talk(path: Path) -> None:
    [sound] = speak([Spoken("seven four two", "en+m3")])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def _gpt2(folder: Path) -> None:
    """A small GPT-2 in the published layout, with random weights: what it says is noise."""
    tokenizer = train_bpe([topics_text()[:LETTERS]], 400)
    talweg.manual_seed(0)
    GPT2(len(tokenizer), 64, 32, 2, 2).save_pretrained(folder)
    tokenizer.save(folder)


MADE = {
    "photo.jpg": _photo, "digit.png": _digit, "scene.png": _scene, "captioned.png": _captioned, "talk.wav": _talk,
    "gpt2": _gpt2,
}
