"""Published weights: found, read, renamed, reported and written back; preprocessing read with them."""

import json
import os
import types

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from talweg import from_numpy, nn
from talweg.io import (
    ImagePreprocessing,
    Layout,
    LoadReport,
    Pretrained,
    Rule,
    hub,
    load_published,
    read_checkpoint,
    save_published,
    write_tensors,
)

RENAMED = Layout(
    "other",
    rules=(
        Rule("encoder.layer.*.first.weight", "blocks.*.up.weight", transpose=True),
        Rule("encoder.layer.*.qkv.**", ("blocks.*.q.**", "blocks.*.k.**", "blocks.*.v.**")),
        Rule(("head.low", "head.high"), "out.weight"),
    ),
    old=(Rule("**.gamma", "**.weight"),),
    ignored=("**.mask",),
    prefixes=("model.",),
)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(3, 5, bias=False)
        self.q, self.k, self.v = (nn.Linear(3, 2) for _ in range(3))
        self.norm = nn.BatchNorm1d(3)


class Small(Pretrained):
    layouts = (RENAMED,)

    def __init__(self, depth=2, classes=4):
        super().__init__()
        self.depth = depth
        self.blocks = nn.ModuleList([Block() for _ in range(depth)])
        self.out = nn.Linear(3, classes, bias=False)
        self.tied = nn.Linear(3, classes, bias=False)
        self.tied.weight = self.out.weight

    @classmethod
    def settings_of(cls, checkpoint):
        return {"depth": checkpoint.config["num_layers"]}

    def config_of(self, layout):
        return {"num_layers": self.depth}


