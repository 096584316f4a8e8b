"""Named datasets: pinned content, disjoint parts; published image files; shards larger than memory."""

import dataclasses
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import talweg
from talweg import data
from talweg.cli.main import main
from talweg.data import CATALOGUE, Request, load, load_path, measured_hash, pinned_hash, targets_of
from talweg.data.named import published_images
from talweg.data.named.fetch import fetched
from talweg.data.partition import partition

ROOT = Path(__file__).parent.parent
OFFLINE = [name for name, entry in CATALOGUE.items() if entry.content is not None]
TABLES = {"iris": (150, 4, 3), "wine": (178, 13, 3), "breast_cancer": (569, 30, 2), "diabetes": (442, 10, 0),
          "linnerud": (20, 3, 0)}


def talk(*arguments):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    return result.exit_code, result.stdout, result.stderr


# What is offline


@pytest.mark.parametrize("name", OFFLINE)
def test_the_content_is_the_pinned_one(name):
    if name == "karate":
        pytest.importorskip("networkx")
    pinned = pinned_hash(name)
    if pinned is None:
        pytest.skip(f"{name}: nothing is pinned for this release")
    assert measured_hash(name) == pinned


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_their_size_and_disjoint_parts(name):
    rows, features, classes = TABLES[name]
    splits = load(name)
    parts = [p.indices for p in (splits.train, splits.validation, splits.test)]
    assert sorted(np.concatenate(parts)) == list(range(rows))
    assert splits.input_shape == (features,)
    assert len(splits.classes) == classes
    x = splits.train.batch(range(len(splits.train)))[0].numpy()
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(0), 1, atol=1e-5)


def test_photos_topics_and_karate():
    photos = load("photos")
    assert photos.train.shape == photos.test.shape == (427, 640, 3)
    text = load("topics")
    assert len(text.train) > 8 * len(text.test) - 10 > 0
    pytest.importorskip("networkx")
    graph = load("karate")
    assert graph.edges.shape == (78, 2)
    assert np.array_equal(graph.adjacency(), graph.adjacency().T)
    assert set(np.unique(graph.adjacency())) == {0, 1}
    assert len(graph.classes) == 2


def test_scenes_have_boxes_around_their_masks_and_are_drawn_again_alike():
    found = load("scenes", counts=(30, 5, 5))
    for scene in found.train:
        assert scene.image.shape == (1, 64, 64)
        assert 1 <= len(scene.boxes) <= 3
        assert not (scene.masks.sum(0) > 1).any()
        for box, mask in zip(scene.boxes, scene.masks):
            rows, columns = np.nonzero(mask)
            assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == box.tolist()
    again = load("scenes", counts=(10, 1, 1))
    for a, b in zip(found.train, again.train):
        np.testing.assert_array_equal(a.image, b.image)
    with pytest.raises(ValueError, match="32 pixels"):
        load("scenes", side=20)


def test_captions_hold_out_combinations():
    found = load("captions", counts=(300, 50, 50))
    assert len(found.held_out) == 40
    assert not set(found.train.combinations) & set(found.held_out)
    assert set(found.unseen.combinations) <= set(found.held_out)
    for picture, text in zip(found.train.images, found.train.captions):
        ink = picture.max(0) > 0
        assert ("top" in text) == bool(ink[:16].any())
        assert ("left" in text) == bool(ink[:, :16].any())


def test_list_and_show(tmp_path):
    code, out, _ = talk("data", "list")
    assert code == 0
    assert all(name in out for name in CATALOGUE)
    facts = json.loads(talk("data", "show", "iris", "--json")[1])
    assert facts["content"].endswith("(as known)")
    assert "setosa 50" in facts["targets"]
    assert "numbers from" in talk("data", "show", "diabetes")[1]
    assert "differs from one Python" in talk("data", "show", "topics")[1]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(f"{i},{'ab'[i % 2]}" for i in range(30)))
    assert "2 classes: a 15, b 15" in talk("data", "show", tmp_path / "t.csv")[1]
    for what, match in (("irish", "did you mean 'iris'"), (tmp_path / "none", "no such file or folder")):
        code, _, err = talk("data", "show", what)
        assert code == 1
        assert match in err


