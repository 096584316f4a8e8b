"""Damage is noticed and named; a kill during a save, a full disk and a read-only folder lose nothing."""

import errno
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import talweg
from talweg import io, nn, optim, training
from talweg.io import atomic
from talweg.io.checksums import checksum, signed, verify
from talweg.io.tensors import read_tensors
from talweg.recipes.checkpoints import Checkpoints

ROOT = Path(__file__).parent.parent
SAVES = int(os.environ.get("TALWEG_SAVES", "10"))  # `make kill` asks for 100


def trained(width=60):
    talweg.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, 2))
    optimizer = optim.Adam(model.parameters())
    model(talweg.randn(6, 20)).square().sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.fixture
def run(tmp_path):
    """Two saves, of epochs 1 and 2."""
    model, optimizer = trained()
    for epoch in (1, 2):
        io.save_last(tmp_path, model, optimizer, {"epoch": epoch}, {"best": model.state_dict()})
        io.save_best(tmp_path, model, {"epoch": epoch})
    return tmp_path


def places(path):
    """Where each tensor's bytes lie in the file: {name: (start, end)}."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    return {name: [8 + size + o for o in entry["data_offsets"]] for name, entry in header.items() if name != "__metadata__"}


# Damage


def test_a_flipped_bit_is_noticed_wherever_it_is_and_the_tensor_named(run):
    path = run / "model.safetensors"
    whole = path.read_bytes()
    generator = random.Random(0)
    for name, (start, end) in places(path).items():
        for _ in range(5):
            damaged = bytearray(whole)
            damaged[generator.randrange(start, end)] ^= 1 << generator.randrange(8)
            path.write_bytes(bytes(damaged))
            with pytest.raises(ValueError, match=rf"model\.safetensors: is damaged: tensor '{name}' is not what was written"):
                io.load_model(run, trained()[0])


def test_a_zeroed_page_is_noticed(run):
    path = run / "last.safetensors"
    content = bytearray(path.read_bytes())
    start, end = places(path)["model.0.weight"]
    content[start : min(end, start + 4096)] = bytes(min(end - start, 4096))
    path.write_bytes(bytes(content))
    told = []
    kept = io.read_training(run, told.append)
    assert kept.state == {"epoch": 1}
    assert "last.safetensors: is damaged: tensor 'model.0.weight'" in told[0]


@pytest.mark.parametrize("left", [0, 5, 500, -1])
def test_a_cut_off_end_is_noticed_and_the_save_before_used(run, left):
    path = run / "last.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    model, optimizer = trained()
    with pytest.warns(UserWarning, match=r"last\.safetensors.*going on from the save before, previous\.safetensors"):
        assert io.load_training(run, model, optimizer) == {"epoch": 1}


def test_a_flipped_bit_of_the_header_never_gives_other_weights(run):
    """It is refused, or it changed nothing that is read."""
    path = run / "model.safetensors"
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    expected = {name: a.tobytes() for name, a in safetensors.numpy.load_file(path).items()}
    generator = random.Random(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[generator.randrange(header)] ^= 1 << generator.randrange(8)
        path.write_bytes(bytes(damaged))
        model = trained()[0]
        try:
            io.load_model(run, model)
        except (ValueError, RuntimeError) as error:
            refused += "model.safetensors" in str(error)
            continue
        assert {name: v.detach().numpy().tobytes() for name, v in model.state_dict().items()} == expected
    assert refused > 250


def test_both_saves_damaged_are_both_named(run):
    for name in ("last.safetensors", "previous.safetensors"):
        content = bytearray((run / name).read_bytes())
        content[-9] ^= 1
        (run / name).write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"last\.safetensors.*previous\.safetensors.*no save to go on from"):
        io.read_training(run)
    (run / "last.safetensors").unlink()
    with pytest.raises(ValueError, match="no save to go on from"):
        io.read_training(run)
    (run / "previous.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"last\.safetensors: there is no such file"):
        io.read_training(run)


def test_checksums_tell_names_shapes_dtypes_and_bits_apart():
    a = np.arange(6, dtype=np.float32)
    sums = [checksum("a", a), checksum("b", a), checksum("a", a.reshape(2, 3)), checksum("a", a.view(np.int32)),
            checksum("a", -a), checksum("a", a[:0])]
    assert len(set(sums)) == len(sums)
    assert checksum("a", np.asfortranarray(a.reshape(2, 3))) == checksum("a", a.reshape(2, 3))
    note = signed({"x": 1.5}, {"a": a})
    verify(note, {"a": a}, Path("f"))
    verify("written by somebody else", {"a": a}, Path("f"))
    for arrays, name in (({"a": a + 1}, "a"), ({}, "a"), ({"a": a, "b": a}, "b")):
        with pytest.raises(ValueError, match=f"f: is damaged: tensor '{name}'"):
            verify(note, arrays, Path("f"))
    with pytest.raises(ValueError, match="the note in its header"):
        verify(note.replace("1.5", "1.6"), {"a": a}, Path("f"))


def test_equal_models_make_equal_files(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        model, optimizer = trained()
        io.save_last(tmp_path / name, model, optimizer, {"epoch": 1})
    assert (tmp_path / "one/last.safetensors").read_bytes() == (tmp_path / "two/last.safetensors").read_bytes()


# What cannot be written


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_full_disk_leaves_the_saves_as_they_were(run, monkeypatch, fails):
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    model, optimizer = trained()
    monkeypatch.setattr(atomic.os, fails, full)
    with pytest.raises(OSError, match="No space"):
        io.save_last(run, model, optimizer, {"epoch": 3})
    monkeypatch.undo()
    assert io.read_training(run).state == {"epoch": 2}
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before


def test_training_on_a_full_disk_ends_with_what_to_do(run, monkeypatch):
    model, optimizer = trained()
    saver = Checkpoints(run, model, optimizer, training.TrainingState(), every=1)
    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError) as caught:
        saver.save()
    assert caught.value.errno == errno.ENOSPC
    assert "no space left" in caught.value.strerror
    assert f"talweg train --resume {run}" in caught.value.strerror


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_really_full(tmp_path, monkeypatch):
    """The temporary file is one on a full device: the system's own answer, not an imitation."""
    path = tmp_path / "x"
    io.write_atomically(path, b"old")
    monkeypatch.setattr(atomic.tempfile, "mkstemp", lambda **_: (os.open("/dev/full", os.O_WRONLY), str(tmp_path / "none")))
    with pytest.raises(OSError) as caught:
        io.write_atomically(path, b"new" * 10_000)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(run):
    model, optimizer = trained()
    run.chmod(0o555)
    try:
        with pytest.raises(PermissionError):
            io.save_last(run, model, optimizer, {"epoch": 3})
    finally:
        run.chmod(0o755)
    assert io.read_training(run).state == {"epoch": 2}