def state(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def published(model, seed=0):
    """Fresh random values, as the publisher's library would store them."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for i in range(model.depth):
        at = f"encoder.layer.{i}."
        arrays[at + "first.weight"] = rng.normal(size=(3, 5)).astype("f4")
        arrays[at + "qkv.weight"] = rng.normal(size=(6, 3)).astype("f4")
        arrays[at + "qkv.bias"] = rng.normal(size=6).astype("f4")
        arrays[f"blocks.{i}.norm.gamma"] = rng.normal(size=3).astype("f4")
        for name in ("bias", "running_mean", "running_var"):
            arrays[f"blocks.{i}.norm.{name}"] = rng.normal(size=3).astype("f4")
        arrays[at + "mask"] = np.tril(np.ones((4, 4), "f4"))
    arrays["head.low"], arrays["head.high"] = rng.normal(size=(2, 2, 3)).astype("f4")
    return arrays


def expected(arrays, depth=2):
    own = {}
    for i in range(depth):
        own[f"blocks.{i}.up.weight"] = arrays[f"encoder.layer.{i}.first.weight"].T
        for n, name in enumerate("qkv"):
            own[f"blocks.{i}.{name}.weight"] = arrays[f"encoder.layer.{i}.qkv.weight"][2 * n:2 * n + 2]
            own[f"blocks.{i}.{name}.bias"] = arrays[f"encoder.layer.{i}.qkv.bias"][2 * n:2 * n + 2]
        own[f"blocks.{i}.norm.weight"] = arrays[f"blocks.{i}.norm.gamma"]
        for name in ("bias", "running_mean", "running_var"):
            own[f"blocks.{i}.norm.{name}"] = arrays[f"blocks.{i}.norm.{name}"]
        own[f"blocks.{i}.norm.num_batches_tracked"] = np.int64(0)
    own["out.weight"] = own["tied.weight"] = np.concatenate([arrays["head.low"], arrays["head.high"]])
    return own


def write_folder(folder, arrays, config=None):
    folder.mkdir(exist_ok=True)
    write_tensors(folder / "model.safetensors", arrays)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def assert_holds(model, own):
    found = state(model)
    assert found.keys() == own.keys()
    for name, value in own.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


# Reading


@pytest.mark.parametrize("prefix", ["", "model."])
def test_names_are_translated_packed_tensors_cut_transposed_ones_turned(tmp_path, prefix):
    model = Small()
    arrays = published(model)
    folder = write_folder(tmp_path / "m", {prefix + name: a for name, a in arrays.items()}, {"num_layers": 2})
    loaded = Small.from_pretrained(folder)
    assert_holds(loaded, expected(arrays))
    assert loaded.load_report.complete
    assert loaded.load_report.layout == "other"
    assert set(loaded.load_report.loaded) == {n for n in state(model) if not n.endswith("tracked")}
    assert not loaded.training
    assert loaded.tied.weight is loaded.out.weight


def test_our_own_names_load_as_well(tmp_path):
    model, other = Small(), Small()
    write_tensors(tmp_path / "own.safetensors", {n: a for n, a in state(model).items() if n != "tied.weight"})
    report = load_published(other, tmp_path / "own.safetensors")
    assert report.complete
    assert_holds(other, state(model))


def test_shards_are_read_through_their_index(tmp_path):
    arrays = published(Small())
    names = sorted(arrays)
    index = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(names)}
    for file in set(index.values()):
        write_tensors(tmp_path / file, {n: arrays[n] for n in names if index[n] == file})
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    model = Small()
    assert load_published(model, tmp_path).complete
    assert_holds(model, expected(arrays))


@pytest.mark.parametrize(("index", "message"), [
    ("{", "not valid JSON"),
    ("[]", "must hold a JSON object"),
    ("{}", "weight_map"),
    ('{"weight_map": {"a": 1}}', "weight_map"),
    ('{"weight_map": {"a": "../secret.safetensors"}}', "not a file of the same folder"),
    ('{"weight_map": {"absent": "part.safetensors"}}', "says that part.safetensors holds absent"),
])
def test_a_malformed_index_is_one_clear_error(tmp_path, index, message):
    write_tensors(tmp_path / "part.safetensors", {"a": np.zeros(2, "f4")})
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ValueError, match=message):
        read_checkpoint(tmp_path)


def test_a_shard_that_is_not_there_is_named(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a": "gone.safetensors"}}')
    with pytest.raises(FileNotFoundError, match="gone.safetensors"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("dtype", ["f8", "f2"])
def test_values_are_converted_to_the_models_type(tmp_path, dtype):
    arrays = {name: a.astype(dtype) for name, a in published(Small()).items()}
    write_tensors(tmp_path / "w.safetensors", arrays)
    model = Small()
    load_published(model, tmp_path / "w.safetensors")
    assert all(value.detach().numpy().dtype == np.float32 for value in model.parameters())
    np.testing.assert_array_equal(state(model)["out.weight"], expected(arrays)["out.weight"].astype("f4"))


# Reports


def damaged(model):
    arrays = published(model)
    del arrays["encoder.layer.1.qkv.bias"]
    arrays["pooler.weight"] = np.zeros(3, "f4")
    arrays["encoder.layer.0.first.weight"] = np.zeros((3, 7), "f4")
    return arrays


def test_the_report_lists_what_is_missing_unexpected_and_of_another_shape(tmp_path):
    model = Small()
    before = state(model)
    arrays = damaged(model)
    write_tensors(tmp_path / "w.safetensors", arrays)
    report = load_published(model, tmp_path / "w.safetensors", strict=False)
    lost = ["blocks.1.q.bias", "blocks.1.k.bias", "blocks.1.v.bias"]
    assert report.missing == lost
    assert report.unexpected == ["pooler.weight"]
    assert report.wrong_shapes == {"blocks.0.up.weight": ((7, 3), (5, 3))}
    assert not report.complete
    kept = [*lost, "blocks.0.up.weight"]
    after = state(model)
    assert all(np.array_equal(before[name], after[name]) for name in kept)
    np.testing.assert_array_equal(after["blocks.1.up.weight"], arrays["encoder.layer.1.first.weight"].T)
    for part in ("3 missing", "1 unexpected: pooler.weight", "blocks.0.up.weight is [7, 3], expected [5, 3]"):
        assert part in str(report)


def test_a_strict_load_changes_nothing_when_anything_differs(tmp_path):
    model = Small()
    before = {name: a.copy() for name, a in state(model).items()}
    write_tensors(tmp_path / "w.safetensors", damaged(model))
    with pytest.raises(RuntimeError, match="3 missing.*strict=False"):
        load_published(model, tmp_path / "w.safetensors")
    assert_holds(model, before)


def test_a_packed_tensor_that_cannot_be_cut_is_named(tmp_path):
    arrays = published(Small())
    arrays["encoder.layer.0.qkv.weight"] = np.zeros((5, 3), "f4")
    write_tensors(tmp_path / "w.safetensors", arrays)
    with pytest.raises(ValueError, match=r"encoder.layer.0.qkv.weight: .*\[5, 3\].*into 3"):
        load_published(Small(), tmp_path / "w.safetensors")


def test_an_unknown_layout_names_those_there_are(tmp_path):
    write_tensors(tmp_path / "w.safetensors", published(Small()))
    with pytest.raises(ValueError, match="'timm'; it has: other, talweg"):
        load_published(Small(), tmp_path / "w.safetensors", layout="timm")


def test_a_config_that_does_not_fit_is_a_value_error(tmp_path):
    with pytest.raises(ValueError, match="do not describe a Small"):
        Small.from_pretrained(write_folder(tmp_path / "m", published(Small()), {"layers": 2}))


# Writing


def test_saving_writes_the_published_layout_and_reads_back(tmp_path):
    model = Small(depth=3)
    model.preprocessing = ImagePreprocessing(20, (16, 18), "bicubic", (0.5,) * 3, (0.25,) * 3)
    model.save_pretrained(tmp_path / "saved")
    names = set(read_checkpoint(tmp_path / "saved").tensors)
    assert {"encoder.layer.2.qkv.bias", "head.low", "blocks.0.norm.weight"} <= names
    assert "tied.weight" not in names
    again = Small.from_pretrained(tmp_path / "saved")
    assert again.depth == 3
    assert_holds(again, state(model))
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(again.preprocessing(image).numpy(), model.preprocessing(image).numpy())


def test_a_plain_module_can_be_published_too(tmp_path):
    model, other = nn.Linear(2, 3), nn.Linear(2, 3)
    save_published(model, tmp_path, config={"width": 2})
    assert load_published(other, tmp_path).complete
    assert_holds(other, state(model))
    assert read_checkpoint(tmp_path).config == {"width": 2}


def test_rules_that_cannot_be_undone_are_refused():
    with pytest.raises(ValueError, match="same wildcards"):
        Rule("a.*.b", "a.b")


words = st.text("abc0", min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=4), st.booleans(), st.integers(1, 3))
def test_writing_undoes_reading(path, transpose, parts):
    rule = Rule("x.**.w", tuple(f"y{i}.**.w" for i in range(parts)), transpose=transpose)
    layout = Layout("l", (rule,))
    array = np.random.default_rng(0).normal(size=(6, 6))
    arrays = {"x." + ".".join(path) + ".w": array, "other": array[0]}
    plan = layout.plan(arrays.keys(), [])
    own = {}
    for step in plan.steps:
        own |= step.apply(arrays)
    written = layout.written(own)
    assert written.keys() == arrays.keys()
    assert all(np.array_equal(written[name], arrays[name]) for name in arrays)


# Finding


def test_what_is_neither_path_nor_hub_id_is_not_found(tmp_path):
    for source in (tmp_path / "gone", "gone/weights.safetensors", "../gone/model", "a/b/c"):
        with pytest.raises(FileNotFoundError, match="no such file or folder"):
            read_checkpoint(source)
    with pytest.raises(FileNotFoundError, match="has no weights"):
        read_checkpoint(tmp_path)


def test_several_weights_files_without_an_index_must_be_told_apart(tmp_path):
    for name in ("a", "b"):
        write_tensors(tmp_path / f"{name}.safetensors", {"w": np.zeros(1, "f4")})
    with pytest.raises(FileNotFoundError, match="name one of a.safetensors, b.safetensors"):
        read_checkpoint(tmp_path)


def test_a_damaged_weights_file_is_a_value_error(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not at all")
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_checkpoint(tmp_path)
    (tmp_path / "w.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="must end in"):
        read_checkpoint(tmp_path / "w.npz")


# PyTorch's own files


def torch_state(arrays):
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


@pytest.mark.parametrize("wrapped", [
    lambda state: state, lambda state: {"epoch": 3, "state_dict": state}, lambda state: {"model_state_dict": state, "dims": {}},
    lambda state: {"lr": 0.1, "model": {"state_dict": state}},
])
@pytest.mark.parametrize("ending", [".pt", ".pth", ".bin", ".ckpt"])
def test_pytorchs_files_are_read(tmp_path, ending, wrapped):
    arrays = published(Small())
    torch.save(wrapped(torch_state(arrays)), tmp_path / f"w{ending}")
    (tmp_path / "config.json").write_text(json.dumps({"num_layers": 2}))
    for source in (tmp_path, tmp_path / f"w{ending}"):
        model = Small.from_pretrained(source)
        assert model.load_report.complete
        assert_holds(model, expected(arrays))


def test_shards_of_pytorchs_files_are_read_and_safetensors_come_first(tmp_path):
    arrays = published(Small())
    names = list(arrays)
    places = {name: f"pytorch_model-{1 + i % 2}.bin" for i, name in enumerate(names)}
    for file in set(places.values()):
        torch.save(torch_state({n: arrays[n] for n in names if places[n] == file}), tmp_path / file)
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    (tmp_path / "config.json").write_text(json.dumps({"num_layers": 2}))
    assert_holds(Small.from_pretrained(tmp_path), expected(arrays))
    others = published(Small(), seed=1)
    write_tensors(tmp_path / "model.safetensors", others)
    assert_holds(Small.from_pretrained(tmp_path), expected(others))


def test_bfloat16_of_pytorchs_files_is_exact(tmp_path):
    arrays = {n: v.bfloat16() for n, v in torch_state(published(Small())).items()}
    torch.save(arrays, tmp_path / "pytorch_model.bin")
    (tmp_path / "config.json").write_text(json.dumps({"num_layers": 2}))
    wanted = {n: v.float().numpy() for n, v in arrays.items()}
    assert_holds(Small.from_pretrained(tmp_path), expected(wanted))


class Nasty:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize("content", [{"epoch": 1}, [1, 2], {"state_dict": Nasty()}, "cut", "cyclic"])
def test_pytorchs_files_without_sound_tensors_are_value_errors(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pt"
    if content == "cyclic":
        content = {}
        content["model"] = content
    torch.save({"w": torch.zeros(99)} if content == "cut" else content, path)
    if content == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="w.pt"):
        read_checkpoint(path)
    assert not (tmp_path / "executed").exists()


def test_a_repository_without_safetensors_is_asked_for_pytorchs_files(tmp_path, monkeypatch):
    folder = tmp_path / "snapshot"
    folder.mkdir()
    asked = []

    def snapshot_download(name, revision, allow_patterns):
        asked.append(allow_patterns)
        if "*.bin" in allow_patterns:
            torch.save(torch_state(published(Small())), folder / "pytorch_model.bin")
        (folder / "config.json").write_text(json.dumps({"num_layers": 2}))
        return str(folder)

    monkeypatch.setattr(hub.importlib, "import_module", lambda name: types.SimpleNamespace(snapshot_download=snapshot_download))
    assert Small.from_pretrained("owner/small").load_report.complete
    assert len(asked) == 2


def test_a_hub_id_without_the_library_says_what_to_install(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(hub.importlib, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'talweg\[hub\]'"):
        read_checkpoint("owner/small")


def test_a_hub_id_is_fetched_by_the_library(tmp_path, monkeypatch):
    asked = []
    folder = write_folder(tmp_path / "snapshot", published(Small()), {"num_layers": 2})

    def snapshot_download(name, revision, allow_patterns):
        asked.append((name, revision))
        assert not any("bin" in pattern for pattern in allow_patterns)
        return str(folder)

    library = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setattr(hub.importlib, "import_module", lambda name: library)
    assert Small.from_pretrained("owner/small", revision="v1").load_report.complete
    assert asked == [("owner/small", "v1")]


def test_the_hubs_failures_are_told_in_one_line(monkeypatch):
    class RepositoryNotFoundError(OSError):
        pass

    def library_raising(error):
        def snapshot_download(*_, **__):
            raise error
        return lambda name: types.SimpleNamespace(snapshot_download=snapshot_download)

    monkeypatch.setattr(hub.importlib, "import_module", library_raising(RepositoryNotFoundError("404\nlong")))
    with pytest.raises(FileNotFoundError, match=r"owner/small: is neither .* \(404\)$"):
        read_checkpoint("owner/small")
    monkeypatch.setattr(hub.importlib, "import_module", library_raising(OSError("unreachable")))
    with pytest.raises(ConnectionError, match="could not be fetched"):
        read_checkpoint("owner/small")


# Preprocessing


def picture(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(("config", "wanted"), [
    ({"size": {"shortest_edge": 224}, "do_center_crop": True, "crop_size": {"height": 224, "width": 200},
      "resample": 3}, (224, (224, 200), "bicubic")),  # CLIP
    ({"size": 224, "do_center_crop": True, "crop_size": 192, "resample": 3}, (224, (192, 192), "bicubic")),
    ({"size": {"height": 224, "width": 160}, "resample": 2}, ((224, 160), None, "bilinear")),  # ViT
    ({"size": 224}, ((224, 224), None, "bilinear")),
    ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, (256, (224, 224), "bilinear")),  # ResNet, ConvNeXt
    ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, ((384, 384), None, "bilinear")),
    ({"do_resize": False}, (None, None, "bilinear")),
])
def test_transformers_preprocessing_is_understood(config, wanted):
    told = ImagePreprocessing.from_config(config | {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3]})
    assert (told.resize, told.crop, told.interpolation) == wanted
    assert told.mean == (0.1, 0.2, 0.3)
    assert ImagePreprocessing.from_config(told.as_config()) == told


def test_timms_preprocessing_is_understood():
    told = ImagePreprocessing.from_timm({"pretrained_cfg": {
        "input_size": [3, 224, 224], "crop_pct": 0.95, "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.2] * 3,
    }})
    assert (told.resize, told.crop, told.interpolation, told.std) == (235, (224, 224), "bicubic", (0.2,) * 3)


@pytest.mark.parametrize("config", [
    {}, {"size": "big"}, {"size": {"width": 3}}, {"size": 3, "resample": 77}, {"size": 3, "image_mean": 4},
    {"size": 3, "image_std": [0, 0, 0]}, {"size": -1}, {"size": [1, 2, 3]}, {"size": 9, "image_mean": [1.0]},
])
def test_a_malformed_preprocessing_is_a_value_error(config):
    with pytest.raises(ValueError):
        ImagePreprocessing.from_config(config)


@pytest.mark.parametrize("shape", [(50, 71), (71, 50), (33, 33), (20, 90)])
def test_an_image_is_resized_cropped_and_normalised(shape):
    prepare = ImagePreprocessing(32, (28, 28), mean=(0.1, 0.2, 0.3), std=(0.5, 1, 2))
    image = picture(*shape)
    height, width = (32, 32 * shape[1] // shape[0]) if shape[0] <= shape[1] else (32 * shape[0] // shape[1], 32)
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)) / 255
    top, left = round((height - 28) / 2), round((width - 28) / 2)
    middle = resized[top:top + 28, left:left + 28]
    wanted = ((middle - prepare.mean) / prepare.std).transpose(2, 0, 1)
    found = prepare(image)
    assert tuple(found.shape) == (3, 28, 28)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)
    np.testing.assert_array_equal(prepare(np.asarray(image)).numpy(), found.numpy())


def test_an_image_smaller_than_the_crop_gets_a_black_border():
    found = ImagePreprocessing(None, (8, 9), mean=(0.0,) * 3, std=(1.0,) * 3)(np.full((4, 4, 3), 255, np.uint8))
    assert found.numpy()[0].sum() == 16
    assert found.numpy()[0, 2:6, 2:6].sum() == 16


def test_what_is_no_image_is_refused(tmp_path):
    with pytest.raises(TypeError, match="uint8"):
        ImagePreprocessing()(np.zeros((3, 3, 3)))
    with pytest.raises(FileNotFoundError):
        ImagePreprocessing()(tmp_path / "gone.png")
    (tmp_path / "bad.png").write_bytes(b"no")
    with pytest.raises(OSError):
        ImagePreprocessing()(tmp_path / "bad.png")
    with pytest.raises(ValueError, match="interpolation"):
        ImagePreprocessing(interpolation="cubic")


def test_a_report_of_a_full_load_is_one_short_line():
    assert str(LoadReport("there", "other", ["a", "b"])) == "there: 2 tensors loaded (other names)"


def test_a_tensor_on_its_way_out_of_a_view_is_contiguous(tmp_path):
    model = nn.Linear(4, 3)
    model.weight = nn.Parameter(from_numpy(np.arange(12, dtype="f4").reshape(4, 3)).T)
    save_published(model, tmp_path)
    np.testing.assert_array_equal(read_checkpoint(tmp_path).tensors["weight"], model.weight.detach().numpy())
