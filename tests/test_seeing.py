"""What can be said of a model without computing it: operations, receptive fields, memory, the summary command."""

import json
import sys

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn
from talweg.inspection import activation_bytes, inspect, macs_of, receptive_fields, recorded, training_flops
from talweg.inspection.reshapes import reshaped
from talweg.inspection.summary import output_of
from talweg.models import MODELS, DenoisingAutoencoder, ResNet, UNet, ViT, build, entry
from talweg.models.convolutional import CONVOLUTIONAL
from talweg.nn import init

torch.set_num_threads(1)

# torchvision's _ops, in GMAC, by the published weights' metadata.
PUBLISHED = {
    "alexnet": 0.714, "resnet18": 1.814, "resnet34": 3.664, "resnet50": 4.089, "resnet101": 7.801, "resnet152": 11.514,
    "vgg11": 7.609, "vgg11_bn": 7.609, "vgg13": 11.308, "vgg13_bn": 11.308, "vgg16": 15.470, "vgg16_bn": 15.470,
    "vgg19": 19.632, "vgg19_bn": 19.632, "ssd300": 34.858,
}


def by_name(name):
    found = entry(name)
    with init.skipped():
        return build(name, found.input_shape, found.classes), found.example(found.input_shape)


@pytest.mark.parametrize("name", PUBLISHED)
def test_row_10_operations_are_the_published_ones(name):
    model, example = by_name(name)
    counts = macs_of(recorded(model, *example))
    assert sum(counts.values()) / 1e9 == pytest.approx(PUBLISHED[name], rel=0.01)


@pytest.mark.parametrize(("patch", "width", "layers", "published"), [(16, 768, 12, 17.564), (32, 768, 12, 4.409),
                                                                      (16, 1024, 24, 61.555)])
def test_row_10_operations_of_vision_transformers(patch, width, layers, published):
    with init.skipped():
        model = ViT(224, patch, width, layers, width // 64)
    counts = macs_of(recorded(model, tw.zeros(1, 3, 224, 224)))
    assert sum(counts.values()) / 1e9 == pytest.approx(published, rel=0.01)


def test_operations_of_a_step_by_hand():
    lstm = nn.LSTM(8, 16, batch_first=True)
    assert sum(macs_of(recorded(lstm, tw.zeros(1, 5, 8))).values()) == 5 * 4 * 16 * (8 + 16)
    up = nn.ConvTranspose2d(6, 4, 2, stride=2)
    assert sum(macs_of(recorded(up, tw.zeros(1, 6, 5, 5))).values()) == 6 * 4 * 4 * 25
    grouped = nn.Conv2d(6, 6, 3, groups=3)
    assert sum(macs_of(recorded(grouped, tw.zeros(1, 6, 5, 5))).values()) == 9 * 9 * 6 * 2


def test_nothing_is_computed(monkeypatch):
    def refuse(*_):
        raise AssertionError("something was evaluated")

    model, example = by_name("resnet18")
    monkeypatch.setattr(sys.modules["talweg.tensor.pending"], "evaluate", refuse)
    inspect(model, *example)


def test_mode_buffers_and_random_state_stay_as_they_are():
    tw.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5)).train()
    model[1].eval()
    tw.manual_seed(1)
    expected = tw.rand(3).tolist()
    tw.manual_seed(1)
    before = {k: v.numpy() for k, v in model.state_dict().items()}
    inspect(model, tw.zeros(3, 4))
    assert tw.rand(3).tolist() == expected
    assert (model.training, model[1].training) == (True, False)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


# --- receptive fields
def field_of(model, shape, layer):
    recording = recorded(model, tw.zeros(*shape))
    return receptive_fields(recording)[output_of(recording, layer)]


FIELDS = [("vgg16", "features", 212), ("alexnet", "features.10", 163), ("resnet50", "layer4", 427), ("resnet18", "layer4", 435)]


@pytest.mark.parametrize(("name", "layer", "size"), FIELDS)
def test_row_62_published_receptive_fields(name, layer, size):
    model, example = by_name(name)
    recording = recorded(model, *example)
    assert [s.size for s in receptive_fields(recording)[output_of(recording, layer)]] == [size, size]


@pytest.mark.parametrize(("layers", "kernel"), [(1, 3), (10, 3), (4, 5), (3, 1)])
def test_row_62_a_stack_of_convolutions_sees_one_plus_l_times_k_minus_one(layers, kernel):
    model = nn.Sequential(*(nn.Conv2d(1, 1, kernel) for _ in range(layers)))
    assert [s.size for s in field_of(model, (1, 1, 40, 50), "")] == [1 + layers * (kernel - 1)] * 2


class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1)

    def forward(self, x):
        return tw.cat([x, self.up(self.down(x).relu())], 1)[:, :, 1:]


