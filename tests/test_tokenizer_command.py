"""`talweg tokenizer` (row 25): learned from a text, applied, read back; and every wrong input in one line."""

import json

import pytest
from click.testing import CliRunner

from talweg.cli import tokenizer as command
from talweg.cli.main import main
from talweg.data.named.topics import topics_text
from talweg.data.text import ByteLevelBPE

Tokenizer = pytest.importorskip("tokenizers").Tokenizer
TEXT = "Ein Talweg verbindet die tiefsten Punkte. A talweg joins the lowest points of a valley.\r\n\u00e9\U0001f30d\n" * 20


@pytest.fixture
def talk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture
def text(tmp_path):
    (tmp_path / "valley.txt").write_bytes(TEXT.encode())
    return tmp_path / "valley.txt"


def test_row_25_topics_take_three_characters_a_token_and_come_back(talk):
    code, out, _ = talk("tokenizer", "train", "--data", "topics", "--vocab", "4096", "--out", "tokens", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["vocabulary"] == 4096
    assert found["characters_per_token"] >= 3
    tokenizer = ByteLevelBPE.from_pretrained("tokens")
    sample = topics_text()[:20000]
    assert tokenizer.decode(tokenizer.encode(sample)) == sample


def test_what_is_written_is_what_the_library_of_tokenizers_reads(talk, text):
    assert talk("tokenizer", "train", "--data", "valley.txt", "--vocab", "330", "--out", "tokens")[0] == 0
    ours = ByteLevelBPE.from_pretrained("tokens")
    from tokenizers import decoders, models, pre_tokenizers

    theirs = Tokenizer(models.BPE.from_file("tokens/vocab.json", "tokens/merges.txt"))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    assert ours.encode(TEXT) == theirs.encode(TEXT).ids
    assert ours.decode(ours.encode(TEXT)) == TEXT


def test_a_text_is_cut_into_tokens(talk, text):
    talk("tokenizer", "train", "--data", "valley.txt", "--vocab", "330", "--out", "tokens")
    code, out, _ = talk("tokenizer", "encode", "tokens", "talweg \u00e9", "--json")
    found = json.loads(out)
    assert code == 0
    assert ByteLevelBPE.from_pretrained("tokens").decode(found["ids"]) == "talweg \u00e9"
    code, out, _ = talk("tokenizer", "encode", "tokens", "valley.txt")
    assert code == 0
    assert "not shown" in out
    assert out.count("\n") == command.SHOWN + 2


def test_a_folder_of_texts_in_the_order_of_names(talk, tmp_path):
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    for name, words in (("b.txt", "second"), ("a.txt", "first"), ("deep/c.txt", "third"), ("d.md", "no text")):
        (tmp_path / "texts" / name).write_text(words)
    assert command.text_of(str(tmp_path / "texts")) == "first\nsecond\nthird"


def test_a_small_text_has_fewer_pairs_than_asked_for(talk, tmp_path):
    (tmp_path / "small.txt").write_text("abababab")
    code, out, _ = talk("tokenizer", "train", "--data", "small.txt", "--vocab", "1000", "--out", "tokens")
    assert code == 0
    assert "no other pair occurs twice" in out


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["train", "--data", "missing.txt", "--out", "t"], 1, "missing.txt"),
    (["train", "--data", "empty.txt", "--out", "t"], 1, "empty"),
    (["train", "--data", "folder", "--out", "t"], 1, "no .txt files"),
    (["train", "--data", "latin.txt", "--out", "t"], 1, "UTF-8"),
    (["train", "--data", "valley.txt", "--vocab", "256", "--out", "t"], 2, "256"),
    (["train", "--data", "valley.txt"], 2, "--out"),
    (["encode", "folder", "a"], 1, "vocab.json"), (["encode", "nowhere", "a"], 1, "nowhere"), (["encodes"], 2, "encodes"),
])
def test_what_is_refused(talk, tmp_path, text, arguments, code, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    found, _, error = talk("tokenizer", *arguments)
    assert found == code
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "t").exists()


def test_an_empty_text_has_no_tokens(talk, text):
    talk("tokenizer", "train", "--data", "valley.txt", "--vocab", "300", "--out", "tokens")
    code, _, error = talk("tokenizer", "encode", "tokens", "")
    assert code == 1
    assert "empty" in error
