"""Drawings of models: what is a box, what is repeated, what reads what, and that nothing overlaps."""

import re
from xml.etree import ElementTree

import pytest

import talweg as tw
from talweg import nn
from talweg.cli.main import main
from talweg.inspection import draw, recorded
from talweg.inspection.diagram import diagram_of
from talweg.inspection.diagram_layout import page_of
from talweg.inspection.diagram_repeats import fold_repeats
from talweg.inspection.diagram_style import LABEL, SMALL, text_width
from talweg.models import BERT, CLIP, GPT2, MODELS, Transformer, ViT, Whisper, build, entry
from talweg.nn import init

LIGHT = [n for n in MODELS if n not in ("resnet101", "resnet152", "vgg11", "vgg13", "vgg19", "vgg11_bn", "vgg13_bn", "vgg19_bn")]


def tokens(*shape):
    return tw.zeros(*shape, dtype=tw.int64)


def sequence_models():
    small = {"width": 16, "layers": 3, "heads": 2}
    image = {"size": 8, "patch": 4, "width": 16, "layers": 2, "heads": 2}
    with init.skipped():
        return {
            "gpt2": (GPT2(50, 8, **small), (tokens(1, 8),)),
            "bert": (BERT(50, 8, **small), (tokens(1, 8),)),
            "vit": (ViT(8, 4, 16, 3, 2, classes=5), (tw.zeros(1, 3, 8, 8),)),
            "transformer": (Transformer(50, 16, 3, 2, 32, context=8), (tokens(1, 8), tokens(1, 7))),
            "whisper": (Whisper(16, 3, 2, vocabulary=50, mels=4, audio_context=8, text_context=8),
                        (tw.zeros(1, 4, 16), tokens(1, 7))),
            "clip": (CLIP(16, 16, image_encoder=image, vocabulary=50, context=8, layers=2),
                     (tw.zeros(1, 3, 8, 8), tokens(1, 8))),
            "lstm": (nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 8)), (tw.zeros(5, 1, 4),)),
        }


def registered(name):
    found = entry(name)
    with init.skipped():
        return build(name, found.input_shape, found.classes), found.example(found.input_shape)


def diagram(model, *example):
    return fold_repeats(diagram_of(recorded(model, *[x.clone() for x in example])))


def frames(part):
    return [p for q in part.parts for p in ([q, *frames(q)] if q.kind == "frame" else [])]


def copies(part):
    return sorted(p.copies for p in frames(part) if p.copies > 1)


def assert_nothing_overlaps(page):
    solid = [p for p in page.placed if p.part.kind != "frame"]
    areas = [(p.x - p.width / 2, p.y, p.x + p.width / 2, p.y + p.height) for p in solid]
    areas += [(x, y, x + text_width(words, SMALL), y + SMALL * 0.8) for x, y, words in page.shapes]
    for i, a in enumerate(areas):
        assert a[0] >= page.left - 1
        assert a[2] <= page.right + 1
        for b in areas[:i]:
            apart = a[2] <= b[0] + 0.1 or b[2] <= a[0] + 0.1 or a[3] <= b[1] + 0.1 or b[3] <= a[1] + 0.1
            assert apart, (a, b)
    for p in solid:
        words = text_width(p.part.label, LABEL) + (text_width(p.part.details, SMALL) if p.part.details else 0)
        assert p.part.kind == "sign" or words <= p.width + 1


def assert_wires_avoid_boxes(page):
    boxes = [p for p in page.placed if p.part.kind in ("box", "sign")]
    for corners, *_ in page.wires:
        for (x0, y0), (x1, y1) in zip(corners, corners[1:]):
            assert x0 == pytest.approx(x1) or y0 == pytest.approx(y1)
            for b in boxes:
                left, right = b.x - b.width / 2 + 1, b.x + b.width / 2 - 1
                beside = max(x0, x1) <= left or min(x0, x1) >= right
                round_edge = 2 if b.part.kind == "sign" else 1  # is higher beside the middle
                beyond = max(y0, y1) <= b.y + round_edge or min(y0, y1) >= b.y + b.height - 1
                assert beside or beyond, (b.part.label, corners)


def assert_wires_keep_apart(page):
    """No two wires of different values lie on each other, and no name of a frame on a wire or a shape."""
    pieces = {(a, b, leaf) for corners, _, leaf in page.wires for a, b in zip(corners, corners[1:]) if a != b}
    for upright in (True, False):
        across, along = (0, 1) if upright else (1, 0)
        mine = [(a[across], *sorted((a[along], b[along])), leaf) for a, b, leaf in pieces if (abs(a[0] - b[0]) < 1e-6) == upright]
        mine.sort(key=lambda piece: piece[0])
        for i, (place, low, high, leaf) in enumerate(mine):
            for there, from_, to, other in mine[i + 1:]:
                if there - place > 1:
                    break
                assert leaf is other or min(high, to) - max(low, from_) < 1, (leaf.label, other.label, place)
    for frame in page.placed:
        if frame.part.kind == "frame" and frame.part.label:
            left, top = frame.x - frame.width / 2 + frame.named_at + 5, frame.y + frame.height - 2
            right, bottom = left + text_width(frame.part.label, SMALL), top - SMALL
            for (x0, y0), (x1, y1), leaf in pieces:
                beside = max(x0, x1) <= left or min(x0, x1) >= right
                assert beside or max(y0, y1) <= bottom or min(y0, y1) >= top, (frame.part.label, leaf.label)
            for x, y, words in page.shapes:
                assert x >= right or x + text_width(words, SMALL) <= left or y >= top or y + SMALL * 0.8 <= bottom


