"""Every layer against PyTorch's of the same name, from the same state_dict: keys, text, values and gradients."""

import math

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn

torch.set_num_threads(1)
rng = np.random.default_rng(0)


def real(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def positive(*shape):
    return rng.uniform(0.1, 0.9, shape).astype(np.float32)


def whole(high, *shape):
    return rng.integers(0, high, shape)


class Target(np.ndarray):
    """An input of floats to which no gradient is taken."""


def signs(*shape):
    return np.where(rng.random(shape) < 0.5, -1.0, 1.0).astype(np.float32).view(Target)


def zeros_and_ones(*shape):
    return rng.integers(0, 2, shape).astype(np.float32).view(Target)


def case(name, *inputs, id="", **settings):
    """One row of the table: a class of nn, its settings, and the inputs of one call."""
    shown = id or "-".join(f"{k}={v}" for k, v in settings.items())
    return pytest.param(name, settings, inputs, id=f"{name}-{shown}" if shown else name)


SEQUENCE, IMAGE, VOLUME = real(2, 4, 9), real(2, 4, 8, 7), real(2, 4, 5, 6, 4)

LINEAR = [
    case("Identity", real(2, 3)),
    case("Linear", real(5, 3), in_features=3, out_features=2),
    case("Linear", real(2, 5, 3), in_features=3, out_features=2, bias=False),
    case("Linear", real(3), in_features=3, out_features=2),
    case("Bilinear", real(5, 3), real(5, 4), in1_features=3, in2_features=4, out_features=2),
    case("Bilinear", real(5, 3), real(5, 4), in1_features=3, in2_features=4, out_features=2, bias=False),
    case("Embedding", whole(10, 3, 4), num_embeddings=10, embedding_dim=5),
    case("Embedding", whole(3, 3, 4), num_embeddings=3, embedding_dim=5, padding_idx=-1),
    case("Embedding", whole(3, 3, 4), num_embeddings=3, embedding_dim=5, max_norm=0.9, norm_type=1.0),
    case("Embedding", whole(3, 3, 4), num_embeddings=3, embedding_dim=5, scale_grad_by_freq=True),
    *[case("EmbeddingBag", whole(5, 3, 4), num_embeddings=5, embedding_dim=2, mode=mode) for mode in ("sum", "mean", "max")],
    case("EmbeddingBag", whole(5, 3, 4), num_embeddings=5, embedding_dim=2, padding_idx=1, max_norm=0.5),
]

CONV = [
    case("Conv1d", SEQUENCE, in_channels=4, out_channels=6, kernel_size=3, stride=2, padding=1),
    case("Conv1d", SEQUENCE, in_channels=4, out_channels=6, kernel_size=4, padding="same", dilation=2),
    case("Conv1d", SEQUENCE[0], in_channels=4, out_channels=6, kernel_size=3, id="unbatched"),
    case("Conv2d", IMAGE, in_channels=4, out_channels=6, kernel_size=3),
    case("Conv2d", IMAGE, in_channels=4, out_channels=6, kernel_size=(3, 2), stride=(2, 1), padding=(1, 0), bias=False),
    case("Conv2d", IMAGE, in_channels=4, out_channels=8, kernel_size=3, groups=2, dilation=2, padding=2),
    case("Conv2d", IMAGE, in_channels=4, out_channels=4, kernel_size=3, groups=4, padding="same"),
    case("Conv2d", IMAGE, in_channels=4, out_channels=2, kernel_size=(3, 5), padding="valid"),
    *[
        case("Conv2d", IMAGE, in_channels=4, out_channels=2, kernel_size=3, padding=(2, 1), padding_mode=mode)
        for mode in ("reflect", "replicate", "circular")
    ],
    case("Conv2d", IMAGE, in_channels=4, out_channels=2, kernel_size=4, padding="same", padding_mode="circular"),
    case("Conv3d", VOLUME, in_channels=4, out_channels=2, kernel_size=(2, 3, 1), padding=(1, 1, 0), stride=(1, 2, 1)),
    case("ConvTranspose1d", SEQUENCE, in_channels=4, out_channels=6, kernel_size=3, stride=2, output_padding=1),
    case("ConvTranspose2d", IMAGE, in_channels=4, out_channels=6, kernel_size=3, stride=2, padding=1, groups=2),
    case("ConvTranspose2d", IMAGE, in_channels=4, out_channels=6, kernel_size=(3, 2), dilation=2, bias=False),
    case("ConvTranspose3d", VOLUME, in_channels=4, out_channels=2, kernel_size=2, stride=2),
]

POOL = [
    case("MaxPool1d", SEQUENCE, kernel_size=3),
    case("MaxPool2d", IMAGE, kernel_size=2),
    case("MaxPool2d", IMAGE, kernel_size=3, stride=2, padding=1, ceil_mode=True),
    case("MaxPool2d", IMAGE, kernel_size=(2, 3), stride=1, dilation=2),
    case("MaxPool3d", VOLUME, kernel_size=2),
    case("AvgPool1d", SEQUENCE, kernel_size=3, stride=2, padding=1),
    case("AvgPool2d", IMAGE, kernel_size=3, stride=2, padding=1, count_include_pad=False),
    case("AvgPool2d", IMAGE, kernel_size=(2, 3), ceil_mode=True),
    case("AvgPool2d", IMAGE, kernel_size=2, divisor_override=3),
    case("AvgPool3d", VOLUME, kernel_size=2),
    case("AdaptiveAvgPool1d", SEQUENCE, output_size=4),
    case("AdaptiveAvgPool2d", IMAGE, output_size=1),
    case("AdaptiveAvgPool2d", IMAGE, output_size=(3, None)),
    case("AdaptiveAvgPool3d", VOLUME, output_size=(2, 3, 1)),
    case("AdaptiveMaxPool1d", SEQUENCE, output_size=4),
    case("AdaptiveMaxPool2d", IMAGE, output_size=(None, 2)),
    case("AdaptiveMaxPool3d", VOLUME, output_size=2),
    case("LPPool1d", positive(2, 4, 9), norm_type=2, kernel_size=3),
    case("LPPool2d", positive(2, 4, 8, 7), norm_type=3, kernel_size=(2, 3), stride=1),
    case("LPPool3d", positive(2, 4, 5, 6, 4), norm_type=2, kernel_size=2, ceil_mode=True),
]

NORM = [
    case("BatchNorm1d", real(6, 4), num_features=4),
    case("BatchNorm1d", SEQUENCE, num_features=4, affine=False),
    case("BatchNorm2d", IMAGE, num_features=4, momentum=0.3, eps=1e-3),
    case("BatchNorm2d", IMAGE, num_features=4, momentum=None),
    case("BatchNorm2d", IMAGE, num_features=4, track_running_stats=False),
    case("BatchNorm2d", IMAGE, num_features=4, bias=False),
    case("BatchNorm3d", VOLUME, num_features=4),
    case("InstanceNorm1d", SEQUENCE, num_features=4),
    case("InstanceNorm1d", SEQUENCE[0], num_features=4, affine=True, id="unbatched"),
    case("InstanceNorm2d", IMAGE, num_features=4, affine=True, track_running_stats=True),
    case("InstanceNorm3d", VOLUME, num_features=4),
    case("LayerNorm", real(5, 3, 4), normalized_shape=4),
    case("LayerNorm", real(5, 3, 4), normalized_shape=(3, 4), eps=1e-3, bias=False),
    case("LayerNorm", real(5, 3, 4), normalized_shape=[4], elementwise_affine=False),
    case("RMSNorm", real(5, 4), normalized_shape=4),
    case("RMSNorm", real(5, 3, 4), normalized_shape=(3, 4), eps=1e-2, elementwise_affine=False),
    case("GroupNorm", IMAGE, num_groups=2, num_channels=4),
    case("GroupNorm", real(5, 4), num_groups=4, num_channels=4, affine=False),
    case("LocalResponseNorm", positive(2, 6, 4, 3), size=3, alpha=0.1, beta=0.6, k=2.0),
]

POINTWISE = [
    *[
        case(name, 3 * real(4, 5))
        for name in (
            "ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "LeakyReLU", "ELU", "CELU", "GELU",
            "Sigmoid", "LogSigmoid", "Tanh", "Softplus", "Softsign", "Hardtanh", "Tanhshrink", "Softshrink",
            "Hardshrink",
        )
    ],
    *[case(name, real(4, 5), inplace=True) for name in ("ReLU", "SiLU", "Hardswish", "ELU", "Hardtanh")],
    case("LeakyReLU", real(4, 5), negative_slope=0.3),
    case("ELU", real(4, 5), alpha=0.5),
    case("CELU", real(4, 5), alpha=2.0),
    case("GELU", real(4, 5), approximate="tanh"),
    case("PReLU", real(4, 5)),
    case("PReLU", IMAGE, num_parameters=4, init=0.1),
    case("Softplus", 9 * real(4, 5), beta=2.0, threshold=3.0),
    case("Hardtanh", real(4, 5), min_val=-0.2, max_val=0.7),
    case("Threshold", real(4, 5), threshold=0.1, value=-3.0),
    case("Softshrink", real(4, 5), lambd=0.2),
    case("Hardshrink", real(4, 5), lambd=0.2),
    *[case(name, real(3, 4, 5), dim=dim) for name in ("Softmax", "LogSoftmax", "Softmin") for dim in (1, -1)],
    case("Softmax2d", IMAGE),
    case("GLU", real(3, 6)),
    case("GLU", IMAGE, dim=1),
]

SHAPE = [
    case("Flatten", IMAGE),
    case("Flatten", IMAGE, start_dim=0, end_dim=2),
    case("Unflatten", real(2, 12), dim=1, unflattened_size=(3, -1)),
    case("ZeroPad2d", IMAGE, padding=(1, 2, 0, 3)),
    case("ConstantPad1d", SEQUENCE, padding=2, value=0.5),
    case("ReflectionPad1d", SEQUENCE, padding=3),
    case("ReflectionPad2d", IMAGE, padding=(1, 2, 3, 0)),
    case("ReplicationPad2d", IMAGE, padding=2),
    case("CircularPad2d", IMAGE, padding=(1, 0, 2, 2)),
    case("PixelShuffle", IMAGE, upscale_factor=2),
    case("PixelUnshuffle", real(2, 3, 4, 6), downscale_factor=2),
    case("Upsample", IMAGE, scale_factor=2),
    case("Upsample", IMAGE, size=(5, 9), mode="bilinear", align_corners=False),
    case("UpsamplingBilinear2d", IMAGE, scale_factor=2),
    case("UpsamplingNearest2d", IMAGE, size=(9, 5)),
    case("Upsample", IMAGE, scale_factor=1.5, mode="bicubic", align_corners=True),
    case("Upsample", SEQUENCE, size=5, mode="linear"),
    case("Upsample", VOLUME, scale_factor=(1.0, 2.0, 1.5), mode="trilinear"),
    case("ChannelShuffle", IMAGE, groups=2),
    case("Unfold", IMAGE, kernel_size=(2, 3), stride=(2, 1), padding=1),
    case("Unfold", IMAGE, kernel_size=2, stride=2),
    case("Fold", real(2, 12, 20), output_size=(5, 6), kernel_size=2),
]

LOSS = [
    *[case(name, real(4, 3), real(4, 3)) for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")],
    *[case("MSELoss", real(4, 3), real(4, 3), reduction=r) for r in ("sum", "none")],
    case("SmoothL1Loss", real(4, 3), real(4, 3), beta=0.3),
    case("HuberLoss", real(4, 3), real(4, 3), delta=0.3, reduction="sum"),
    case("CrossEntropyLoss", real(6, 5), whole(5, 6)),
    case("CrossEntropyLoss", real(6, 5), whole(5, 6), ignore_index=2, label_smoothing=0.1),
    case("CrossEntropyLoss", real(2, 5, 3, 3), whole(5, 2, 3, 3), reduction="none"),
    case("CrossEntropyLoss", real(6, 5), positive(6, 5), id="probabilities"),
    case("NLLLoss", real(6, 5), whole(5, 6), reduction="sum"),
    case("PoissonNLLLoss", real(4, 3), positive(4, 3)),
    case("PoissonNLLLoss", positive(4, 3), 5 * positive(4, 3), log_input=False, full=True),
    case("GaussianNLLLoss", real(4, 3), real(4, 3), positive(4, 3), full=True),
    case("KLDivLoss", -positive(4, 3), positive(4, 3), reduction="batchmean"),
    case("KLDivLoss", -positive(4, 3), -positive(4, 3), log_target=True),
    case("BCELoss", positive(4, 3), zeros_and_ones(4, 3)),
    case("BCEWithLogitsLoss", 3 * real(4, 3), zeros_and_ones(4, 3)),
    case("HingeEmbeddingLoss", real(4, 3), signs(4, 3), margin=0.5),
    case("CosineEmbeddingLoss", real(4, 3), real(4, 3), signs(4), margin=0.2),
    case("MarginRankingLoss", real(4), real(4), signs(4), margin=0.2),
    case("TripletMarginLoss", real(4, 3), real(4, 3), real(4, 3)),
    case("TripletMarginLoss", real(4, 3), real(4, 3), real(4, 3), margin=2.0, p=1.0, swap=True),
    case("TripletMarginWithDistanceLoss", *[real(4, 3) for _ in range(3)]),
    case("SoftMarginLoss", real(4, 3), signs(4, 3)),
    case("MultiLabelSoftMarginLoss", real(4, 3), zeros_and_ones(4, 3)),
    case("MultiMarginLoss", real(4, 3), whole(3, 4)),
    case("MultiMarginLoss", real(4, 3), whole(3, 4), p=2, margin=0.5, reduction="none"),
    case("MultiLabelMarginLoss", real(2, 4), np.array([[3, 0, -1, 1], [1, -1, 2, 0]])),
    case("LinearCrossEntropyLoss", real(4, 3), whole(5, 4), in_features=3, num_classes=5, bias=True),
    case("PairwiseDistance", real(4, 3), real(4, 3), p=1.0),
    case("CosineSimilarity", real(4, 3), real(4, 3)),
]

CASES = LINEAR + CONV + POOL + NORM + POINTWISE + SHAPE + LOSS



def pair_of_modules(name, settings):
    """Ours and PyTorch's with the same parameters, made different from their first values."""
    theirs = getattr(torch.nn, name)(**settings)
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(torch.from_numpy(real(*p.shape)) * 0.1)
    ours = getattr(nn, name)(**settings)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


def call(library, module, inputs):
    """The output and the gradients of a weighted sum of it, for inputs and parameters, as arrays."""
    tensors = [library.tensor(np.asarray(x)) for x in inputs]
    for x, given in zip(tensors, inputs):
        x.requires_grad_(x.is_floating_point() and not isinstance(given, Target))
    in_place = getattr(module, "inplace", False)
    output = module(*[x.clone() if in_place else x for x in tensors])
    weights = np.cos(np.arange(math.prod(output.shape), dtype=np.float32)).reshape(tuple(output.shape))
    (output * library.tensor(weights)).sum().backward()
    leaves = [x for x in tensors if x.requires_grad] + list(module.parameters())
    gradients = [None if x.grad is None else x.grad.numpy() for x in leaves]
    return output.detach().numpy(), gradients


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(("name", "settings", "inputs"), CASES)
def test_layer_equals_pytorch(name, settings, inputs, training):
    ours, theirs = pair_of_modules(name, settings)
    ours.train(training)
    theirs.train(training)
    value, gradients = call(tw, ours, inputs)
    expected, expected_gradients = call(torch, theirs, inputs)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=2e-5)
    for ours_grad, theirs_grad in zip(gradients, expected_gradients, strict=True):
        assert (ours_grad is None) == (theirs_grad is None)
        if theirs_grad is not None:
            np.testing.assert_allclose(ours_grad, theirs_grad, rtol=1e-3, atol=1e-4)
    for (key, a), b in zip(ours.state_dict().items(), theirs.state_dict().values()):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6, err_msg=key)


