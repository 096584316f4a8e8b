"""From a Whisper's logits to text: rules of timestamps, segments, long sounds, attention, published checkpoints (L 6.5)."""

import json
import wave

import numpy as np
import openai_whisper
import pytest
import torch
from click.testing import CliRunner

import talweg
from talweg.cli.main import main
from talweg.data.text import WhisperTokenizer
from talweg.data.text.byte_level import byte_characters
from talweg.data.text.whisper import special_tokens
from talweg.models.transcription import (
    Heard,
    Segment,
    cross_attention,
    cut_into_segments,
    decode_windows,
    long_form,
    transcribe,
)
from talweg.models.transcription.rules import Rules
from talweg.models.whisper import Whisper
from talweg.recipes.listening import Options, published_listener, subtitles
from talweg.tensor import from_numpy, manual_seed, no_grad

torch.set_num_threads(1)


def tokenizer(timestamps=101, languages=("en", "fr")):
    names = {name: i for i, name in enumerate(sorted(byte_characters()))}
    return WhisperTokenizer(names, [], special_tokens(256, languages, timestamps))


def small(tok, seed=0, context=50):
    """Weights larger than usual, so that its choices are varied."""
    manual_seed(seed)
    model = Whisper(16, 1, 2, vocabulary=len(tok), mels=8, audio_context=context, text_context=24)
    with no_grad():
        for p in model.parameters():
            p.mul_(2.0)
    return model.eval()


def spectrograms(count, frames=100, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 8, frames)).astype(np.float32)


def test_tokens_of_time_and_language():
    tok = tokenizer()
    assert list(tok.languages) == ["en", "fr"]
    assert len(tok.times) == 101
    assert tok.seconds(tok.time(1.34)) == 1.34
    assert tok.seconds(tok.end) is None
    assert tok.text([tok.start, *tok.encode(" hi"), tok.time(2.0)]) == " hi"
    with pytest.raises(ValueError, match="no timestamp for 2.02 s"):
        tok.time(2.02)
    with pytest.raises(ValueError, match="no token <|de|>"):
        tok.prompt("de")


