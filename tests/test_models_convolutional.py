"""The convolutional architectures: published counts, twins in plain torch, one training step, what they refuse."""

import math

import numpy as np
import pytest
import torch
import torch_twins as twins
from click.testing import CliRunner
from parity import assert_close

import talweg as tw
from talweg import nn, optim
from talweg.cli.summary import command as info
from talweg.io import Checkpoint, read_checkpoint
from talweg.models import (
    FCN,
    SSD300,
    VAE,
    VGG,
    AlexNet,
    Autoencoder,
    ConvNet,
    DDPMUNet,
    DenoisingAutoencoder,
    Discriminator,
    Generator,
    LeNet5,
    LeNet5Of1998,
    NatureDQN,
    PSPNet,
    ResNet,
    UNet,
    build,
    entry,
    negative_elbo,
)
from talweg.models.autoencoder import with_noise
from talweg.models.convolutional import CONVOLUTIONAL
from talweg.models.lenet5 import CONNECTIONS, digit_pictures
from talweg.nn import functional as F
from talweg.training import parameter_count, summarise

torch.set_num_threads(1)


def floats(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def buffer_count(model):
    return sum(math.prod(v.shape) for n, v in model.state_dict().items()) - parameter_count(model)


# Counts, as their publishers' libraries or papers have them


@pytest.mark.parametrize(("make", "parameters", "buffers"), [
    (LeNet5, 61_706, 0), (LeNet5Of1998, 60_000, 0), (AlexNet, 61_100_840, 0),
    (lambda: VGG(11), 132_863_336, 0), (lambda: VGG(13), 133_047_848, 0), (lambda: VGG(16), 138_357_544, 0),
    (lambda: VGG(16, batch_norm=True), 138_365_992, 8_461), (lambda: VGG(19), 143_667_240, 0),
    (lambda: ResNet.of_depth(18), 11_689_512, None), (lambda: ResNet.of_depth(34), 21_797_672, None),
    (lambda: ResNet.of_depth(50), 25_557_032, 53_173), (lambda: ResNet.of_depth(101), 44_549_160, None),
    (lambda: ResNet.of_depth(152), 60_192_808, None), (lambda: ResNet.of_depth(50, stride_in="1x1"), 25_557_032, 53_173),
    (lambda: SSD300(91), 35_641_826, 0), (lambda: SSD300(21), 26_285_486, 0),
    (lambda: FCN(auxiliary=False), 32_957_013, None), (FCN, 35_322_218, None),
    (lambda: PSPNet(auxiliary=False), 46_716_373, None), (PSPNet, 49_081_578, None),
    (lambda: PSPNet(classes=150, auxiliary=False), 46_782_550, None), (lambda: PSPNet(classes=150), 49_180_908, None),
    (UNet, 31_030_658, 0), (DDPMUNet, 35_746_307, 0),
    (lambda: DDPMUNet(3, (128, 128, 256, 256, 512, 512), (0, 0, 0, 0, 1, 0)), 113_673_219, 0),
    (NatureDQN, 1_686_180, 0), (Generator, 3_576_704, None), (Discriminator, 2_765_568, None),
], ids=lambda value: f"{value:,}" if isinstance(value, int) else "")
def test_parameter_counts_are_the_published_ones(make, parameters, buffers):
    model = make()
    assert parameter_count(model) == parameters
    assert buffers is None or buffer_count(model) == buffers


def test_the_layers_of_lenet_have_the_papers_counts():
    counts = {name: sum(math.prod(p.shape) for p in part.parameters()) for name, part in LeNet5Of1998().named_children()}
    assert counts == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    drawn = [tuple(source for source in range(6) if twins.TABLE[source][out] == "X") for out in range(16)]
    assert list(CONNECTIONS) == drawn


def test_the_digits_pictures_are_ten_different_ones():
    pictures = digit_pictures()
    assert pictures.shape == (10, 84)
    assert set(np.unique(pictures)) == {-1, 1}
    distances = ((pictures[:, None] - pictures[None]) ** 2).sum(-1) + 1000 * np.eye(10)
    assert distances.min() >= 4 * 6  # any two differ in six pixels or more
    one = pictures[1].reshape(12, 7)
    assert (one[:, 3] == 1).all()


# Twins

TWINS = {
    "lenet5": (LeNet5, twins.lenet5, (2, 1, 28, 28)),
    "lenet5 1998": (
        LeNet5Of1998, lambda w, x: twins.lenet5_of_1998(w, x, torch.from_numpy(digit_pictures()).to(x.dtype)), (2, 1, 32, 32)),
    "dqn": (lambda: NatureDQN(3), twins.dqn, (2, 4, 84, 84)),
    "unet valid": (lambda: UNet(2, 3, width=4, levels=2), lambda w, x: twins.unet(w, x, 2, 0), (1, 2, 60, 52)),
    "unet same": (lambda: UNet(1, 2, width=3, levels=3, same=True), lambda w, x: twins.unet(w, x, 3, 1), (2, 1, 24, 32)),
    "dcgan": (lambda: Generator(5, 3, width=4, side=32), twins.dcgan_generator, (4, 5)),
    "denoiser": (lambda: DenoisingAutoencoder(1, width=4), twins.denoiser, (2, 1, 12, 20)),
}


@pytest.mark.parametrize("name", TWINS)
def test_outputs_and_gradients_are_those_of_a_twin_in_torch(name):
    make, twin, shape = TWINS[name]
    tw.manual_seed(0)
    model = make().double()
    x = floats(*shape).astype(np.float64)
    weights = {n: torch.from_numpy(v.numpy().copy()).requires_grad_() for n, v in model.state_dict().items()
               if v.is_floating_point() and "running" not in n}
    found, wanted = model(tw.from_numpy(x)), twin(weights, torch.from_numpy(x))
    assert_close(found.detach().numpy(), wanted.detach().numpy())
    weighting = floats(*found.shape, seed=1)
    (found * tw.from_numpy(weighting)).sum().backward()
    (wanted * torch.from_numpy(weighting)).sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert_close(parameter.grad.numpy(), weights[parameter_name].grad.numpy(), parameter_name, tolerance=1e-8)


@pytest.mark.slow
def test_pspnet_is_its_authors_network_under_their_names(tmp_path):
    model = PSPNet(50, classes=3).eval()
    for name, value in model.state_dict().items():
        if "running_var" in name:
            value.copy_(tw.rand(*value.shape) + 0.5)
        elif "running_mean" in name or name.endswith("bias"):
            value.copy_(0.1 * tw.randn(*value.shape))
    model.save_pretrained(tmp_path)
    published = read_checkpoint(tmp_path).tensors
    assert {"layer0.0.weight", "layer0.7.running_var", "layer4.2.conv3.weight", "ppm.features.3.1.weight", "cls.4.bias",
            "aux.0.weight"} <= published.keys()
    x = floats(1, 3, 41, 57)
    wanted = twins.pspnet({n: torch.from_numpy(a.copy()) for n, a in published.items()}, torch.from_numpy(x), (3, 4, 6, 3))
    prefixed = Checkpoint(tmp_path, {f"module.{n}": a for n, a in published.items()})
    again = PSPNet(**PSPNet.settings_of(prefixed)).eval()
    assert again.load_state_dict(model.state_dict())
    with tw.no_grad():
        for a, b in zip(again.both(tw.from_numpy(x)), wanted):
            assert_close(a.numpy(), b.numpy())
        assert_close(PSPNet.from_pretrained(tmp_path)(tw.from_numpy(x)).numpy(), wanted[0].numpy())


def test_dqn_loads_from_stable_baselines_and_scales_bytes(tmp_path):
    model = NatureDQN(3)
    model.save_pretrained(tmp_path, "stable-baselines3")
    names = set(read_checkpoint(tmp_path).tensors)
    assert {"q_net.features_extractor.cnn.4.bias", "q_net.features_extractor.linear.0.weight", "q_net.q_net.0.bias"} <= names
    again = NatureDQN.from_pretrained(tmp_path)
    assert again.load_report.layout == "stable-baselines3"
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 84, 84), dtype=np.uint8)
    scaled = frames.astype(np.float32) / 255
    with tw.no_grad():
        assert_close(again(tw.from_numpy(frames)).numpy(), model(tw.from_numpy(scaled)).numpy())


