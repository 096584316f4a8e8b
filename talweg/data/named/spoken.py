"""Numbers spoken by a synthesiser in English and French, by voices of which some are never heard in training (L 6.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from ..augment import Draws
from ..examples import content_hash
from ..speech import Recording, Speech, trimmed
from .espeak import Spoken
from .kept_speech import kept_or_spoken

DIGITS = {
    "en": "zero one two three four five six seven eight nine".split(),
    "fr": "zéro un deux trois quatre cinq six sept huit neuf".split(),
}
TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety".split(),
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix".split(),
}
TEENS = {
    "en": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),
    "fr": "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf".split(),
}
ACCENTS = {"en": ("en", "en-us", "en-gb-scotland"), "fr": ("fr", "fr-be")}
SPEAKERS = {
    "train": ("m1", "m2", "m3", "m4", "m5", "f1", "f2", "f3", "adam", "Alex", "Andy", "Annie", "edward", "Gene", "Jacky", "linda",
              "Mario", "Michael", "pablo", "steph"),
    "validation": ("m6", "f4", "ed"),
    "test": ("m7", "m8", "f5", "john"),
}
COUNTS = (1600, 160, 240)
SPEEDS, PITCHES = (130, 220), (25, 75)
LONGEST = 4  # digits in one breath


def digits_in(language: str, draws: Draws) -> tuple[str, str]:
    """One to four digits: in the language, and in English."""
    digits = [draws.below(10) for _ in range(1 + draws.below(LONGEST))]
    return " ".join(DIGITS[language][d] for d in digits), " ".join(DIGITS["en"][d] for d in digits)


def number_in(language: str, draws: Draws) -> tuple[str, str]:
    """A number below a million, of any length alike: in the language, and in English."""
    number = draws.below(10 ** (1 + draws.below(6)))
    return in_words(number, language), in_words(number, "en")


def in_words(number: int, language: str) -> str:
    """A whole number from 0 to 999,999 in words. Raises ValueError outside of it, and for other languages than en and fr."""
    if not 0 <= number < 1_000_000 or language not in DIGITS:
        raise ValueError(f"in_words: needs a number from 0 to 999,999 and en or fr, got {number} and {language!r}")
    below = _english if language == "en" else _french
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return below(rest)
    if language == "en":
        head = f"{_english(thousands)} thousand"
    else:  # one thousand has no one; hundreds and eighties lose their s before it
        head = "mille" if thousands == 1 else re.sub("(cent|vingt)s$", r"\1", _french(thousands)) + " mille"
    return f"{head} {below(rest)}" if rest else head


def _english(number: int) -> str:
    """Below a thousand."""
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        return f"{DIGITS['en'][hundreds]} hundred" + (f" and {_english(rest)}" if rest else "")
    if number >= 20:
        tens, ones = divmod(number, 10)
        return TENS["en"][tens - 2] + (f"-{DIGITS['en'][ones]}" if ones else "")
    return (DIGITS["en"] + TEENS["en"])[number]


def _french(number: int) -> str:
    """Below a thousand."""
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        head = "cent" if hundreds == 1 else f"{DIGITS['fr'][hundreds]} cent{'' if rest else 's'}"
        return f"{head} {_french(rest)}" if rest else head
    if number < 20:
        return (DIGITS["fr"] + TEENS["fr"])[number]
    tens, ones = divmod(number, 10)
    if tens in (7, 9):  # sixty-ten, four-twenty-ten: the teens go on from the tens before
        joint = " et " if number == 71 else "-"
        return TENS["fr"][tens - 3].removesuffix("s") + joint + TEENS["fr"][ones]
    if ones == 0:
        return TENS["fr"][tens - 2]
    joint = " et " if ones == 1 and tens < 8 else "-"
    return TENS["fr"][tens - 2].removesuffix("s") + joint + DIGITS["fr"][ones]


def spoken_digits(counts: Sequence[int] = COUNTS, seed: int = 0) -> Speech:
    """One to four digits a recording, in English and French; windows of 3 seconds."""
    return _spoken("speech:digits", digits_in, 3.0, counts, seed)


def spoken_words(counts: Sequence[int] = COUNTS, seed: int = 0) -> Speech:
    """Numbers below a million in words, in English and French; windows of 6 seconds."""
    return _spoken("speech:words", number_in, 6.0, counts, seed)


Said = Callable[[str, Draws], tuple[str, str]]


def _spoken(name: str, said: Said, seconds: float, counts: Sequence[int], seed: int) -> Speech:
    wanted = [
        _request(said, SPEAKERS[part], Draws(seed, number, i, purpose=name))
        for number, (part, count) in enumerate(zip(SPEAKERS, counts)) for i in range(count)
    ]
    sounds = kept_or_spoken([request for request, *_ in wanted])
    recordings = [
        Recording(trimmed(sound), text, language, request.voice, english)
        for sound, (request, text, english, language) in zip(sounds, wanted)
    ]
    train, validation, test = (recordings[end - count:end] for end, count in zip(np.cumsum(counts), counts))
    digest = content_hash(*(r.sound for r in recordings), *(r.text for r in recordings)).hex()
    return Speech(name, train, validation, test, seconds, digest)


def _request(said: Said, speakers: Sequence[str], draws: Draws) -> tuple[Spoken, str, str, str]:
    """What is to be spoken, its text, the text in English, and the language."""
    language = ("en", "fr")[draws.below(2)]
    accent = ACCENTS[language][draws.below(len(ACCENTS[language]))]
    voice = f"{accent}+{speakers[draws.below(len(speakers))]}"
    speed, pitch = (round(draws.between(*limits)) for limits in (SPEEDS, PITCHES))
    text, english = said(language, draws)
    return Spoken(text, voice, speed, pitch), text, english, language
