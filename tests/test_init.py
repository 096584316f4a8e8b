"""First values of parameters: their distributions by statistics, their shapes by algebra, PyTorch for the constants."""

import math

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn
from talweg.nn import init

torch.set_num_threads(1)
MILLION = (1000, 1000)


@pytest.fixture(autouse=True)
def seeded():
    tw.manual_seed(0)


def filled(fill, shape, **settings):
    tensor = tw.empty(*shape)
    assert fill(tensor, **settings) is tensor
    return tensor.numpy()


def check_uniform(draws, low, high):
    width = high - low
    assert draws.min() >= low
    assert draws.max() <= high
    assert draws.max() - draws.min() > 0.999 * width
    assert draws.std() == pytest.approx(width / math.sqrt(12), rel=0.02)
    assert abs(draws.mean() - (low + high) / 2) < 0.01 * width
    shares = np.histogram(draws, bins=10, range=(low, high))[0] / draws.size
    assert abs(shares - 0.1).max() < 0.003


def check_normal(draws, mean, std):
    assert draws.std() == pytest.approx(std, rel=0.02)
    assert abs(draws.mean() - mean) < 0.01 * std
    within = [(abs(draws - mean) < k * std).mean() for k in (1, 2, 3)]
    assert within == pytest.approx([0.6827, 0.9545, 0.9973], abs=0.003)


# Distributions


def test_uniform_and_normal():
    check_uniform(filled(init.uniform_, MILLION, a=-2.0, b=3.0), -2, 3)
    check_normal(filled(init.normal_, MILLION, mean=1.0, std=0.5), 1, 0.5)


FANS = [((1000, 1000), 1000, 1000), ((500, 2000), 2000, 500), ((200, 100, 7, 7), 4900, 9800)]


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), FANS)
def test_xavier_scales_by_both_fans(shape, fan_in, fan_out):
    bound = 1.5 * math.sqrt(6 / (fan_in + fan_out))
    check_uniform(filled(init.xavier_uniform_, shape, gain=1.5), -bound, bound)
    check_normal(filled(init.xavier_normal_, shape, gain=1.5), 0, 1.5 * math.sqrt(2 / (fan_in + fan_out)))


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize(("nonlinearity", "a"), [("relu", 0), ("leaky_relu", 0.2), ("tanh", 0)])
def test_kaiming_scales_by_one_fan_and_the_gain(mode, nonlinearity, a):
    shape, fan_in, fan_out = FANS[1]
    std = init.calculate_gain(nonlinearity, a) / math.sqrt(fan_in if mode == "fan_in" else fan_out)
    settings = {"a": a, "mode": mode, "nonlinearity": nonlinearity}
    check_uniform(filled(init.kaiming_uniform_, shape, **settings), -std * math.sqrt(3), std * math.sqrt(3))
    check_normal(filled(init.kaiming_normal_, shape, **settings), 0, std)


@pytest.mark.parametrize(("mean", "std", "a", "b"), [(0, 1, -2, 2), (0.5, 0.2, 0.3, 1.5), (0, 0.02, -2, 2)])
def test_truncated_normal_has_the_moments_of_its_formula(mean, std, a, b):
    draws = filled(init.trunc_normal_, MILLION, mean=mean, std=std, a=a, b=b).astype(np.float64)
    assert draws.min() >= a
    assert draws.max() <= b
    low, high = (a - mean) / std, (b - mean) / std
    density = [math.exp(-z * z / 2) / math.sqrt(2 * math.pi) for z in (low, high)]
    mass = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    shift = (density[0] - density[1]) / mass
    spread = 1 + (low * density[0] - high * density[1]) / mass - shift**2
    assert draws.mean() == pytest.approx(mean + std * shift, abs=0.01 * std)
    assert draws.std() == pytest.approx(std * math.sqrt(spread), rel=0.02)


def test_truncated_normal_warns_when_it_would_only_draw_the_tail():
    with pytest.warns(UserWarning, match="more than 2 std"):
        init.trunc_normal_(tw.empty(10), mean=9.0)


# Structure


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (20, 20), (8, 3, 2, 2)])
def test_orthogonal_rows_or_columns(shape):
    matrix = filled(init.orthogonal_, shape, gain=2.0).reshape(shape[0], -1).astype(np.float64)
    rows, columns = matrix.shape
    product = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(min(rows, columns)), atol=1e-5)


def test_orthogonal_matrices_have_no_preferred_direction():
    first = np.stack([filled(init.orthogonal_, (2, 2))[0] for _ in range(400)])
    angles = np.arctan2(first[:, 1], first[:, 0])
    counts = np.histogram(angles, bins=4, range=(-math.pi, math.pi))[0]
    assert counts.min() > 60  # 100 are expected in each quarter, with a standard deviation of 9


def test_constants_eye_and_dirac_equal_pytorch():
    for name, shape, settings in (
        ("ones_", (2, 3), {}), ("zeros_", (2, 3), {}), ("constant_", (2, 3), {"val": -1.5}),
        ("eye_", (3, 5), {}), ("eye_", (5, 3), {}),
        ("dirac_", (4, 3, 3), {}), ("dirac_", (2, 3, 4, 5), {}), ("dirac_", (6, 2, 3, 3), {"groups": 3}),
        ("dirac_", (3, 3, 3, 3, 3), {}),
    ):
        theirs = getattr(torch.nn.init, name)(torch.full(shape, 7.0), **settings).numpy()
        np.testing.assert_array_equal(filled(getattr(init, name), shape, **settings), theirs)


