"""PyTorch's files: read in its formats, written for it, and nothing executed."""

import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn

torch.set_num_threads(1)
DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128".split()


def written(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    file.seek(0)
    return file


def numbers(x):
    return x.detach().to(tw.float64 if isinstance(x, tw.Tensor) else torch.float64).numpy()


@pytest.mark.parametrize("zipped", [True, False])
def test_what_pytorch_writes_is_read(zipped):
    x = torch.arange(12.0).reshape(3, 4)
    given = {"x": x, "turned": x.t(), "part": x[1:, ::2], "scalar": torch.tensor(3), "empty": torch.zeros(0, 3),
             "plain": [1, "text", None, (2.5, True), {3}, 2**70, b"bytes", 1 + 2j], "size": x.shape,
             "weights": OrderedDict(w=torch.nn.Parameter(torch.ones(2)))}
    found = tw.load(written(given, _use_new_zipfile_serialization=zipped))
    assert found.keys() == given.keys()
    for name in ("x", "turned", "part", "scalar", "empty"):
        assert tuple(found[name].shape) == tuple(given[name].shape)
        assert found[name].stride() == given[name].stride()
        np.testing.assert_array_equal(numbers(found[name]), numbers(given[name]))
    assert found["plain"] == given["plain"]
    assert tuple(found["size"]) == (3, 4)
    assert isinstance(found["weights"]["w"], nn.Parameter)
    assert found["weights"]["w"].requires_grad
    found["x"].add_(100)
    assert found["turned"][0].tolist() == [100, 104, 108]
    assert found["part"][0].tolist() == [104, 106]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_goes_both_ways(name, zipped):
    x = torch.tensor([[0, 1], [1, 3]]).to(getattr(torch, name))
    found = tw.load(written(x, _use_new_zipfile_serialization=zipped))
    assert found.dtype is getattr(tw, name)
    assert found.tolist() == x.tolist()
    file = io.BytesIO()
    tw.save(found.t(), file)
    file.seek(0)
    back = torch.load(file, weights_only=True)
    assert (back.dtype, back.tolist()) == (x.dtype, x.t().tolist())


def test_what_is_written_pytorch_reads(tmp_path):
    model, y = nn.Linear(3, 2), tw.arange(6.0).reshape(2, 3)
    optimizer = tw.optim.AdamW(model.parameters())
    model(y).sum().backward()
    optimizer.step()
    path = tmp_path / "checkpoint.pt"
    tw.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "y": y, "t": y.t(), "dtype": tw.bfloat16}, path)
    found = torch.load(path, weights_only=True)
    assert found["dtype"] is torch.bfloat16
    plain = [b"bytes", {1, 2}, OrderedDict(a=1), 2.5, None]
    tw.save(plain, path.with_suffix(".2"))
    assert torch.load(path.with_suffix(".2"), weights_only=True) == tw.load(path.with_suffix(".2")) == plain
    assert found["y"].data_ptr() == found["t"].data_ptr()
    assert found["t"].tolist() == y.t().tolist()
    theirs = torch.nn.Linear(3, 2)
    theirs.load_state_dict(found["model"])
    np.testing.assert_array_equal(theirs.weight.detach().numpy(), model.weight.detach().numpy())
    torch.optim.AdamW(theirs.parameters()).load_state_dict(found["optimizer"])
    again = nn.Linear(3, 2)
    again.load_state_dict(tw.load(path)["model"])
    assert again.bias.tolist() == model.bias.tolist()


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_is_executed(zipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for bad in ({"a": Evil()}, [torch.nn.ReLU()], np.float64(1)):
        with pytest.raises(ValueError, match="only tensors and plain containers"):
            tw.load(written(bad, _use_new_zipfile_serialization=zipped))
    assert not (tmp_path / "executed").exists()


def archive_of(pickled):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a/data.pkl", pickled)
        made.writestr("a/data/0", b"1234")
    file.seek(0)
    return file


@pytest.mark.parametrize("pickled", [
    b"", b"(", b"garbage", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01tR.", b"\x80\x02X\x05\x00\x00\x00helloQ.",
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00aK\x01s\x86b.", b"\x80\x02\x82\x01.", b"\x80\x02h\x05.",
    b"cos\nsystem\n(S'true'\ntR.", b"\x80\x02cbuiltins\neval\n.", b"\x80\x02ctorch\nFloatStorage\n)R.",
])
def test_malformed_pickles_are_value_errors(pickled):
    with pytest.raises(ValueError, match="load: "):
        tw.load(archive_of(pickled))


def test_cut_and_foreign_files_are_value_errors(tmp_path):
    for zipped in (True, False):
        content = written({"x": torch.ones(100)}, _use_new_zipfile_serialization=zipped).getvalue()
        for cut in (0, 3, 10, len(content) // 2, len(content) - 30):
            with pytest.raises(ValueError, match="load: "):
                tw.load(io.BytesIO(content[:cut]))
    with pytest.raises(ValueError, match="none of PyTorch's formats"):
        tw.load(io.BytesIO(pickle.dumps(3)))
    with pytest.raises(FileNotFoundError):
        tw.load(tmp_path / "none.pt")
    with pytest.raises(RuntimeError):
        tw.load(written(torch.ones(1)), map_location="cuda")


@pytest.mark.parametrize("bad", [nn.ReLU(), lambda: 0, object(), {"a": np.ones(2)}, os.system])
def test_other_objects_are_not_written(bad):
    with pytest.raises(TypeError, match="save"):
        tw.save(bad, io.BytesIO())


# --- the tar format of PyTorch before 0.2, as torch.load still reads it
def tar_file(tensors, structure, views=(), leave_out=()):
    """Such a file: `tensors` {key: (storage key, tensor class, shape, strides, offset)}, storages taken from STORED."""
    def entry(*parts):
        return b"".join(part if isinstance(part, bytes) else pickle.dumps(part, 2) for part in parts)

    storages = entry(len(STORED), *[part for key, (kind, array) in STORED.items() for part in (
        (key, "cpu", kind), struct.pack("<q", array.size), array.tobytes())], list(views))
    listed = entry(len(tensors), *[part for key, (storage, kind, shape, strides, offset) in tensors.items() for part in (
        (key, storage, kind), struct.pack(f"<q{len(shape)}q{len(shape)}qq", len(shape), *shape, *strides, offset))])
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {"storages": storages, "tensors": listed, "pickle": with_references(structure)}.items():
            if name not in leave_out:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    file.seek(0)
    return file


class Reference(int):
    """The key of a tensor, where the tensor belongs."""


def with_references(structure):
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 2)
    pickler.persistent_id = lambda thing: str(int(thing)) if isinstance(thing, Reference) else None
    pickler.dump(structure)
    return file.getvalue()


STORED = {11: (torch.FloatStorage, np.arange(12, dtype="f4")), 22: (torch.LongStorage, np.arange(-2, 4)),
          33: (torch.ByteStorage, np.arange(3, dtype="u1"))}
TENSORS = {1: (11, torch.FloatTensor, (3, 4), (4, 1), 0), 2: (11, torch.FloatTensor, (2, 3), (1, 4), 1),
           3: (22, torch.LongTensor, (6,), (1,), 0), 4: (33, torch.ByteTensor, (1, 2), (2, 1), 1)}
NAMED = OrderedDict(whole=Reference(1), turned=Reference(2), nested=[Reference(3), {"bytes": Reference(4)}, 2.5, "text"])


def both_read(file, tmp_path):
    """What Talweg and PyTorch, which wants a real file for this format, make of it."""
    path = tmp_path / "old.pt"
    path.write_bytes(file.getvalue())
    return tw.load(path), torch.load(path, weights_only=False)


def test_the_tar_format(tmp_path):
    found, expected = both_read(tar_file(TENSORS, NAMED), tmp_path)
    assert list(found) == list(expected)
    pairs = [(found[name], expected[name]) for name in ("whole", "turned")]
    pairs += [(f["nested"][0], f["nested"][1]["bytes"]) for f in (found, expected)]
    pairs[2:] = zip(*pairs[2:])
    for ours, theirs in pairs:
        assert str(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert found["nested"][2:] == expected["nested"][2:]


def test_storages_that_are_parts_of_others_in_a_tar_file(tmp_path):
    tensors = {**TENSORS, 5: (44, torch.FloatTensor, (2, 2), (2, 1), 1)}
    views = [(44, 11, 4, 6)]  # elements 4 to 9 of storage 11
    found, expected = both_read(tar_file(tensors, [Reference(5)], views), tmp_path)
    np.testing.assert_array_equal(found[0].numpy(), expected[0].numpy())


@pytest.mark.parametrize("bad", [
    lambda: tar_file(TENSORS, NAMED, leave_out=("tensors",)), lambda: tar_file(TENSORS, NAMED, leave_out=("storages",)),
    lambda: tar_file(TENSORS, NAMED, leave_out=("pickle",)), lambda: tar_file(TENSORS, [Reference(9)]),
    lambda: tar_file({1: (99, torch.FloatTensor, (3,), (1,), 0)}, [Reference(1)]),
    lambda: tar_file({1: (11, torch.FloatTensor, (30,), (1,), 0)}, [Reference(1)]),
    lambda: tar_file({1: (11, torch.FloatTensor, (3,), (1,), -1)}, [Reference(1)]),
    lambda: tar_file({1: (11, torch.FloatTensor, (-3,), (1,), 0)}, [Reference(1)]),
    lambda: tar_file({1: (11, torch.FloatTensor, (3,), (-1,), 5)}, [Reference(1)]),
    lambda: tar_file({1: (11, os.system, (3,), (1,), 0)}, [Reference(1)]),
    lambda: tar_file(TENSORS, [os.system]), lambda: tar_file(TENSORS, NAMED, [(44, 99, 0, 1)]),
    lambda: tar_file(TENSORS, NAMED, [(44, 11, 10, 6)]), lambda: tar_file(TENSORS, NAMED, [(44, 11, -1, 2)]),
    lambda: tar_file(TENSORS, NAMED, ["words"]), lambda: io.BytesIO(tar_file(TENSORS, NAMED).getvalue()[:1500]),
])
def test_malformed_tar_files_are_one_clear_error(bad):
    with pytest.raises((ValueError, RuntimeError, pickle.UnpicklingError)) as caught:
        tw.load(bad())
    assert str(caught.value)