@pytest.mark.parametrize(("name", "settings", "inputs"), CASES)
def test_layer_prints_as_in_pytorch(name, settings, inputs):
    assert repr(getattr(nn, name)(**settings)) == repr(getattr(torch.nn, name)(**settings))


# What the table cannot say


def test_running_statistics_follow_pytorch_over_several_batches():
    for settings in ({}, {"momentum": None}, {"momentum": 0.0}):
        ours, theirs = nn.BatchNorm2d(3, **settings), torch.nn.BatchNorm2d(3, **settings)
        for _ in range(4):
            x = 2 * real(4, 3, 5, 5) + 1
            ours(tw.tensor(x))
            theirs(torch.tensor(x))
        for a, b in zip(ours.state_dict().values(), theirs.state_dict().values()):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
        ours.reset_running_stats()
        assert ours.num_batches_tracked.item() == 0
        assert not ours.running_mean.numpy().any()


def test_a_frozen_batch_norm_in_training_leaves_its_statistics():
    layer = nn.BatchNorm1d(2)
    layer.track_running_stats = False
    layer(tw.tensor(real(5, 2)))
    assert layer.num_batches_tracked.item() == 0
    assert not layer.running_mean.numpy().any()


def test_batch_norm_reads_states_from_before_batches_were_counted():
    layer = nn.BatchNorm1d(2)
    old = {k: v for k, v in layer.state_dict().items() if k != "num_batches_tracked"}
    layer.load_state_dict(old)
    newer = layer.state_dict()
    del newer["num_batches_tracked"]
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        layer.load_state_dict(newer)