def test_sets_without_labels_are_refused_for_training(tmp_path):
    code, _, err = talk("train", "mlp", "--data", "topics", "--out", tmp_path / "x")
    assert code == 1
    assert "talweg data show topics" in err
    code, _, err = talk("train", "mlp", "--data", "diabetes", "--out", tmp_path / "x")
    assert code == 1
    assert "numbers and not classes" in err


# From a path to a prediction


def test_a_folder_is_trained_evaluated_and_predicted_from_without_code(tmp_path, monkeypatch):
    """Row 6, with 3 and 8."""
    monkeypatch.chdir(tmp_path)
    images, labels = data.digits(8).train.tensors
    pixels = images.numpy()[:, 0] - images.numpy().min()
    pixels = np.round(255 * pixels / pixels.max()).astype(np.uint8)
    for name, digit in (("three", 3), ("eight", 8)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in np.flatnonzero(labels.numpy() == digit):
            Image.fromarray(pixels[i]).save(tmp_path / "set" / name / f"{i}.png")
    code, out, err = talk("train", "--data", "./set", "--json", "--augment", "shift")
    assert code == 0, err
    facts = json.loads(out)
    assert facts["test_accuracy"] >= 0.97
    assert talk("evaluate", facts["run"])[0] == 0
    right = 0
    for i in np.flatnonzero(labels.numpy() == 3)[:10]:
        answer = json.loads(talk("predict", facts["run"], f"set/three/{i}.png", "--json")[1])
        right += answer["class"] == "three"
    assert right >= 9
    (tmp_path / "set" / "three" / "bad.png").write_bytes(b"no image")
    code, _, err = talk("train", "--data", "set", "--epochs", "1")
    assert code == 1
    assert "bad.png: is not an image" in err
    assert "--on-error skip" in err
    (tmp_path / "set" / "three" / "bad.png").unlink()
    next((tmp_path / "set" / "eight").iterdir()).unlink()
    code, _, err = talk("evaluate", facts["run"])
    assert code == 1
    assert "has changed since" in err


def test_a_table_is_trained_on_with_an_mlp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 10},{'uv'[i % 2]},{'ab'[i % 10 > 4]}" for i in range(200)]
    (tmp_path / "t.csv").write_text("n,w,y\n" + "\n".join(rows))
    code, out, err = talk("train", "--data", "t.csv", "--json", "--lr", "0.01")
    assert code == 0, err
    facts = json.loads(out)
    assert facts["model"] == "mlp"
    assert facts["test_accuracy"] >= 0.95
    code, _, err = talk("predict", facts["run"], "t.csv")
    assert code == 1
    assert "not trained on images" in err


# Splits


@pytest.mark.parametrize("grouped", [False, True])
def test_partitions_are_disjoint_stratified_and_by_seed(grouped):
    labels = np.repeat([0, 1, 2], (100, 50, 20))
    groups = np.arange(170) // 2 if grouped else None
    parts = partition(labels, (0.7, 0.15, 0.15), 3, groups)
    assert sorted(np.concatenate(parts)) == list(range(170))
    for part, share in zip(parts, (0.7, 0.15, 0.15)):
        counts = np.bincount(labels[part], minlength=3)
        assert np.abs(counts - share * np.array([100, 50, 20])).max() <= 3
    if grouped:
        assert not set(parts[0] // 2) & set(parts[1] // 2)
    again, other = partition(labels, (0.7, 0.15, 0.15), 3, groups), partition(labels, (0.7, 0.15, 0.15), 4, groups)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again))
    assert not np.array_equal(parts[0], other[0])
    with pytest.raises(ValueError, match="add up to 1"):
        partition(labels, (0.5, 0.2), 0)
    with pytest.raises(ValueError, match="too few"):
        partition(labels[:2], (0.7, 0.15, 0.15), 0)


# Published files


