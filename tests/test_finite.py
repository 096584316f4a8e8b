"""The first operation whose result is not finite is named, whatever the precision and however the step is run; and the
weights are those of before. Row by row: a weight, the data, the rate, the backward pass alone."""

import numpy as np
import pytest
import torch

import talweg
from talweg import nn, optim
from talweg.compile.engine import compile_after
from talweg.graph.reverse import Inspection
from talweg.training.update import Update

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
HOW = [(precision, sightings) for precision in ("fp32", "bf16") for sightings in (-1, 0)]
IDS = [f"{precision} {'interpreted' if sightings < 0 else 'compiled'}" for precision, sightings in HOW]


@pytest.fixture(params=HOW, ids=IDS)
def how(request):
    precision, sightings = request.param
    with compile_after(sightings):
        yield precision


class Net(nn.Module):
    """Two layers, with something between them."""

    def __init__(self, between=nn.functional.relu):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.second = nn.Linear(8, 3)
        self.between = between

    def forward(self, x):
        return self.second(self.between(self.first(x)))


def data():
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(16, 6)).astype(np.float32)
    return talweg.from_numpy(inputs), talweg.from_numpy(draw.integers(0, 3, 16))


def network(between=nn.functional.relu):
    talweg.manual_seed(0)
    return Net(between)


def fault_of(model, precision, batch=None, lr=0.1, steps=1):
    """What is said of the first step that cannot be made, after which the weights are as before it."""
    update = Update(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=lr), None, precision=precision)
    batch = batch or data()
    for _ in range(steps):
        before = [p.detach().numpy().copy() for p in model.parameters()]
        try:
            update([batch])
        except FloatingPointError as error:
            for p, kept in zip(model.parameters(), before):
                np.testing.assert_array_equal(p.detach().numpy(), kept)
            return str(error)
    raise AssertionError(f"{steps} steps were made")


def test_a_nan_in_a_weight(how):
    model = network()
    with talweg.no_grad():
        model.second.weight[1, 2] = float("nan")
    assert "the parameter second.weight had 1 nan of 24 values before anything was computed" in fault_of(model, how)


@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_a_fault_in_the_data(how, fault):
    inputs, targets = data()
    values = inputs.numpy().copy()
    values[3, 1] = fault
    word = "nan" if np.isnan(fault) else "infinite"
    told = fault_of(network(), how, (talweg.from_numpy(values), targets))
    assert f"the inputs had 1 {word} of 96 values before anything was computed" in told


def test_a_weight_so_large_that_its_product_overflows(how):
    model = network()
    with talweg.no_grad():
        model.second.weight.fill_(3e38)
        model.first.bias.fill_(5.0)
    told = fault_of(model, how)
    assert "is that of `matmul` in layer second, shape [16, 3], with" in told
    assert "infinite of 48 values" in told


def test_too_large_a_rate(how):
    """The weights grow with every step, until a product of two layers overflows."""
    told = fault_of(network(), how, lr=1e16, steps=10)
    assert "is that of `matmul` in layer " in told
    assert "Try a smaller learning rate (it was 1e+16)" in told


def test_a_loss_that_is_finite_while_its_gradient_is_not(how):
    """The square root at 0: its value is 0, its slope infinite."""
    told = fault_of(network(lambda x: (x - x).sqrt()), how)
    assert "gradient's norm became nan" in told
    assert "in the backward pass of `sqrt`, shape [16, 8], with" in told


def test_the_layer_of_a_backward_fault(how):
    class Root(nn.Module):
        def forward(self, x):
            return (x - x).sqrt()

    model = network()
    model.root = Root()
    model.between = model.root
    told = fault_of(model, how)
    assert "in the backward pass of `sqrt` in layer root, shape [16, 8], with" in told


def test_a_layer_that_divides_by_zero(how):
    """Layer normalisation of equal values without an epsilon: 0 / 0, told by the layer and not by a part of its formula."""
    model = network()
    model.norm = nn.LayerNorm(8, eps=0.0)
    model.between = lambda x: model.norm(x - x)
    told = fault_of(model, how)
    assert "_norm` in layer norm, shape [16, 8], with 128 nan of 128 values" in told


def test_log_of_what_is_negative(how):
    told = fault_of(network(lambda x: x.log()), how)
    assert "is that of `log`, shape [16, 8], with" in told
    assert "which read values from -" in told


def test_nothing_is_left_behind():
    model = network(lambda x: (x - x).sqrt())
    fault_of(model, "fp32")
    assert Inspection.check is None
    assert not model.first._forward_hooks