@pytest.mark.parametrize("name", ["MaxPool1d", "MaxPool2d", "AdaptiveMaxPool2d"])
def test_pooling_returns_where_the_maxima_were(name):
    x = SEQUENCE if name.endswith("1d") else IMAGE
    settings = {"return_indices": True, **({"output_size": 2} if "Adaptive" in name else {"kernel_size": 2})}
    ours = getattr(nn, name)(**settings)(tw.tensor(x))
    theirs = getattr(torch.nn, name)(**settings)(torch.tensor(x))
    for a, b in zip(ours, theirs):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_transposed_convolution_reaches_any_valid_size():
    settings = {"in_channels": 4, "out_channels": 2, "kernel_size": 3, "stride": 3, "padding": 1}
    ours, theirs = pair_of_modules("ConvTranspose2d", settings)
    for size in ((22, 19), (24, 21), (2, 2, 23, 20)):
        a = ours(tw.tensor(IMAGE), output_size=size)
        b = theirs(torch.tensor(IMAGE), output_size=size)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5)
    for bad in ((21, 19), (25, 19), (22,), (1, 1, 1, 22, 19)):
        with pytest.raises(ValueError):
            ours(tw.tensor(IMAGE), output_size=bad)


@pytest.mark.parametrize("dims", [1, 2])
def test_a_transposed_convolution_is_the_adjoint_of_the_convolution(dims):
    settings = {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False, "dtype": tw.float64}
    forth = getattr(nn, f"Conv{dims}d")(4, 3, **settings)
    back = getattr(nn, f"ConvTranspose{dims}d")(3, 4, **settings)
    back.load_state_dict(forth.state_dict())
    x = tw.randn(2, 4, *[9] * dims, dtype=tw.float64)
    y = tw.randn(2, 3, *[5] * dims, dtype=tw.float64)
    assert (forth(x) * y).sum().item() == pytest.approx((x * back(y)).sum().item(), rel=1e-10)


