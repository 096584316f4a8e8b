"""Language models: texts and their windows, figures against closed forms, generation, published GPT-2 folders."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from resuming import resumed_differs

import talweg as tw
from talweg.cli.main import main
from talweg.data.plain_text import load_text
from talweg.data.text import WordTokenizer, train_bpe
from talweg.models import GPT2, build
from talweg.models.generation import Sampling
from talweg.recipes.language import RECIPE, scored
from talweg.recipes.language_settings import Options, Settings
from talweg.recipes.language_text import answer, text_of, until
from talweg.recipes.language_tokens import IGNORED, Prepared, Windows, learnt_tokens, scored_windows
from talweg.recipes.published import weights_of
from talweg.recipes.registry import recipe_of

SMALL = {"context": 16, "width": 32, "layers": 1, "heads": 2, "batch_size": 16, "lr": 1e-2, "warmup": 0.0}
VERSE = "the cat sat on the mat, and the dog sat on the log; then the cat saw the dog. "


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "verse.txt"
    path.write_text(VERSE * 40, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(text_file, tmp_path_factory):
    chosen = Settings(data=str(text_file), epochs=10, **SMALL)
    return RECIPE.train(chosen, tmp_path_factory.mktemp("runs") / "verse")


# Training


def test_a_text_that_repeats_itself_is_learnt(run):
    figures = run.test.figures
    assert figures["bits_per_character"] < 1.5  # the letters alone have 3.7
    assert figures["perplexity"] == pytest.approx(math.exp(figures["loss"]))
    assert figures["bits_per_character"] == pytest.approx(figures["loss"] / math.log(2), rel=1e-6)
    page = (run.run / "report.html").read_text()
    assert "Text it makes" in page
    assert "What surprised it" in page


def test_evaluating_a_run_gives_the_figures_of_its_training(run):
    assert RECIPE.evaluate(run.run).figures == pytest.approx(run.test.figures)
    assert RECIPE.evaluate(run.run, "validation").figures["loss"] == pytest.approx(run.result.best.validation_loss, rel=1e-5)
    with pytest.raises(ValueError, match="no split is called 'tset'"):
        RECIPE.evaluate(run.run, "tset")


@pytest.mark.parametrize("tokenizer", ["char", "bpe", "words"])
@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bits(text_file, tmp_path, tokenizer):
    chosen = Settings(data=str(text_file), steps=7, tokenizer=tokenizer, vocabulary=280, dropout=0.1, **SMALL)
    if tokenizer == "char":
        assert resumed_differs(RECIPE, chosen, tmp_path, 5) == []
        return
    found = RECIPE.train(chosen, tmp_path / "run")
    assert ("bits_per_character" in found.test.figures) == (tokenizer == "bpe")
    assert RECIPE.evaluate(found.run).figures == pytest.approx(found.test.figures)


def test_a_changed_text_is_not_measured_with_an_old_run(text_file, tmp_path):
    path = tmp_path / "own.txt"
    path.write_text(VERSE * 30)
    run = RECIPE.train(Settings(data=str(path), steps=1, **SMALL), tmp_path / "run").run
    path.write_text(VERSE * 31)
    with pytest.raises(ValueError, match="has changed since"):
        RECIPE.evaluate(run)


def test_the_loss_of_an_even_model_is_the_logarithm_of_the_vocabulary():
    class Even(tw.nn.Module):
        def forward(self, tokens):
            return tw.zeros(*tokens.shape, 7)

    found = scored(Even(), np.arange(50) % 7, 8)
    assert len(found.nats) == 49
    np.testing.assert_allclose(found.nats, math.log(7), rtol=1e-6)


# Windows


@given(st.integers(2, 60), st.integers(2, 20))
def test_every_token_but_the_first_is_scored_once_with_what_came_before_it(count, context):
    tokens = np.arange(count) + 100
    seen = []
    for inputs, targets in scored_windows(tokens, context):
        counted = targets != IGNORED
        assert inputs.shape == targets.shape
        np.testing.assert_array_equal(inputs[counted] + 1, targets[counted])
        seen += targets[counted].tolist()
    assert seen == list(range(101, 100 + count))


@given(st.integers(0, 5), st.integers(0, 5))
@settings(deadline=None)
def test_windows_lie_side_by_side_and_begin_elsewhere_in_every_epoch(seed, epoch):
    tokens = np.arange(1000)
    windows = Windows(tokens, 16, seed).at_epoch(epoch)
    inputs, targets = (t.numpy() for t in windows.batch(range(len(windows))))
    np.testing.assert_array_equal(inputs.ravel(), np.arange(inputs.size) + windows.first)
    np.testing.assert_array_equal(targets, inputs + 1)
    assert 0 <= windows.first < 16
    assert targets.max() < 1000


def test_epochs_begin_at_different_places():
    assert len({Windows(np.arange(1000), 16, 0, epoch).first for epoch in range(20)}) > 5


def test_too_little_text_for_a_window_is_told():
    with pytest.raises(ValueError, match="fewer than two windows of 16"):
        Windows(np.arange(20), 16, 0)
    with pytest.raises(ValueError, match="none that could be predicted"):
        list(scored_windows(np.arange(1), 4))


# Tokens


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_texts_come_back_from_their_tokens(kind):
    chosen = Settings(tokenizer=kind, vocabulary=300)
    kept = Prepared(kind, learnt_tokens(chosen, VERSE * 3), 16, "")
    assert kept.built().decode(kept.built().encode(VERSE)) == VERSE
    assert kept.lossless


def test_byte_pairs_are_those_of_the_training():
    kept = Prepared("bpe", learnt_tokens(Settings(tokenizer="bpe", vocabulary=300), VERSE), 16, "")
    expected = train_bpe([VERSE], 300, special=())
    ours = kept.built()
    assert len(ours) <= 300
    assert [ours.token_bytes(t) for t in ours.encode(VERSE)] == [expected.token_bytes(t) for t in expected.encode(VERSE)]


def test_a_character_that_was_never_seen_has_a_token_in_a_text_but_is_refused_in_a_prompt(run):
    _, _, prepared = RECIPE.load(run.run)
    assert len(set(prepared.built().encode("\u4e00\u4e01"))) == 1
    with pytest.raises(ValueError, match="holds '\u4e00', which the text"):
        RECIPE.generate(run.run, Options(prompt="the \u4e00"))


# Text by path


def test_text_files_and_folders_are_read(tmp_path):
    (tmp_path / "b.txt").write_text("bbbbb")
    (tmp_path / "a.md").write_text("aaaaa")
    (tmp_path / "c.jsonl").write_text('{"text": "ccc"}\n\n{"text": "ddd", "more": 1}\n')
    (tmp_path / ".hidden.txt").write_text("hidden")
    found = load_text(str(tmp_path))
    assert found.train + found.validation + found.test == "aaaaa\nbbbbb\nccc\nddd"
    for name in ("train", "validation", "test"):
        (tmp_path / f"{name}.txt").write_text(name * 3)
    assert load_text(str(tmp_path)).validation == "validation" * 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", "is empty"), ("a.txt", b"\xff\xff\xff", "is no UTF-8 text"), ("a.txt", b"ab", "too few for three parts"),
        ("a.png", b"abc", "is no text by its name"), ("a.jsonl", b"{\n", "row 1: is not valid JSON"),
        ("a.jsonl", b'{"text": "a"}\n{"txt": "b"}\n', "row 2: must hold an object with a string"),
    ],
)
def test_bad_text_files_are_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        load_text(str(tmp_path / name))
    assert name in str(caught.value)


def test_what_is_no_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no text file"):
        load_text(str(tmp_path))
    with pytest.raises(ValueError, match="digits is no running text"):
        load_text("digits")
    with pytest.raises(ValueError, match="no text is called 'topisc'"):
        load_text("topisc")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_text(str(tmp_path / "no.txt"))
    (tmp_path / "train.txt").write_text("abc")
    with pytest.raises(ValueError, match="none called validation or test"):
        load_text(str(tmp_path))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"heads": 3}, "divisor of the width 128"), ({"tokenizer": "letters"}, "one of char, bpe, words"),
     ({"context": 1}, "2 tokens")],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


# Generation


@given(st.lists(st.text("abc", max_size=3), max_size=12), st.text("abc", min_size=1, max_size=4))
def test_a_text_ends_before_the_first_stop_however_it_is_cut(pieces, stop):
    whole = "".join(pieces)
    assert "".join(until(pieces, stop)) == whole.partition(stop)[0]
    assert "".join(until(pieces, None)) == whole


def test_what_cannot_begin_the_stop_is_not_held_back():
    assert list(until(["ab", "cx", "d"], "xy")) == ["ab", "c", "xd"]


@pytest.mark.slow
def test_equal_seeds_give_equal_texts_longer_than_the_context(run):
    def made(**options):
        return RECIPE.generate(run.run, Options(prompt="the ", count=60, **options)).whole()

    assert made(seed=3) == made(seed=3)
    assert len({made(seed=seed, temperature=1.5) for seed in range(4)}) > 1
    assert len(made()) == 64
    assert made(temperature=0) == made(top_k=1) == made(temperature=0, seed=9)
    assert made(temperature=0, stop="sat").endswith("sat") is False


def test_beams_find_a_text_at_least_as_probable_as_the_greedy_one(run):
    _, model, prepared = RECIPE.load(run.run)
    tokenizer = prepared.built()

    def log_probability(text):
        return -scored(model, np.array(tokenizer.encode("the " + text)), 16).nats[3:].sum()

    greedy = RECIPE.generate(run.run, Options(prompt="the ", count=8, temperature=0)).whole()[4:]
    found = RECIPE.generate(run.run, Options(prompt="the ", count=8, beam=4))
    assert log_probability(found.facts["text"]) >= log_probability(greedy) - 1e-4
    assert found.facts["score"] >= max(h["score"] for h in found.facts["others"])


def fond_of(token, vocabulary):
    """A GPT, untrained, to which this token is by far the most probable one."""
    model = build("gpt", (64,), 0, vocabulary=vocabulary, width=16, layers=1, heads=2)
    more = tw.from_numpy(20 * np.eye(vocabulary, dtype=np.float32)[token])
    decode = model.decode
    model.decode = lambda tokens, cache: decode(tokens, cache) + more
    return model


@pytest.mark.parametrize("kind", ["char", "words"])
@pytest.mark.parametrize("told", [{"temperature": 0}, {"temperature": 1.0}, {"top_k": 1}, {"top_p": 0.9}, {"beam": 3}])
def test_what_has_no_text_is_never_written(kind, told):
    tokenizer = Prepared(kind, learnt_tokens(Settings(tokenizer=kind), VERSE), 16, "").built()
    unknown = tokenizer.encode("\u4e00")[0]
    made = answer(fond_of(unknown, len(tokenizer)), tokenizer, Options(prompt="the ", count=40, **told))
    text = made.whole()
    assert unknown not in made.facts["tokens"]
    assert len(made.facts["tokens"]) == 40
    assert set(text) <= set(VERSE)


def test_where_no_token_is_left_it_is_told():
    with pytest.raises(ValueError, match="of 2 tokens none is left"):
        Sampling(without=(0, 1)).probabilities(np.zeros((1, 2)))
    np.testing.assert_allclose(Sampling(without=(1,)).probabilities(np.zeros((2, 3))), [[0.5, 0, 0.5]] * 2)


def test_words_are_told_with_spaces():
    tokenizer = WordTokenizer(["cat", "the"])
    assert "".join(text_of(tokenizer, tokenizer.encode("the cat"))) == " the cat"


@pytest.mark.parametrize("wrong", [{"prompt": ""}, {"count": 0}, {"beam": 0}, {"stop": ""}, {"seed": -1}])
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"setting {next(iter(wrong))} must be"):
        Options(**wrong)


# The command line


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_train_measure_and_generate(text_file, tmp_path):
    small = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    done = called("train", "gpt", "--data", text_file, "--steps", 4, "--out", tmp_path / "run", *small)
    assert done.exit_code == 0, done.output
    assert "bits per character" in done.output
    measured = called("evaluate", tmp_path / "run", "--json")
    assert json.loads(measured.output)["perplexity"] > 1
    made = called("generate", tmp_path / "run", "--prompt", "the cat", "--count", 20, "--top-p", 0.9, "--seed", 4)
    assert made.exit_code == 0, made.output
    assert made.output.startswith("the cat")
    assert made.output == called("generate", tmp_path / "run", "--prompt", "the cat", "--count", 20, "--top-p", 0.9,
                                 "--seed", 4).output
    facts = json.loads(called("generate", tmp_path / "run", "--prompt", "the cat", "--count", 5, "--json").output)
    assert len(facts["tokens"]) == 5
    assert len(facts["prompt_ids"]) == 7
    wrong = called("generate", tmp_path / "run", "--temprature", 1)
    assert wrong.exit_code == 2
    assert "--temperature" in wrong.output


# Published weights


@pytest.fixture(scope="module")
def gpt2_folder(tmp_path_factory):
    """A small random GPT-2 as the transformers library writes it, with a tokenizer that was learnt here."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("published") / "gpt2"
    tokenizer = train_bpe([VERSE * 5], 300)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=24, n_embd=16, n_layer=2, n_head=2, initializer_range=0.4)
    model = transformers.GPT2LMHeadModel(config).eval()
    model.save_pretrained(folder)
    tokenizer.save(folder)
    return folder, model


