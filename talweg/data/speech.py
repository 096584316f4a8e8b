"""Recordings with what is said in them, and windows of sound composed of them (Radford et al., 2022, section 2; L 6.5)."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .augment import Draws
from .dataset import Dataset
from .sound import RATE

STEP = 320  # samples: recordings begin and end at the 20 ms that timestamps count
GAPS = (0.2, 0.9)  # seconds of silence between two recordings
ALONE = 0.5  # the share of windows with one recording: where to listen is learned from them
MARGIN = 5 * STEP  # of silence behind whole recordings: whether one goes on behind the window cannot be heard at its very end
LATE = 0.15  # the share of recordings before which a longer pause is made, so that such are learned too
LOUDNESS = (-12.0, 3.0)  # decibel
BACKGROUND = (-75.0, -30.0)  # decibel of the noise behind speech; 0 is full scale
WITHOUT_SPEECH = 0.1  # the share of windows in which nobody speaks


@dataclass(frozen=True)
class Recording:
    """A sound (samples,) at 16 kHz without silence at its ends, its text and language, and who speaks.

    `translation` is the text in English, where it is known.
    """

    sound: np.ndarray
    text: str
    language: str = "en"
    speaker: str = ""
    translation: str | None = None

    @property
    def seconds(self) -> float:
        return len(self.sound) / RATE


@dataclass(frozen=True)
class Speech:
    """Recordings in three parts without a common speaker where speakers are known, and the length of windows in seconds."""

    name: str
    train: list[Recording]
    validation: list[Recording]
    test: list[Recording]
    seconds: float
    fingerprint: str
    notes: list[str] = field(default_factory=list)

    @property
    def languages(self) -> list[str]:
        """English first: in that order they are tokens."""
        return sorted({r.language for r in self.train}, key=lambda language: (language != "en", language))

    def part(self, name: str) -> list[Recording]:
        """Raises ValueError for another name than train, validation and test."""
        if name not in ("train", "validation", "test"):
            raise ValueError(f"no split is called {name!r}: choose train, validation or test")
        return getattr(self, name)


@dataclass(frozen=True)
class Segment:
    """One recording in a window: from when to when in seconds, and what is said. `end` None: it goes on behind the window."""

    start: float
    end: float | None
    text: str
    translation: str | None = None


@dataclass(frozen=True)
class Window:
    """A sound (samples,) and its segments in order, all by one speaker; without speech, `language` is None."""

    sound: np.ndarray
    language: str | None
    segments: list[Segment]

    @property
    def text(self) -> str:
        """All that is said from beginning to end."""
        return " ".join(segment.text for segment in self.segments if segment.end is not None)

    @property
    def translation(self) -> str | None:
        texts = [segment.translation for segment in self.segments if segment.end is not None]
        return None if None in texts else " ".join(text for text in texts if text is not None)


class ComposedWindows(Dataset):
    """`count` windows of `seconds`, other ones in each epoch: recordings of one speaker one after the other, from a random
    moment on and with random pauses, the last one cut by the window's end; at another loudness, with noise behind them.

    Half of the windows hold one recording only, a tenth silence or noise alone. In the first `easy` epochs it is simpler:
    the first has the shortest quarter of the recordings, one a window, and from epoch to epoch it becomes as it will be
    (after Amodei et al., 2016, section 3.3): a network that knows a few words finds out sooner where to listen for others.
    Window i of epoch e depends on (seed, e, i) and nothing else.
    """

    def __init__(
        self, recordings: Sequence[Recording], seconds: float, count: int, seed: int = 0, epoch: int = 0, easy: int = 0,
    ) -> None:
        if not recordings or count < 1:
            raise ValueError(f"ComposedWindows: needs recordings and a count of 1 or more, got {len(recordings)} and {count}")
        self.recordings, self.seconds, self.count, self.seed = recordings, seconds, count, seed
        self.epoch, self.easy = epoch, easy
        ease = max(0.0, 1 - epoch / easy) if easy else 0.0
        shortest = sorted(recordings, key=lambda recording: len(recording.sound))
        self.drawn = shortest[:max(1, round(len(shortest) * (1 - 0.75 * ease)))]
        self.alone = ALONE + (1 - ALONE) * ease
        self.voices = _by_voice(self.drawn)

    def __len__(self) -> int:
        return self.count

    def at_epoch(self, epoch: int) -> ComposedWindows:
        return ComposedWindows(self.recordings, self.seconds, self.count, self.seed, epoch, self.easy)

    def __getitem__(self, i: int) -> Window:
        if not 0 <= i < self.count:
            raise IndexError(f"ComposedWindows: index {i} is out of range for {self.count} windows")
        draws = Draws(self.seed, self.epoch, i, purpose="speech")
        if draws.happens(WITHOUT_SPEECH):
            return Window(_without_speech(round(self.seconds * RATE), draws), None, [])
        first = self.drawn[draws.below(len(self.drawn))]
        voice = self.voices[first.speaker, first.language]

        def drawn() -> Iterator[Recording]:
            yield first
            while not alone:
                yield voice[draws.below(len(voice))]

        alone = draws.happens(self.alone)
        return _composed(drawn(), self.seconds, draws, cut=True)


def packed_windows(recordings: Sequence[Recording], seconds: float, seed: int = 0) -> list[Window]:
    """Every recording once, whole, in as few windows as its speaker's recordings need one after the other.

    Raises ValueError for a recording that is too long for a window.
    """
    windows: list[Window] = []
    for voice in _by_voice(recordings).values():
        waiting = list(voice)
        while waiting:
            draws = Draws(seed, 0, len(windows), purpose="packed")
            window = _composed(iter(waiting), seconds, draws, cut=False)
            if not window.segments:
                raise ValueError(f"packed_windows: a recording of {waiting[0].seconds:.1f} s does not fit into windows of "
                                 f"{seconds:g} s: make them longer, or cut the recording")
            windows.append(window)
            waiting = waiting[len(window.segments):]
    return windows


def silent_windows(count: int, seconds: float, seed: int = 0) -> list[Window]:
    """Silence, hiss, rumble and hum, in turn."""
    samples = round(seconds * RATE)
    kinds = list(NOISES.values())
    return [Window(kinds[i % len(kinds)](samples, Draws(seed, 0, i, purpose="silent")), None, []) for i in range(count)]


def trimmed(sound: np.ndarray, threshold: float = 0.01) -> np.ndarray:
    """Without what is fainter than `threshold` of the loudest sample at both ends. A silent sound stays as it is."""
    loud = np.flatnonzero(np.abs(sound) > threshold * np.abs(sound).max(initial=0))
    return sound[loud[0]:loud[-1] + 1] if len(loud) else sound


def _by_voice(recordings: Sequence[Recording]) -> dict[tuple[str, str], list[Recording]]:
    voices: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    for recording in recordings:
        voices[recording.speaker, recording.language].append(recording)
    return voices


def _composed(recordings: Iterator[Recording], seconds: float, draws: Draws, cut: bool) -> Window:
    """Recordings one after the other until the window is full; the last one is cut, or left out."""
    samples = round(seconds * RATE)
    sound = np.zeros(samples, np.float32)
    segments: list[Segment] = []
    language = None
    place = _steps(draws.between(0, GAPS[1]))
    if cut and draws.happens(LATE):
        place = _steps(draws.between(0, seconds))
    for recording in recordings:
        if not cut and not segments:  # the first one is not to be kept out by the silence before it
            place = min(place, max(0, samples - MARGIN - len(recording.sound)) // STEP * STEP)
        end = -(-(place + len(recording.sound)) // STEP) * STEP
        if place > samples - STEP or (end > samples - MARGIN and not cut):
            break
        there = recording.sound[: samples - place]
        sound[place:place + len(there)] = there
        language = recording.language
        last = None if end > samples else end / RATE
        segments.append(Segment(place / RATE, last, recording.text, recording.translation))
        place = end + _steps(draws.between(*GAPS) if not cut or not draws.happens(LATE) else draws.between(0, seconds))
    sound *= 10 ** (draws.between(*LOUDNESS) / 20)
    sound += 10 ** (draws.between(*BACKGROUND) / 20) * _noise(samples, draws)
    return Window(sound, language, segments)


def _steps(seconds: float) -> int:
    return round(seconds * RATE / STEP) * STEP


def _without_speech(samples: int, draws: Draws) -> np.ndarray:
    kinds = list(NOISES.values())
    return kinds[draws.below(len(kinds))](samples, draws)


def _level(draws: Draws) -> float:
    return 10 ** (draws.between(-70, -10) / 20)


def _noise(samples: int, draws: Draws) -> np.ndarray:
    """White noise of deviation 1, float32: a random piece of one long noise, since drawing it anew takes longer than all
    else that a window needs."""
    long = _long_noise()
    start = draws.below(len(long))
    return np.take(long, np.arange(start, start + samples), mode="wrap")


@functools.cache
def _long_noise() -> np.ndarray:
    return Draws(0, 0, 0, purpose="noise").normals(30 * RATE).astype(np.float32)


def _silence(samples: int, draws: Draws) -> np.ndarray:
    return np.zeros(samples, np.float32)


def _hiss(samples: int, draws: Draws) -> np.ndarray:
    return (_level(draws) * _noise(samples, draws)).astype(np.float32)


def _rumble(samples: int, draws: Draws) -> np.ndarray:
    """Noise whose power falls with the square of the frequency."""
    steps = np.cumsum(_noise(samples, draws), dtype=np.float64)
    steps -= np.linspace(steps[0], steps[-1], samples)
    return (_level(draws) * steps / max(1e-9, steps.std())).astype(np.float32)


def _hum(samples: int, draws: Draws) -> np.ndarray:
    """A tone with two overtones, and a little hiss."""
    time = np.arange(samples) / RATE
    pitch = draws.between(40, 1500)
    tones = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in (1, 2, 3))
    return (_level(draws) * (tones + 0.01 * _noise(samples, draws))).astype(np.float32)


NOISES: dict[str, Callable[[int, Draws], np.ndarray]] = {
    "silence": _silence, "hiss": _hiss, "rumble": _rumble, "hum": _hum,
}