def test_a_subclass_may_change_the_weights_of_a_convolution():
    class Doubled(nn.Conv1d):
        def _conv_forward(self, input, weight, bias):
            return super()._conv_forward(input, 2 * weight, None)

    layer = Doubled(4, 2, 3, padding=1, padding_mode="circular")
    plain = nn.Conv1d(4, 2, 3, padding=1, padding_mode="circular", bias=False)
    plain.load_state_dict({"weight": layer.weight.detach()})
    x = tw.tensor(SEQUENCE)
    np.testing.assert_allclose(layer(x).detach().numpy(), 2 * plain(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_embedding_keeps_its_padding_row_at_zero_and_takes_a_table():
    layer = nn.Embedding(5, 3, padding_idx=1)
    assert not layer.weight[1].detach().numpy().any()
    layer(tw.tensor(np.array([1, 2]))).sum().backward()
    assert layer.weight.grad.numpy().sum(1).tolist() == [0, 0, 3, 0, 0]
    table = tw.tensor(real(4, 2))
    frozen = nn.Embedding.from_pretrained(table)
    assert not frozen.weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    np.testing.assert_array_equal(frozen(tw.tensor(np.array([3]))).numpy()[0], table.numpy()[3])
    with pytest.raises(IndexError):
        layer(tw.tensor(np.array([5]))).sum().item()
    assert repr(nn.Embedding(5, 3, 1, 2.0)) == repr(torch.nn.Embedding(5, 3, 1, 2.0))


def test_class_weights_are_buffers():
    weight = positive(5)
    x, target = real(6, 5), whole(5, 6)
    for name in ("CrossEntropyLoss", "NLLLoss"):
        ours = getattr(nn, name)(weight=tw.tensor(weight))
        theirs = getattr(torch.nn, name)(weight=torch.tensor(weight))
        assert list(ours.state_dict()) == ["weight"]
        a, b = ours(tw.tensor(x), tw.tensor(target)), theirs(torch.tensor(x), torch.tensor(target))
        np.testing.assert_allclose(a.item(), b.item(), rtol=1e-5)
    y = np.asarray(zeros_and_ones(6, 5))
    ours = nn.BCEWithLogitsLoss(pos_weight=tw.tensor(weight))
    theirs = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight))
    np.testing.assert_allclose(
        ours(tw.tensor(x), tw.tensor(y)).item(), theirs(torch.tensor(x), torch.tensor(y)).item(), rtol=1e-5
    )
    assert list(ours.state_dict()) == ["pos_weight"]


