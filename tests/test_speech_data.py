"""Speech with its texts: the synthesiser's voices, windows composed of recordings, the user's own; pairs of texts (L 6.5)."""

import wave

import numpy as np
import pytest

from talweg.data import entry_of, load, measured_hash, pinned_hash
from talweg.data.named import espeak, kept_speech
from talweg.data.named.espeak import Spoken, phonemes, speak
from talweg.data.named.pronounced import library_words
from talweg.data.named.spoken import SPEAKERS, in_words
from talweg.data.pairs import read_pairs, split_pairs
from talweg.data.problems import BadSample
from talweg.data.sources.recordings import read_recordings
from talweg.data.speech import ComposedWindows, Recording, packed_windows, silent_windows, trimmed

RATE = 16_000
needs_espeak = pytest.mark.skipif(espeak.find_spec("espeakng_loader") is None, reason="needs talweg[speech]")


@pytest.mark.parametrize(("number", "english", "french"), [
    (0, "zero", "zéro"), (17, "seventeen", "dix-sept"), (21, "twenty-one", "vingt et un"),
    (71, "seventy-one", "soixante et onze"),
    (80, "eighty", "quatre-vingts"), (81, "eighty-one", "quatre-vingt-un"), (99, "ninety-nine", "quatre-vingt-dix-neuf"),
    (100, "one hundred", "cent"), (200, "two hundred", "deux cents"), (203, "two hundred and three", "deux cent trois"),
    (1000, "one thousand", "mille"), (80_000, "eighty thousand", "quatre-vingt mille"), (200_000, "two hundred thousand",
                                                                                          "deux cent mille"),
    (1971, "one thousand nine hundred and seventy-one", "mille neuf cent soixante et onze"),
])
def test_numbers_in_words(number, english, french):
    assert in_words(number, "en") == english
    assert in_words(number, "fr") == french


@pytest.mark.parametrize("language", ["en", "fr"])
def test_numbers_have_different_names(language):
    numbers = [*range(2000), *range(9990, 10_010), *range(79_990, 100_020, 7), 999_999]
    assert len({in_words(n, language) for n in numbers}) == len(set(numbers))


@pytest.mark.parametrize(("number", "language"), [(-1, "en"), (1_000_000, "fr"), (3, "de")])
def test_numbers_without_words(number, language):
    with pytest.raises(ValueError, match="in_words"):
        in_words(number, language)


@needs_espeak
def test_the_synthesiser_repeats_itself_in_a_new_process():
    requests = [Spoken("three seven", "en+m3"), Spoken("un deux", "fr+f2", 150, 70), Spoken("three seven", "en+m3", 220)]
    first, second = speak(requests), speak(requests)
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float32
        assert 0.1 < np.abs(a).max() <= 1
    assert len(first[2]) < 0.9 * len(first[0])  # faster


@needs_espeak
def test_phonemes():
    found = phonemes(["thing", "église", ""], "en")
    assert found[0][0] == "θ"
    assert found[0][-1] == "ŋ"
    assert found[2] == []
    assert phonemes(["église"], "fr")[0][:2] == ["e", "ɡ"]