def histories(tok, count, seed=0):
    """Random beginnings of transcripts as decoding under the rules can make them."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        text, time = [], 0
        for _ in range(random.integers(0, 4)):
            time = min(len(tok.times) - 6, time + random.integers(0, 20))
            text.append(tok.times[time])
            text += random.integers(0, 256, random.integers(1, 4)).tolist()
            if random.random() < 0.3:
                break
            time += random.integers(1, 5)
            text.append(tok.times[time])
        yield text[: random.integers(0, len(text) + 1)]


def test_rules_are_openais():
    """Masks of ours against those of whisper.decoding.ApplyTimestampRules, on random logits and histories."""
    decoding = openai_whisper.part("decoding")
    tok = tokenizer()

    class Theirs:
        no_timestamps, timestamp_begin, eot = tok.special["<|notimestamps|>"], tok.times.start, tok.end

    theirs = decoding.ApplyTimestampRules(Theirs, sample_begin=1, max_initial_timestamp_index=50)
    random = np.random.default_rng(1)
    rules = Rules(tok, True, latest_start=1.0)
    kinds = set()
    for text in histories(tok, 300):
        logits = random.normal(size=(1, len(tok))).astype(np.float32) * random.choice([1, 4])
        logits[:, sorted(set(rules.never))] = -np.inf  # what they leave to another filter
        if not text:
            logits[:, tok.end] = -np.inf
        expected = torch.from_numpy(logits.copy())
        theirs.apply(expected, torch.tensor([[tok.start, *text]]))
        found = rules(logits, [text])
        np.testing.assert_array_equal(np.isneginf(found), np.isneginf(expected.numpy()))
        kinds.add((len(text) > 0 and text[-1] in tok.times, len(text) > 1 and text[-2] in tok.times))
    assert len(kinds) >= 3


def test_decoding_is_the_greedy_choice_of_the_whole_model():
    """The cache, the prompt and the rules put together: each token is the best of a forward pass over all before it."""
    tok = tokenizer()
    model = small(tok)
    mels = spectrograms(3)
    heard = decode_windows(model, tok, mels, most=12)
    assert len({tuple(h.tokens) for h in heard}) > 1
    rules = Rules(tok, True)
    for mel, h in zip(mels, heard):
        tokens = tok.prompt(h.language, timestamps=True)
        first = model(from_numpy(mel[None]), from_numpy(np.array([tokens[:1]]))).softmax(-1).detach().numpy()[0, 0]
        assert first[tok.no_speech] == pytest.approx(h.no_speech, rel=1e-3)
        assert first[tok.special[f"<|{h.language}|>"]] == max(first[i] for i in tok.languages.values())
        for step, token in enumerate([*h.tokens, tok.end][:12]):
            given = np.array([[*tokens, *h.tokens[:step]]])
            logits = model(from_numpy(mel[None]), from_numpy(given)).detach().numpy()[:, -1]
            assert rules(logits, [h.tokens[:step]])[0].argmax() == token


def test_languages_are_found_or_given():
    tok = tokenizer()
    model = small(tok)
    mels = spectrograms(2)
    assert [h.language for h in decode_windows(model, tok, mels, language=["fr", "en"], most=2)] == ["fr", "en"]
    assert [h.language for h in decode_windows(model, tok, mels, language="fr", most=2)] == ["fr", "fr"]
    with pytest.raises(ValueError, match="language must be one of en, fr"):
        decode_windows(model, tok, mels, language="de")
    plain = decode_windows(model, tok, mels, timestamps=False, most=4)
    assert all(token not in tok.times for h in plain for token in h.tokens)
    with pytest.raises(ValueError, match="expected spectrograms"):
        decode_windows(model, tok, mels[:, :, :50])


@pytest.mark.parametrize(("given", "expected", "advance"), [
    ("0.00 a 0.40 0.60 b 1.00", [(0, 0.4, "a"), (0.6, 1.0, "b")], 2.0),  # nothing more is said
    ("0.00 a 0.40 0.60 b 1.00 1.20", [(0, 0.4, "a"), (0.6, 1.0, "b")], 1.0),  # the window cuts a third
    ("0.00 a 0.40 0.60 b", [(0, 0.4, "a")], 0.4),  # or cuts the text
    ("0.20 a 1.00", [(0.2, 1.0, "a")], 2.0),
    ("0.00 a", [(0, 2.0, "a")], 2.0),
    ("1.20", [], 1.2),  # only the beginning of something
    ("0.00", [], 2.0),
    ("", [], 2.0),
    ("0.00 a 0.00 0.00 b 1.00", [(0, 1.0, "b")], 2.0),  # no length
    ("0.00 0.00", [], 2.0),
    ("a", [(0, 2.0, "a")], 2.0),
])
def test_tokens_become_segments(given, expected, advance):
    tok = tokenizer()
    tokens = []
    for word in given.split():
        tokens += [tok.time(float(word))] if "." in word else tok.encode(" " + word)
    found, moved = cut_into_segments(tokens, tok, 2.0)
    assert [(s.start, s.end, s.text) for s in found] == expected
    assert moved == pytest.approx(advance)
    assert moved > 0


def scripted(monkeypatch, tok, said, seconds):
    """A decoder that knows what is said when: each window's true transcript, cut by the window's end."""
    asked = []

    def decode(model, tokenizer_, mels, **options):
        start = model.place
        asked.append((start, options))
        tokens = []
        for begin, end, text in said:
            if begin >= start + seconds or begin < start - 0.011:
                continue
            tokens.append(tok.time(max(0, begin - start)))
            if end > start + seconds:
                break
            tokens += [*tok.encode(" " + text), tok.time(end - start)]
        return [Heard("en", 0.0 if tokens else 0.9, tokens, -0.1 if tokens else -3.0)]

    class Sized:
        context = round(seconds * 50)
        conv1 = type("", (), {"in_channels": 8})

    class Model:
        encoder = Sized

    model = Model()

    def framed(spectrogram, start, frames):
        model.place = start / 100
        return np.zeros((8, frames), np.float32)

    monkeypatch.setattr(long_form, "decode_windows", decode)
    monkeypatch.setattr(long_form, "framed", framed)
    return model, asked


def test_long_sounds_are_heard_once_and_in_order(monkeypatch):
    """Five minutes, windows of two seconds, pauses of up to five: every segment comes once, where it is."""
    random = np.random.default_rng(5)
    said, place = [], 0.5
    while place < 295:
        length = round(random.uniform(0.2, 1.6) * 50) / 50
        said.append((round(place, 2), round(place + length, 2), f"w{len(said)}"))
        place += length + round(random.uniform(0.1, 5 if random.random() < 0.1 else 1) * 50) / 50
    tok = tokenizer()
    model, asked = scripted(monkeypatch, tok, said, 2.0)
    shown = []
    found = transcribe(model, tok, np.zeros(300 * 16_000, np.float32), heard=shown.append)
    assert [s.text for s in found.segments] == [text for *_, text in said]
    assert np.allclose([(s.start, s.end) for s in found.segments], [(a, b) for a, b, _ in said], atol=0.011)
    assert shown == found.segments
    assert found.language == "en"
    places = [start for start, _ in asked]
    assert all(b > a for a, b in zip(places, places[1:]))
    assert asked[-1][1]["language"] == "en"  # found once, then kept


def test_silence_gives_no_segments(monkeypatch):
    tok = tokenizer()
    model, asked = scripted(monkeypatch, tok, [], 2.0)
    found = transcribe(model, tok, np.zeros(9 * 16_000, np.float32))
    assert (found.segments, found.language, found.text) == ([], None, "")
    assert [start for start, _ in asked] == [0, 2, 4, 6, 8]


@pytest.mark.slow
def test_whatever_a_model_writes_time_goes_on():
    """Random weights: segments never overlap or go back, and lie within the sound."""
    tok = tokenizer()
    sound = np.random.default_rng(2).normal(size=5 * 16_000).astype(np.float32)
    for seed in range(3):
        model = small(tok, seed)
        found = transcribe(model, tok, sound, no_speech=1.0)
        ends = [t for s in found.segments for t in (s.start, s.end)]
        assert ends == sorted(ends)
        assert all(0 <= t <= 5 for t in ends)


def test_sounds_that_cannot_be_heard():
    tok = tokenizer()
    with pytest.raises(ValueError, match="not finite"):
        transcribe(small(tok), tok, np.full(32_000, np.nan, np.float32))
    with pytest.raises(ValueError, match="must be"):
        transcribe(small(tok), tok, np.zeros((2, 32_000), np.float32))
    assert transcribe(small(tok), tok, np.zeros(0, np.float32), no_speech=1.0).segments == []


def test_attention_over_time_is_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    theirs, _ = random_whisper(transformers, tmp_path, attn_implementation="eager")
    ours = Whisper.from_pretrained(tmp_path)
    mel = torch.randn(2, 8, 100)
    tokens = torch.randint(0, 200, (2, 5))
    expected = theirs(input_features=mel, decoder_input_ids=tokens, output_attentions=True).cross_attentions
    found = cross_attention(ours, from_numpy(mel.numpy()), from_numpy(tokens.numpy()))
    assert found.shape == (2, 2, 2, 5, 50)
    np.testing.assert_allclose(found, torch.stack(expected).detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)


def random_whisper(transformers, folder, **settings):
    """A small Whisper with random weights, written as it is published, with its tokenizer's files."""
    tok = tokenizer()
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        vocab_size=len(tok), num_mel_bins=8, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, d_model=16, max_source_positions=50,
        max_target_positions=24, pad_token_id=tok.end, bos_token_id=tok.end, eos_token_id=tok.end,
        decoder_start_token_id=tok.start, suppress_tokens=None, begin_suppress_tokens=None, init_std=0.3, **settings,
    )
    model = transformers.WhisperForConditionalGeneration(config).eval()
    model.save_pretrained(folder)
    tok.save(folder)
    return model, tok