def test_the_old_names_of_reduction_still_work():
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="none"):
        assert nn.L1Loss(reduce=False).reduction == "none"


# Dropout: what is random is checked by its statistics


def test_dropout_keeps_the_mean_and_drops_a_share():
    x = tw.ones(100_000)
    kept = nn.Dropout(0.3)(x).numpy()
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((kept == 0).mean() - 0.3) < 5 * math.sqrt(0.21 / 1e5)
    assert (nn.Dropout(1.0)(x).numpy() == 0).all()
    assert (nn.Dropout(0.0)(x).numpy() == 1).all()


@pytest.mark.parametrize(("name", "shape"), [("1d", (50, 40, 7)), ("2d", (50, 40, 3, 4)), ("3d", (50, 40, 2, 2, 2))])
def test_spatial_dropout_drops_whole_channels(name, shape):
    kept = getattr(nn, f"Dropout{name}")(0.25)(tw.ones(*shape)).numpy().reshape(2000, -1)
    assert (kept == kept[:, :1]).all()
    assert abs((kept[:, 0] == 0).mean() - 0.25) < 5 * math.sqrt(0.1875 / 2000)


def test_alpha_dropout_keeps_mean_and_variance():
    kept = nn.AlphaDropout(0.2)(tw.tensor(real(200_000))).numpy()
    assert abs(kept.mean()) < 0.02
    assert abs(kept.var() - 1) < 0.03


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"])
def test_dropout_does_nothing_in_evaluation_and_refuses_bad_probabilities(name):
    kind = getattr(nn, name)
    x = VOLUME if name == "Dropout3d" else SEQUENCE if name == "Dropout1d" else IMAGE
    np.testing.assert_array_equal(kind(0.9).eval()(tw.tensor(x)).numpy(), x)
    assert repr(kind(0.2)) == repr(getattr(torch.nn, name)(0.2))
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            kind(p)


