"""docs/api_coverage.md is what its tool makes of the code, and what the tool says of names is true."""

import inspect

import pytest

torch = pytest.importorskip("torch")

from tools import api_coverage  # noqa: E402
from tools.coverage_names import MISSING, NAMESPACES, Ours, public, refusal, theirs  # noqa: E402
from tools.coverage_reasons import ABSENT, ALIKE, DIFFERS, UNASKED  # noqa: E402
from tools.coverage_signatures import differences, overloads, signature  # noqa: E402

written_for = pytest.mark.skipif(not torch.__version__.startswith("2.13."), reason="the page is about PyTorch 2.13")


@pytest.fixture(scope="module")
def surveys():
    return {name: api_coverage.survey(name) for name in NAMESPACES}


@written_for
def test_the_page_is_what_the_tool_writes():
    assert api_coverage.page() == api_coverage.TARGET.read_text(), "run python -m tools.api_coverage --write"


@written_for
def test_no_entry_of_the_table_is_stale():
    assert api_coverage.stale() == []


@written_for
def test_every_public_name_stands_in_one_list(surveys):
    for name, found in surveys.items():
        assert sorted([*found.same, *found.differs, *found.absent]) == public(name)


def test_what_is_said_to_be_absent_is_absent_and_what_is_the_same_is_there(surveys):
    for name, found in surveys.items():
        ours = Ours(name)
        assert all(ours.get(n) is not MISSING and not refusal(ours.get(n)) for n in [*found.same, *found.differs])
        assert all(ours.get(n) is MISSING or refusal(ours.get(n)) for n in found.absent)


def test_the_names_that_scripts_use_most_are_the_same(surveys):
    assert {"matmul", "cat", "zeros", "no_grad", "einsum"} <= set(surveys["torch"].same)
    assert {"Linear", "Conv2d", "Module", "LSTM"} <= set(surveys["torch.nn"].same)
    assert {"Adam", "SGD", "LBFGS"} <= set(surveys["torch.optim"].same)


def test_reasons_are_sentences_without_names_of_nobody():
    assert all(why and patterns.split() for why, patterns in ABSENT)
    assert all(name.startswith("torch.") and how for name, how in DIFFERS.items())
    assert "torch.nothing" not in {n for s in NAMESPACES for n in public(s)}


# --- the comparison of signatures itself
def compared(there, here):
    mine = inspect.Signature(list(inspect.signature(here).parameters.values()))
    return differences([list(inspect.signature(there).parameters.values())], mine, UNASKED, ALIKE)


def test_equal_signatures_do_not_differ():
    assert compared(lambda a, b=1, *, c=None: 0, lambda a, b=1, *, c=None: 0) == []
    assert compared(lambda a, b=1: 0, lambda a, b=1.0, more=2: 0) == []


def test_a_missing_name_another_place_and_another_default_are_told():
    assert compared(lambda a, b: 0, lambda a: 0) == ["no parameter `b`"]
    assert "`a` stands at another place" in compared(lambda a, b: 0, lambda b, a: 0)
    assert compared(lambda a=1: 0, lambda a=2: 0) == ["default of `a` is 2.0, PyTorch's 1.0"]
    assert compared(lambda a=1: 0, lambda a: 0) == ["`a` has no default, PyTorch's is 1.0"]


def test_a_parameter_by_keyword_alone_is_no_place():
    assert compared(lambda a, b=0: 0, lambda a, *, b=0: 0) == ["`b` stands at another place"]
    assert compared(lambda a, *, b=0: 0, lambda a, b=0: 0) == []


def test_overloads_come_from_the_stubs_and_the_documentation():
    kinds = overloads("torch", "max", torch.max)
    assert {tuple(p.name for p in o)[:2] for o in kinds} >= {("input", "other"), ("input", "dim")}
    assert [p.name for p in overloads("torch.linalg", "solve", torch.linalg.solve)[0]] == ["A", "B", "left", "out"]
    assert all(p.name != "self" for o in overloads("torch.Tensor", "add", torch.Tensor.add) for p in o)


def test_what_has_no_signature_is_compared_by_its_existence():
    assert overloads("torch", "float32", torch.float32) == []
    assert signature(3, False) is None


def test_an_unknown_namespace_is_an_error():
    with pytest.raises(ModuleNotFoundError):
        theirs("torch.nothing")
    with pytest.raises(KeyError):
        Ours("torch.nothing")
