"""Checkpoints: what is stored comes back, what is damaged is named, and a killed process leaves a good one."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

import talweg
from talweg import io, nn, optim

torch.set_num_threads(1)
ROOT = Path(__file__).parent.parent


def network(width=4):
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 2))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 4, bias=False)
        self.decoder = nn.Linear(4, 4, bias=False)
        self.decoder.weight = self.encoder.weight

    def forward(self, x):
        return self.decoder(self.encoder(x))


def step(model, optimizer):
    optimizer.zero_grad()
    model(talweg.randn(6, 3)).square().sum().backward()
    optimizer.step()


def arrays(model):
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


# Storing and loading


def test_weights_and_running_statistics_come_back_to_the_bit(tmp_path):
    model = network()
    step(model, optim.SGD(model.parameters(), lr=0.1))
    io.save_best(tmp_path, model, {"epoch": 3})
    other = network()
    assert io.load_model(tmp_path, other) == {"epoch": 3}
    same(arrays(other), arrays(model))
    assert io.load_model(tmp_path / "model.safetensors", network()) == {"epoch": 3}


def test_the_model_file_holds_parameters_and_buffers_and_nothing_else(tmp_path):
    model = network()
    io.save_best(tmp_path, model, {})
    assert set(safetensors.numpy.load_file(tmp_path / "model.safetensors")) == set(model.state_dict())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.safetensors"]


def test_pytorch_reads_our_file_and_we_read_its(tmp_path):
    ours = network()
    io.save_best(tmp_path, ours, {})
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
    )
    theirs.load_state_dict(safetensors.torch.load_file(tmp_path / "model.safetensors"))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(
        ours(talweg.from_numpy(x)).detach().numpy(), theirs(torch.from_numpy(x)).detach().numpy(), atol=1e-6
    )
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    again = network()
    assert io.load_model(tmp_path / "theirs.safetensors", again) == {}
    np.testing.assert_array_equal(arrays(again)["1.running_mean"], theirs[1].running_mean.numpy())


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: optim.Adam(p, lr=1e-2),
        lambda p: optim.AdamW(p, lr=1e-2, weight_decay=0.1),
    ],
)
def test_a_resumed_optimizer_goes_on_as_if_nothing_had_happened(tmp_path, make):
    talweg.manual_seed(0)
    model = network()
    optimizer = make(model.parameters())
    for _ in range(3):
        step(model, optimizer)
    io.save_last(tmp_path, model, optimizer, {"epoch": 3})
    other = network()
    resumed = make(other.parameters())
    assert io.load_training(tmp_path, other, resumed) == {"epoch": 3}
    assert io.read_state(tmp_path) == {"epoch": 3}
    for m, o in ((model, optimizer), (other, resumed)):
        talweg.manual_seed(5)
        step(m, o)
        step(m, o)
    same(arrays(other), arrays(model))


def test_tied_tensors_are_stored_once_and_stay_tied(tmp_path):
    model = Tied()
    io.save_best(tmp_path, model, {})
    assert list(safetensors.numpy.load_file(tmp_path / "model.safetensors")) == ["encoder.weight"]
    other = Tied()
    io.load_model(tmp_path, other)
    same(arrays(other), arrays(model))
    assert other.decoder.weight is other.encoder.weight


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.float32),
        np.array(2.5),
        np.arange(6, dtype=np.int64).reshape(2, 3).T,
        np.array([True, False]),
        np.array([1.5, -2], dtype=ml_dtypes.bfloat16),
        np.array([np.nan, np.inf, -0.0], dtype=np.float16),
        np.array([1, 255], dtype=np.uint8),
    ],
)
def test_every_shape_and_dtype_comes_back(tmp_path, array):
    io.write_tensors(tmp_path / "x", {"a": array}, {"note": "kept"})
    found, notes = io.read_tensors(tmp_path / "x")
    assert notes == {"note": "kept"}
    assert found["a"].dtype == array.dtype
    assert found["a"].shape == array.shape
    np.testing.assert_array_equal(found["a"].view(np.uint8) if array.ndim else found["a"],
                                  np.ascontiguousarray(array).view(np.uint8) if array.ndim else array)


# What is wrong is named


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_named(tmp_path, share):
    io.save_best(tmp_path, network(), {})
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"model\.safetensors: is cut short or not a safetensors file"):
        io.load_model(tmp_path, network())


def test_random_bytes_and_foreign_headers_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    generator = random.Random(0)
    io.save_best(tmp_path, network(), {})
    whole = path.read_bytes()
    messages = []
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[generator.randrange(400)] = generator.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            io.load_model(tmp_path, network())
        except (ValueError, RuntimeError) as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all("model.safetensors" in message for message in messages)


def test_missing_files_are_named(tmp_path):
    for load in (
        lambda: io.load_model(tmp_path, network()),
        lambda: io.load_training(tmp_path, network(), optim.SGD(network().parameters(), lr=1)),
        lambda: io.read_state(tmp_path),
        lambda: io.read_settings(tmp_path / "config.yaml"),
    ):
        with pytest.raises(FileNotFoundError, match="there is no such file"):
            load()


def test_other_keys_and_shapes_are_listed_and_nothing_is_loaded(tmp_path):
    io.save_best(tmp_path, network(width=5), {})
    model = network()
    before = arrays(model)
    with pytest.raises(RuntimeError, match=r"different shape: 0\.weight is \[5, 3\], expected \[4, 3\]"):
        io.load_model(tmp_path, model)
    same(arrays(model), before)
    with pytest.raises(RuntimeError, match=r"missing: bias, weight; unexpected: 0\.bias.* more"):
        io.load_model(tmp_path, nn.Linear(3, 5))


def test_malformed_ties_are_passed_over(tmp_path):
    model = Tied()
    io.save_best(tmp_path, model, {})
    contents, _ = io.read_tensors(tmp_path / "model.safetensors")
    for ties in ({"decoder.weight": ["encoder.weight"]}, {"decoder.weight": "nobody"}, {}):
        io.write_tensors(tmp_path / "model.safetensors", contents, {"talweg": json.dumps({"tied": ties})})
        with pytest.raises(RuntimeError, match=r"missing: decoder\.weight"):
            io.load_model(tmp_path, Tied())


def test_an_optimizer_of_other_parameters_is_refused(tmp_path):
    model = network()
    optimizer = optim.Adam(model.parameters())
    step(model, optimizer)
    io.save_last(tmp_path, model, optimizer, {})
    with pytest.raises(ValueError):
        io.load_training(tmp_path, network(), optim.Adam([nn.Parameter(talweg.zeros(2))]))
    contents, _ = io.read_tensors(tmp_path / "last.safetensors")
    io.write_tensors(tmp_path / "last.safetensors", contents, {"talweg": json.dumps({"optimizer": {}})})
    with pytest.raises(ValueError, match="no complete optimizer state"):
        io.load_training(tmp_path, network(), optim.Adam(network().parameters()))
    io.write_tensors(tmp_path / "last.safetensors", contents, {"talweg": "not json"})
    with pytest.raises(ValueError, match="not valid JSON"):
        io.load_training(tmp_path, network(), optim.Adam(network().parameters()))
    groups = {"state": {"0": {}, "1": {}, "2": {}, "3": {}}, "param_groups": [3]}
    io.write_tensors(tmp_path / "last.safetensors", contents, {"talweg": json.dumps({"optimizer": groups})})
    with pytest.raises(ValueError, match="does not fit Adam|no complete"):
        io.load_training(tmp_path, network(), optim.Adam(network().parameters()))
    for note in ("[]", '{"optimizer": 3}'):
        io.write_tensors(tmp_path / "last.safetensors", contents, {"talweg": note})
        with pytest.raises(ValueError, match="must hold an object 'optimizer'"):
            io.load_training(tmp_path, network(), optim.Adam(network().parameters()))


# Settings and state


def test_settings_come_back_in_their_order_and_hold_plain_data_only(tmp_path):
    settings = {"model": "mlp", "hidden": [3, 4], "lr": 1e-3, "clip": None, "nested": {"é": True}}
    io.write_settings(tmp_path / "c.yaml", settings)
    found = io.read_settings(tmp_path / "c.yaml")
    assert found == settings
    assert list(found) == list(settings)
    with pytest.raises(ValueError, match="must be numbers"):
        io.write_settings(tmp_path / "c.yaml", {"x": object()})
    assert io.read_settings(tmp_path / "c.yaml") == settings


@pytest.mark.parametrize(
    "text", ["a: [1,", "- 1\n- 2", "", "3", "1: 2", "!!python/object/apply:os.getcwd []", "\x00", "a: b: c"]
)
def test_malformed_settings_are_named_and_run_no_code(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"c\.yaml"):
        io.read_settings(tmp_path / "c.yaml")


def test_malformed_state_is_named(tmp_path):
    for text in ("", "[1]", "{"):
        (tmp_path / "state.json").write_text(text)
        with pytest.raises(ValueError, match=r"state\.json"):
            io.read_state(tmp_path)


# Atomic writing


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "x"
    io.write_atomically(path, b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        io.write_atomically(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_the_file_is_flushed_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda h: (events.append("fsync"), fsync(h)))
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append("rename"), replace(a, b)))
    io.write_atomically(tmp_path / "x", b"content")
    assert events == ["fsync", "rename", "fsync"]


def test_a_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    io.write_atomically(tmp_path / "x", b"")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_resuming_clears_what_a_killed_process_left(tmp_path):
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    io.save_last(tmp_path, model, optimizer, {})
    (tmp_path / ".last.safetensors.abc.tmp").write_bytes(b"half")
    io.load_training(tmp_path, model, optimizer)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last.safetensors", "state.json"]


SAVER = """
import sys
import numpy as np
import talweg
from talweg import io, nn, optim

