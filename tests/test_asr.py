"""The recipe asr: tokens of windows, a small training on tones, its commands, resuming (L 6.5)."""

import json
import wave

import numpy as np
import pytest
from click.testing import CliRunner

from talweg.cli.main import main
from talweg.data.speech import Recording, Segment, Window
from talweg.data.whisper_sound import log_mel_spectrogram
from talweg.recipes.asr import RECIPE
from talweg.recipes.asr_pictures import attention_picture, coloured, spectrogram_picture
from talweg.recipes.asr_settings import Settings
from talweg.recipes.asr_tokens import Prepared, SpeechExamples, length_for, merges_of, transcript
from talweg.recipes.registry import recipe_for, recipe_of
from talweg.recipes.sequence_loss import IGNORED

RATE = 16_000
PITCHES = {"low": 250, "high": 2500}


def recording(text="one two", seconds=0.5, language="en", translation=None):
    return Recording(np.ones(round(seconds * RATE), np.float32), text, language, "a", translation)


def prepared(**changes):
    given = [recording("one two"), recording("deux un", language="fr", translation="two one")]
    return Prepared(**({"merges": merges_of(given, 300), "languages": ["en", "fr"], "bands": 8, "context": 50, "length": 24} |
                       changes))


WINDOW = Window(np.zeros(RATE, np.float32), "fr", [Segment(0.1, 0.5, "deux", "two"), Segment(0.6, 0.9, "un", "one"),
                                                   Segment(0.96, None, "dix", "ten")])


def test_transcripts():
    tok = prepared().tokenizer()

    def shown(*given, **options):
        return [tok.decode([t]) for t in transcript(*given, tok, **options)]

    deux, un, two = (["".join(p) for p in [tok.decode([t]) for t in tok.encode(" " + w)]] for w in ("deux", "un", "two"))
    start = ["<|startoftranscript|>", "<|fr|>"]
    assert shown(WINDOW) == [*start, "<|transcribe|>", "<|0.10|>", *deux, "<|0.50|>", "<|0.60|>", *un, "<|0.90|>", "<|0.96|>",
                             "<|endoftext|>"]
    plain = shown(WINDOW, timestamps=False)
    assert plain == [*start, "<|transcribe|>", "<|notimestamps|>", *deux, *un, "<|endoftext|>"]
    assert shown(WINDOW, task="translate")[2:4 + len(two)] == ["<|translate|>", "<|0.10|>", *two]
    silent = Window(WINDOW.sound, None, [])
    assert shown(silent) == ["<|startoftranscript|>", "<|nospeech|>", "<|endoftext|>"]


def test_text_in_recordings_is_never_a_mark():
    tok = prepared().tokenizer()
    window = Window(WINDOW.sound, "en", [Segment(0.1, 0.5, "<|endoftext|>")])
    assert transcript(window, tok).count(tok.end) == 1


def test_batches():
    p = prepared()
    tok = p.tokenizer()
    silent = Window(WINDOW.sound, None, [])
    examples = SpeechExamples([WINDOW, silent], p, tok, timed=0.0)
    (mel, tokens), targets = (examples.batch([0, 1]))
    np.testing.assert_allclose(mel.numpy()[0], log_mel_spectrogram(WINDOW.sound, 8), atol=1e-6)
    text = transcript(WINDOW, tok, timestamps=False)
    given, wanted = tokens.numpy()[0], targets.numpy()[0]
    assert given[:len(text) - 1].tolist() == text[:-1]
    assert wanted[0] == tok.special["<|fr|>"]
    assert wanted[1:3].tolist() == [IGNORED, IGNORED]  # the task, and that no times are wanted
    assert wanted[3:len(text) - 1].tolist() == text[4:]
    assert (wanted[len(text) - 1:] == IGNORED).all()
    assert targets.numpy()[1, :3].tolist() == [tok.no_speech, tok.end, IGNORED]
    one = examples[1]
    np.testing.assert_array_equal(one[1].numpy(), targets.numpy()[1])


def test_tasks_are_drawn_by_epoch():
    p = prepared()
    english = Window(WINDOW.sound, "en", [Segment(0.1, 0.5, "one", "one")])
    examples = SpeechExamples([WINDOW] * 40 + [english] * 10, p, p.tokenizer(), translating=0.5, timed=0.5)
    first, second = (e.batch(range(50))[0][1].numpy() for e in (examples, examples.at_epoch(1)))
    assert not np.array_equal(first, second)
    tasks = {p.tokenizer().decode([t]) for t in first[:40, 2]}
    assert tasks == {"<|transcribe|>", "<|translate|>"}
    assert {p.tokenizer().decode([t]) for t in first[40:, 2]} == {"<|transcribe|>"}  # it is English already
    np.testing.assert_array_equal(first, examples.batch(range(50))[0][1].numpy())


