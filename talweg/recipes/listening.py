"""Transcribing sound files with a run's model or a published Whisper; the answer as words, JSON, subtitles or a picture."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..data import read_sound
from ..data.text import WhisperTokenizer
from ..data.text.whisper import LANGUAGES
from ..io.hub import locate
from ..models.transcription import Segment, Transcription, transcribe
from ..models.transcription.long_form import DOUBT
from ..models.transcription.rules import LATEST_START, Rules
from ..models.whisper import Whisper
from .asr_pictures import spectrogram_picture
from .evaluation import Answer
from .published import on_the_hub

TASKS = ("transcribe", "translate")


@dataclass(frozen=True)
class Options:
    """What a transcription can be told. Raises ValueError for a language or task that there is not."""

    language: str | None = None
    task: str = "transcribe"

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"setting task must be one of {', '.join(TASKS)}, got {self.task!r}")
        if self.language is not None and self.language not in (*LANGUAGES, "yue"):
            raise ValueError(f"setting language must be a code such as en, de or fr, got {self.language!r}")


@dataclass(frozen=True)
class Listener:
    """A Whisper, its tokenizer, and how it is listened to.

    `never` and `never_first` are tokens that it may not write at all, or not first; a window counts as silent by
    <|nospeech|> and a mean log-probability below `doubt`, by <|nospeech|> alone with None.
    """

    model: Whisper
    tokenizer: WhisperTokenizer
    doubt: float | None = DOUBT
    latest_start: float | None = LATEST_START
    never: tuple[int, ...] = ()
    never_first: tuple[int, ...] = ()

    def __call__(
        self, sound: np.ndarray, options: Options, heard: Callable[[Segment], None] | None = None
    ) -> Transcription:
        """The transcription of a sound (samples,) at 16 kHz; `heard` is told each segment as soon as it is there."""
        rules = Rules(self.tokenizer, True, self.latest_start, self.never, self.never_first)
        return transcribe(self.model, self.tokenizer, sound, language=options.language, task=options.task, doubt=self.doubt,
                          rules=rules, heard=heard)


def published_listener(source: str | Path) -> Listener:
    """A Whisper from a folder, or a repository of the hub, as it is published: config.json, weights, vocab.json, merges.txt,
    and where it is there generation_config.json with the tokens that are never written.

    Raises FileNotFoundError and ValueError for a folder that is not one.
    """
    folder = Path(source).expanduser()
    if on_the_hub(source):
        folder = locate(str(source))
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder; a published Whisper is a folder with config.json, weights, "
                                "vocab.json and merges.txt")
    model, _ = Whisper.from_pretrained(folder), None
    tokenizer = WhisperTokenizer.from_pretrained(folder)
    vocabulary = model.decoder.tokens.num_embeddings
    if max(tokenizer.special.values(), default=vocabulary) >= vocabulary:
        raise ValueError(f"{folder}: the tokenizer has {len(tokenizer)} tokens, and the model knows {vocabulary}: the files do "
                         "not belong together")
    generation = _generation(folder)
    return Listener(model, tokenizer, never=_ids(generation, "suppress_tokens"),
                    never_first=_ids(generation, "begin_suppress_tokens"))


def _generation(folder: Path) -> dict:
    path = folder / "generation_config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ValueError(f"{path}: is no JSON ({error})") from error
    return found if isinstance(found, dict) else {}


def _ids(generation: dict, name: str) -> tuple[int, ...]:
    """Token ids; timestamps and the end are ruled elsewhere."""
    found = generation.get(name) or []
    return tuple(i for i in found if isinstance(i, int) and i >= 0)


def answer(
    listener: Listener, path: str, options: Options, heard: Callable[[Segment], None] | None = None
) -> Answer:
    """A sound file's transcription. It can be saved as subtitles (.srt, .vtt), text (.txt) or a picture.

    Raises as `read_sound` does, and ValueError for a sound that is too short.
    """
    sound = read_sound(path)
    found = listener(sound, options, heard)
    lines = [line_of(segment) for segment in found.segments] or ["nobody speaks"]
    head = f"{path}: {len(sound) / 16_000:.1f} s" + (f", language {found.language}" if found.language else "")
    facts = {
        "sound": path, "seconds": round(len(sound) / 16_000, 2), "language": found.language, "text": found.text,
        "segments": [asdict(segment) for segment in found.segments],
    }
    bands = listener.model.encoder.conv1.in_channels
    return Answer("\n".join([head, *lines]), facts, functools.partial(_save, sound, found, bands))


def line_of(segment: Segment) -> str:
    return f"[{segment.start:8.2f} -> {segment.end:8.2f}]  {segment.text}"


def _save(sound: np.ndarray, found: Transcription, bands: int, path: Path) -> None:
    kind = path.suffix.lower()
    if kind in (".srt", ".vtt"):
        path.write_text(subtitles(found, kind), encoding="utf-8")
    elif kind == ".txt":
        path.write_text(found.text + "\n", encoding="utf-8")
    else:
        spectrogram_picture(sound, found.segments, bands).save(path)


def subtitles(found: Transcription, kind: str = ".srt") -> str:
    """The segments as a subtitle file: SubRip (.srt) or WebVTT (.vtt)."""
    mark = "," if kind == ".srt" else "."
    blocks = [] if kind == ".srt" else ["WEBVTT"]
    for number, segment in enumerate(found.segments, start=1):
        times = f"{_clock(segment.start, mark)} --> {_clock(segment.end, mark)}"
        blocks.append("\n".join([str(number), times, segment.text] if kind == ".srt" else [times, segment.text]))
    return "\n\n".join(blocks) + "\n"


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
