"""The guide of docs/book.md: its files exist, its commands and options are those of the program, each section stands once."""

import re
import shlex

import click
import pytest

from talweg.cli.main import COMMANDS, main
from talweg.cli.train import named, values_of
from talweg.data import short_name
from talweg.demos import BENCHES, DEMOS
from talweg.models import MODELS
from talweg.recipes.registry import RECIPES, recipe, recipe_for
from talweg.recipes.settings import from_mapping
from tools import book_commands
from tools.book_guide import CODE, GUIDE, SMALL, commands, sections, small

ROOT = GUIDE.parents[1]
NAMED = re.compile(r"\b([LN]) (missing bits: .*|\d+(?:\.\d+)*)")
LITTLE_BOOK = {1: 4, 2: 2, 3: 6, 4: 10, 5: 3, 6: 6, 7: 2}
"""Sections of each chapter."""
OWN = ("model", "config", "run", "find_lr", "find_batch_size", "pairs", "out", "as_json")
"""What `talweg train` is told besides settings."""


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """A folder in which the guide's runs exist, as far as a command line needs to know them."""
    monkeypatch.chdir(tmp_path)
    for command in commands():
        run = run_of(command)
        if run is not None:
            (tmp_path / run).mkdir(parents=True, exist_ok=True)
            (tmp_path / run / "config.yaml").write_text(f"recipe: {recipe_for(command[1])[0]}\nsettings: {{}}\ninput: {{}}\n")
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text('{"model_type": "gpt2"}')
    return tmp_path


def run_of(command):
    """The folder that a training of the guide makes."""
    if command[0] != "train" or "--resume" in command or "--find-lr" in command:
        return None
    if "--out" in command:
        return command[command.index("--out") + 1]
    name, model = recipe_for(command[1])
    data = command[command.index("--data") + 1] if "--data" in command else recipe(name).settings(model=model).data
    return f"runs/{model}-{short_name(data)}"


def parsed(command):
    """The last context of a command line: every name and option in it is known, and no value is out of range."""
    context = main.make_context("talweg", list(command))
    found = main
    while isinstance(found, click.Group):
        name, found, rest = found.resolve_command(context, [*context._protected_args, *context.args])
        context = found.make_context(name, rest, parent=context)
    return context


@pytest.mark.parametrize("form", [tuple, small], ids=["as written", "small"])
@pytest.mark.parametrize("command", commands(), ids=shlex.join)
def test_a_command_of_the_guide_is_one_of_the_program(command, form, inside):
    context = parsed(form(command))
    if command[0] == "train" and "--resume" not in command:
        given = {name: value for name, value in context.params.items() if value is not None and name not in OWN}
        chosen = recipe(recipe_for(command[1])[0])
        from_mapping(chosen.settings, values_of(chosen, None, given | named(command[1])))


@pytest.mark.parametrize("wrong", ["nothing", "train lenet --dta digits", "demo nothing", "shape conv --in 32 --k 0", "play",
                                   "generate runs/gpt-topics --walk 3"])
def test_a_command_that_is_none_is_found(wrong, inside):
    with pytest.raises(click.UsageError):
        parsed(shlex.split(wrong))


def test_runs_are_trained_before_they_are_used():
    made = set()
    for command in commands():
        for word in command:
            if word.startswith("runs/") and not (command[0] == "train" and word == run_of(command)):
                assert word in made, shlex.join(command)
        made.add(run_of(command))


def test_every_file_of_the_guide_is_there_and_stands_once_in_its_row():
    for section in sections():
        assert section.files, section.title
        assert len(set(section.files)) == len(section.files)
        for name in section.files:
            assert (ROOT / "talweg" / name).exists(), f"{section.title}: {name}"


def test_every_section_of_the_books_stands_once_and_in_order():
    found = [match.groups() for section in sections() for match in NAMED.finditer(section.title)]
    names = [f"{book} {number}" for book, number in found]
    assert sorted(set(names)) == sorted(names)
    little = [number for book, number in found if book == "L" and number[0].isdigit()]
    assert little == [f"{chapter}.{i + 1}" for chapter, count in LITTLE_BOOK.items() for i in range(count)]
    chapters = {number.partition(".")[0] for book, number in found if book == "N"}
    assert chapters == {str(i) for i in range(1, 13)}


def test_every_recipe_and_demonstration_is_shown():
    shown = commands()
    assert {recipe_for(c[1])[0] for c in shown if c[0] == "train" and not c[1].startswith("-")} == set(RECIPES) == set(SMALL)
    assert {c[1] for c in shown if c[0] == "demo"} == set(DEMOS)
    assert {c[1] for c in shown if c[0] == "bench"} == set(BENCHES)


def test_rows_name_commands_and_tests_that_exist():
    rows = GUIDE.read_text().partition("\n## Rows that hold\n")[2]
    for code in CODE.findall(rows):
        if code.startswith("talweg "):
            words = shlex.split(code)
            assert words[1] in COMMANDS, code
            assert words[1] != "demo" or words[2] in DEMOS, code
            assert words[1] != "train" or len(words) == 2 or words[2].startswith("-") or words[2] in {*RECIPES, *MODELS}, code
        elif re.fullmatch(r"test_\w+\.py", code):
            assert (ROOT / "tests" / code).is_file(), code


def test_rows_are_sorted_and_stand_once():
    text = GUIDE.read_text()
    for heading in ("Rows that hold", "In part"):
        table = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        numbers = [int(n) for line in table.splitlines() for n in re.findall(r"\d+", line.split("|")[1] if "|" in line else "")]
        firsts = [int(m[1]) for m in re.finditer(r"^\| (\d+)", table, re.MULTILINE)]
        assert firsts == sorted(firsts)
        assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("text", ["nothing", "\n## The guide\n\n| a | b | `talweg train` |\n",
                                  "\n## The guide\n\n| a | `b` | `make kill` | c |\n"])
def test_a_guide_of_another_form_is_refused(text, tmp_path):
    (tmp_path / "book.md").write_text(text)
    with pytest.raises(ValueError, match="guide"):
        sections(tmp_path / "book.md")


def test_running_a_command_tells_code_words_and_pictures(tmp_path):
    done = book_commands.run(("graph", "x*x", "x=3", "--out", "square.svg"), tmp_path)
    assert (done.code, done.drawn) == (0, ["square.svg"])
    done = book_commands.run(("predict", "runs/none", "x.png"), tmp_path)
    assert done.code == 1
    assert "runs/none" in done.said[-1]
    assert done.drawn == []


def test_the_ending_tells_what_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(book_commands, "make_inputs", lambda folder: None)
    monkeypatch.setattr(book_commands, "commands", lambda: [("shape", "conv", "--in", "8", "--k", "3"), ("predict", "none", "x")])
    assert book_commands.main([], tmp_path) == 1
    said = capsys.readouterr().out
    assert "ok" in said
    assert said.endswith("1 failed\n  talweg predict none x\n")
    assert book_commands.main(["shape"], tmp_path) == 0
