"""Claims of demonstrations: when they hold, how they are printed, and the exit code where one fails."""

import json
import math

import pytest
from click.testing import CliRunner

from talweg.cli import demo
from talweg.demos import Claim, Shown, Table, basis
from talweg.demos.figures import new_panels


@pytest.mark.parametrize(("measured", "relation", "bound", "holds"), [
    (1.0, "<=", 1.0, True), (1.0, "<", 1.0, False), (1.0, ">=", 1.0, True), (1.0, ">", 1.0, False),
    (0.5, "<", 1.0, True), (2, ">", 1, True), (math.inf, ">", 1.0, True), (math.inf, "<=", 1.0, False),
])
def test_a_claim_compares_its_figure_with_its_bound(measured, relation, bound, holds):
    claim = Claim("it", measured, relation, bound)
    assert claim.holds is holds
    assert claim.row[-1] == ("holds" if holds else "FAILS")


@pytest.mark.parametrize("relation", ["<", "<=", ">", ">="])
def test_a_nan_bears_out_nothing(relation):
    assert not Claim("it", math.nan, relation, 0.0).holds
    assert not Claim("it", 0.0, relation, math.nan).holds


def test_an_unknown_relation_is_refused():
    with pytest.raises(KeyError):
        Claim("it", 1.0, "==", 1.0).holds  # noqa: B018


def shown_with(*measured):
    claims = [Claim(f"figure {i}", m, "<=", 1.0) for i, m in enumerate(measured)]
    return Shown("a title", [Table("a table", [["a", "b"], ["1", "2"]])], {"x": math.nan}, claims=claims)


@pytest.mark.parametrize(("measured", "code"), [((), 0), ((0.5, 1.0), 0), ((0.5, 1.5), 1), ((math.nan,), 1)])
def test_the_exit_code_is_1_where_a_claim_fails(monkeypatch, measured, code):
    monkeypatch.setattr(basis, "run", lambda: shown_with(*measured))
    result = CliRunner().invoke(demo.command, ["basis"])
    assert result.exit_code == code
    assert result.stdout.count("FAILS") == sum(not m <= 1 for m in measured)
    result = CliRunner().invoke(demo.command, ["basis", "--json"])
    assert result.exit_code == code
    facts = json.loads(result.stdout)
    assert facts["x"] is None  # JSON has no nan
    assert [c["holds"] for c in facts.get("claims", [])] == [m <= 1 for m in measured]


def test_the_files_are_written_although_a_claim_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(basis, "run", lambda: shown_with(2.0))
    result = CliRunner().invoke(demo.command, ["basis", "--out", str(tmp_path / "shown")])
    assert result.exit_code == 1
    assert json.loads((tmp_path / "shown" / "basis.json").read_text())["claims"][0]["holds"] is False


def test_panels_are_a_grid_whatever_their_number():
    for rows, columns in ((1, 1), (1, 3), (2, 2)):
        assert new_panels(rows, columns)[1].shape == (rows, columns)
