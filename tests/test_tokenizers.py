"""Tokenizers against the `tokenizers` library, and against the published vocabularies where a package brings them."""

import importlib.util
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talweg.data.text import (
    ByteLevelBPE,
    CharacterTokenizer,
    CLIPTokenizer,
    WhisperTokenizer,
    WordTokenizer,
    decode_stream,
    train_bpe,
)
from talweg.data.text.byte_level import byte_characters
from talweg.data.text.whisper import special_tokens

TEXTS = [Path(__file__).parent.joinpath(name).read_text() for name in ("test_tokenizers.py", "test_layering.py", "conftest.py")]
TEXTS.append("Ça coûte 3½ €, n'est-ce pas ? Das heißt: süß. 日本語のテキスト。"
             " Привет, мир!  \t\n\n x  y 🙂🙃 a\u00a0b don't we'll I've")
HARD = ["", " ", "  a", "a  ", "a \n b", "\n\n", "1234 567", "x\u2028y", "'s 's't", "²³½Ⅷ", "é e\u0301", "a\x1cb", "\x00",
        "<|endoftext|>", "a<|endoftext|>b <|endoftext|>", "ﬁ 🏳️‍🌈 👩‍👩‍👧", "A\u3000B", "don'T",
        "___ --- ...", "\u200b\u200d", "ſ's"]
TOKENIZER = train_bpe(TEXTS, 600)
WHISPER_FILES = importlib.util.find_spec("whisper")