run = sys.argv[1]
model = nn.Linear(300, 300)
optimizer = optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
for n in range(1, 100000):
    with talweg.no_grad():
        for p in model.parameters():
            p.fill_(n)
    model.weight.grad = talweg.full((300, 300), float(n))
    optimizer.state.clear()
    optimizer.step()
    io.save_best(run, model, {"epoch": n})
    io.save_last(run, model, optimizer, {"epoch": n})
    print(n, flush=True)
"""


def test_killed_at_any_moment_the_last_good_checkpoint_loads(tmp_path):
    generator = random.Random(1)
    (tmp_path / "save.py").write_text(SAVER)
    for attempt in range(4):
        run = tmp_path / str(attempt)
        run.mkdir()
        child = subprocess.Popen(
            [sys.executable, tmp_path / "save.py", run], stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        said = int(child.stdout.readline())  # the first checkpoint is complete
        time.sleep(generator.uniform(0.0, 0.15))
        child.kill()
        rest = child.stdout.read().split("\n")[:-1]
        child.wait()
        said = int(rest[-1]) if rest else said
        model = nn.Linear(300, 300)
        optimizer = optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
        best = io.load_model(run, model)["epoch"]
        assert said <= best <= said + 1
        assert np.unique(model.weight.detach().numpy()).tolist() == [best]
        last = io.load_training(run, model, optimizer)["epoch"]
        assert said <= last <= best
        assert np.unique(model.weight.detach().numpy()).tolist() == [last]
        moments = [slots["momentum_buffer"] for slots in optimizer.state_dict()["state"].values()]
        assert [np.unique(m.numpy()).tolist() for m in moments if m is not None] == [[last]]
        assert json.loads((run / "state.json").read_text())["epoch"] in (last, last - 1)
