"""Bad input to the functions of nn.functional that resample, unfold, pool and compare classes: PyTorch's type of error; and
the losses whose modules keep more than settings."""

import math

import numpy as np
import pytest
import torch

import talweg as tw

torch.set_num_threads(1)


def zeros(*shape):
    return lambda m: m.zeros(*shape)


def whole(values):
    return lambda m: m.tensor(np.asarray(values))


X3, X4, X5 = zeros(1, 2, 4), zeros(1, 2, 4, 4), zeros(1, 2, 4, 4, 4)
MISUSES = [
    ("interpolate", (X4,), {}), ("interpolate", (X4,), {"size": 3, "scale_factor": 2}),
    ("interpolate", (X4,), {"size": (3, 3, 3)}), ("interpolate", (X3,), {"size": 3, "mode": "bilinear"}),
    ("interpolate", (X4,), {"size": 3, "mode": "nearest", "align_corners": True}),
    ("interpolate", (X4,), {"size": 3, "mode": "best"}),
    ("interpolate", (X4,), {"size": 3, "antialias": True}), ("interpolate", (X4,), {"size": 0, "mode": "bilinear"}),
    ("grid_sample", (X4, zeros(1, 2, 2, 3)), {}), ("grid_sample", (X4, zeros(2, 2, 2, 2)), {}),
    ("grid_sample", (X4, zeros(1, 2, 2, 2)), {"mode": "cubic"}),
    ("grid_sample", (X4, zeros(1, 2, 2, 2)), {"padding_mode": "none"}),
    ("grid_sample", (X5, zeros(1, 2, 2, 2, 3)), {"mode": "bicubic"}), ("grid_sample", (X3, zeros(1, 2, 2)), {}),
    ("affine_grid", (zeros(1, 2, 2), (1, 1, 2, 2)), {}), ("affine_grid", (zeros(1, 2, 3), (1, 1, 0, 2)), {}),
    ("affine_grid", (zeros(1, 2, 3), (1, 1)), {}), ("affine_grid", (whole([[[1, 0, 0], [0, 1, 0]]]), (1, 1, 2, 2)), {}),
    ("unfold", (X4, 5), {}),
    ("unfold", (zeros(1, 2, 0, 4), 1), {}), ("unfold", (X4, 0), {}), ("unfold", (X4, 2), {"stride": 0}),
    ("fold", (zeros(1, 8, 8), 4, 2), {}), ("fold", (zeros(1, 7, 9), 4, 2), {}), ("fold", (zeros(8), 4, 2), {}),
    ("pixel_shuffle", (X4, 2), {}), ("pixel_shuffle", (zeros(4, 4), 2), {}), ("pixel_shuffle", (X4, 0), {}),
    ("pixel_unshuffle", (X4, 3), {}), ("pixel_unshuffle", (X4, -1), {}), ("channel_shuffle", (X4, 3), {}),
    ("channel_shuffle", (X4, 0), {}), ("channel_shuffle", (zeros(4, 4), 2), {}),
    ("max_unpool2d", (X4, whole(np.zeros((1, 2, 4, 3), int)), 2), {}), ("max_unpool2d", (X4, X4, 2), {}),
    ("max_unpool2d", (X4, whole(np.full((1, 2, 4, 4), 99)), 2), {}),
    ("max_unpool2d", (X4, whole(np.zeros((1, 2, 4, 4), int)), 2), {"output_size": (99, 99)}),
    ("fractional_max_pool2d", (X4, 2), {}), ("fractional_max_pool2d", (X4, 5), {"output_size": 2}),
    ("embedding_bag", (whole([0, 1]), zeros(3, 2)), {}),
    ("embedding_bag", (whole([[0, 1]]), zeros(3, 2)), {"offsets": whole([0])}),
    ("embedding_bag", (whole([0, 1]), zeros(3, 2)), {"offsets": whole([1])}),
    ("embedding_bag", (whole([0, 1]), zeros(3, 2)), {"offsets": whole([0, 5])}),
    ("embedding_bag", (whole([[0, 1]]), zeros(3, 2)), {"mode": "median"}),
    ("embedding_bag", (whole([[0, 1]]), zeros(3, 2)), {"per_sample_weights": zeros(1, 2)}),
    ("embedding_bag", (whole([[0, 7]]), zeros(3, 2)), {}),
    ("pdist", (zeros(2, 2, 2),), {}), ("pdist", (zeros(2, 2), -1.0), {}), ("rrelu", (zeros(2), 0.5, 0.1), {}),
    ("multi_margin_loss", (zeros(2, 3), whole([0, 1])), {"p": 3}), ("multi_margin_loss", (zeros(2, 3), whole([0])), {}),
    ("multi_margin_loss", (zeros(2, 3), whole([0, 1])), {"weight": zeros(2)}),
    ("multilabel_margin_loss", (zeros(2, 3), whole([[0, 1]])), {}),
    ("triplet_margin_with_distance_loss", (zeros(2, 3),) * 3, {"margin": -1.0}),
    ("ctc_loss", (zeros(4, 1, 3), whole([[1]]), (5,), (1,)), {}),
    ("ctc_loss", (zeros(4, 1, 3), whole([[1]]), (4, 4), (1,)), {}),
    ("ctc_loss", (zeros(4, 1, 3), whole([[1]]), (4,), (1,)), {"blank": 3}),
    ("ctc_loss", (zeros(4, 1, 3), whole([[1]]), (4,), (2,)), {}),
    ("ctc_loss", (zeros(4, 1, 3), whole([[1]]), (-1,), (1,)), {}),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "args", "settings"), MISUSES)