def test_a_file_system_without_links_keeps_the_save_before_too(run, monkeypatch):
    monkeypatch.setattr(atomic.os, "link", full)
    model, optimizer = trained()
    io.save_last(run, model, optimizer, {"epoch": 3})
    (run / "last.safetensors").unlink()
    assert io.read_training(run, lambda text: None).state == {"epoch": 2}


# The best ones


def record(epoch, loss, best=False):
    return training.EpochRecord(epoch, 1.0, 0.5, loss, loss / 10, 0.1, 1.0, 1.0, best)


def test_the_k_best_epochs_are_kept_and_no_others(tmp_path):
    model, optimizer = trained()
    state = training.TrainingState()
    saver = Checkpoints(tmp_path, model, optimizer, state, keep_best=2)
    for epoch, loss in enumerate([5.0, 3.0, 4.0, float("nan"), 2.0, 6.0], 1):
        state.records.append(record(epoch, loss, best=loss in (5.0, 3.0, 2.0)))
        saver.epoch(state.records[-1])
        kept = sorted(p.name for p in tmp_path.glob("epoch-*"))
        ranked = sorted((r for r in state.records if r.validation_loss == r.validation_loss), key=lambda r: r.validation_loss)
        assert kept == sorted(f"epoch-{r.epoch:04d}.safetensors" for r in ranked[:2])
    assert io.load_model(tmp_path, model)["epoch"] == 5
    assert read_tensors(tmp_path / "epoch-0002.safetensors")[0].keys() == model.state_dict().keys()


# Kills


SAVER = """
import os, random, signal, sys, time
from pathlib import Path
import talweg
from talweg import io, nn, optim

def save_for_ever(run, said):
    model = nn.Linear(200, 200)
    optimizer = optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
    n = 0
    while True:
        n += 1
        with talweg.no_grad():
            for p in model.parameters():
                p.fill_(n)
        model.weight.grad = talweg.full((200, 200), float(n))
        optimizer.state.clear()
        optimizer.step()
        io.save_best(run, model, {"epoch": n})
        io.save_last(run, model, optimizer, {"epoch": n}, {"best": model.state_dict()})
        os.write(said, b"%d\\n" % n)

generator = random.Random(int(sys.argv[3]))
for attempt in range(int(sys.argv[2])):
    run = Path(sys.argv[1]) / str(attempt)
    run.mkdir()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        save_for_ever(run, write)
    os.close(write)
    said = os.read(read, 100)  # the first save is complete
    time.sleep(generator.uniform(0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(read, 10000):
        said += part
    os.close(read)
    print(said.split()[-1].decode(), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_during_a_save_the_old_or_the_new_one_is_whole(tmp_path):
    """Whatever the moment: each file is of one save, the last that was said to be done or the one after."""
    (tmp_path / "save.py").write_text(SAVER)
    done = subprocess.run(
        [sys.executable, tmp_path / "save.py", tmp_path, str(SAVES), "1"], capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [int(line) for line in done.stdout.split()]
    assert len(said) == SAVES
    litter = 0
    for attempt, last_said in enumerate(said):
        run = tmp_path / str(attempt)
        litter += len(list(run.glob(".*.tmp")))
        model = nn.Linear(200, 200)
        optimizer = optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
        best = io.load_model(run, model)["epoch"]
        assert last_said <= best <= last_said + 1
        assert np.unique(model.weight.detach().numpy()).tolist() == [best]
        kept = io.read_training(run, pytest.fail)  # the last save itself: falling back would be told
        epoch = kept.state["epoch"]
        assert last_said <= epoch <= last_said + 1
        kept.fill(model)
        kept.fill_optimizer(optimizer)
        values = [model.weight.detach().numpy(), optimizer.state[model.weight]["momentum_buffer"].numpy(),
                  kept.group("best")["weight"]]
        assert [np.unique(v).tolist() for v in values] == [[epoch]] * 3
        assert not list(run.glob(".*.tmp"))
        assert json.loads((run / "state.json").read_text())["epoch"] in (epoch, epoch - 1)