def idx(array):
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def mnist_like(folder, gz=False, count=40):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name in published_images.IDX_FILES:
        n = count if name.startswith("train") else 10
        array = rng.integers(0, 256, (n, 28, 28), np.uint8) if "images" in name else np.arange(n, dtype=np.uint8) % 10
        raw = idx(array)
        (folder / f"{name}{'.gz' if gz else ''}").write_bytes(gzip.compress(raw) if gz else raw)
    return folder


@pytest.mark.parametrize("gz", [False, True])
def test_mnist_files_from_a_folder_and_under_their_name(tmp_path, gz, monkeypatch):
    folder = mnist_like(tmp_path / "mnist", gz)
    splits = load_path(folder)
    assert splits.input_shape == (1, 28, 28)
    assert len(splits.test) == 10
    monkeypatch.setenv("TALWEG_DATA", str(tmp_path))
    named = load("mnist", size=14)
    assert named.input_shape == (1, 14, 14)
    np.testing.assert_array_equal(targets_of(named.test), np.arange(10))


def test_damaged_published_files_are_named(tmp_path):
    folder = mnist_like(tmp_path / "a")
    images = folder / published_images.IDX_FILES[0]
    whole = images.read_bytes()
    for content, match in ((whole[:-1], "should hold"), (b"\1" + whole[1:], "no idx"), (whole[:9], "cut short"), (b"", "no idx")):
        images.write_bytes(content)
        with pytest.raises(ValueError, match=match):
            load_path(folder)
    images.write_bytes(whole)
    (folder / published_images.IDX_FILES[3]).unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte: is missing"):
        load_path(folder)
    packed = mnist_like(tmp_path / "b", gz=True)
    path = packed / f"{published_images.IDX_FILES[0]}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="cut short"):
        load_path(packed)


def test_cifar_files_and_archive(tmp_path):
    rng = np.random.default_rng(0)
    inner = tmp_path / "c" / "cifar-10-batches-bin"
    inner.mkdir(parents=True)
    for name in published_images.CIFAR_FILES:
        rows = rng.integers(0, 256, (20, published_images.CIFAR_ROW), np.uint8)
        rows[:, 0] = np.arange(20) % 10
        (inner / name).write_bytes(rows.tobytes())
    plain = load_path(inner, Request(size=32))
    assert plain.input_shape == (3, 32, 32)
    assert plain.classes[3] == "cat"
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "cifar-10-binary.tar.gz", "w:gz") as file:
        file.add(inner, "cifar-10-batches-bin")
    assert load_path(packed, Request(size=32)).fingerprint == plain.fingerprint
    (inner / "test_batch.bin").write_bytes(b"12345")
    with pytest.raises(ValueError, match=r"test_batch\.bin: has 5 bytes"):
        load_path(inner)


def test_without_a_network_the_files_and_their_place_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TALWEG_DATA", str(tmp_path))
    for name, known in published_images.PUBLISHED.items():
        nowhere = dataclasses.replace(known, address=(tmp_path / "none").as_uri() + "/")
        monkeypatch.setitem(published_images.PUBLISHED, name, nowhere)
        with pytest.raises(ConnectionError, match=f"{next(iter(known.sums))}.*into {tmp_path / name}"):
            load(name)
        assert not list((tmp_path / name).iterdir())


def test_what_is_fetched_is_verified_and_kept(tmp_path):
    source = tmp_path / "file.bin"
    source.write_bytes(b"content")
    right = hashlib.md5(b"content").hexdigest()
    with pytest.raises(ValueError, match="not the published file"):
        fetched(source.as_uri(), tmp_path / "kept", "0" * 32)
    assert not list((tmp_path / "kept").iterdir())
    path = fetched(source.as_uri(), tmp_path / "kept", right)
    source.unlink()
    assert fetched(source.as_uri(), tmp_path / "kept", right).read_bytes() == b"content"
    path.write_bytes(b"changed")
    with pytest.raises(ValueError, match=r"file\.bin: is not the published file"):
        fetched(source.as_uri(), tmp_path / "kept", right)


# Shards


def shards(folder, sizes=(30, 20, 10)):
    rng = np.random.default_rng(0)
    data.write_shards(folder, ((rng.random((n, 3, 4, 4)).astype(np.float32), np.arange(n) % 3) for n in sizes))
    return folder


