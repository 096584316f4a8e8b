"""Batch normalisation folded into whole models, found by what a recorded forward pass calls."""

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn
from talweg.models import build
from talweg.nn.utils import fold_batch_norms
from talweg.nn.utils.calls import record_calls

torch.set_num_threads(1)


def trained(model, x):
    """The model with running statistics that are not 0 and 1, in evaluation mode."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) and module.weight is not None:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    with tw.no_grad():
        model.train()
        model(x)
    return model.eval()


def norms(model):
    return sum(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) for m in model.modules())


def assert_same(model, folded, x):
    with tw.no_grad():
        np.testing.assert_allclose(folded(x).numpy(), model(x).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn"])
def test_row_70_whole_models_fold_exactly(name):
    tw.manual_seed(0)
    x = tw.randn(2, 3, 64, 64)
    model = trained(build(name, (3, 64, 64), 10), x)
    folded = fold_batch_norms(model, x)
    assert norms(model) > 0
    assert norms(folded) == 0
    assert_same(model, folded, x)


def test_each_kind_of_layer_folds():
    tw.manual_seed(1)
    cases = [
        (nn.Sequential(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4)), (5, 3, 8)),
        (nn.Sequential(nn.Conv3d(2, 4, 2, bias=False), nn.BatchNorm3d(4)), (2, 2, 4, 4, 4)),
        (nn.Sequential(nn.ConvTranspose2d(3, 4, 2, stride=2), nn.BatchNorm2d(4, affine=False)), (2, 3, 5, 5)),
        (nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)), (2, 4, 5, 5)),
        (nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU()), (7, 6)),
    ]
    for model, shape in cases:
        x = tw.randn(*shape)
        trained(model, x)
        folded = fold_batch_norms(model, x)
        assert norms(folded) == 0
        assert_same(model, folded, x)


class Odd(nn.Module):
    """Normalisations that may not be folded, each for another reason."""

    def __init__(self, why):
        super().__init__()
        self.why = why
        self.first = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3, track_running_stats=why != "no statistics")

    def forward(self, x):
        y = self.first(x)
        if self.why == "something between":
            return self.norm(y.relu())
        if self.why == "read twice":
            return self.norm(y) + y
        if self.why == "also the result":
            return self.norm(y), y
        if self.why == "called twice":
            return self.norm(self.first(self.norm(y)))
        return self.norm(y)


@pytest.mark.parametrize("why", ["something between", "read twice", "also the result", "called twice", "no statistics"])
def test_what_may_not_be_folded_stays(why):
    tw.manual_seed(2)
    x = tw.randn(2, 3, 4, 4)
    model = trained(Odd(why), x)
    folded = fold_batch_norms(model, x)
    assert norms(folded) == 1
    ours, theirs = folded(x), model(x)
    for a, b in zip(ours if isinstance(ours, tuple) else [ours], theirs if isinstance(theirs, tuple) else [theirs]):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_shared_parameters_are_not_folded():
    x = tw.randn(2, 3, 4, 4)
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    model[3].weight = model[0].weight
    trained(model, x)
    folded = fold_batch_norms(model, x)
    assert norms(folded) == 2
    assert_same(model, folded, x)


def test_unbatched_and_sequence_inputs_do_not_confuse_the_channels():
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)).eval()
    x = tw.randn(2, 5, 6)  # (N, C, L): the linear layer works on the last dimension, the norm on the middle one
    assert norms(fold_batch_norms(model, x)) == 1
    assert_same(model, fold_batch_norms(model, x), x)


def test_the_model_itself_stays_as_it_is_and_its_weights_are_pytorchs_fold():
    tw.manual_seed(3)
    x = tw.randn(4, 3, 6, 6)
    model = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), x)
    model.train()
    before = {k: v.numpy() for k, v in model.state_dict().items()}
    folded = fold_batch_norms(model, x)
    assert model.training
    assert not folded.training
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    twin = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).eval()
    twin.load_state_dict({k: torch.tensor(v) for k, v in before.items()})
    theirs = torch.nn.utils.fusion.fuse_conv_bn_eval(twin[0], twin[1])
    np.testing.assert_allclose(folded[0].weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(folded[0].bias.detach().numpy(), theirs.bias.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_a_recording_computes_nothing_and_knows_who_recorded_what():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))
    x = tw.randn(5, 3)
    recording = record_calls(model, x)
    assert [call.name for call in recording.calls] == ["", "0", "1", "2", "2.0"]
    assert [call.name for call in recording.root.children] == ["0", "1", "2"]
    assert x.node.value is None
    products = [n for n in recording.nodes() if n.op.name == "matmul"]
    assert [recording.call_of(n).name for n in products] == ["0", "2.0"]
    assert recording.outputs[0].shape == (5, 2)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


class Reader(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


def test_a_model_that_reads_values_and_bad_inputs_are_told():
    with pytest.raises(RuntimeError, match="record_calls: Reader reads the value"):
        record_calls(Reader(), tw.ones(2))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        fold_batch_norms(nn.Linear(3, 4), tw.ones(2, 5))
    assert float(Reader()(tw.ones(2)).sum()) == 4  # and nothing is left behind
