"""The recipe translate: alphabets, batches, a small training that turns words round, both ways of decoding (L 5.3)."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from talweg.cli.main import main
from talweg.models.transformer import Transformer
from talweg.recipes.attention_grid import attention_grid
from talweg.recipes.registry import recipe_for, recipe_of
from talweg.recipes.sequence_loss import IGNORED, token_loss
from talweg.recipes.translate import RECIPE, beam_translated, translated
from talweg.recipes.translate_settings import Settings
from talweg.recipes.translate_tokens import BEGIN, END, PADDING, UNKNOWN, Alphabet, PairExamples, Prepared, padded
from talweg.tensor import from_numpy, manual_seed

TEXTS = ["le chat dort", "le chien", "un chat noir", "ça va \u00e0 peu"]


@pytest.mark.parametrize("unit", ["characters", "words", "pieces"])
def test_alphabets_read_back_what_they_write(unit):
    alphabet = Alphabet.of(TEXTS, unit, 300)
    for text in TEXTS:
        tokens = alphabet.encode(text)
        assert min(tokens) > UNKNOWN
        assert max(tokens) < len(alphabet)
        assert alphabet.decode(tokens) == text
        assert alphabet.decode([BEGIN, *tokens, END, PADDING]) == text
    again = Alphabet(alphabet.unit, alphabet.symbols)
    assert again.encode("le chat noir") == alphabet.encode("le chat noir")


def test_unknown_symbols():
    assert Alphabet.of(TEXTS, "words", 300).encode("le hibou")[1] == UNKNOWN
    assert UNKNOWN in Alphabet.of(TEXTS, "characters", 300).encode("z")
    pieces = Alphabet.of(TEXTS, "pieces", 300)
    assert pieces.decode(pieces.encode("été 你好")) == "été 你好"
    assert len(Alphabet.of(TEXTS, "words", 2).symbols) == 2
    with pytest.raises(ValueError, match="unit must be one of"):
        Alphabet("runes", [])


def test_batches():
    prepared = Prepared("characters", list("abc"), "words", ["x", "y"], 5)
    (sources, given), targets = PairExamples([("ab", "x y x"), ("c", "y")], prepared).batch([0, 1])
    a, b, c = prepared.source.encode("abc")
    x, y = prepared.target.encode("x y")
    assert sources.numpy().tolist() == [[a, b, END, PADDING, PADDING], [c, END, PADDING, PADDING, PADDING]]
    assert given.numpy().tolist() == [[BEGIN, x, y, x, PADDING], [BEGIN, y, PADDING, PADDING, PADDING]]
    assert targets.numpy().tolist() == [[x, y, x, END, IGNORED], [y, END, IGNORED, IGNORED, IGNORED]]
    assert padded([[7] * 9], 4).tolist() == [[7, 7, 7, END]]
    with pytest.raises(ValueError, match="context must be 2"):
        Prepared("words", [], "words", [], 1)


def test_the_loss_counts_real_targets_only():
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 3, 5)).astype(np.float32)
    targets = np.array([[1, 4, IGNORED], [0, IGNORED, IGNORED]])
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -(logs[0, 0, 1] + logs[0, 1, 4] + logs[1, 0, 0]) / 3
    assert token_loss(from_numpy(logits), from_numpy(targets)).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_greedy_is_one_beam():
    """For sources one by one and together, with padding behind the shorter ones."""
    manual_seed(0)
    prepared = Prepared("characters", list("abcdef"), "characters", list("uvwxyz"), 9)
    model = Transformer(len(prepared.source), 16, 1, 2, 32, target_vocabulary=len(prepared.target), context=9,
                        padding=PADDING, norm_first=True).eval()
    for p in model.parameters():
        p.data.mul_(1.7)
    words = ["ab", "fedcba", "c", "deaf"]
    together = translated(model, prepared, words)
    assert len(set(together)) > 1
    assert [translated(model, prepared, [w])[0] for w in words] == together
    assert [beam_translated(model, prepared, w, 1) for w in words] == together


@pytest.mark.parametrize(("given", "message"), [
    ({"width": 7}, "width must be an even number"), ({"source_unit": "runes"}, "source_unit must be one of"),
    ({"beams": 0}, "beams must be"), ({"longest": 1}, "longest must be"), ({"label_smoothing": 1.0}, "label_smoothing must be"),
    ({"model": "gpt"}, "model must be"),
])
def test_settings_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        Settings(**given)


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """Words of two or three letters out of five, and the same turned round."""
    path = tmp_path_factory.mktemp("pairs") / "mirror.tsv"
    letters = "abcde"
    words = [a + b + c for a in letters for b in letters for c in letters] + [a + b for a in letters for b in letters]
    path.write_text("".join(f"{w}\t{w[::-1]}\n" for w in words))
    return path


SMALL = ["--width", "32", "--layers", "1", "--heads", "2", "--batch-size", "53", "--dropout", "0", "--source-unit", "characters",
         "--target-unit", "characters", "--lr", "0.01"]


@pytest.fixture(scope="module")
def run(mirrored, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mirror"
    given = ["train", "translate", "--data", str(mirrored), *SMALL, "--epochs", "100", "--out", str(out), "--json"]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 0, done.output
    return out, json.loads(done.output)


def test_a_small_transformer_turns_words_round(run):
    out, facts = run
    assert facts["test_error_rate"] <= 0.25, facts  # a guess is wrong four times in five
    assert facts["test_beam_error_rate_compared"] <= facts["test_greedy_error_rate_compared"] + 0.1
    report = (out / "report.html").read_text()
    assert "What was written, mistakes first" in report
    assert "data:image/png" in report
    assert recipe_of(out).name == "translate"


def test_a_run_is_evaluated_and_used(run, tmp_path):
    out, facts = run
    done = CliRunner().invoke(main, ["evaluate", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["error_rate"] == pytest.approx(facts["test_error_rate"])
    lines = tmp_path / "lines.txt"
    lines.write_text("abc\n\nda\n")
    for beams in ("1", "3"):
        done = CliRunner().invoke(main, ["predict", str(out), "abd", str(lines), "--beams", beams, "--json"])
        assert done.exit_code == 0, done.output
        answers = json.loads(done.output)["answers"]
        assert answers[0]["source"] == "abd"
        assert [t["source"] for t in answers[1]["translations"]] == ["abc", "da"]
        assert all(set(t["target"]) <= set("abcde") for t in answers[1]["translations"])
    done = CliRunner().invoke(main, ["predict", str(out), "  "])
    assert done.exit_code == 1
    assert "no text to translate" in done.output


def test_pairs_that_are_too_long_are_left_out(mirrored, tmp_path):
    path = tmp_path / "long.tsv"
    path.write_text(mirrored.read_text() + "".join(f"{'a' * 30}{i}\tb\n" for i in range(5)))
    units = {"source_unit": "characters", "target_unit": "characters"}
    found = RECIPE.material(Settings(data=str(path), longest=10, **units))
    assert "left out 5 pairs" in found.notes[-1]
    with pytest.raises(ValueError, match="raise --longest"):
        RECIPE.material(Settings(data=str(tmp_path / "only.tsv"), longest=2, **units)) if (tmp_path / "only.tsv").write_text(
            "".join(f"abc{i}\tabc\n" for i in range(10))) else None


def test_data_without_pairs(tmp_path):
    with pytest.raises(ValueError, match="karate holds no pairs"):
        RECIPE.material(Settings(data="karate"))
    with pytest.raises(FileNotFoundError):
        RECIPE.material(Settings(data=str(tmp_path / "gone.tsv")))


def test_the_grid():
    image = attention_grid(np.eye(2, 3), ["x", "y"], ["a", "b", "c"])
    assert image.size == (52 + 26 * 3, 26 * 3)
    assert image.getpixel((52 + 10, 26 + 10)) == (0, 0, 0)
    assert image.getpixel((52 + 36, 26 + 10)) == (255, 255, 255)


def test_names():
    assert recipe_for("translate") == ("translate", "transformer")
    assert recipe_for("transformer") == ("translate", "transformer")
