"""Event files: decoded here by the wire format's own rules, with the checksums of RFC 3720."""

import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import talweg as tw
from talweg.io import wire
from talweg.io.event_file import EventFile, crc32c, record
from talweg.io.summary_writer import SummaryWriter
from talweg.training import EpochRecord, TensorBoard


def fields(data):
    """[(number, value)] of a message: integers, floats, or bytes."""
    found, at = [], 0

    def varint():
        nonlocal at
        number, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(data):
        field, kind = divmod(varint(), 8)
        if kind == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint()
            value, at = data[at:at + size], at + size
            value = struct.unpack("<d" if kind == 1 else "<f", value)[0] if kind != 2 else value
        found.append((field, value))
    return found


def one(data, number):
    return dict(fields(data))[number]


def events(folder):
    """Every record of the only event file in a folder, its checksums looked at."""
    path, = Path(folder).glob("events.out.tfevents.*")
    data, found = path.read_bytes(), []
    while data:
        size, = struct.unpack("<Q", data[:8])
        body = data[12:12 + size]
        assert record(body) == data[:16 + size]
        found.append(body)
        data = data[16 + size:]
    assert one(found[0], 3) == b"brain.Event:2"
    return found[1:]


def values(folder):
    """[(step, fields of the value)]"""
    return [(dict(fields(e)).get(2), dict(fields(one(one(e, 5), 1)))) for e in events(folder)]


@pytest.fixture
def writer(tmp_path):
    with SummaryWriter(tmp_path) as made:
        yield made


def test_checksums():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"") == 0


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)])
def test_whole_numbers_of_any_size(number):
    (field, found), = fields(wire.integer(9, number))
    assert (field, found) == (9, number % 2**64)


NUMBERS = [1.5, 2, np.float32(0.25), np.ones((1, 1)), tw.tensor(3.0), tw.tensor([4]), float("inf"), 1e300]


@pytest.mark.parametrize("number", NUMBERS)
def test_scalars(writer, number):
    writer.add_scalar("loss/train", number, 7, walltime=12.5)
    (step, value), = values(writer.log_dir)
    assert (step, value[1]) == (7, b"loss/train")
    expected = float(number.item() if hasattr(number, "item") else number)
    assert value[2] == (expected if expected < 1e38 else float("inf"))
    assert one(events(writer.log_dir)[0], 1) == 12.5


def test_a_scalar_that_needs_a_gradient_and_has_no_step(writer):
    w = tw.ones(1, requires_grad=True)
    writer.add_scalar("w", (w * 2).sum())
    assert values(writer.log_dir) == [(None, {1: b"w", 2: 2.0})]
    writer.add_scalar("nan", float("nan"), 0)
    assert np.isnan(values(writer.log_dir)[1][1][2])


def test_scalars_of_one_drawing_have_folders(writer, tmp_path):
    writer.add_scalars("a/b", {"x": 1, "y": 2}, 3)
    assert values(tmp_path / "a_b_x") == [(3, {1: b"a/b", 2: 1.0})]
    assert values(tmp_path / "a_b_y") == [(3, {1: b"a/b", 2: 2.0})]


@pytest.mark.parametrize("bins", ["tensorflow", "auto", 5, [-10, 0, 1, 10]])
def test_histograms(writer, bins):
    x = np.random.default_rng(0).normal(size=200)
    x[:3] = np.nan, np.inf, -np.inf
    kept = x[3:]
    writer.add_histogram("w", tw.from_numpy(x), 1, bins=bins)
    found = dict(fields(values(writer.log_dir)[0][1][5]))
    np.testing.assert_allclose([found[i] for i in (1, 2, 3, 4, 5)], [kept.min(), kept.max(), 197, kept.sum(), kept @ kept])
    limits, counts = (np.frombuffer(found[i], "<f8") for i in (6, 7))
    assert len(limits) == len(counts)
    assert counts[0] == 0
    assert counts.sum() == 197
    assert (np.diff(limits) > 0).all()
    for low, high, count in zip(limits, limits[1:], counts[1:]):
        assert abs(((kept >= low) & (kept < high)).sum() - count) <= (high == limits[-1])


def test_fewer_bins(writer):
    writer.add_histogram("w", np.arange(1000.0), bins=100, max_bins=7)
    counts = np.frombuffer(dict(fields(values(writer.log_dir)[0][1][5]))[7], "<f8")
    assert (len(counts), counts.sum()) == (8, 1000)


