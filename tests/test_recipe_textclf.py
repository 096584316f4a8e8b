"""Texts into classes: data by path, hidden words, two stages that resume exactly, published folders, commands, bad input."""

import json
import random
import shutil
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from killing import differences
from resuming import Interrupts, resumed_differs

from talweg.cli.main import main
from talweg.data import load
from talweg.data.labelled_texts import read_labelled_texts
from talweg.data.named.paragraphs import owned_paragraphs
from talweg.data.text import train_wordpiece
from talweg.io import load_model
from talweg.models import BERT
from talweg.recipes.bert_reader import padded
from talweg.recipes.masked import RECIPE as MASKED
from talweg.recipes.masked import Settings as MaskedSettings
from talweg.recipes.masked import text_of_input
from talweg.recipes.masked_windows import IGNORED, HiddenWords
from talweg.recipes.textclf import RECIPE, Texts
from talweg.recipes.textclf_settings import Settings

SMALL = {"width": 16, "layers": 1, "heads": 2, "context": 16, "vocabulary": 200, "batch_size": 16, "pretrain_batch": 8}
GOOD, BAD = "great lovely happy bright warm".split(), "awful sad dark cold broken".split()
FRAME = "the film was really a story about some people and it felt".split()


def reviews(count=120, seed=0):
    rng = random.Random(seed)
    for i in range(count):
        telling = rng.choices(GOOD if i % 2 else BAD, k=2)
        yield {"text": " ".join(rng.sample([*rng.choices(FRAME, k=6), *telling], 8)), "label": "pos" if i % 2 else "neg"}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "reviews.jsonl"
    path.write_text("\n".join(map(json.dumps, reviews())))
    return path


# Data


def test_paragraphs_belong_to_one_topic_and_are_in_one_part():
    found, owned = load("topics:paragraphs"), owned_paragraphs()
    assert len(found.classes) == 20
    assert len(set(found.texts)) == len(found.texts)
    assert sorted([*found.train, *found.validation, *found.test]) == list(range(len(found.texts)))
    assert not set(found.unlabelled) & set(found.texts)
    assert all(found.classes[label] == owned[text] for text, label in zip(found.texts, found.labels))
    counts = np.bincount(found.labels)
    others = Counter(owned[text] for text in found.unlabelled)
    assert counts.min() >= max(others.values())


def as_csv(path, rows):
    path.write_text("id,label,text\n" + "\n".join(f'{i},{r["label"]},"{r["text"]}, ""so"""' for i, r in enumerate(rows)))
    return path


def as_folder(path, rows):
    for i, row in enumerate(rows):
        (path / row["label"]).mkdir(parents=True, exist_ok=True)
        (path / row["label"] / f"{i:03}.txt").write_text(row["text"])
    return path


def test_tables_and_folders_hold_the_same_texts(table, tmp_path):
    rows = list(reviews())
    wanted = sorted((r["text"], r["label"]) for r in rows)
    for path, ending in ((table, ""), (as_csv(tmp_path / "r.csv", rows), ', "so"'), (as_folder(tmp_path / "r", rows), "")):
        found = read_labelled_texts(path)
        assert sorted((t.removesuffix(ending), found.classes[i]) for t, i in zip(found.texts, found.labels)) == wanted
    other = tmp_path / "other.csv"
    other.write_text("n,kind,words\n" + "\n".join(f"{i},{r['label']},{r['text']}" for i, r in enumerate(rows)))
    with pytest.raises(ValueError, match="--text-column"):
        read_labelled_texts(other)
    named = read_labelled_texts(other, text="words", target="kind")
    assert sorted((t, named.classes[i]) for t, i in zip(named.texts, named.labels)) == wanted