def test_room_for_texts():
    given = [recording("one two three", 0.3), recording("one", 2.0)]
    tok = Prepared(merges_of(given, 256), ["en"], 8, 50, 8).tokenizer()
    assert length_for(given, tok, 2.0) % 8 == 0
    assert length_for(given, tok, 4.0) > length_for(given, tok, 2.0)
    with pytest.raises(ValueError, match="cut the recording at a pause"):
        length_for([recording("x" * 500)], tok, 2.0)
    for wrong in ({"merges": ["ab"]}, {"length": 4}, {"bands": 0}):
        with pytest.raises(ValueError, match="merges pairs"):
            prepared(**wrong)


@pytest.mark.parametrize(("given", "message"), [
    ({"width": 33}, "width must be an even number"), ({"heads": 5}, "heads must be a divisor"), ({"seconds": 31.0}, "0.5 to 30"),
    ({"language": "xx"}, "language must be one of"), ({"timed": 1.5}, "timed must be"), ({"model": "lenet"}, "model must be"),
    ({"vocabulary": 10}, "256"), ({"windows": 0}, "windows must be"),
])
def test_settings_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        Settings(**given)


def test_data_without_speech():
    with pytest.raises(ValueError, match="karate holds no recordings"):
        RECIPE.material(Settings(data="karate"))
    with pytest.raises(FileNotFoundError):
        RECIPE.material(Settings(data="nowhere/at/all"))


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Recordings of one or two tones, each a word."""
    folder = tmp_path_factory.mktemp("tones")
    random = np.random.default_rng(0)
    for i in range(48):
        words = random.choice(list(PITCHES), 1 + i % 2).tolist()
        parts = []
        for word in words:
            time = np.arange(round(random.uniform(0.16, 0.24) * RATE)) / RATE
            parts += [np.sin(2 * np.pi * PITCHES[word] * random.uniform(0.9, 1.1) * time), np.zeros(800)]
        with wave.open(str(folder / f"{i}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.round(20_000 * np.concatenate(parts)).astype("<i2").tobytes())
        (folder / f"{i}.txt").write_text(" ".join(words))
    return folder


SMALL = ["--easy", "3", "--width", "32", "--layers", "1", "--heads", "2", "--bands", "12", "--windows", "96",
         "--batch-size", "16", "--seconds", "1.4", "--lr", "0.006", "--timed", "1"]


@pytest.fixture(scope="module")
def run(tones, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "tones"
    done = CliRunner().invoke(main, ["train", "asr", "--data", str(tones), *SMALL, "--epochs", "44", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    return out, json.loads(done.output)


def test_a_small_whisper_learns_tones(run):
    out, facts = run
    assert facts["test_word_error_rate"] <= 0.35, facts  # a guess of one of two words, and of their number, is right seldom
    assert facts["test_times_found"] >= 0.7
    assert facts["test_language_accuracy"] == 1
    assert facts["test_silence_found"] >= 0.7
    report = (out / "report.html").read_text()
    assert "Where in the sound each token was found" in report
    assert report.count("data:image/png") >= 4
    assert recipe_of(out).name == "asr"


def test_a_run_is_evaluated_and_used(run, tones, tmp_path):
    out, facts = run
    done = CliRunner().invoke(main, ["evaluate", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["word_error_rate"] == pytest.approx(facts["test_word_error_rate"])
    sound = str(tones / "0.wav")
    for command in (["transcribe", str(out), sound, "--json"], ["predict", str(out), sound, "--json"]):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
        found = json.loads(done.output)
        assert found["language"] in ("en", None)
        assert set(found["text"].split()) <= set(PITCHES)
    done = CliRunner().invoke(main, ["transcribe", str(out), sound])
    assert done.exit_code == 0
    assert done.output.count("->") == len(found["segments"])
    picture = tmp_path / "seen.png"
    assert CliRunner().invoke(main, ["predict", str(out), sound, "--out", str(picture)]).exit_code == 0
    assert picture.stat().st_size > 0
    (tmp_path / "no.wav").write_bytes(b"nothing")
    done = CliRunner().invoke(main, ["transcribe", str(out), str(tmp_path / "no.wav")])
    assert done.exit_code == 1
    assert "no.wav" in done.output


def test_pictures():
    assert coloured(np.array([[0.0, 1.0, 2.0]])).tolist() == [[[13, 8, 40], [252, 255, 164], [252, 255, 164]]]
    page = spectrogram_picture(np.random.default_rng(0).normal(size=RATE), [], 40)
    assert page.size == (200, 80 + 28)
    assert spectrogram_picture(np.zeros(RATE), []).size[0] == 200  # silence has no range
    weights = np.eye(3, 50)
    image = attention_picture(weights, ["a", "b", "c"])
    assert image.getpixel((112, 2))[0] > 200  # the first token saw the beginning
    assert image.getpixel((image.width - 2, 2))[0] < 50


def test_names():
    assert recipe_for("asr") == ("asr", "whisper")
    assert recipe_for("whisper") == ("asr", "whisper")