@pytest.mark.parametrize("name", LIGHT)
def test_registered_models_are_drawn_without_overlaps(name):
    model, example = registered(name)
    drawing = draw(model, *example, title=name)
    root = ElementTree.fromstring(drawing)
    width, height = (float(root.get(k)) for k in ("width", "height"))
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(text.get("x")) <= width
        assert 0 <= float(text.get("y")) <= height
    page = page_of(diagram(model, *example))
    assert_nothing_overlaps(page)
    assert_wires_avoid_boxes(page)
    assert_wires_keep_apart(page)


@pytest.mark.parametrize("name", ["gpt2", "bert", "vit", "transformer", "whisper", "clip", "lstm"])
def test_sequence_models_are_drawn_without_overlaps(name):
    model, example = sequence_models()[name]
    page = page_of(diagram(model, *example))
    assert_nothing_overlaps(page)
    assert_wires_avoid_boxes(page)
    assert_wires_keep_apart(page)


def test_row_51_gpt_has_a_dashed_frame_with_twelve_copies():
    with init.skipped():
        model = GPT2()
    drawing = draw(model, tokens(1, 1024))
    assert drawing.count('class="repeat"') == 1
    assert "×12" in drawing
    assert "1024 × 768" in drawing
    assert "1024 × 50257" in drawing


@pytest.mark.parametrize(("name", "expected"), [("transformer", [3, 3]), ("whisper", [3, 3]), ("clip", [2, 2]), ("bert", [3])])
def test_row_51_blocks_of_stacks_are_drawn_once(name, expected):
    model, example = sequence_models()[name]
    assert copies(diagram(model, *example).model) == expected


def test_row_51_boxes_are_dark_where_trainable_and_say_their_meta_parameters():
    model, example = registered("lenet")
    leaves = diagram(model, *example).model.leaves()
    assert [(p.label, p.details, p.trainable) for p in leaves[:3]] == [
        ("conv-2d", "k=5", True), ("maxpool", "k=3", False), ("relu", "", False)]
    assert [p.shape for p in leaves[:2]] == [(1, 32, 24, 24), (1, 32, 8, 8)]
    assert draw(model, *example).count('class="trained"') == 4
    model.requires_grad_(False)
    assert draw(model, *example).count('class="trained"') == 0


def test_a_skip_connection_is_read_from_before_the_block():
    model, example = registered("resnet18")
    shown = diagram(model, *example)
    first = next(p for p in shown.model.parts if p.label == "BasicBlock")
    assert first.copies == 2
    joined = next(p for p in first.parts if p.label == "+")
    assert [s.label for s in joined.sources] == ["batchnorm", "maxpool"]


def test_what_differs_is_not_folded():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 4)
            self.b = nn.Linear(4, 4)

        def forward(self, x):
            return self.a(x) + self.b(x)

    assert copies(diagram(Two(), tw.zeros(1, 4)).model) == []  # side by side, not one after the other
    same = nn.Sequential(*(nn.Linear(4, 4) for _ in range(5)))
    assert copies(diagram(same, tw.zeros(1, 4)).model) == [5]
    frozen = nn.Sequential(*(nn.Linear(4, 4) for _ in range(4)))
    frozen[2].requires_grad_(False)
    assert copies(diagram(frozen, tw.zeros(1, 4)).model) == [2]


def test_layers_called_from_outside_stand_in_their_own_frame():
    model, example = sequence_models()["transformer"]
    attentions = [p for p in frames(diagram(model, *example).model) if p.label == "Attention"]
    assert len(attentions) == 3
    for frame in attentions:
        assert {"key", "value", "query", "out"} <= {p.details for p in frame.leaves()}


def test_depth_and_direction():
    model, example = registered("resnet18")
    shallow = draw(model, *example, depth=2)
    assert "BasicBlock" in shallow
    assert shallow.count("<rect") < draw(model, *example).count("<rect")
    up, down = (draw(model, *example, down=d) for d in (False, True))
    where = [float(re.search(r'y="([\d.]+)" font-size="13">X<', d).group(1)) for d in (up, down)]
    assert where[0] > where[1]


@pytest.fixture
def talk(capsys):
    def say(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return say


def test_the_command_writes_or_prints(talk, tmp_path):
    file = tmp_path / "lenet.svg"
    assert talk("draw", "lenet", "--out", file)[0] == 0
    assert file.read_text() == talk("draw", "lenet", "--svg")[1]
    ElementTree.fromstring(file.read_text())


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (("lenett",), 1, "did you mean 'lenet'"), (("lenet", "--out", "x.png"), 2, "ends in .svg"),
    (("lenet", "--depth", "0"), 2, "--depth"), (("lenet", "--out", "nowhere/x.svg"), 1, "nowhere/x.svg"),
])
def test_what_is_wrong_is_told_in_one_line(talk, arguments, code, words):
    found, _, err = talk("draw", *arguments)
    assert found == code
    assert words in err
    assert err.count("\n") == 1


def test_names_with_signs_are_escaped():
    assert "&lt;a &amp; b&gt;" in draw(nn.Linear(2, 2), tw.zeros(1, 2), title="<a & b>")
