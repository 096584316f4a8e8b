"""Whisper's tokenizer: GPT-2's byte pairs and tokens that say what is to be done (Radford et al., 2022, section 2.3)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from .byte_level import END_OF_TEXT, ByteLevelBPE

LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk "
    "te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz "
    "fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su"
).split()
"""The 99 languages of the first models, in the order of their tokens; later models add "yue"."""

STEP = 0.02  # seconds between two timestamp tokens
TIMESTAMPS = 1501  # from 0 to 30 seconds
TIME = re.compile(r"<\|\d+\.\d\d\|>")
NAME = re.compile(r"<\|[a-z]+\|>")


def special_tokens(first: int, languages: Iterable[str] = LANGUAGES, timestamps: int = TIMESTAMPS) -> dict[str, int]:
    """The special tokens in their order, from id `first` on: end, start, languages, tasks, marks, timestamps.

    `timestamps` is their number, one every 0.02 s from 0 on.
    """
    names = [
        END_OF_TEXT, "<|startoftranscript|>", *(f"<|{language}|>" for language in languages), "<|translate|>",
        "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
        *(timestamp(i) for i in range(timestamps)),
    ]
    return {name: first + i for i, name in enumerate(names)}


def timestamp(step: int) -> str:
    """The token of the time `step` times 0.02 s."""
    return f"<|{step * STEP:.2f}|>"


class WhisperTokenizer(ByteLevelBPE):
    """Transcripts to ids and back, with timestamps in seconds."""

    @classmethod
    def from_ranks(
        cls, path: str | Path, special: Mapping[str, int] | None = None, languages: Iterable[str] = LANGUAGES
    ) -> Self:
        """From OpenAI's multilingual.tiktoken or gpt2.tiktoken; special tokens come after the ranks."""
        plain = ByteLevelBPE.from_ranks(path, {})
        return cls(plain.vocabulary, plain.merges, special or special_tokens(len(plain), languages))

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """From a folder that holds vocab.json, merges.txt and added_tokens.json. Those written before timestamps were tokens
        of their own lack them: they come after <|notimestamps|>."""
        found = super().from_pretrained(folder)
        special = dict(found.special)
        if "<|notimestamps|>" in special and timestamp(0) not in special:
            first = special["<|notimestamps|>"] + 1
            special |= {timestamp(i): first + i for i in range(TIMESTAMPS)}
        return cls(found.vocabulary, found.merges, special)

    @property
    def end(self) -> int:
        return self.special[END_OF_TEXT]

    @property
    def start(self) -> int:
        return self.special["<|startoftranscript|>"]

    @functools.cached_property
    def times(self) -> range:
        """The ids of the timestamps, from 0.00 on; empty where there are none."""
        first = self.special.get(timestamp(0), len(self))
        count = sum(1 for name in self.special if TIME.fullmatch(name))
        return range(first, first + count)

    @functools.cached_property
    def languages(self) -> dict[str, int]:
        """The language tokens by language."""
        marks = {"startoftranscript", "translate", "transcribe", "startoflm", "startofprev", "nospeech", "nocaptions",
                 "notimestamps", "endoftext"}
        names = {name[2:-2]: token for name, token in self.special.items() if NAME.fullmatch(name)}
        return {name: token for name, token in names.items() if name not in marks}

    @property
    def no_speech(self) -> int:
        """The token of silence, which some files call <|nocaptions|>."""
        return self.special["<|nospeech|>" if "<|nospeech|>" in self.special else "<|nocaptions|>"]

    def prompt(self, language: str | None = "en", task: str = "transcribe", timestamps: bool = False) -> list[int]:
        """What decoding starts from. language=None: the model knows English alone. Raises ValueError for others."""
        names = ["<|startoftranscript|>"]
        if language is not None:
            names += [f"<|{language}|>", f"<|{task}|>"]
        if not timestamps:
            names.append("<|notimestamps|>")
        unknown = [name for name in names if name not in self.special]
        if unknown:
            raise ValueError(f"WhisperTokenizer.prompt: there is no token {unknown[0]}")
        return [self.special[name] for name in names]

    def seconds(self, token: int) -> float | None:
        """The time that a timestamp token names, None for other tokens."""
        if token not in self.times:
            return None
        return round((token - self.times.start) * STEP, 2)

    def time(self, seconds: float) -> int:
        """The timestamp next to a time. Raises ValueError for one behind the last."""
        step = round(seconds / STEP)
        if not 0 <= step < len(self.times):
            raise ValueError(f"WhisperTokenizer.time: there is no timestamp for {seconds} s; they go from 0 to "
                             f"{(len(self.times) - 1) * STEP:.2f}")
        return self.times[step]

    def text(self, tokens: Iterable[int]) -> str:
        """The words alone, without special tokens."""
        special = set(self.special.values())
        return self.decode(token for token in tokens if token not in special)

    def segments(self, tokens: Iterable[int]) -> list[tuple[float, float, str]]:
        """(start, end, text) in seconds: what stands between two timestamps. Text outside of a pair is left out."""
        found: list[tuple[float, float, str]] = []
        start: float | None = None
        inside: list[int] = []
        for token in tokens:
            time = self.seconds(token)
            if time is None:
                inside.append(token)
            elif start is None or not inside:
                start, inside = time, []
            else:
                found.append((start, time, self.text(inside)))
                start, inside = None, []
        return found