@pytest.mark.parametrize(("name", "content", "words"), [
    ("a.csv", "", "is empty"), ("a.csv", "text,label\na b,x\nc d,x\n", "all of one class"),
    ("a.csv", "text,label\na b,x\nc d,y\n", "holds no classes"),
    ("a.csv", "text,label\na,x\nb,y\n,x\nd,y\n", "row 4: has no text"),
    ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": "b"}\n', "row 2: has no class"), ("a.txt", "a", "no table by its name"),
    ("a.csv", "words,n\na,1\n", "holds no classes"),
])
def test_bad_tables_are_told(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_labelled_texts(tmp_path / name)
    assert name in str(caught.value)


def test_what_holds_no_texts_is_refused(tmp_path, table):
    with pytest.raises(ValueError, match="digits holds no texts with classes"):
        RECIPE.material(Settings(data="digits"))
    with pytest.raises(ValueError, match="no texts are called 'topic'"):
        RECIPE.material(Settings(data="topic"))
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_labelled_texts(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="no column 'words'"):
        read_labelled_texts(table, text="words")
    bad = tmp_path / "bad.jsonl"
    bad.write_text(table.read_text() + '\n{"text": "", "label": "pos"}')
    found = read_labelled_texts(bad, on_error="skip")
    assert len(found.texts) == 120
    assert "skipped 1" in " ".join(found.notes)


# Hidden and dropped words


def test_hidden_words_are_the_share_asked_for_and_tell_what_was_there():
    tokenizer = train_wordpiece([row["text"] for row in reviews()], 100)
    ids = [[*tokenizer.encode(row["text"]), tokenizer["[SEP]"]] for row in reviews()]
    stays = tuple(tokenizer[t] for t in ("[CLS]", "[SEP]", "[PAD]", "[UNK]"))
    hidden = HiddenWords(ids, 32, 0.2, tokenizer, stays, seed=3)
    whole = hidden.stream[:len(hidden) * 30].reshape(-1, 30)
    (tokens, places), targets = ([t.numpy() for t in part] if isinstance(part, tuple) else part.numpy()
                                 for part in hidden.batch(range(len(hidden))))
    assert places.shape == targets.shape == (len(hidden), 6)
    restored = tokens.copy()
    np.put_along_axis(restored, places, np.where(targets == IGNORED, np.take_along_axis(tokens, places, 1), targets), 1)
    np.testing.assert_array_equal(restored[:, 1:-1], whole)
    shown = np.take_along_axis(tokens, places, 1)
    assert (shown == tokenizer["[MASK]"]).mean() == pytest.approx(0.8, abs=0.1)
    assert not np.isin(targets, stays).any()
    again = hidden.at_epoch(1).batch([0])[0][0].numpy()
    assert (again != tokens[0]).any()
    np.testing.assert_array_equal(hidden.at_epoch(1).batch([0])[0][0].numpy(), again)


def test_of_few_tokens_few_are_hidden():
    tokenizer = train_wordpiece([row["text"] for row in reviews()], 100)
    ids = [tokenizer.encode("great lovely happy bright warm awful")]
    (tokens, _), targets = HiddenWords(ids, 64, 0.15, tokenizer, (tokenizer["[PAD]"],), seed=0).batch([0])
    asked = max(1, round(0.15 * len(ids[0])))
    assert (targets.numpy() != IGNORED).sum() == asked
    assert (tokens.numpy()[0, 1:1 + len(ids[0])] != ids[0]).sum() <= asked


def test_brackets_in_texts_that_are_learned_from_are_words(tmp_path):
    rows = "".join(f'{{"text": "the [MASK] and [PAD] of {r["text"]}", "label": "{r["label"]}"}}\n' for r in reviews(40))
    (tmp_path / "t.jsonl").write_text(rows)
    sizes = {name: size for name, size in SMALL.items() if name != "pretrain_batch"}
    run = MASKED.train(MaskedSettings(data=str(tmp_path / "t.jsonl"), steps=2, **sizes), tmp_path / "run").run
    assert "Words hidden in test texts" in (run / "report.html").read_text()


@pytest.mark.parametrize(("tail", "words"), [
    ("\n" * 800, "its validation part holds no text"),
    ("\n\n" + "".join(map(chr, range(0x4e00, 0x4e00 + 600))), "validation texts"),
])
def test_parts_without_words_are_refused_before_training(tmp_path, tail, words):
    (tmp_path / "t.txt").write_text("\n\n".join(r["text"] for r in reviews(20)) + tail)
    with pytest.raises(ValueError, match=words) as caught:
        MASKED.train(MaskedSettings(data=str(tmp_path / "t.txt"), steps=1, width=16, context=16), tmp_path / "run")
    assert "t.txt" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_text_is_told_from_the_name_of_a_file(tmp_path):
    long = "word " * 200 + "as said in README.md"
    assert text_of_input(long) == long
    assert text_of_input("see README.md") == "see README.md"
    (tmp_path / "a b.txt").write_text("déjà", encoding="utf-16")
    assert text_of_input(str(tmp_path / "a b.txt")) == "déjà"
    for name in ("missing.txt", str(tmp_path / "c d.txt")):
        with pytest.raises(FileNotFoundError, match="there is no such file"):
            text_of_input(name)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"latin\.txt: row 1: is no UTF-8"):
        text_of_input(str(tmp_path / "latin.txt"))