def test_a_published_folder_generates_what_the_transformers_library_does(gpt2_folder):
    torch = pytest.importorskip("torch")
    folder, theirs = gpt2_folder
    assert recipe_of(folder) is RECIPE
    options = Options(prompt="the cat sat", count=12, temperature=0)
    found = RECIPE.generate(folder, options)
    found.whole()
    ids = torch.tensor([found.facts["prompt_ids"]])
    greedy = theirs.generate(ids, max_new_tokens=12, do_sample=False, pad_token_id=0, eos_token_id=None)
    expected = greedy[0, ids.shape[1]:].tolist()
    assert found.facts["tokens"] == expected[: len(found.facts["tokens"])]
    assert len(found.facts["tokens"]) >= 5
    ours = GPT2.from_pretrained(folder)
    with torch.no_grad(), tw.no_grad():
        logits = ours(tw.tensor(ids.tolist())).numpy()
        np.testing.assert_allclose(logits, theirs(ids).logits.numpy(), atol=1e-4)


def test_the_command_uses_published_weights(gpt2_folder):
    done = called("generate", gpt2_folder[0], "--prompt", "the cat", "--count", 6, "--top-k", 5)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("the cat")


def test_only_known_published_weights_are_taken_for_such(tmp_path):
    assert weights_of(tmp_path / "nothing") is None
    assert weights_of("gpt2").recipe == "language"
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert weights_of(tmp_path) is None
    (tmp_path / "config.json").write_text("[broken")
    assert weights_of(tmp_path) is None
    with pytest.raises(FileNotFoundError):
        recipe_of(tmp_path)


def test_a_text_ends_with_the_models_end_token():
    class Ends(tw.nn.Module):
        """Gives token 1 twice, then 2."""

        context = 8

        def make_cache(self, rows, room):
            from talweg.models.blocks import Cache
            return Cache(rows, 1, 1, room, 1)

        def decode(self, tokens, cache):
            place = cache.position + tokens.shape[1]
            cache.advance(tokens.shape[1])
            score = tw.stack([place * 0, (place < 3) * 9, (place >= 3) * 9]).float()
            return score.expand(tokens.shape[0], tokens.shape[1], 3)

    found = answer(Ends(), WordTokenizer(["a", "end"]), Options(prompt="a", count=6, temperature=0), end=2)
    assert found.whole() == "a a a"
    assert found.facts["tokens"] == [1, 1]
