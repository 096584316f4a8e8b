"""The report: one file that needs nothing else, tells what it was given, and trusts none of it."""

import base64
import dataclasses
import io
import re
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from talweg.training import ClassFindings, EpochRecord, Findings, LayerRow, write_report
from talweg.training import page as page_of
from talweg.training.report_figures import loss_curves

VOID = {"meta", "img", "br"}


class Checker(HTMLParser):
    """Every tag closed in order; collects text, links and ids."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.texts = []
        self.ids = []
        self.sources = []
        self.count = {}

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.sources.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append(text)


def record(epoch, best, error=0.25):
    return EpochRecord(epoch, 1 / epoch, error, 1.1 / epoch, error, 1e-3, 0.5, 100.0, best)


@dataclasses.dataclass(frozen=True)
class Told:
    """A report's findings and those of its classes, in one object to be varied."""

    classes: list
    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    records: list
    layers: list
    title: str = "mlp on digits"
    settings: dict = dataclasses.field(default_factory=lambda: {"lr": 0.002, "hidden": [4, 5]})
    remarks: tuple = ()
    norms: dict = dataclasses.field(default_factory=dict)

    def findings(self):
        classes = ClassFindings(self.classes, self.images, self.labels, self.probabilities)
        return Findings(
            self.title, self.settings, {"Python": "3.11"}, self.records, self.layers, "test", len(self.labels),
            [("0.3456", "test loss")], classes.sections(), self.remarks, self.norms,
        )


def page(told):
    return page_of(told.findings())


@pytest.fixture
def findings():
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 10)
    probabilities = np.full((30, 3), 0.05)
    probabilities[np.arange(30), labels] = 0.9
    probabilities[4] = [0.01, 0.97, 0.02]  # a zero taken for a one, surely
    probabilities[25] = [0.5, 0.1, 0.4]  # a two taken for a zero, hardly
    return Told(
        ["zero", "one", "two"], generator.random((30, 8, 8)), labels, probabilities,
        [record(1, True), record(2, True), record(3, False)],
        [LayerRow("fc", "Linear", (1, 3), 12, 12), LayerRow("unused", "Linear", None, 3, 3)],
    )


def checked(text):
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    return checker


def test_the_page_is_whole_and_needs_nothing_from_outside(findings, tmp_path):
    assert write_report(tmp_path / "report.html", findings.findings()) is None
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    found = checked(text)
    assert all(s.startswith(("data:", "#")) for s in found.sources)
    assert "url(http" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert len(set(found.ids)) == len(found.ids)
    assert found.count["svg"] == 4  # loss, error, learning rate, throughput


def test_gradients_are_drawn_by_parameter_and_not_all_of_a_hundred(findings):
    norms = {f"layer{i}.weight": [1.0, float("nan"), 0.1 * (i + 1)] for i in range(100)}
    found = checked(page(dataclasses.replace(findings, norms=norms)))
    assert found.count["svg"] == 5
    assert len(set(found.ids)) == len(found.ids)
    assert sum("layer" in text for text in found.texts) in range(5, 14)
    assert checked(page(dataclasses.replace(findings, norms={"short": [1.0]}))).count["svg"] == 4


def test_what_ails_the_run_is_told_and_a_healthy_one_has_no_such_section(findings):
    told = dataclasses.replace(findings.findings(), diagnosis=["gradients vanish: a <b>", "dead ReLUs: c"])
    text = page_of(told)
    assert "<h2>Diagnosis</h2><p>gradients vanish: a &lt;b&gt;.</p><p>dead ReLUs: c.</p>" in text
    assert "Diagnosis" not in page(findings)


def test_it_tells_accuracy_confusion_mistakes_settings_and_layers(findings):
    text = page(findings)
    said = " ".join(checked(text).texts)
    for expected in ("0.3456", "test split", "30 samples", "hidden", "[4, 5]", "Python", "3.11",
                     "best: epoch 2", "N × 3", "did not run", "15"):
        assert expected in said, expected
    cells = re.findall(r'<td style="background: rgb\(var\(--(right|wrong)\)[^"]*">(\d+)</td>', text)
    assert cells == [("right", "9"), ("wrong", "1"), ("right", "10"), ("wrong", "1"), ("right", "9")]


def test_the_surest_mistake_comes_first_with_its_picture(findings):
    text = page(findings)
    captions = re.findall(r"is <b>(\w+)</b>, read as <b>(\w+)</b><br><span class=\"soft\">([\d.]+) % sure", text)
    assert captions == [("zero", "one", "97.0"), ("two", "zero", "50.0")]
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0]))), dtype=float)
    original = findings.images[4]
    stretched = 255 * (original - original.min()) / np.ptp(original)
    np.testing.assert_allclose(shown, stretched, atol=0.51)


def test_without_mistakes_the_least_certain_are_shown(findings):
    right = np.full((30, 3), 0.1)
    right[np.arange(30), findings.labels] = 0.8
    right[7] = [0.4, 0.3, 0.3]
    text = page(dataclasses.replace(findings, probabilities=right))
    assert "No mistakes" in text
    first = re.search(r"read as <b>(\w+)</b><br><span class=\"soft\">([\d.]+) % sure", text)
    assert first.groups() == ("zero", "40.0")


def test_hostile_words_stay_words(findings):
    nasty = "<script>alert(1)</script>\"'&"
    changed = dataclasses.replace(
        findings, title=nasty, settings={nasty: nasty}, classes=[nasty, "one", "two"], remarks=[nasty]
    )
    text = page(changed)
    assert "<script" not in text
    assert nasty in "".join(checked(text).texts)


def test_the_curves_are_svg_with_the_pages_colours_and_the_best_epoch(findings):
    svg = loss_curves(findings.records, findings.records[1])
    ET.fromstring(svg.replace("xlink:href", "href"))
    for variable in ("--train", "--validation", "--best", "--ink"):
        assert f"var({variable})" in svg
    assert "#01010" not in svg
    assert svg == loss_curves(findings.records, findings.records[1])


def test_without_matplotlib_the_rest_is_written_and_one_line_says_what_to_install(findings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = write_report(tmp_path / "report.html", findings.findings())
    assert "pip install talweg[report]" in line
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert checked(text).count.get("svg") is None
    assert "Confusion matrix" in text
    assert "pip install talweg[report]" in text


@pytest.mark.parametrize(
    "change",
    [
        {"records": []},
        {"records": [record(1, True)]},
        {"records": [record(1, True, error=None)]},
        {"records": [dataclasses.replace(record(1, False), validation_loss=float("nan"))]},
        {"images": np.zeros((30, 8, 8))},
        {"layers": []},
        {"remarks": ["The training was interrupted."]},
    ],
    ids=lambda c: next(iter(c)),
)
def test_odd_runs_have_a_report_too(findings, change):
    found = checked(page(dataclasses.replace(findings, **change)))
    assert "Confusion matrix" in found.texts