def test_dropped_words_are_a_function_of_the_epoch_and_padding_stays():
    tokens = padded([[1, *range(10, 20), 2]] * 50, 16, 0)
    texts = Texts(tokens, np.arange(50), 0.3, 5, (0, 1, 2), seed=0)
    first, labels = (t.numpy() for t in texts.batch(range(50)))
    np.testing.assert_array_equal(labels, np.arange(50))
    assert set(np.unique(first[first != tokens])) == {5}
    assert (first[:, 1:11] == 5).mean() == pytest.approx(0.3, abs=0.06)
    np.testing.assert_array_equal(first[:, [0, 11, 12, 15]], tokens[:, [0, 11, 12, 15]])
    assert (texts.at_epoch(1).batch(range(50))[0].numpy() != first).any()
    np.testing.assert_array_equal(Texts(tokens, labels, 0.0, 5, (), 0).batch([3])[0].numpy(), tokens[3:4])


# Two stages


@pytest.mark.parametrize("after", [3, 11])
def test_killed_in_either_stage_a_resumed_run_ends_with_the_same_bits(table, tmp_path, after):
    chosen = Settings(data=str(table), pretrain_steps=6, epochs=2, **SMALL)  # 6 steps to read, 12 to tell apart
    assert resumed_differs(RECIPE, chosen, tmp_path, after) == []
    assert differences(tmp_path / "whole" / "pretraining", tmp_path / "cut" / "pretraining") == []


def test_interrupted_in_the_first_stage_it_is_told_and_gone_on_with(table, tmp_path):
    chosen = Settings(data=str(table), pretrain_steps=6, epochs=1, **SMALL)
    cut = RECIPE.train(chosen, tmp_path / "cut", [Interrupts(2)])
    assert cut.result.interrupted
    assert cut.result.best is None
    assert not (cut.run / "last.safetensors").exists()
    assert not RECIPE.resume(cut.run).result.interrupted
    whole = RECIPE.train(chosen, tmp_path / "whole").run
    assert differences(whole, cut.run) == []