def test_misuse_raises_what_pytorch_raises(name, args, settings):
    def call(m):
        given = [a(m) if callable(a) else a for a in args]
        getattr(m.nn.functional, name)(*given, **{k: v(m) if callable(v) else v for k, v in settings.items()})

    with pytest.raises(Exception) as theirs:  # noqa: PT011
        call(torch)
    with pytest.raises(type(theirs.value)):
        call(tw)


def test_a_label_outside_the_classes_is_refused():
    """PyTorch reads past its array here."""
    with pytest.raises(RuntimeError, match="targets must lie"):
        tw.nn.functional.ctc_loss(tw.zeros(4, 1, 3), tw.tensor([[7]]), (4,), (1,))


def test_ctc_sums_over_all_alignments():
    """One label in two frames: ab, where each is the label or blank and not both blank."""
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
    loss = tw.nn.functional.ctc_loss(tw.tensor(np.log(p))[:, None], tw.tensor([[1]]), (2,), (1,), reduction="none")
    wanted = p[0, 1] * p[1, 1] + p[0, 0] * p[1, 1] + p[0, 1] * p[1, 0]
    assert math.exp(-loss.item()) == pytest.approx(wanted, rel=1e-12)
    impossible = tw.nn.functional.ctc_loss(tw.tensor(np.log(p))[:, None], tw.tensor([[1, 1]]), (2,), (2,), reduction="none")
    assert impossible.item() == math.inf


def adaptive(*args, **settings):
    torch.manual_seed(0)
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(*args, **settings).double()
    ours = tw.nn.AdaptiveLogSoftmaxWithLoss(*args, **settings).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


@pytest.mark.parametrize("settings", [{}, {"div_value": 2.0, "head_bias": True}])
def test_adaptive_log_softmax(settings):
    ours, theirs = adaptive(16, 20, [5, 10, 15], **settings)
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 16)), rng.integers(0, 20, 30)
    a, b = ours(tw.tensor(x), tw.tensor(y)), theirs(torch.tensor(x), torch.tensor(y))
    np.testing.assert_allclose(a.output.detach().numpy(), b.output.detach().numpy(), 1e-10)
    a.loss.backward()
    b.loss.backward()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), 1e-8, 1e-11)
    every = ours.log_prob(tw.tensor(x)).detach().numpy()
    np.testing.assert_allclose(np.exp(every).sum(1), 1, 1e-12)
    np.testing.assert_array_equal(ours.predict(tw.tensor(x)).numpy(), every.argmax(1))
    one = ours(tw.tensor(x[0]), tw.tensor(int(y[0])))
    assert one.output.item() == pytest.approx(every[0, y[0]])


@pytest.mark.parametrize("cutoffs", [[], [5, 5], [20], [0, 3], [7, 3]])
def test_cutoffs_that_are_refused(cutoffs):
    for m in (torch, tw):
        with pytest.raises(ValueError):
            m.nn.AdaptiveLogSoftmaxWithLoss(4, 20, cutoffs)


def test_targets_that_adaptive_log_softmax_refuses():
    for target in (np.array([0, 20]), np.array([0, 1, 2]), np.array([[0], [1]])):
        for m, layer in zip((tw, torch), adaptive(4, 20, [5])):
            with pytest.raises(RuntimeError):
                layer(m.zeros(2, 4, dtype=m.float64), m.tensor(target))


def test_random_windows_cover_the_output_and_hold_their_maxima():
    x = np.random.default_rng(0).standard_normal((2, 3, 12, 11)).astype("f4")
    values, places = tw.nn.FractionalMaxPool2d(3, output_ratio=0.5, return_indices=True)(tw.tensor(x))
    assert tuple(values.shape) == (2, 3, 6, 5)
    flat = x.reshape(2, 3, -1)
    np.testing.assert_array_equal(np.take_along_axis(flat, places.numpy().reshape(2, 3, -1), 2), values.numpy().reshape(2, 3, -1))