@pytest.mark.parametrize(("shape", "formats", "size"), [
    ((3, 4, 5), "CHW", (5, 4)), ((4, 5, 3), "HWC", (5, 4)), ((4, 5), "HW", (5, 4)), ((1, 4, 5), "CHW", (5, 4)),
    ((10, 3, 4, 5), "NCHW", (40, 8)), ((2, 4, 5, 4), "NHWC", (10, 4)), ((3, 4, 5), "NHW", (15, 4)),
])
def test_pictures(writer, shape, formats, size):
    x = np.random.default_rng(0).random(shape).astype(np.float32)
    writer.add_image("x", tw.from_numpy(x), 2, dataformats=formats)
    stored = dict(fields(values(writer.log_dir)[0][1][4]))
    picture = Image.open(io.BytesIO(stored[4]))
    assert picture.size == (stored[2], stored[1]) == size
    letters = {n: i for i, n in enumerate(formats)}
    first = x[tuple(0 if n == "N" else slice(None) for n in formats)]
    order = [n for n in "HWC" if n in letters]
    kept = [n for n in formats if n != "N"]
    first = first.transpose([kept.index(n) for n in order])
    found = np.asarray(picture)[: first.shape[0], : first.shape[1]]
    assert (found == (first * 255).astype(np.uint8).reshape(found.shape)).all()


def test_bytes_are_pictures_as_they_are_and_numbers_out_of_range_are_held(writer):
    writer.add_image("a", np.full((1, 2, 2), 200, np.uint8))
    writer.add_images("b", np.array([-1.0, 0.5, 2.0, np.nan]).reshape(1, 1, 2, 2))
    a, b = (np.asarray(Image.open(io.BytesIO(dict(fields(v[4]))[4]))).ravel().tolist() for _, v in values(writer.log_dir))
    assert (a, b) == ([200] * 4, [0, 127, 255, 0])


def test_text_and_a_figure(writer):
    writer.add_text("note", "**zwölf**", 1)
    (step, value), = values(writer.log_dir)
    assert (step, value[1]) == (1, b"note/text_summary")
    assert one(one(value[9], 1), 1) == b"text"
    assert one(value[8], 8).decode() == "**zwölf**"
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure = pyplot.figure(figsize=(1, 1), dpi=20)
    writer.add_figure("f", figure)
    pyplot.close(figure)
    assert dict(fields(values(writer.log_dir)[1][1][4]))[1] == 20


def test_settings_and_outcomes(writer, tmp_path):
    writer.add_hparams({"lr": 0.1, "net": "mlp", "fast": True}, {"accuracy": 0.5}, run_name="one")
    found = values(tmp_path / "one")
    assert [v[1] for _, v in found] == [b"_hparams_/experiment", b"_hparams_/session_start_info", b"_hparams_/session_end_info",
                                        b"accuracy"]
    start = one(one(one(found[1][1][9], 1), 2), 3)
    given = {one(f, 1): fields(one(f, 2))[0] for n, f in fields(start) if n == 1}
    assert given == {b"lr": (2, 0.1), b"net": (3, b"mlp"), b"fast": (4, 1)}


def test_adding_after_close_begins_another_file(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("x", 1)
    writer.close()
    writer.close()
    writer.add_scalar("x", 2)
    writer.close()
    assert len(list(tmp_path.glob("events*"))) == 2


def test_a_folder_is_named_if_none_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="_run") as writer:
        assert writer.get_logdir().startswith("runs/")
        assert writer.log_dir.endswith("_run")
    assert events(writer.log_dir) == []


@pytest.mark.parametrize("call", [
    lambda w: w.add_scalar("x", [1, 2]), lambda w: w.add_histogram("x", []), lambda w: w.add_histogram("x", [float("nan")]),
    lambda w: w.add_histogram("x", [1.0], bins=[5, 6]), lambda w: w.add_image("x", np.zeros((2, 4, 4))),
    lambda w: w.add_image("x", np.zeros((3, 4)), dataformats="CHW"), lambda w: w.add_image("x", np.zeros((3, 0, 4))),
    lambda w: w.add_image("x", np.zeros((3, 4, 4)), dataformats="CHH"), lambda w: w.add_hparams([], {}),
    lambda w: w.add_scalar("x", "many"),
])
def test_what_cannot_be_written_is_refused_and_nothing_is(writer, call):
    with pytest.raises((ValueError, TypeError)):
        call(writer)
    assert events(writer.log_dir) == []


def test_a_closed_file_takes_nothing(tmp_path):
    file = EventFile(tmp_path)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.add(b"", 0)


def test_a_run_is_written_epoch_by_epoch(tmp_path):
    listener = TensorBoard(tmp_path)
    listener.epoch(EpochRecord(1, 2.0, 0.5, 3.0, None, 0.1, 1.0, 10.0, True))
    listener.end()
    found = {v[1]: (step, v[2]) for step, v in values(tmp_path / "tensorboard")}
    assert found[b"train/loss"] == (1, 2.0)


def test_a_script_for_pytorch_writes_them(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from torch.utils.tensorboard import SummaryWriter\nimport torch\n"
                      "w = SummaryWriter('out')\nw.add_scalar('x', torch.ones(2).mean(), 1)\nw.close()\n")
    root = Path(__file__).parent.parent
    code = [sys.executable, "-m", "talweg", "run", str(script)]
    done = subprocess.run(code, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True,
                          text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert values(tmp_path / "out") == [(1, {1: b"x", 2: 1.0})]