# The network builder


@pytest.mark.parametrize(("text", "shape", "sides"), [
    ("conv6k5p2-pool2-conv16k5-pool2-fc120-fc84", (1, 28, 28), (5, 5)),
    ("conv4k3s2-conv4k3", (3, 20, 31), (7, 13)), ("pool3s2", (2, 9, 9), (4, 4)), ("fc7", (1, 5, 5), (5, 5)),
])
def test_the_builder_makes_what_the_text_says(text, shape, sides):
    model = ConvNet(text, shape, classes=3)
    x = tw.zeros(2, *shape)
    assert tuple(model.features(x).shape[2:]) == sides
    assert tuple(model(x).shape) == (2, 3)


@pytest.mark.parametrize(("text", "message"), [
    ("", "'' is no layer"), ("conv6", "'conv6' is no layer"), ("conv6k3-relu", "'relu' is no layer"),
    ("conv0k3", "'conv0k3' has a zero"), ("pool0", "has a zero"), ("fc10-conv3k3", "stands after a linear layer"),
    ("conv3k9-conv3k30", "'conv3k30' leaves nothing of maps of 20 x 20"), ("conv-3k3", "no layer"),
])
def test_the_builder_names_the_part_that_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        ConvNet(text, (1, 28, 28))


# Training and looking at every model

