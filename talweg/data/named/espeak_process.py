"""The synthesiser's process: run as a script, it answers a list of requests on standard input and ends.

Input: JSON, a list of [task, text, voice, speed, pitch]. Output: for each answer its length in bytes (8 bytes, little-endian)
and the answer: for "speak" int16 samples, for "phonemes" their names with spaces between, in UTF-8. First comes the samples'
rate as such an answer, in decimal digits. It imports nothing of Talweg, so that it starts at once.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any, BinaryIO

import espeakng_loader  # type: ignore[import-not-found]

RETRIEVAL = 1  # samples are handed to a callback, no sound card is opened
NEVER_EXIT = 0x8000  # a missing voice file would otherwise end the process without a word
UTF8 = 1
SPEED, VOLUME, PITCH, SPREAD = 1, 2, 3, 4
INTERNATIONAL = 2  # phonemes in the letters of the International Phonetic Alphabet
SEED = 20220921
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Engine:
    """The loaded library, which has one voice at a time."""

    def __init__(self) -> None:
        self.library: Any = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        self.library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        data = str(espeakng_loader.get_data_path()).encode()
        self.rate = self.library.espeak_Initialize(RETRIEVAL, 0, data, NEVER_EXIT)
        if self.rate <= 0:
            raise ValueError("espeak-ng could not start: its package is damaged, install espeakng-loader again")
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
        self.pieces: list[bytes] = []
        self.callback = CALLBACK(self.keep)  # an attribute: the library holds its address
        self.library.espeak_SetSynthCallback(self.callback)

    def keep(self, samples: int | None, count: int, events: int | None) -> int:
        if samples and count > 0:
            self.pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    def use(self, voice: str) -> None:
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}; voices are languages such as en or fr, and ways of speaking "
                             "after +, such as en+f2")

    def speak(self, text: str, speed: int, pitch: int) -> bytes:
        for parameter, value in {SPEED: speed, VOLUME: 100, PITCH: pitch, SPREAD: 50}.items():
            self.library.espeak_SetParameter(parameter, value, 0)
        self.pieces.clear()
        raw = text.encode()
        self.library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, UTF8, None, None)
        self.library.espeak_Synchronize()
        return b"".join(self.pieces)

    def phonemes(self, text: str) -> bytes:
        found: list[str] = []
        left = ctypes.c_char_p(text.encode())
        while left.value:  # the library goes on by one clause a call
            given = self.library.espeak_TextToPhonemes(ctypes.byref(left), UTF8, INTERNATIONAL | ord("_") << 8)
            found += (given or b"").decode().replace(" ", "_").split("_")
        return " ".join(phoneme for phoneme in found if phoneme).encode()


def answer(requests: list[list[Any]], out: BinaryIO) -> None:
    engine = Engine()
    _write(out, str(engine.rate).encode())
    current = None
    for task, text, voice, speed, pitch in requests:
        if voice != current:
            engine.use(voice)
            current = voice
        _write(out, engine.speak(text, speed, pitch) if task == "speak" else engine.phonemes(text))


def _write(out: BinaryIO, content: bytes) -> None:
    out.write(len(content).to_bytes(8, "little") + content)


if __name__ == "__main__":
    try:
        answer(json.load(sys.stdin.buffer), sys.stdout.buffer)
    except ValueError as error:
        sys.exit(f"ValueError: {error}")
