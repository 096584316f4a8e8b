"""The speech synthesiser espeak-ng, which the optional package espeakng-loader brings.

espeak-ng is under the GNU GPL: no part of Talweg, it runs in a process of its own (espeak_process.py). A voice's tremor and
its noises go on from one utterance to the next, so that an utterance depends on those before it; in a new process the same
list of requests gives the same samples.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..sound import resampled

PROCESS = Path(__file__).with_name("espeak_process.py")


@dataclass(frozen=True)
class Spoken:
    """A text and who says it: `voice` is a language and, after +, a way of speaking ("fr+f2"); `speed` counts words a
    minute, 80 to 450; `pitch` goes from 0 to 99. Raises ValueError for numbers outside these ranges."""

    text: str
    voice: str = "en"
    speed: int = 175
    pitch: int = 50

    def __post_init__(self) -> None:
        if not 80 <= self.speed <= 450 or not 0 <= self.pitch <= 99:
            raise ValueError(f"Spoken: speed must be 80 to 450 and pitch 0 to 99, got {self.speed} and {self.pitch}")


def speak(requests: Sequence[Spoken]) -> list[np.ndarray]:
    """The sound of each text, float32 (samples,) at 16 kHz in [-1, 1].

    Raises ModuleNotFoundError without the extra `speech`, ValueError for a voice that there is not and for a text that gives
    no sound, RuntimeError where the synthesiser fails.
    """
    rate, answers = _asked([["speak", r.text, r.voice, r.speed, r.pitch] for r in requests])
    sounds = []
    for request, content in zip(requests, answers):
        if not any(content):
            raise ValueError(f"speak: {request.text!r} gives no sound")
        sounds.append(resampled(np.frombuffer(content, np.int16).astype(np.float32) / 32768, rate))
    return sounds


def phonemes(texts: Sequence[str], voice: str = "en") -> list[list[str]]:
    """How each text is pronounced: its phonemes in the international alphabet, a stressed vowel with its mark before it.

    Raises as `speak` does, but a text without sounds has no phonemes.
    """
    _, answers = _asked([["phonemes", text, voice, 0, 0] for text in texts])
    return [content.decode().split() for content in answers]


def _asked(requests: list[list[str | int]]) -> tuple[int, list[bytes]]:
    """The samples' rate, and each request's answer."""
    if find_spec("espeakng_loader") is None:
        raise ModuleNotFoundError("speech needs the synthesiser espeak-ng: run `pip install talweg[speech]`")
    given = json.dumps(requests).encode()
    done = subprocess.run([sys.executable, str(PROCESS)], input=given, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"it ended with {done.returncode}"
        if "ValueError: " in said:
            raise ValueError(said.rsplit("ValueError: ", 1)[1])
        raise RuntimeError(f"the synthesiser espeak-ng failed: {said.splitlines()[-1]}")
    answers = list(_cut(done.stdout))
    if len(answers) != len(requests) + 1:
        raise RuntimeError(f"the synthesiser espeak-ng gave {len(answers) - 1} answers to {len(requests)} requests")
    return int(answers[0]), answers[1:]


def _cut(content: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        length = int.from_bytes(content[place:place + 8], "little")
        yield content[place + 8:place + 8 + length]
        place += 8 + length