STEPPED = {
    "alexnet": (lambda: AlexNet(4, hidden=16), (2, 3, 64, 64)),
    "vgg11_bn": (lambda: VGG(11, batch_norm=True, classes=4, hidden=16), (2, 3, 32, 32)),
    "resnet 18": (lambda: ResNet("basic", (1, 1, 1, 1), (8, 8, 16, 16), 4), (2, 3, 64, 64)),
    "resnet 50": (lambda: ResNet("bottleneck", (1, 1, 1, 1), (4, 4, 8, 8), 4, stride_in="1x1"), (2, 3, 64, 64)),
    "resnet_small": (lambda: ResNet.for_small_images(4, 1), (2, 1, 28, 28)),
    "lenet5": (lambda: LeNet5(1, 4), (2, 1, 28, 28)), "lenet5_1998": (LeNet5Of1998, (2, 1, 28, 28)),
    "dqn": (lambda: NatureDQN(4), (2, 4, 84, 84)), "discriminator": (lambda: Discriminator(1, 4, 16), (4, 1, 16, 16)),
    "generator": (lambda: Generator(6, 1, 4, 16), (4, 6)), "unet": (lambda: UNet(1, 2, 4, 2, same=True), (2, 1, 16, 16)),
    "fcn": (lambda: FCN(50, 2), (2, 3, 16, 16)), "autoencoder": (lambda: Autoencoder(1, 8, 4, 4, 16), (2, 1, 8, 8)),
    "denoiser": (lambda: DenoisingAutoencoder(1, 4), (2, 1, 8, 8)),
}


def one_step(model, loss_of):
    """The loss of one batch before and after small steps along its gradient."""
    optimizer = optim.SGD(model.parameters(), lr=1e-3)
    before = loss_of(model)
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(model).backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        assert 0 < norm < float("inf")
        optimizer.step()
    return before.item(), loss_of(model).item()


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n == "fcn" else n for n in STEPPED])
def test_a_step_of_training_lowers_the_loss(name):
    tw.manual_seed(1)
    make, shape = STEPPED[name]
    model = make()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x = tw.from_numpy(floats(*shape))
    target = tw.from_numpy(floats(*model(x).shape, seed=2))
    before, after = one_step(model, lambda m: ((m(x) - target) ** 2).mean())
    assert after < before


def test_vae_trains_and_its_bound_is_the_closed_form():
    tw.manual_seed(0)
    model = VAE(1, 8, latent=3, width=4, hidden=16)
    x = tw.from_numpy(np.random.default_rng(0).random((4, 1, 8, 8), dtype=np.float32))

    def loss(m):
        tw.manual_seed(1)
        return negative_elbo(*m(x), x)

    before, after = one_step(model, loss)
    assert after < before
    logits, mean, log_variance = (tw.from_numpy(floats(*s)) for s in ((4, 1, 8, 8), (4, 3), (4, 3)))
    q = torch.distributions.Normal(torch.from_numpy(mean.numpy()), torch.from_numpy(np.exp(log_variance.numpy() / 2)))
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum()
    bits = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(logits.numpy()), torch.from_numpy(x.numpy()), reduction="sum")
    assert negative_elbo(logits, mean, log_variance, x).item() == pytest.approx((kl + bits).item() / 4, rel=1e-5)
    assert tuple(model.sample(5).shape) == (5, 1, 8, 8)


def test_ddpm_pspnet_and_ssd_train_too():
    tw.manual_seed(0)
    x, noise, t = tw.from_numpy(floats(2, 1, 8, 8)), tw.from_numpy(floats(2, 1, 8, 8, seed=1)), tw.tensor([3, 700])
    unet = DDPMUNet(1, (8, 8), (False, True), 1, dropout=0.0, groups=4)
    before, after = one_step(unet, lambda m: F.mse_loss(m(x, t), noise))
    assert after < before
    ssd = SSD300(3)
    offsets, logits = ssd(tw.from_numpy(floats(1, 3, 300, 300)))
    assert (tuple(offsets.shape), tuple(logits.shape), tuple(ssd.boxes.shape)) == ((1, 8732, 4), (1, 8732, 3), (8732, 4))


LARGE = ("resnet101", "resnet152", "ddpm_unet")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LARGE else n for n in CONVOLUTIONAL])
def test_every_name_builds_and_its_layers_have_shapes(name):
    described = entry(name)
    model = build(name, described.input_shape, 10)
    rows = summarise(model, *described.example(described.input_shape))
    assert sum(row.parameters for row in rows) == parameter_count(model)
    silent = {row.name for row in rows if row.output_shape is None}
    assert all(row.startswith("aux") for row in silent)