def test_the_second_stage_begins_with_the_weights_of_the_first(table, tmp_path):
    chosen = Settings(data=str(table), pretrain_steps=4, epochs=1, lr=1e-12, weight_decay=0.0, **SMALL)
    run = RECIPE.train(chosen, tmp_path / "run").run
    _, model, prepared = RECIPE.load(run)
    _, reader, kept = MASKED.load(run / "pretraining")
    assert kept.tokens == prepared.tokens
    ours, theirs = model.state_dict(), reader.state_dict()
    shared = [name for name in theirs if name in ours]
    assert len(shared) > 15
    for name in shared:
        np.testing.assert_allclose(ours[name].numpy(), theirs[name].numpy(), atol=1e-6)


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_learn_tell_and_fill_in(table, tmp_path):
    run = tmp_path / "run"
    sizes = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    done = called("train", "textclf", "--data", table, "--epochs", 14, "--pretrain-steps", 30, "--lr", 1e-2, "--out", run, *sizes)
    assert done.exit_code == 0, done.output
    assert "first stage, 30 steps" in done.output
    assert json.loads(called("evaluate", run, "--json").output)["accuracy"] >= 0.9
    page = (run / "report.html").read_text()
    for title in ("Confusion matrix", "The worst mistakes", "Which words decided"):
        assert title in page
    (tmp_path / "new.txt").write_text("it was awful and cold")
    found = json.loads(called("predict", run, "a lovely happy story", tmp_path / "new.txt", "--json").output)["answers"]
    assert [answer["class"] for answer in found] == ["pos", "neg"]
    assert sum(found[0]["probabilities"].values()) == pytest.approx(1)
    filled = json.loads(called("predict", run / "pretraining", "the film was [MASK] a", "--json").output)
    assert len(filled["guesses"][0]) == 5
    assert "has no [MASK]" in called("predict", run / "pretraining", "the film").output
    assert "no text to read" in called("predict", run, " ").output
    measured = json.loads(called("evaluate", run / "pretraining", "--json").output)
    assert 0 <= measured["accuracy"] <= 1
    assert measured["most_frequent"] > 0


# Weights that are given


def test_a_run_can_begin_with_the_weights_of_another(table, tmp_path):
    first = MASKED.train(MaskedSettings(data=str(table), steps=3, **{k: v for k, v in SMALL.items() if k[:3] != "pre"}),
                         tmp_path / "read").run
    chosen = Settings(data=str(table), weights=str(first), epochs=1, context=12)
    run = RECIPE.train(chosen, tmp_path / "run").run
    assert not (run / "pretraining").exists()
    _, model, prepared = RECIPE.load(run)
    assert (prepared.width, prepared.positions, prepared.context) == (16, 16, 12)
    before = RECIPE.evaluate(run)
    shutil.rmtree(first)
    np.testing.assert_array_equal(RECIPE.evaluate(run).logits, before.logits)


@pytest.fixture(scope="module")
def published(table, tmp_path_factory):
    """A small random BERT as the transformers library writes it, with a vocabulary that was learnt here."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("published") / "bert"
    tokenizer = train_wordpiece([row["text"] for row in reviews()], 150)
    config = transformers.BertConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                     intermediate_size=24, max_position_embeddings=20, pad_token_id=tokenizer["[PAD]"])
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save(folder)
    return folder


def test_published_folders_are_fine_tuned_from(published, table, tmp_path):
    chosen = Settings(data=str(table), weights=str(published), epochs=1, context=20, lr=1e-12, weight_decay=0.0)
    run = RECIPE.train(chosen, tmp_path / "run").run
    _, model, prepared = RECIPE.load(run)
    assert prepared.hidden == 24
    theirs = BERT.from_pretrained(published, head="none", pooler=False, strict=False)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name].numpy(), value.numpy(), atol=1e-6, err_msg=name)
    load_model(run, model)
    tokenizer = prepared.built()
    assert tokenizer.encode("lovely") == train_wordpiece([row["text"] for row in reviews()], 150).encode("lovely")


def test_weights_that_do_not_fit_are_refused(published, table, tmp_path):
    data = {"data": str(table), "epochs": 1}
    with pytest.raises(ValueError, match="64 tokens are more than the 20 positions"):
        RECIPE.train(Settings(weights=str(published), **data), tmp_path / "a")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        RECIPE.train(Settings(weights=str(tmp_path / "none"), **data), tmp_path / "b")
    for wrong, words in (({"heads": 3}, "divisor of the width"), ({"drop_words": 1.0}, "drop_words must be"),
                         ({"lora": ["*"]}, "lora adapts weights that are given"), ({"model": "gpt"}, "one of bert")):
        with pytest.raises(ValueError, match=words):
            Settings(**wrong)