def sound_file(path, seconds=3.0, rate=16_000):
    random = np.random.default_rng(0)
    samples = (3000 * random.normal(size=round(seconds * rate))).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return str(path)


def test_published_checkpoints_transcribe(tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "whisper-small"
    theirs, tok = random_whisper(transformers, folder)
    sound = sound_file(tmp_path / "talk.wav")
    done = CliRunner().invoke(main, ["transcribe", "--weights", str(folder), sound, "--language", "en", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output)
    assert facts["seconds"] == 3.0
    assert facts["language"] == "en"
    listener = published_listener(folder)
    assert list(listener.tokenizer.languages) == ["en", "fr"]
    mels = spectrograms(1)
    heard = decode_windows(listener.model, tok, mels, language="en", most=10)[0]
    rules = Rules(tok, True)
    for step, token in enumerate(heard.tokens):
        given = torch.tensor([[*tok.prompt("en", timestamps=True), *heard.tokens[:step]]])
        with torch.no_grad():
            logits = theirs(input_features=torch.from_numpy(mels), decoder_input_ids=given).logits[:, -1].numpy()
        assert rules(logits, [heard.tokens[:step]])[0].argmax() == token
    for name in ("talk.srt", "talk.vtt", "talk.txt", "talk.png"):
        out = tmp_path / name
        done = CliRunner().invoke(main, ["transcribe", "--weights", str(folder), sound, "--out", str(out)])
        assert done.exit_code == 0, done.output
        assert out.stat().st_size > 0


def test_tokens_that_are_never_written(tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "w"
    random_whisper(transformers, folder)
    free = published_listener(folder)
    mels = spectrograms(1)
    plain = Rules(free.tokenizer, False)
    written = decode_windows(free.model, free.tokenizer, mels, language="en", timestamps=False, rules=plain)[0].tokens
    assert written
    (folder / "generation_config.json").write_text(json.dumps({"suppress_tokens": [written[0], -1]}))
    held = published_listener(folder)
    rules = Rules(held.tokenizer, False, never=held.never)
    other = decode_windows(held.model, held.tokenizer, mels, language="en", timestamps=False, rules=rules)[0].tokens
    assert written[0] not in other


def test_folders_that_are_no_whisper(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        published_listener(tmp_path / "nowhere")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "w"
    random_whisper(transformers, folder)
    (folder / "generation_config.json").write_text("{")
    with pytest.raises(ValueError, match="generation_config.json: is no JSON"):
        published_listener(folder)
    (folder / "generation_config.json").unlink()
    tokenizer(timestamps=300).save(folder)
    with pytest.raises(ValueError, match="do not belong together"):
        published_listener(folder)


def test_older_tokenizers_have_no_timestamps(tmp_path):
    """Published added_tokens.json end at <|notimestamps|>."""
    tok = tokenizer()
    special = {name: i for name, i in tok.special.items() if i not in tok.times}
    WhisperTokenizer(tok.vocabulary, tok.merges, special).save(tmp_path)
    found = WhisperTokenizer.from_pretrained(tmp_path)
    assert found.times.start == tok.times.start
    assert len(found.times) == 1501


def test_subtitles():
    found = long_form.Transcription("en", [Segment(0.5, 1.25, "one"), Segment(3661.0, 3662.04, "two")])
    assert subtitles(found) == ("1\n00:00:00,500 --> 00:00:01,250\none\n\n"
                                "2\n01:01:01,000 --> 01:01:02,040\ntwo\n")
    assert subtitles(found, ".vtt").startswith("WEBVTT\n\n00:00:00.500 --> 00:00:01.250\none\n\n01:01:01.000")
    assert found.text == "one two"


@pytest.mark.parametrize(("given", "message"), [
    (["transcribe", "talk.wav"], "needs a run and a sound file"),
    (["transcribe", "--weights", "nowhere", "talk.wav"], "there is no such file or folder"),
    (["transcribe", "nowhere", "talk.wav"], "there is no such run folder"),
    (["transcribe", "run", "a.wav", "b.wav", "--out", "x.srt"], "is one file, but there are 2 sounds"),
    (["transcribe", "run", "a.wav", "--task", "sing"], "task must be one of transcribe, translate"),
    (["transcribe", "run", "a.wav", "--language", "xx"], "language must be a code"),
])
def test_commands_that_cannot_be(given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, given)
    assert done.exit_code != 0
    assert message in done.output


def test_options():
    assert Options("fr", "translate").language == "fr"
    assert talweg.__version__