@pytest.mark.parametrize("name", ["vgg16", "ddpm_unet", "dcgan_generator", "lenet5_1998"])
def test_talweg_info_shows_it(name):
    result = CliRunner().invoke(info, [name])
    assert result.exit_code == 0, result.output
    assert f"{parameter_count(build(name, entry(name).input_shape, entry(name).classes)):,} parameters" in result.output
    assert "did not run" not in result.output


def test_talweg_trains_a_small_resnet_by_name(tmp_path):
    from talweg.recipes.classify import RECIPE, Settings

    outcome = RECIPE.train(Settings(model="resnet_small", data="digits", size=8, epochs=2, batch_size=32), tmp_path / "run")
    assert outcome.test.figures["accuracy"] > 0.5


# What they refuse


@pytest.mark.parametrize(("make", "message"), [
    (lambda: VGG(12), "depth must be one of 11, 13, 16, 19, got 12"),
    (lambda: ResNet.of_depth(20), "depth must be one of 18, 34"),
    (lambda: ResNet(stride_in="2x2"), "stride_in must be one of 1x1, 3x3"),
    (lambda: ResNet(stem="5x5"), "stem must be one of"), (lambda: ResNet("wide"), "block must be one of"),
    (lambda: ResNet(counts=(1, 1)), "counts and widths"), (lambda: FCN(18), "depth must be 50, 101 or 152, got 18"),
    (lambda: PSPNet(34), "depth must be 50"), (lambda: UNet(levels=0), "1 or more"),
    (lambda: Generator(side=48), "power of two"), (lambda: Discriminator(side=4), "power of two"),
    (lambda: Autoencoder(side=30), "multiple of 4"), (lambda: NatureDQN(0), "1 or more"),
    (lambda: DDPMUNet(widths=(32,), attention=()), "as many"), (lambda: DDPMUNet(widths=(40,), attention=(False,)), "groups"),
    (lambda: with_noise(tw.zeros(1), -1.0), "sigma must be 0 or more"),
    (lambda: build("vae", (1, 28, 30), 10), "square"), (lambda: build("dqn", (4, 80, 80), 3), "84"),
    (lambda: build("resnet18", (7,), 10), "channels, height, width"), (lambda: build("ssd300", (3, 224, 224), 5), "300"),
    (lambda: build("lenet5", (1, 32, 32), 10), "28"), (lambda: build("lenet5_1998", (1, 28, 28), 9), "ten classes"),
    (lambda: build("convnet", (1, 28, 28), 10, layers="conv"), "no layer"), (lambda: build("convnet", (9,), 2), "images"),
])
def test_settings_that_cannot_be_are_value_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("model", "shape", "message"), [
    (lambda: UNet(width=2), (1, 1, 100, 572), "nearest to 100 that can is 188"),
    (lambda: UNet(width=2, levels=2, same=True), (1, 1, 30, 32), "nearest to 30 that can is 28"),
    (lambda: PSPNet(), (1, 3, 64, 65), "take 57 x 65"), (lambda: SSD300(2), (1, 3, 200, 300), "must be 300 x 300"),
    (lambda: DenoisingAutoencoder(width=2), (1, 1, 30, 32), "multiples of 4, got 30 x 32"),
])
def test_images_that_do_not_fit_are_value_errors(model, shape, message):
    with pytest.raises(ValueError, match=message):
        model()(tw.zeros(*shape))


def test_wrong_channels_and_sizes_raise_at_the_call():
    for model, shape in ((LeNet5(), (1, 3, 28, 28)), (LeNet5(), (1, 1, 40, 40)), (ResNet.of_depth(18), (1, 1, 64, 64)),
                         (AlexNet(), (1, 3, 20, 20)), (NatureDQN(), (1, 4, 64, 64))):
        with pytest.raises(RuntimeError):
            model(tw.zeros(*shape))
    with pytest.raises(ValueError, match="multiples of 8"):
        DDPMUNet()(tw.zeros(1, 3, 30, 32), tw.zeros(1))
    for missing in (FCN(auxiliary=False), PSPNet(auxiliary=False)):
        with pytest.raises(RuntimeError, match="no auxiliary head"):
            missing.both(tw.zeros(1, 3, 33, 33))


def test_unet_sides_agree_with_what_it_gives():
    model = UNet(width=1, levels=2)
    for side in range(1, 80):
        told = model.output_side(side)
        if told is None:
            with pytest.raises(ValueError, match="cannot be halved"):
                model(tw.zeros(1, 1, side, 44))
        else:
            assert tuple(model(tw.zeros(1, 1, side, 44)).shape) == (1, 2, told, model.output_side(44))
    assert UNet().output_side(572) == 388
