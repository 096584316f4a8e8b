"""CLIP in OpenAI's layout, with open_clip as the reference, and in OpenAI's own files, which are TorchScript archives."""

import zipfile

import numpy as np
import pytest
import torch
from parity import (
    assert_same_gradients,
    assert_same_outputs,
    assert_written_back,
    shake,
    written,
)
from references import reference

import talweg as tw
from talweg.models import CLIP

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
TEXT = {"context_length": 12, "vocab_size": 31, "width": 64, "heads": 1, "layers": 2}
IMAGES = {
    "transformer": {"layers": 2, "width": 64, "patch_size": 8, "image_size": 32, "head_width": 64},
    "resnet": {"layers": [1, 2, 1, 1], "width": 8, "patch_size": None, "image_size": 64, "head_width": 64},
}
LAYOUTS = {"transformer": "openai", "resnet": "openai, ResNet"}


class Published(torch.nn.Module):
    """The reference with the sizes that OpenAI's files hold beside the weights, and logits as its output."""

    def __init__(self, model, side):
        super().__init__()
        for name, child in model.named_children():
            self.add_module(name, child)
        for name, value in model.named_parameters(recurse=False):
            self.register_parameter(name, value)
        for name, size in {"input_resolution": side, "context_length": 12, "vocab_size": 31}.items():
            self.register_buffer(name, torch.tensor(size))
        self.kept = [model]  # a list, so that it is no module of this one

    def forward(self, images, tokens):
        a, b, scale = self.kept[0](images, tokens)
        return (a @ b.T) * scale


def ids(count, length=12):
    """Texts with their end, the largest id, somewhere."""
    rng = np.random.default_rng(1)
    made = rng.integers(1, 29, (count, length))
    made[np.arange(count), rng.integers(4, length, count)] = 30
    return made


@pytest.fixture(scope="module", params=IMAGES)
def case(request):
    """The reference, ours with its weights, and inputs."""
    kind = reference("open_clip", "model").CLIP
    torch.manual_seed(0)
    theirs = shake(kind(16, IMAGES[request.param], TEXT, quick_gelu=True))
    side = IMAGES[request.param]["image_size"]
    images = np.random.default_rng(0).standard_normal((2, 3, side, side)).astype(np.float32)
    return request.param, theirs, Published(theirs, side).eval(), (images, ids(3))


def loaded(path):
    model = CLIP.from_pretrained(path)
    assert model.load_report.complete, model.load_report
    return model


def test_outputs_and_gradients_are_theirs(case, tmp_path):
    name, theirs, published, inputs = case
    model = loaded(written(theirs, tmp_path / name))
    assert model.load_report.layout == LAYOUTS[name]
    assert_same_outputs(model, published, *inputs, call=lambda *given: model(*given)[0])
    layout = next(known for known in model.layouts if known.name == LAYOUTS[name])
    assert_same_gradients(model, published, *inputs, layout=layout, call=lambda *given: model(*given)[0])


def test_what_we_write_is_what_they_wrote(case, tmp_path):
    name, theirs = case[:2]
    assert_written_back(loaded(written(theirs, tmp_path / name)), theirs, tmp_path / "again", LAYOUTS[name])


def archived(published, inputs, path, half=False):
    """As torch.jit.save writes it."""
    traced = torch.jit.trace(published, tuple(map(torch.from_numpy, inputs)), check_trace=False)
    if half:  # OpenAI's files hold half precision, norms apart
        traced.half()
    traced.save(str(path))
    return path


def test_a_torchscript_archive_is_read(case, tmp_path):
    published, inputs = case[2:]
    found = tw.load(archived(published, inputs, tmp_path / "model.pt"))
    wanted = published.state_dict()
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype.name == str(value.dtype).removeprefix("torch.")
        np.testing.assert_array_equal(found[name].detach().numpy(), value.numpy(), err_msg=name)
    model = loaded(tmp_path / "model.pt")
    assert_same_outputs(model, published, *inputs, call=lambda *given: model(*given)[0])


def test_an_archive_in_half_precision_is_loaded_into_single(case, tmp_path):
    name, theirs, published, inputs = case
    path = archived(Published(theirs, 32), inputs, tmp_path / "model.pt", half=True)
    model = loaded(path)
    half = tw.load(path)
    assert half["ln_final.weight"].dtype is tw.float16
    assert model.text.norm.weight.dtype is tw.float32
    np.testing.assert_array_equal(model.text.norm.weight.detach().numpy(), half["ln_final.weight"].float().detach().numpy())
    theirs.float()


class Odd(torch.nn.Module):
    """Lists, dictionaries, text and shared modules beside the weights."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 3)
        self.again = self.first
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        self.steps = [1, 2]
        self.table = {"a": 1.5}
        self.text = "words"

    def forward(self, x):
        return self.layers(self.again(self.first(x))) * self.steps[0] * self.table["a"]


def test_scripted_modules_keep_their_names(tmp_path):
    model = Odd()
    torch.jit.script(model).save(str(tmp_path / "odd.pt"))
    found = tw.load(tmp_path / "odd.pt")
    wanted = torch.jit.load(str(tmp_path / "odd.pt")).state_dict()
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name].detach().numpy(), value.numpy(), err_msg=name)


SCRIPT = b"\x80\x02c__torch__\nNet\n"


@pytest.mark.parametrize(("pickled", "told"), [
    (SCRIPT + b")\x81K\x07b.", "in a way of its own"),  # a state that is a number
    (SCRIPT + b")\x81}(K\x01K\x02ub.", "in a way of its own"),  # attributes by numbers
    (SCRIPT + b"K\x01\x85\x81.", "no module of its program"),  # a module made of something
    (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "no module of its program"),
    (b"\x80\x02cos\nsystem\n)\x81.", "only tensors and plain containers"),
    (SCRIPT + b")\x81q\x00}X\x01\x00\x00\x00ah\x00sb.", "deep in one another"),  # a module that holds itself
    (b"\x80\x02K\x01.", "of a int, not of a module"),
    (b"\x80\x02\x81.", "damaged"), (SCRIPT, "damaged"), (b"", "damaged"),
])
def test_malformed_archives_are_value_errors(tmp_path, pickled, told):
    with zipfile.ZipFile(tmp_path / "bad.pt", "w") as made:
        made.writestr("bad/code/__torch__.py", "raise SystemExit")
        made.writestr("bad/data.pkl", pickled)
    with pytest.raises(ValueError, match=told):
        tw.load(tmp_path / "bad.pt")


def test_an_archive_cut_short_is_a_value_error(tmp_path):
    torch.jit.script(Odd()).save(str(tmp_path / "odd.pt"))
    content = (tmp_path / "odd.pt").read_bytes()
    for cut in (10, len(content) // 2, len(content) - 30):
        (tmp_path / "cut.pt").write_bytes(content[:cut])
        with pytest.raises(ValueError, match="cut short or damaged"):
            tw.load(tmp_path / "cut.pt")


def test_an_archive_of_another_network_is_named(tmp_path):
    torch.jit.script(Odd()).save(str(tmp_path / "odd.pt"))
    with pytest.raises((ValueError, KeyError)) as caught:
        CLIP.from_pretrained(tmp_path / "odd.pt")
    assert "odd.pt" in str(caught.value)
