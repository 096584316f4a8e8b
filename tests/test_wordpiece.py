"""WordPiece against the tokenizers library: words, pieces, learning, files."""

import json
import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talweg.data.named.topics import topics_text
from talweg.data.text import BertWords, WordPiece, train_wordpiece
from talweg.data.text.training import spelled
from talweg.data.text.wordpiece import SPECIAL

tokenizers = pytest.importorskip("tokenizers")
TEXT = topics_text()[:60_000]
TOKENIZER = train_wordpiece([TEXT], 800)
HARD = [
    "", " ", "a", "Don't STOP.", "x\t\r\ny", "caf\u00e9 CAFE\u0301", "\u65e5\u672c\u8a9e text", "a\x00b\ufffdc\x0bd\x7f",
    "\u200bzero\u200dwidth", "a\u2028b\u3000c\x85d", "\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u03a3\u0391\u03a3",
    "\u0130stanbul", "$5+3=8^`|~", "\u20ac 3\u00bd", "[MASK] of [unk] [CLS]x[SEP]", "w" * 100, "w" * 101,
    "\U0001f642 \u2014 \u00ab\u00bb \u2026", "\ufb01 \u00df \u212b", "a##b ##c", "\ue000private", "\u0e01\u0e33", "\u1680ogham",
]


def published(tokenizer, words=None):
    """The tokenizers library's, of our vocabulary."""
    words = words or tokenizer.words
    found = tokenizers.Tokenizer(tokenizers.models.WordPiece(tokenizer.vocabulary, unk_token="[UNK]"))
    found.normalizer = tokenizers.normalizers.BertNormalizer(
        lowercase=words.lower, strip_accents=words.accents, handle_chinese_chars=words.ideographs)
    found.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    found.add_special_tokens(list(SPECIAL))
    found.decoder = tokenizers.decoders.WordPiece(cleanup=False)
    return found


@pytest.mark.parametrize("words", [BertWords(), BertWords(lower=False), BertWords(lower=False, accents=True),
                                   BertWords(accents=False, ideographs=False)])
def test_encoding_is_the_librarys(words):
    ours, theirs = WordPiece(TOKENIZER.vocabulary, words), published(TOKENIZER, words)
    rng = random.Random(0)
    drawn = ["".join(rng.choices("aB 's\n\t\u00c98\u3000.-\u4e00[]\u0301", k=rng.randrange(30))) for _ in range(200)]
    for text in [*TEXT.split("\n")[:300], *HARD, *drawn]:
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids, repr(text)


OLD = st.characters(exclude_categories=["Cs", "Cn"]).filter(lambda c: unicodedata.ucd_3_2_0.category(c) != "Cn")


@settings(max_examples=300, deadline=None)
@given(st.text(OLD, max_size=20))
def test_any_text_of_characters_that_both_know_is_cut_alike(text):
    """Characters of Unicode 3.2, which the library's tables have too: of newer ones it does not know all marks."""
    assert TOKENIZER.encode(text) == published(TOKENIZER).encode(text, add_special_tokens=False).ids


def test_pieces_are_learnt_as_the_library_learns_them():
    """The library draws lots among equally frequent pairs, so the frequent pieces are compared."""
    trainer = tokenizers.trainers.WordPieceTrainer(vocab_size=500, special_tokens=list(SPECIAL), show_progress=False,
                                                   min_frequency=2)
    theirs = published(TOKENIZER)
    theirs.model = tokenizers.models.WordPiece(unk_token="[UNK]")
    theirs.train_from_iterator([TEXT], trainer)
    ours = train_wordpiece([TEXT], 500)
    assert len(ours) == 500
    assert len(ours.vocabulary.keys() & theirs.get_vocab().keys()) >= 490
    assert train_wordpiece([TEXT], 500).vocabulary == ours.vocabulary


def test_every_word_of_the_learnt_text_has_pieces():
    ids = TOKENIZER.encode(TEXT)
    assert TOKENIZER["[UNK]"] not in ids
    assert TOKENIZER.decode(ids) == " ".join(TOKENIZER.words.cut(TEXT))
    assert len(ids) < 0.6 * sum(len(spelled(word)) for word in TOKENIZER.words.cut(TEXT))


def test_texts_are_enclosed_and_cut():
    first, last = TOKENIZER["[CLS]"], TOKENIZER["[SEP]"]
    whole = TOKENIZER.encode("one two three four")
    assert TOKENIZER.enclosed("one two three four", 100) == [first, *whole, last]
    assert TOKENIZER.enclosed("one two three four", 4) == [first, *whole[:2], last]
    assert TOKENIZER.encode("[MASK]") == [TOKENIZER["[MASK]"]]
    assert len(TOKENIZER.encode("[MASK]", special=False)) > 1


@pytest.mark.parametrize("words", [BertWords(), BertWords(lower=False, accents=False, ideographs=False)])
def test_files_are_read_back_and_by_transformers(tmp_path, words):
    transformers = pytest.importorskip("transformers")
    ours = WordPiece(TOKENIZER.vocabulary, words)
    ours.save(tmp_path / "a")
    again = WordPiece.from_pretrained(tmp_path / "a")
    assert (again.vocabulary, again.words) == (ours.vocabulary, ours.words)
    theirs = transformers.BertTokenizer.from_pretrained(tmp_path / "a")
    text = "A Caf\u00e9's [MASK] \u65e5\u672c"
    assert theirs(text)["input_ids"] == ours.enclosed(text, 512)
    theirs.save_pretrained(tmp_path / "b")
    (tmp_path / "b" / "vocab.txt").unlink(missing_ok=True)
    third = WordPiece.from_pretrained(tmp_path / "b")
    assert third.enclosed(text, 512) == theirs(text)["input_ids"]


def malformed(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(("files", "words"), [
    ({"vocab.txt": b"a\nb\n"}, r"lacks \[UNK\]"),
    ({"vocab.txt": b"[UNK]\na\na\n"}, "lists a token twice"),
    ({"vocab.txt": b"[UNK]\n\xff\n"}, "no UTF-8"),
    ({"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b"{"}, "not valid JSON"),
    ({"vocab.txt": b"[UNK]\n", "tokenizer_config.json": b"[]"}, "must hold an object"),
    ({"tokenizer.json": json.dumps({"model": {"type": "BPE"}}).encode()}, "not BERT's"),
    ({"tokenizer.json": b"{}"}, "holds no tokenizer"),
])
def test_malformed_files_are_refused(tmp_path, files, words):
    with pytest.raises(ValueError, match=words):
        WordPiece.from_pretrained(malformed(tmp_path, files))


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither vocab.txt nor"):
        WordPiece.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="the size must be at least"):
        train_wordpiece([TEXT], 20)
    with pytest.raises(ValueError, match="listed twice"):
        WordPiece.of(["[UNK]", "a", "a"])
    with pytest.raises(ValueError, match="without gaps"):
        WordPiece({"[UNK]": 0, "a": 2}).save(tmp_path)
    with pytest.raises(ValueError, match="no token 900"):
        TOKENIZER.decode([900])
    with pytest.raises(TypeError, match="expected a str"):
        TOKENIZER.encode(b"bytes")