@needs_espeak
def test_what_cannot_be_spoken():
    with pytest.raises(ValueError, match="no voice 'xx'"):
        speak([Spoken("a", "xx")])
    with pytest.raises(ValueError, match="gives no sound"):
        speak([Spoken("")])
    for wrong in ({"speed": 20}, {"pitch": 100}):
        with pytest.raises(ValueError, match="speed must be 80 to 450 and pitch 0 to 99"):
            Spoken("a", **wrong)


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(espeak, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install talweg\[speech\]"):
        speak([Spoken("a")])


@needs_espeak
def test_named_speech_is_kept_and_mended(tmp_path, monkeypatch):
    monkeypatch.setenv("TALWEG_DATA", str(tmp_path))
    first = load("speech:digits", counts=(12, 4, 6))
    kept = list((tmp_path / "speech").iterdir())
    assert len(kept) == 1
    monkeypatch.setattr(kept_speech, "speak", lambda requests: pytest.fail("it is kept"))
    assert load("speech:digits", counts=(12, 4, 6)).fingerprint == first.fingerprint
    monkeypatch.undo()
    monkeypatch.setenv("TALWEG_DATA", str(tmp_path))
    content = bytearray(kept[0].read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (bytes(content), b"", content[:100]):
        kept[0].write_bytes(damaged)
        assert load("speech:digits", counts=(12, 4, 6)).fingerprint == first.fingerprint
    speakers = [{r.speaker.split("+")[1] for r in part} for part in (first.train, first.validation, first.test)]
    for mine, allowed in zip(speakers, SPEAKERS.values()):
        assert mine <= set(allowed)
    assert not set(SPEAKERS["test"]) & set(SPEAKERS["train"])
    assert {len(r.text.split()) for r in first.train} <= {1, 2, 3, 4}
    assert all(r.translation == r.text for r in first.train if r.language == "en")
    assert all(len(r.translation.split()) == len(r.text.split()) for r in first.train)
    monkeypatch.setenv("TALWEG_DATA", str(kept[0]))  # a file: nothing can be kept
    assert load("speech:digits", counts=(12, 4, 6)).fingerprint == first.fingerprint


@needs_espeak
@pytest.mark.parametrize("name", ["speech:digits", "g2p"])
def test_content_is_as_pinned(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TALWEG_DATA", str(tmp_path))
    known = pinned_hash(name)
    assert known is None or measured_hash(name) == known
    assert entry_of(name).extra == "speech"


def recordings(count=12, speakers=3, seed=0):
    """Tones: each recording is known by its pitch."""
    random = np.random.default_rng(seed)
    found = []
    for i in range(count):
        time = np.arange(round(random.uniform(0.3, 0.9) * RATE)) / RATE
        sound = (0.5 * np.sin(2 * np.pi * (300 + 50 * i) * time)).astype(np.float32)
        found.append(Recording(sound, f"tone {i}", "en" if i % 2 else "fr", f"speaker {i % speakers}", f"note {i}"))
    return found


def test_windows_hold_what_they_say():
    windows = ComposedWindows(recordings(), 2.0, 60, seed=3)
    found = [windows[i] for i in range(len(windows))]
    silent = [w for w in found if w.language is None]
    assert 1 <= len(silent) < 20
    assert all(w.segments == [] and w.text == "" for w in silent)
    cut = 0
    for window in found:
        assert window.sound.shape == (32_000,)
        assert window.sound.dtype == np.float32
        times = [t for s in window.segments for t in (s.start, s.end) if t is not None]
        assert times == sorted(times)
        assert all(0 <= t <= 2 and abs(t * 50 - round(t * 50)) < 1e-9 for t in times)
        for segment in window.segments:
            inside = window.sound[round(segment.start * RATE):round((segment.end or 2.0) * RATE)]
            if len(inside) > 800:
                pitch = np.abs(np.fft.rfft(inside[:len(inside) // 2 * 2])).argmax() * RATE / len(inside)
                assert pitch == pytest.approx(300 + 50 * int(segment.text.split()[1]), abs=25)
        cut += any(s.end is None for s in window.segments)
        assert all(s.end is not None for s in window.segments[:-1])
    assert cut > 3


def test_windows_depend_on_seed_epoch_and_index_only():
    a, b = ComposedWindows(recordings(), 2.0, 8), ComposedWindows(recordings(), 2.0, 8)
    np.testing.assert_array_equal(a[5].sound, b[5].sound)
    assert a.at_epoch(1)[5].segments != a[5].segments or a.at_epoch(1)[5].language != a[5].language
    np.testing.assert_array_equal(a.at_epoch(1)[5].sound, b.at_epoch(1)[5].sound)
    assert not np.array_equal(ComposedWindows(recordings(), 2.0, 8, seed=1)[5].sound, a[5].sound)
    with pytest.raises(IndexError):
        a[8]
    with pytest.raises(ValueError, match="needs recordings"):
        ComposedWindows([], 2.0, 4)


def test_the_first_epochs_are_easy():
    given = recordings(16)
    shortest = {r.text for r in sorted(given, key=lambda r: len(r.sound))[:4]}
    windows = ComposedWindows(given, 2.0, 40, easy=2)
    spoken = [[s.text for s in windows[i].segments] for i in range(40)]
    assert max(map(len, spoken)) == 1
    assert {text for texts in spoken for text in texts} <= shortest
    later = windows.at_epoch(2)
    assert len({s.text for i in range(40) for s in later[i].segments}) > 10
    assert max(len(later[i].segments) for i in range(40)) > 1


def test_packed_windows_hold_every_recording_once():
    given = recordings(20)
    found = packed_windows(given, 2.0)
    texts = [s.text for w in found for s in w.segments]
    assert sorted(texts) == sorted(r.text for r in given)
    assert all(s.end is not None and s.end <= 2.0 for w in found for s in w.segments)
    by_text = {r.text: r for r in given}
    assert all(len({by_text[s.text].speaker for s in w.segments}) == 1 for w in found)
    assert found[0].translation == " ".join(f"note {s.text.split()[1]}" for s in found[0].segments)
    with pytest.raises(ValueError, match="does not fit into windows of 0.5 s"):
        packed_windows(given, 0.5)


def test_silent_windows_differ():
    found = silent_windows(8, 1.0)
    assert all(w.language is None and w.sound.shape == (RATE,) and np.isfinite(w.sound).all() for w in found)
    assert not found[0].sound.any()
    assert found[1].sound.any()


def test_trimming():
    sound = np.concatenate([np.zeros(100), [0.5, 0.001, -0.4], np.zeros(50)]).astype(np.float32)
    np.testing.assert_array_equal(trimmed(sound), sound[100:103])
    assert len(trimmed(np.zeros(10, np.float32))) == 10


def wav(path, seconds=0.5, pitch=440.0, loud=0.5):
    time = np.arange(round(seconds * RATE)) / RATE
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(32767 * loud * np.sin(2 * np.pi * pitch * time)).astype("<i2").tobytes())


def test_a_folder_of_recordings(tmp_path):
    for i in range(20):
        wav(tmp_path / f"talk{i}.wav", 0.3 + 0.02 * i, 300 + 40 * i)
        (tmp_path / f"talk{i}.txt").write_text(f" word{i}\n next ", encoding="utf-8")
    found = read_recordings(tmp_path)
    texts = [r.text for part in (found.train, found.validation, found.test) for r in part]
    assert sorted(texts) == sorted(f"word{i} next" for i in range(20))
    assert found.languages == ["en"]
    assert found.seconds == 1.5
    assert read_recordings(tmp_path, seed=0).fingerprint == found.fingerprint
    (tmp_path / "talk3.txt").write_text("other")
    assert read_recordings(tmp_path).fingerprint != found.fingerprint


def test_folders_may_be_split_already(tmp_path):
    for part, count in (("train", 6), ("val", 2), ("test", 3)):
        for i in range(count):
            wav(tmp_path / part / f"{i}.wav", 0.3, 200 + 30 * i + 7 * len(part))
            (tmp_path / part / f"{i}.txt").write_text(f"{part} {i}")
    found = read_recordings(tmp_path, "fr")
    assert [len(p) for p in (found.train, found.validation, found.test)] == [6, 2, 3]
    assert all(r.text.startswith("val") for r in found.validation)
    assert found.languages == ["fr"]


def table(tmp_path, lines):
    path = tmp_path / "talks.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_table_of_recordings(tmp_path):
    lines = ["path,text,language,speaker,translation"]
    for i in range(24):
        wav(tmp_path / "sounds" / f"{i}.wav", 0.3, 300 + 30 * i)
        lines.append(f"sounds/{i}.wav,mot {i},{'fr' if i % 2 else 'en'},s{i % 8},word {i}")
    found = read_recordings(table(tmp_path, lines))
    assert found.languages == ["en", "fr"]
    speakers = [{r.speaker for r in part} for part in (found.train, found.validation, found.test)]
    assert not speakers[0] & speakers[2]
    assert not speakers[0] & speakers[1]
    assert found.train[0].translation.startswith("word")


@pytest.mark.parametrize(("line", "message"), [
    ("gone.wav,hello", "there is no such file"), ("a.wav,", "has no text"), ("silent.wav,hello", "is silent"),
    ("long.wav,hello", "recordings must be shorter than 30 s"), ("bad.wav,hello", "damaged"),
    ("a.wav,hello,klingon", "language 'klingon'"),
])
def test_bad_recordings_are_named_or_skipped(line, message, tmp_path):
    for i in range(9):
        wav(tmp_path / f"{i}.wav", 0.3, 300 + 30 * i)
    wav(tmp_path / "a.wav")
    wav(tmp_path / "silent.wav", loud=0)
    wav(tmp_path / "long.wav", 30)
    (tmp_path / "bad.wav").write_bytes(b"RIFF\0\0\0\0WAVEjunk")
    good = [f"{i}.wav,word {i},en" for i in range(9)]
    path = table(tmp_path, ["path,text,language", *good, line + ",en" * (line.count(",") < 2)])
    with pytest.raises(BadSample, match=message) as error:
        read_recordings(path)
    assert "row 11" in str(error.value)
    found = read_recordings(path, on_error="skip")
    assert sum(len(p) for p in (found.train, found.validation, found.test)) == 9
    assert "skipped 1 bad samples" in found.notes[0]


def test_data_that_are_no_recordings(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        read_recordings(tmp_path / "gone")
    with pytest.raises(ValueError, match="holds no sounds with texts"):
        read_recordings(tmp_path)
    with pytest.raises(ValueError, match="has no column called path"):
        read_recordings(table(tmp_path, ["file,text", "a.wav,hello"]))
    wav(tmp_path / "lonely.wav")
    with pytest.raises(BadSample, match="there is no lonely.txt beside it"):
        read_recordings(tmp_path)
    (tmp_path / "lonely.txt").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(BadSample, match="is no UTF-8 text"):
        read_recordings(tmp_path)


def test_pairs_of_texts(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("".join(f"a{i}\tb {i}\n\n" for i in range(40)) + "a3\tother\n", encoding="utf-8")
    found = read_pairs(path)
    assert sum(len(p) for p in (found.train, found.validation, found.test)) == 41
    sources = [{s for s, _ in p} for p in (found.train, found.validation, found.test)]
    assert not sources[0] & sources[1]
    assert not sources[0] & sources[2]  # both targets of a3 are in one part
    assert read_pairs(path, seed=1).train != found.train
    assert found.part("test") == found.test
    with pytest.raises(ValueError, match="no split is called"):
        found.part("dev")


@pytest.mark.parametrize(("content", "error", "message"), [
    ("a\tb\nno tab\n", BadSample, "row 2: needs a source, a tab and a target, and has 1 cells"),
    ("a\t\n", BadSample, "has an empty one"), ("a\tb\tc\n", BadSample, "has 3 cells"), ("", ValueError, "holds no pairs"),
    ("a\tb\nc\td\n", ValueError, "too few"), (b"\xff\xff\xfe", ValueError, "UTF-8"),
])
def test_files_that_are_no_pairs(content, error, message, tmp_path):
    path = tmp_path / "p.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error, match=message):
        read_pairs(path)


def test_places_that_hold_no_pairs(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_pairs(tmp_path / "gone.tsv")
    with pytest.raises(ValueError, match="is a folder"):
        read_pairs(tmp_path)
    path = tmp_path / "p.tsv"
    path.write_text("".join(f"a{i}\tb\n" for i in range(20)) + "broken\n")
    assert "skipped 1" in read_pairs(path, "skip").notes[0]
    assert split_pairs("x", [(str(i), str(i)) for i in range(20)], notes=["seen"]).notes == ["seen"]


def test_words_of_the_library(tmp_path):
    (tmp_path / "a.py").write_text("Network network NETWORK camelCase rare x", encoding="utf-8")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "b.py").write_text("zyzzyva " * 9, encoding="utf-8")
    found = library_words(tmp_path)
    assert "network" in found
    assert not {"camelcase", "zyzzyva", "x"} & set(found)
    assert found == sorted(found)