def _random_network(rng):
    layers = []
    for _ in range(rng.integers(1, 5)):
        k, s, d, p = rng.integers(1, 4), rng.integers(1, 3), rng.integers(1, 3), rng.integers(0, 2)
        kind = rng.integers(0, 5)
        if kind == 0:
            layers.append(nn.AvgPool2d(int(k), int(s)))
        elif kind == 1:
            layers.append(nn.ConvTranspose2d(2, 2, int(k), int(s)))
        else:
            layers.append(nn.Conv2d(2, 2, int(k), int(s), int(p), int(d)))
    return nn.Sequential(*layers)


def gradient_support(model, shape, position):
    """Rows and columns of the input with a gradient of the outputs at one position: (first, last) of each."""
    for parameter in model.parameters():
        init.uniform_(parameter, 0.5, 1.0)  # positive, so that nothing cancels
    x = tw.rand(*shape, requires_grad=True)
    model(x)[(slice(None), slice(None), *position)].sum().backward()
    hit = np.argwhere(x.grad.numpy() != 0)[:, 2:]
    return [(int(c.min()), int(c.max())) for c in hit.T]


@pytest.mark.parametrize("seed", range(12))
def test_row_62_the_gradient_stays_inside_and_reaches_the_ends(seed):
    rng = np.random.default_rng(seed)
    model, shape = _random_network(rng), (1, 2, 23, 29)
    with_transposed = any(isinstance(m, nn.ConvTranspose2d) for m in model)
    field = field_of(model, shape, "")
    sizes = recorded(model, tw.zeros(*shape)).outputs[0].shape[2:]
    position = tuple(s // 2 for s in sizes)
    found = gradient_support(model, shape, position)
    for span, at, side, (first, last) in zip(field, position, shape[2:], found):
        low, high = (max(span.at(at)[0], 0), min(span.at(at)[1], side - 1))
        assert low <= first
        assert last <= high
        if not with_transposed:  # of these the bound is exact
            assert (first, last) == (low, high)


@pytest.mark.parametrize("name", ["unet", "resnet_small", "denoiser"])
def test_row_62_the_gradient_of_models_stays_inside(name):
    tw.manual_seed(0)
    shape = {"unet": (1, 1, 188, 188), "resnet_small": (1, 1, 28, 28), "denoiser": (1, 1, 64, 64)}[name]
    model = {"unet": lambda: UNet(1, 2, 2), "resnet_small": lambda: ResNet.for_small_images(4, 1).layer2,
             "denoiser": lambda: DenoisingAutoencoder(1)}[name]().eval()
    shape = (1, 16, 28, 28) if name == "resnet_small" else shape
    field = field_of(model, shape, "")
    position = tuple(s // 2 for s in recorded(model, tw.zeros(*shape)).outputs[0].shape[2:])
    for span, at, (first, last) in zip(field, position, gradient_support(model, shape, position)):
        assert span.at(at)[0] <= first <= last <= span.at(at)[1]


def test_a_skip_connection_joins_both_paths_and_attention_sees_all():
    field = field_of(Skip(), (1, 2, 16, 16), "")
    assert all(span.dim is not None for span in field)
    assert field[0].at(4)[0] <= 5 - 2  # one row is cut off before
    assert [s.dim for s in field_of(nn.Sequential(nn.Flatten(), nn.Linear(32, 2)), (1, 2, 4, 4), "")] == [None, None]


def test_where_dimensions_go():
    assert reshaped((3, 4), (12,), 0) == (0, 4, 1)
    assert reshaped((3, 4), (12,), 1) is None
    assert reshaped((12,), (3, 4), 0) == (0, 1, 4)
    assert reshaped((2, 3, 8), (2, 3, 1, 8), 2) == (3, 1, 1)
    assert reshaped((2, 6), (3, 4), 0) is None
    assert reshaped((0, 3), (3, 0), 0) is None


# --- activations kept for the backward pass
def pytorch_keeps(model, x):
    held = {p.untyped_storage().data_ptr() for p in [*model.parameters(), *model.buffers(), x]}
    kept = {}

    def pack(t):
        if t.is_floating_point() and t.untyped_storage().data_ptr() not in held and t.numel() > 64:
            kept[t.untyped_storage().data_ptr()] = (t.untyped_storage().nbytes(), t)
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        result = model(x)
    assert result.requires_grad
    return sum(size for size, _ in kept.values())


@pytest.mark.parametrize("make", [
    lambda n: n.Sequential(n.Linear(32, 100), n.ReLU(), n.Linear(100, 80), n.Tanh(), n.Linear(80, 70)),
    lambda n: n.Sequential(n.Linear(32, 100), n.GELU(), n.Linear(100, 80), n.LayerNorm(80), n.Linear(80, 70)),
    lambda n: n.Sequential(n.Unflatten(1, (2, 4, 4)), n.Conv2d(2, 16, 3, padding=1), n.BatchNorm2d(16), n.ReLU(),
                           n.Conv2d(16, 16, 3, padding=1), n.BatchNorm2d(16), n.ReLU(), n.Flatten(), n.Linear(256, 65)),
])
def test_kept_activations_are_those_that_pytorch_saves(make):
    theirs = pytorch_keeps(make(torch.nn), torch.randn(8, 32))
    assert sum(activation_bytes(make(nn), tw.zeros(8, 32)).values()) == theirs


def test_frozen_layers_before_keep_nothing():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    everything = activation_bytes(model, tw.zeros(2, 4))
    assert everything == {"1": 2 * 8 * 4}
    model.requires_grad_(False)
    assert activation_bytes(model, tw.zeros(2, 4)) == {}


# --- the summary
def test_every_registered_convolutional_model_has_a_summary():
    for name in CONVOLUTIONAL.keys() - PUBLISHED.keys():
        model, example = by_name(name)
        found = inspect(model, *example)
        assert found.macs > 0
        assert found.activations > 0
        assert found.rows[0].output_shape is not None


def test_rows_add_up_and_shared_parameters_count_once():
    table = nn.Embedding(10, 4)
    model = nn.Sequential(table, nn.Linear(4, 10, bias=False))
    model[1].weight = table.weight
    found = inspect(model, tw.zeros(1, 3, dtype=tw.int64))
    assert [row.parameters for row in found.rows] == [40, 40, 0]
    assert [row.macs for row in found.rows] == [120, 0, 120]
    model.requires_grad_(False)
    assert inspect(model, tw.zeros(1, 3, dtype=tw.int64)).rows[0].trainable == 0


def test_six_n_d():
    assert training_flops(10**9, 2e10) == 1.2e20
    for bad in ((-1, 1), (1, -1.0), (1, float("nan"))):
        with pytest.raises(ValueError, match="0 or more"):
            training_flops(*bad)


@pytest.fixture
def talk(capsys):
    from talweg.cli.main import main

    def say(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return say


def test_the_command_for_people(talk):
    code, out, _ = talk("summary", "resnet18", "--train-flops", "1e6")
    assert code == 0
    assert "11,689,512 parameters" in out
    assert "1.814 GMAC" in out
    assert "6 N D = 7.01e+13 FLOP" in out
    assert talk("info", "resnet50", "--flops")[1].startswith("resnet50: 4.089 GMAC")
    deep = talk("summary", "vgg16", "--depth", 1)[1]
    assert "features " in deep
    assert " Conv2d " not in deep


def test_equal_neighbours_are_shown_once_unless_asked_for(talk):
    assert "1-2 (x2)" in talk("summary", "resnet50")[1]
    everything = talk("summary", "resnet50", "--all")[1]
    assert "(x2)" not in everything
    assert everything.count("Bottleneck") == 16


def test_the_command_for_programs(talk):
    facts = json.loads(talk("summary", "lenet", "--json", "--train-flops", 1000, "--classes", 2)[1])
    assert facts["training_flops"] == 6 * facts["parameters"] * 1000
    assert facts["flops"] == 2 * facts["macs"]
    assert [row["field"] for row in facts["layers"]][1:3] == [[5, 5], [19, 19]]
    larger = json.loads(talk("summary", "unet", "--json", "--input", "1x188x188")[1])
    assert larger["layers"][0]["output_shape"] == [1, 2, 4, 4]


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (("lenett",), 1, "did you mean 'lenet'"),
    (("resnet50", "--input", "3xtwo"), 2, "3x224x224"),
    (("resnet50", "--input", "3x0x4"), 2, "1 or more"),
    (("unet", "--input", "1x100x100"), 1, "cannot be halved"),
    (("lenet", "--train-flops", "-1"), 2, "--train-flops"),
    (("lenet", "--train-flops", "many"), 2, "--train-flops"),
    (("lenet", "--depth", "0"), 2, "--depth"),
])
def test_what_is_wrong_is_told_in_one_line(talk, arguments, code, words):
    found, _, err = talk("summary", *arguments)
    assert found == code
    assert words in err
    assert err.count("\n") == 1


def test_a_model_that_reads_values_is_told():
    class Reads(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(RuntimeError, match="reads the value of a tensor"):
        inspect(Reads(), tw.ones(2))
    with pytest.raises(ValueError, match="no layer 'nowhere'"):
        output_of(recorded(nn.Linear(2, 2), tw.ones(1, 2)), "nowhere")


def test_registered_classes_are_positive():
    assert all(e.classes >= 1 for e in MODELS.values())