# Bad input


BAD_SETTINGS = [
    ("Conv2d", {"in_channels": 3, "out_channels": 4, "kernel_size": 3, "groups": 2}),
    ("Conv2d", {"in_channels": 4, "out_channels": 3, "kernel_size": 3, "groups": 2}),
    ("Conv2d", {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "groups": 0}),
    ("Conv2d", {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "padding": "some"}),
    ("Conv2d", {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "padding": "same", "stride": 2}),
    ("Conv2d", {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "padding_mode": "mirror"}),
    ("ConvTranspose2d", {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "padding_mode": "reflect"}),
    ("GroupNorm", {"num_groups": 3, "num_channels": 4}),
    ("Bilinear", {"in1_features": 0, "in2_features": 1, "out_features": 1}),
    ("TripletMarginLoss", {"margin": 0.0}),
    ("MultiMarginLoss", {"p": 3}),
]


@pytest.mark.parametrize(("name", "settings"), BAD_SETTINGS)
def test_settings_that_contradict_each_other_raise_value_error(name, settings):
    with pytest.raises(ValueError):
        getattr(torch.nn, name)(**settings)
    with pytest.raises(ValueError):
        getattr(nn, name)(**settings)


def test_settings_checked_here_and_not_in_pytorch():
    with pytest.raises(ValueError, match="kernel_size must be an int or a sequence of 2"):
        nn.Conv2d(1, 1, (3, 3, 3))
    for bad in (5, -6):
        with pytest.raises(ValueError, match="padding_idx"):
            nn.Embedding(5, 3, padding_idx=bad)
    with pytest.raises(ValueError, match="shape"):
        nn.Embedding(2, 2, _weight=tw.ones(3, 2))
    with pytest.raises(ValueError, match="2-dimensional"):
        nn.Embedding.from_pretrained(tw.ones(3))
    with pytest.raises(TypeError):
        nn.Unflatten(1, "ab")
    with pytest.raises(ValueError, match="larger"):
        nn.Hardtanh(1.0, 1.0)