def test_dirac_keeps_the_input():
    layer = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    init.dirac_(layer.weight)
    x = tw.randn(2, 3, 5, 4)
    np.testing.assert_allclose(layer(x).detach().numpy(), x.numpy(), atol=1e-6)


def test_sparse_zeroes_the_same_share_of_every_column():
    matrix = filled(init.sparse_, (1001, 500), sparsity=0.25, std=0.1)
    assert ((matrix == 0).sum(0) == math.ceil(0.25 * 1001)).all()
    check_normal(matrix[matrix != 0], 0, 0.1)
    assert (matrix == 0).any(1).all()


NONLINEARITIES = [
    *[(name, None) for name in ("linear", "conv1d", "conv3d", "conv_transpose2d", "sigmoid", "tanh", "relu", "selu")],
    ("leaky_relu", None), ("leaky_relu", 0.5), ("leaky_relu", 0),
]


@pytest.mark.parametrize(("name", "param"), NONLINEARITIES)
def test_gains_equal_pytorch(name, param):
    assert init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param), rel=1e-12)


def test_kaiming_keeps_the_variance_through_a_deep_network():
    x = tw.randn(200, 256)
    start = (x.numpy() ** 2).mean()
    for _ in range(50):
        x = init.kaiming_normal_(tw.empty(256, 256), nonlinearity="relu").matmul(x.t()).relu().t()
    assert 0.1 < (x.numpy() ** 2).mean() / start < 10


# The defaults of layers


@pytest.mark.parametrize(("layer", "bound"), [
    (lambda: nn.Linear(300, 400), 1 / math.sqrt(300)),
    (lambda: nn.Conv2d(20, 400, (5, 3)), 1 / math.sqrt(300)),
    (lambda: nn.Conv2d(40, 400, 5, groups=2), 1 / math.sqrt(500)),
    (lambda: nn.Conv1d(30, 400, 10), 1 / math.sqrt(300)),
    (lambda: nn.ConvTranspose2d(400, 20, 4), 1 / math.sqrt(320)),
    (lambda: nn.Bilinear(300, 10, 40), 1 / math.sqrt(300)),
])
def test_layers_start_from_pytorch_bounds(layer, bound):
    made = layer()
    for p in made.parameters():
        draws = p.detach().numpy()
        assert abs(draws).max() <= bound
        if draws.size > 50_000:
            assert draws.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)
        assert abs(draws).max() > 0.8 * bound


def test_embeddings_and_norms_start_as_in_pytorch():
    check_normal(nn.Embedding(1000, 1000).weight.detach().numpy(), 0, 1)
    for layer in (nn.BatchNorm2d(5), nn.LayerNorm(5), nn.GroupNorm(1, 5), nn.InstanceNorm1d(5, affine=True)):
        assert layer.weight.tolist() == [1] * 5
        assert layer.bias.tolist() == [0] * 5
    assert nn.BatchNorm1d(2).running_var.tolist() == [1, 1]
    assert nn.PReLU(2).weight.tolist() == [0.25, 0.25]


def test_a_seed_repeats_the_draws_and_a_generator_is_its_own_stream():
    for fill in (init.uniform_, init.normal_, init.trunc_normal_, init.orthogonal_):
        runs = []
        for _ in range(2):
            tw.manual_seed(3)
            runs.append(filled(fill, (6, 5)))
        np.testing.assert_array_equal(*runs)
        assert (filled(fill, (6, 5)) != runs[0]).any()
        own = [filled(fill, (6, 5), generator=tw.Generator().manual_seed(8)) for _ in range(2)]
        np.testing.assert_array_equal(*own)


# In place, without a gradient, and bad input


def test_parameters_are_filled_in_place_and_stay_leaves():
    parameter = nn.Parameter(tw.empty(3, 3))
    for fill in (init.ones_, init.eye_, init.normal_, init.xavier_uniform_, init.orthogonal_, init.trunc_normal_):
        assert fill(parameter) is parameter
        assert parameter.is_leaf
        assert parameter.requires_grad
        assert parameter.grad_fn is None


def test_shapes_without_fans_or_of_the_wrong_rank_are_refused():
    for fill in (init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.raises(ValueError, match="fewer than 2 dimensions"):
            fill(tw.empty(3))
    for fill, shape in ((init.eye_, (2, 2, 2)), (init.sparse_, (3,)), (init.dirac_, (2, 2)), (init.orthogonal_, (4,))):
        with pytest.raises(ValueError):
            fill(tw.empty(*shape), **({"sparsity": 0.5} if fill is init.sparse_ else {}))
    with pytest.raises(ValueError, match="divisible by groups"):
        init.dirac_(tw.empty(4, 2, 3), groups=3)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="unsupported nonlinearity 'swish'"):
        init.calculate_gain("swish")
    for slope in ("x", True):
        with pytest.raises(ValueError, match="not a valid number"):
            init.calculate_gain("leaky_relu", slope)
    with pytest.raises(ValueError, match="fan_out"):
        init.kaiming_uniform_(tw.empty(2, 2), mode="fan_sum")
    with pytest.raises(TypeError, match="init.ones_: expected a Tensor"):
        init.ones_(np.empty(3))


def test_empty_tensors_stay_empty():
    for fill in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.warns(UserWarning, match="no-op"):
            assert fill(tw.empty(0, 3)).shape[0] == 0
    assert init.orthogonal_(tw.empty(0, 3)).numel() == 0
    assert nn.Linear(3, 0).weight.numel() == 0