def oracle(**trainer):
    tokenizers = pytest.importorskip("tokenizers")
    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = tokenizers.decoders.ByteLevel()
    found.train_from_iterator(TEXTS, tokenizers.trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|endoftext|>"], show_progress=False, min_frequency=2,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), **trainer))
    return found


def test_training_learns_what_the_library_learns():
    assert oracle().get_vocab() == {**TOKENIZER.vocabulary, **TOKENIZER.special}


def test_encoding_is_the_librarys():
    theirs = oracle()
    rng = random.Random(0)
    drawn = ["".join(rng.choices("ab 's\n\té½8🙂\u3000.-", k=rng.randrange(30))) for _ in range(300)]
    for text in [*TEXTS, *HARD, *drawn]:
        assert TOKENIZER.encode(text) == theirs.encode(text).ids, repr(text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text):
    tokens = TOKENIZER.encode(text, special=False)
    assert TOKENIZER.decode(tokens) == text
    assert "".join(decode_stream(TOKENIZER, tokens)) == text
    assert all(0 <= token < len(TOKENIZER) for token in tokens)


def test_a_stream_gives_whole_characters_alone():
    pieces = list(decode_stream(ByteLevelBPE({c: i for i, c in enumerate(byte_characters())}, []), "a🙂é".encode()))
    assert pieces == ["a", "🙂", "é"]
    assert list(decode_stream(TOKENIZER, [TOKENIZER.vocabulary[byte_characters()[0xF0]]])) == ["\ufffd"]


def test_special_tokens_are_whole_or_ordinary_text():
    end = TOKENIZER.special["<|endoftext|>"]
    assert TOKENIZER.encode("a<|endoftext|>") == [*TOKENIZER.encode("a"), end]
    assert end not in TOKENIZER.encode("a<|endoftext|>", special=False)


def test_half_a_surrogate_pair_does_no_harm():
    assert TOKENIZER.decode(TOKENIZER.encode("a\ud83db")) == "a?b"


def test_a_very_long_word_takes_no_quadratic_time():
    assert TOKENIZER.decode(TOKENIZER.encode("ab" * 100_000)) == "ab" * 100_000


def test_files_are_read_back(tmp_path):
    TOKENIZER.save(tmp_path)
    again = ByteLevelBPE.from_pretrained(tmp_path)
    for text in [*TEXTS, *HARD]:
        assert again.encode(text) == TOKENIZER.encode(text)
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    assert theirs.encode(TEXTS[0]).ids == again.encode(TEXTS[0], special=False)


@pytest.mark.parametrize(("name", "content"), [
    ("vocab.json", "{"), ("vocab.json", "[1]"), ("vocab.json", '{"a": "b"}'), ("vocab.json", '{"a": 1, "b": 1}'),
    ("merges.txt", "a b c\n"), ("merges.txt", "a\n"), ("merges.txt", "zz yy\n")])
def test_malformed_files_are_named(tmp_path, name, content):
    TOKENIZER.save(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match="lacks" if content.startswith("zz") else name):
        ByteLevelBPE.from_pretrained(tmp_path)


def test_misuse_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        ByteLevelBPE.from_pretrained(tmp_path)
    with pytest.raises(TypeError, match="encode"):
        TOKENIZER.encode(b"bytes")
    with pytest.raises(ValueError, match="no token 600"):
        TOKENIZER.decode([600])
    with pytest.raises(ValueError, match="train_bpe"):
        train_bpe(["a"], 100)
    (tmp_path / "x.tiktoken").write_text("!!! 3\n")
    with pytest.raises(ValueError, match="base64"):
        ByteLevelBPE.from_ranks(tmp_path / "x.tiktoken")


def test_clip_is_the_librarys(tmp_path):
    transformers = pytest.importorskip("transformers")
    characters = sorted(byte_characters())
    merges = [("t", "h"), ("th", "e</w>"), ("a", "n"), ("r", "e"), ("re", "d</w>"), ("1", "2</w>"), ("Ã", "©</w>")]
    tokens = [*characters, *(c + "</w>" for c in characters), *(a + b for a, b in merges), "<|startoftext|>", "<|endoftext|>"]
    ours = CLIPTokenizer({token: i for i, token in enumerate(tokens)}, merges)
    ours.save(tmp_path)
    theirs = transformers.CLIPTokenizer(vocab=dict(ours.vocabulary) | ours.special, merges=merges)
    start, end = ours.special["<|startoftext|>"], ours.special["<|endoftext|>"]
    for text in [*TEXTS[2:], *HARD, "The RED  an12 café CAFE\u0301"]:
        if "<|" in text or "\x1c" in text:
            continue
        assert [start, *ours.encode(text), end] == theirs(text)["input_ids"], repr(text)
    rows = ours.batch(["the red", ""], context=6)
    assert rows.tolist() == [[start, *ours.encode("the red"), end, 0, 0], [start, end, 0, 0, 0, 0]]
    assert (rows.argmax(-1) == [3, 1]).all()
    assert ours.decode(ours.encode("The  red")) == "the red "
    with pytest.raises(ValueError, match="more than 6"):
        ours.batch(["a b c d e"], context=6)
    assert ours.batch(["a b c d e"], context=6, cut=True)[0, -1] == end
    with pytest.raises(ValueError, match="startoftext"):
        CLIPTokenizer({"a": 0}, [])


def published(name):
    if WHISPER_FILES is None or WHISPER_FILES.origin is None:
        pytest.skip("openai-whisper, which brings the vocabularies, is not installed")
    return Path(WHISPER_FILES.origin).parent / "assets" / name


def test_gpt2s_published_vocabulary():
    ours = ByteLevelBPE.from_ranks(published("gpt2.tiktoken"))
    assert len(ours) == 50257
    assert ours.special == {"<|endoftext|>": 50256}
    assert ours.encode("The capital of Japan is") == [464, 3139, 286, 2869, 318]
    assert ours.token_bytes(0) == b"!"
    for text in TEXTS:
        assert ours.decode(ours.encode(text)) == text


def test_whispers_published_vocabularies():
    ours = WhisperTokenizer.from_ranks(published("multilingual.tiktoken"))
    assert len(ours) == 51865
    assert ours.end == 50257
    assert ours.prompt() == [50258, 50259, 50359, 50363]
    assert ours.prompt("fr", "translate", timestamps=True) == [50258, 50265, 50358]
    assert ours.no_speech == 50362
    english = WhisperTokenizer.from_ranks(published("gpt2.tiktoken"))
    assert len(english) == 51864
    assert english.prompt(None) == [50257, 50362]
    source = (published("gpt2.tiktoken").parent.parent / "tokenizer.py").read_text()
    names: dict = {}
    exec(source[source.index("LANGUAGES = {") : source.index("}", source.index("LANGUAGES = {")) + 1], names)
    from_source = [f"<|{code}|>" for code in names["LANGUAGES"]][:99]
    assert [name for name in ours.special if name in from_source] == from_source


def test_whispers_times():
    plain = {c: i for i, c in enumerate(byte_characters())}
    ours = WhisperTokenizer(plain, [], special_tokens(256))
    assert ours.seconds(ours.special["<|29.98|>"]) == 29.98
    assert ours.seconds(3) is None
    tokens = ours.encode("<|0.00|> one<|1.50|><|1.50|> two<|30.00|> lost")
    assert ours.segments(tokens) == [(0.0, 1.5, " one"), (1.5, 30.0, " two")]
    assert ours.text(tokens) == " one two lost"
    with pytest.raises(ValueError, match="<|xx|>"):
        ours.prompt("xx")


def test_characters(tmp_path):
    ours = CharacterTokenizer("hello wörld")
    assert ours.characters == sorted(set("hello wörld"))
    assert ours.decode(ours.encode("wörld")) == "wörld"
    with pytest.raises(ValueError, match="'x' is not one"):
        ours.encode("x")
    with pytest.raises(ValueError, match="no token"):
        ours.decode([-1])
    with pytest.raises(ValueError, match="empty"):
        CharacterTokenizer("")
    other = CharacterTokenizer("abc?", unknown="?")
    other.save(tmp_path / "t.json")
    assert CharacterTokenizer.load(tmp_path / "t.json").decode(other.encode("abx")) == "ab?"
    (tmp_path / "t.json").write_text("[]")
    with pytest.raises(ValueError, match=r"t\.json"):
        CharacterTokenizer.load(tmp_path / "t.json")


def test_words(tmp_path):
    ours = WordTokenizer.of(["The cat, the dog.", "the CAT"], most=4, special=("<pad>", "<unk>"))
    assert ours.tokens == ["<pad>", "<unk>", "the", "cat", ",", "."]
    assert ours.encode("The bird.") == [2, 1, 5]
    assert ours.decode([2, 3]) == "the cat"
    ours.save(tmp_path / "w.json")
    assert WordTokenizer.load(tmp_path / "w.json").tokens == ours.tokens
    with pytest.raises(ValueError, match="twice"):
        WordTokenizer(["a", "a"])
    (tmp_path / "w.json").write_text("{}")
    with pytest.raises(ValueError, match=r"w\.json"):
        WordTokenizer.load(tmp_path / "w.json")


def test_the_letters_are_unicodes():
    import re

    from talweg.data.text.unicode import category

    letters = re.compile(f"[{category('L')}]")
    for code in random.Random(0).sample(range(0x110000), 5000):
        assert bool(letters.match(chr(code))) == (unicodedata.category(chr(code))[0] == "L")


# tokenizer.json


def test_a_folder_with_tokenizer_json_alone_is_read(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    ours = train_bpe(["the cat sat on the mat, the dog on the log"] * 3, 290)
    ours.save(tmp_path / "own")
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(
        str(tmp_path / "own" / "vocab.json"), str(tmp_path / "own" / "merges.txt")))
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.add_special_tokens(["<|endoftext|>"])
    (tmp_path / "new").mkdir()
    theirs.save(str(tmp_path / "new" / "tokenizer.json"))
    read = ByteLevelBPE.from_pretrained(tmp_path / "new")
    for text in ("the mat on the dog", "\u00e9t\u00e9 <|endoftext|> the"):
        assert read.decode(read.encode(text)) == text
        assert read.encode(text) == theirs.encode(text).ids


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "holds no tokenizer"), ("{}", "holds no tokenizer"), ("[]", "holds no tokenizer"),
     ('{"model": {"type": "Unigram"}}', "byte pairs over bytes"),
     ('{"model": {"type": "BPE", "vocab": {}, "merges": ["a"]}, "pre_tokenizer": {"type": "ByteLevel"}}', "two tokens")],
)
def test_what_is_no_tokenizer_json_is_refused(tmp_path, content, words):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ValueError, match=words):
        ByteLevelBPE.from_pretrained(tmp_path)