BAD_INPUTS = [
    ("Linear", {"in_features": 3, "out_features": 2}, (2, 4), RuntimeError),
    ("Conv2d", {"in_channels": 4, "out_channels": 2, "kernel_size": 3}, (2, 3, 8, 8), RuntimeError),
    ("Conv2d", {"in_channels": 4, "out_channels": 2, "kernel_size": 3}, (8, 8), RuntimeError),
    ("Conv2d", {"in_channels": 4, "out_channels": 2, "kernel_size": 9}, (1, 4, 8, 8), RuntimeError),
    ("BatchNorm1d", {"num_features": 4}, (2, 4, 3, 3), ValueError),
    ("BatchNorm2d", {"num_features": 4}, (2, 4), ValueError),
    ("BatchNorm3d", {"num_features": 4}, (2, 4, 3), ValueError),
    ("BatchNorm1d", {"num_features": 4}, (2, 3), RuntimeError),
    ("BatchNorm1d", {"num_features": 4}, (1, 4), ValueError),
    ("InstanceNorm1d", {"num_features": 4, "affine": True}, (2, 3, 5), ValueError),
    ("InstanceNorm2d", {"num_features": 4}, (4, 5), ValueError),
    ("LayerNorm", {"normalized_shape": 4}, (2, 3), RuntimeError),
    ("GroupNorm", {"num_groups": 2, "num_channels": 4}, (2, 3, 5), RuntimeError),
    ("Softmax2d", {}, (3, 3), ValueError),
    ("MaxPool2d", {"kernel_size": 9}, (1, 1, 4, 4), RuntimeError),
    ("AdaptiveAvgPool2d", {"output_size": 2}, (3,), RuntimeError),
    ("Unflatten", {"dim": 1, "unflattened_size": (2, 3)}, (2, 7), RuntimeError),
]