def test_shards_are_one_array(tmp_path):
    shards(tmp_path / "s")
    files = sorted((tmp_path / "s").glob("inputs-*.npy"))
    whole = np.concatenate([np.load(f) for f in files])
    rows = data.ShardedRows(files)
    assert len(rows) == 60
    assert rows.shape == whole.shape
    for index in ([5], [59, 0, 31, 31, 29, 30], slice(10, 55, 7), [], -1, np.arange(60)[::-1]):
        np.testing.assert_array_equal(rows[index], whole[index])
    with pytest.raises(IndexError, match="60 rows"):
        rows[[60]]
    with pytest.raises(FileExistsError):
        shards(tmp_path / "s")


def test_damaged_shards_are_named(tmp_path):
    folder = shards(tmp_path / "s")
    first, second = sorted(folder.glob("inputs-*.npy"))[:2]
    rows = data.ShardedRows([first, second])
    whole = second.read_bytes()
    second.write_bytes(whole[:-4])
    with pytest.raises(ValueError, match=r"inputs-00001\.npy: row 19: the file is cut short"):
        rows[[49]]
    with pytest.raises(ValueError, match=r"inputs-00001\.npy: .*cut short"):
        load_path(folder)
    np.save(second, np.zeros((20, 3, 4, 5), np.float32))
    with pytest.raises(ValueError, match="must be alike"):
        load_path(folder)
    second.write_bytes(whole)
    (folder / "labels-00002.npy").unlink()
    with pytest.raises(ValueError, match=r"labels-00002\.npy: is missing"):
        load_path(folder)


LARGE = """
import sys
import numpy as np
import talweg
from talweg import data, nn, optim
folder, workers = sys.argv[1], int(sys.argv[2])
splits = data.load_path(folder)
generator = talweg.Generator()
generator.manual_seed(0)
loader = data.DataLoader(splits.train, 32, shuffle=True, num_workers=workers, generator=generator)
model = nn.Sequential(nn.Flatten(), nn.Linear(1024 * 64, 4))
optimizer = optim.SGD(model.parameters(), lr=1e-3)
seen = []
for step, (x, y) in zip(range(12), loader):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    seen.append(float(loss.item()))
# not ru_maxrss, which a process inherits from the one that started it
largest = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(len(splits.train) + len(splits.validation) + len(splits.test), largest // 1024)
print(seen)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files and resident memory as Linux has them")
def test_twenty_gigabytes_train_in_less_than_one_of_memory(tmp_path):
    """Row 48: eight sparse shards of 2.5 GiB; the order of losses is the same with and without workers."""
    rows = 40_960
    for number in range(8):
        with (tmp_path / f"inputs-{number:05}.npy").open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (rows, 1, 256, 256)}
            np.lib.format.write_array_header_1_0(file, header)
            start = file.tell()
            for row in range(0, rows, 97):  # some that are not empty
                file.seek(start + row * 65536)
                file.write(bytes([row % 251]) * 300)
            file.truncate(start + rows * 65536)
        np.save(tmp_path / f"labels-{number:05}.npy", (np.arange(rows) * 7 % 4).astype(np.uint8))
    size = sum(p.stat().st_size for p in tmp_path.glob("inputs-*"))
    assert size >= 20 * 2**30
    outputs = []
    for workers in (0, 2):
        done = subprocess.run([sys.executable, "-c", LARGE, str(tmp_path), str(workers)], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=600)
        assert done.returncode == 0, done.stderr
        figures, losses = done.stdout.strip().splitlines()
        assert int(figures.split()[0]) == 8 * rows
        assert int(figures.split()[1]) < 1000, "MiB of resident memory"
        outputs.append(losses)
    assert outputs[0] == outputs[1]


def test_the_version_of_talweg_reads_shards_in_a_loader(tmp_path):
    splits = load_path(shards(tmp_path / "s"))
    seen = [int(y) for _, labels in data.DataLoader(splits.train, 7) for y in labels.numpy()]
    assert seen == splits.train.targets.tolist()
    assert isinstance(splits.train[0][0], talweg.Tensor)