@pytest.mark.parametrize(("name", "settings", "shape", "error"), BAD_INPUTS)
def test_inputs_that_do_not_fit_raise_as_in_pytorch(name, settings, shape, error):
    x = np.zeros(shape, np.float32)
    with pytest.raises(error):
        getattr(torch.nn, name)(**settings)(torch.tensor(x))
    with pytest.raises(error):
        getattr(nn, name)(**settings)(tw.tensor(x))


def test_an_empty_batch_passes_through():
    layer = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert tuple(layer(tw.zeros(0, 3)).shape) == (0, 2)


def test_nan_is_passed_on():
    x = tw.tensor(np.array([[math.nan, 1.0, 2.0]], np.float32))
    for layer in (nn.Linear(3, 2), nn.ReLU(), nn.LayerNorm(3), nn.Softmax(-1)):
        assert np.isnan(layer(x).detach().numpy()).any()


def test_dtype_and_device_of_new_layers():
    for layer in (
        nn.Linear(2, 2, dtype=tw.float64),
        nn.Conv2d(1, 1, 1, dtype=tw.float64, device="cpu"),
        nn.BatchNorm2d(2, dtype=tw.float64),
        nn.LayerNorm(2, dtype=tw.float64),
        nn.Embedding(2, 2, dtype=tw.float64),
        nn.PReLU(dtype=tw.float64),
    ):
        assert {p.dtype for p in layer.parameters()} == {tw.float64}


# --- norms of other names
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_lua_torchs_local_response_norm(size):
    x = np.random.default_rng(0).standard_normal((2, 7, 3, 4)).astype("f4")
    found = tw.nn.CrossMapLRN2d(size, alpha=0.5, beta=0.6, k=1.5)(tw.tensor(x))
    wanted = torch.nn.CrossMapLRN2d(size, alpha=0.5, beta=0.6, k=1.5)(torch.tensor(x))
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="4D"):
        tw.nn.CrossMapLRN2d(size)(tw.ones(2, 3, 4))


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_one_process_is_batch_norm(training):
    nets = []
    for convert in (False, True):
        tw.manual_seed(0)
        net = tw.nn.Sequential(tw.nn.Conv2d(2, 3, 3), tw.nn.BatchNorm2d(3, eps=1e-3), tw.nn.ReLU(),
                                   tw.nn.Sequential(tw.nn.BatchNorm2d(3, affine=False)))
        nets.append(tw.nn.SyncBatchNorm.convert_sync_batchnorm(net) if convert else net)
    plain, synced = [net.train(training) for net in nets]
    assert [type(m).__name__ for m in synced.modules()].count("SyncBatchNorm") == 2
    assert list(plain.state_dict()) == list(synced.state_dict())
    x = tw.randn(4, 2, 6, 6)
    np.testing.assert_array_equal(plain(x).detach().numpy(), synced(x).detach().numpy())
    for a, b in zip(plain.buffers(), synced.buffers(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_converting_keeps_parameters_and_a_norm_alone_is_converted_too():
    norm = tw.nn.BatchNorm1d(3).eval()
    made = tw.nn.SyncBatchNorm.convert_sync_batchnorm(norm)
    assert isinstance(made, tw.nn.SyncBatchNorm)
    assert made.weight is norm.weight
    assert not made.training
    with pytest.raises(ValueError, match="at least 2D"):
        made(tw.ones(3))
    for shape in ((4, 3), (4, 3, 5), (2, 3, 4, 4), (2, 3, 2, 2, 2)):
        assert made(tw.ones(*shape)).shape == shape
