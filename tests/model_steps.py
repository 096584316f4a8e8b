"""One training step of every registered model: which inputs it takes, and which loss it is trained by."""

import copy
import math
from dataclasses import dataclass, field

import numpy as np

import talweg as tw
from talweg import nn
from talweg.compile.engine import compile_after
from talweg.models import (
    CLIP,
    FCN,
    SSD300,
    VAE,
    VGG,
    AlexNet,
    Autoencoder,
    DDPMUNet,
    DenoisingAutoencoder,
    Discriminator,
    Generator,
    PSPNet,
    ResNet,
    ResNetBackbone,
    UNet,
    build,
    entry,
    negative_elbo,
    pspnet,
)
from talweg.models.dense_small import SmallFCN, SmallPSPNet
from talweg.models.fcn import dense_head
from talweg.models.ssd_small import SmallSSD
from talweg.nn import functional as F
from talweg.nn import init

CLASSES = 3


def floats(rng, *shape):
    return tw.from_numpy(rng.standard_normal(shape).astype(np.float32))


def ids(rng, high, *shape):
    return tw.from_numpy(rng.integers(0, high, shape))


# Losses: (model, inputs, a generator for targets) -> a number. Targets depend on shapes and the seed alone.
def as_classes(model, inputs, rng):
    """Cross-entropy, of each image or of each pixel."""
    logits = model(*inputs)
    return F.cross_entropy(logits, ids(rng, logits.shape[1], logits.shape[0], *logits.shape[2:]))


def as_numbers(model, inputs, rng):
    """The squared error of all outputs."""
    outputs = model(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return sum(F.mse_loss(out, floats(rng, *out.shape)) for out in outputs if out is not None)


def as_next_tokens(model, inputs, rng):
    out = model(*inputs)
    logits = out[0] if isinstance(out, tuple) else out  # (B, T, V)
    return F.cross_entropy(logits.flatten(0, 1), ids(rng, logits.shape[-1], math.prod(logits.shape[:2])))


def as_boxes(model, inputs, rng):
    """SSD's: smooth L1 of the offsets, cross-entropy of the classes."""
    offsets, logits = model(*inputs)
    boxes = F.smooth_l1_loss(offsets, floats(rng, *offsets.shape))
    return boxes + F.cross_entropy(logits.transpose(1, 2), ids(rng, logits.shape[-1], *logits.shape[:2]))


def as_real_or_made(model, inputs, rng):
    logits = model(*inputs)
    return F.binary_cross_entropy_with_logits(logits, ids(rng, 2, *logits.shape).float())


def with_auxiliary_head(model, inputs, rng):
    logits, auxiliary = model.both(*inputs)
    target = ids(rng, CLASSES, logits.shape[0], *logits.shape[2:])
    return F.cross_entropy(logits, target) + 0.4 * F.cross_entropy(auxiliary, target)


def as_bound(model, inputs, rng):
    return negative_elbo(*model(*inputs), inputs[0])


def as_density(model, inputs, rng):
    return -model.log_density(*inputs).mean()


def as_pairs(model, inputs, rng):
    return model.loss(*inputs)


def as_values(model, inputs, rng):
    """Of the actions taken (Mnih et al., 2015)."""
    values = model(*inputs)
    taken = values.gather(1, ids(rng, values.shape[1], values.shape[0], 1))
    return F.smooth_l1_loss(taken, floats(rng, *taken.shape))


LOSSES = {
    "ssd300": as_boxes, "ssd": as_boxes, "pspnet50": with_auxiliary_head, "vae": as_bound, "dqn": as_values, "nice": as_density,
    "realnvp": as_density, "dcgan_discriminator": as_real_or_made, "denoiser": as_numbers, "autoencoder": as_numbers,
    "dcgan_generator": as_numbers, "ddpm_unet": as_numbers,
}
BY_FAMILY = {"gpt": as_next_tokens, "transformer": as_next_tokens, "whisper": as_next_tokens, "bert": as_numbers,
             "clip": as_pairs}


def loss_of(name):
    if name in LOSSES:
        return LOSSES[name]
    if name.endswith("_lm"):
        return as_next_tokens
    return next((loss for family, loss in BY_FAMILY.items() if name.startswith(family)), as_classes)


def narrow_fcn():
    with init.skipped():
        model = FCN(50, CLASSES)
    model.backbone = ResNetBackbone("bottleneck", (1, 1, 1, 1), (4, 4, 8, 8), dilate=(False, True, True))
    model.classifier, model.aux_classifier = dense_head(32, CLASSES), dense_head(32, CLASSES)
    return model


def narrow_pspnet():
    with init.skipped():
        model = PSPNet(50, CLASSES)
    model.backbone = ResNetBackbone("bottleneck", (1, 1, 1, 1), (4, 4, 8, 8), stem="deep", dilate=(False, True, True))
    pspnet._dilate_the_first_blocks_too(model.backbone)
    model.ppm = pspnet.PyramidPooling(32)
    model.cls, model.aux = pspnet._head(64, 8, CLASSES), pspnet._head(32, 8, CLASSES)
    return model


def narrow_ssd(share=16):
    """SSD300 with a sixteenth of the maps; its heads give as many numbers as ever."""
    with init.skipped():
        model = SSD300(CLASSES)
    heads = {id(m) for m in model.head.modules()}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                maps_in = child.in_channels if child.in_channels == 3 else child.in_channels // share
                maps_out = child.out_channels if id(child) in heads else child.out_channels // share
                setattr(parent, name, nn.Conv2d(maps_in, maps_out, child.kernel_size, child.stride, child.padding,
                                                child.dilation))
    model.backbone.norm = type(model.backbone.norm)(512 // share)
    return model


@dataclass
class Narrow:
    """A small model of the registered kind: its inputs' shape, and settings of its entry or how else it is made."""

    shape: tuple = ()
    settings: dict = field(default_factory=dict)
    make: object = None
    batch: int = 2


THIN = {"width": 16, "layers": 2, "heads": 2}
THIN_IMAGE = {"patch": 8, "width": 32, "layers": 2, "heads": 2}

NARROW = {
    "mlp": Narrow((1, 8, 8)), "lenet": Narrow((1, 28, 28)), "lenet5": Narrow((1, 28, 28)),
    "lenet5_1998": Narrow((1, 32, 32)), "convnet": Narrow((1, 28, 28)), "resnet_small": Narrow((1, 8, 8)),
    "alexnet": Narrow((3, 63, 63), make=lambda: AlexNet(CLASSES, hidden=16)),
    "vgg11": Narrow((3, 32, 32), make=lambda: VGG(11, False, CLASSES, hidden=16)),
    "vgg11_bn": Narrow((3, 32, 32), make=lambda: VGG(11, True, CLASSES, hidden=16), batch=4),
    "resnet18": Narrow((3, 64, 64), make=lambda: ResNet("basic", (1, 1, 1, 1), (4, 8, 8, 16), classes=CLASSES), batch=4),
    "resnet50": Narrow((3, 64, 64), make=lambda: ResNet("bottleneck", (1, 2, 1, 1), (4, 8, 8, 16), classes=CLASSES), batch=4),
    "unet": Narrow((1, 60, 60), make=lambda: UNet(1, CLASSES, 4, 2)),
    "fcn_resnet50": Narrow((3, 33, 33), make=narrow_fcn), "pspnet50": Narrow((3, 49, 49), make=narrow_pspnet),
    "ssd300": Narrow((3, 300, 300), make=narrow_ssd, batch=1),
    "ssd": Narrow((1, 32, 32), make=lambda: SmallSSD(1, CLASSES, 32, width=6), batch=4),
    "fcn_small": Narrow((1, 16, 16), make=lambda: SmallFCN(1, CLASSES, (4, 4, 8)), batch=4),
    "pspnet_small": Narrow((1, 16, 16), make=lambda: SmallPSPNet(1, CLASSES, (4, 4, 8)), batch=4),
    "autoencoder": Narrow((1, 8, 8), make=lambda: Autoencoder(1, 8, 4, 4, 16)),
    "denoiser": Narrow((1, 16, 16), make=lambda: DenoisingAutoencoder(1, 4)),
    "vae": Narrow((1, 8, 8), make=lambda: VAE(1, 8, latent=3, width=4, hidden=16)),
    "dcgan_generator": Narrow((6,), make=lambda: Generator(6, 1, 4, 16), batch=8),
    "dcgan_discriminator": Narrow((1, 16, 16), make=lambda: Discriminator(1, 4, 16), batch=8),
    "ddpm_unet": Narrow((3, 8, 8), make=lambda: DDPMUNet(3, (8, 16), (False, True), 1, groups=4)),
    "dqn": Narrow((4, 84, 84)),
    "gpt": Narrow((12,), {"vocabulary": 31, **THIN}), "gpt2": Narrow((12,), {"vocabulary": 31, **THIN}),
    "transformer": Narrow((12,), {"vocabulary": 31, **THIN}), "bert_base": Narrow((12,), {"vocabulary": 31, **THIN}),
    "vit_b_16": Narrow((3, 32, 32), THIN_IMAGE), "vit_small": Narrow((1, 8, 8), {"width": 16, "layers": 2, "heads": 2}),
    "whisper_tiny": Narrow((8, 40), {"vocabulary": 31, **THIN}),
    "clip_vit_b_32": Narrow((3, 32, 32), make=lambda: CLIP(
        16, 16, image_encoder={"size": 32, **THIN_IMAGE}, vocabulary=31, layers=2, heads=2), batch=4),
    "clip_rn50": Narrow((3, 64, 64), make=lambda: CLIP(
        16, 16, image_encoder={"kind": "resnet", "size": 64, "width": 8, "layers": (1, 1, 1, 1)}, vocabulary=31, layers=2,
        heads=2), batch=4),
    "rnn": Narrow((1, 8, 8)), "lstm": Narrow((1, 8, 8), {"both_ways": True}), "gru": Narrow((1, 8, 8), {"layers": 2}),
    "rnn_lm": Narrow((9,), {"vocabulary": 31, "width": 8, "state": 16}),
    "lstm_lm": Narrow((9,), {"vocabulary": 31, "width": 8, "state": 16}),
    "gru_lm": Narrow((9,), {"vocabulary": 31, "width": 8, "state": 16}),
    "nice": Narrow((8,), {"hidden": [16]}), "realnvp": Narrow((8,), {"hidden": [16]}),
    "gcn": Narrow((5,)), "gat": Narrow((5,)), "graphsage": Narrow((5,)),
}

# Of one kind with the one that is named: they differ in depth and width alone.
SAME_AS = {
    **{f"resnet{depth}": "resnet18" if depth == 34 else "resnet50" for depth in (34, 101, 152)},
    **{f"vgg{depth}{bn}": f"vgg11{bn}" for depth in (13, 16, 19) for bn in ("", "_bn")},
    **{f"gpt2_{size}": "gpt2" for size in ("medium", "large", "xl")}, "bert_large": "bert_base",
    **{f"vit_{size}": "vit_b_16" for size in ("ti_16", "s_16", "b_32", "l_16")},
    **{f"whisper_{size}": "whisper_tiny" for size in ("base", "small", "medium", "large")},
    "clip_vit_b_16": "clip_vit_b_32", "clip_vit_l_14": "clip_vit_b_32",
}


def narrow_model(name):
    kind = NARROW[name]
    classes = 10 if name == "lenet5_1998" else CLASSES
    return kind.make() if kind.make else build(name, kind.shape, classes, **kind.settings)


def inputs_of(name, shape, batch, vocabulary=31):
    """A random batch, shaped as the entry's example."""
    rng = np.random.default_rng(sum(map(ord, name)))
    given = []
    for i, like in enumerate(entry(name).example(shape)):
        is_graph = name in ("gcn", "gat", "graphsage")
        sizes = tuple(like.shape) if is_graph else (batch, *like.shape[1:])
        if is_graph and i == 1:
            given.append(like)
        elif like.dtype == tw.int64:
            given.append(ids(rng, vocabulary, *sizes))
        elif name == "ddpm_unet" and i == 1:
            given.append(ids(rng, 1000, *sizes))
        else:
            given.append(floats(rng, *sizes))
    return given if name != "vae" else [given[0].sigmoid()]


def copied(model):
    """A copy whose weights are there, so that how they were made is no part of the first step's graph."""
    with compile_after(-1):
        again = copy.deepcopy(model)
        for value in again.state_dict().values():
            value.numpy()
    return again


def steps(model, loss, inputs, count, precision=None, optimizer=None):
    """Losses of `count` steps, and the last one's gradients by name."""
    optimizer = optimizer or tw.optim.SGD(model.parameters(), lr=1e-3)
    losses = []
    for i in range(count):
        tw.manual_seed(i)
        optimizer.zero_grad()
        with tw.autocast("cpu", dtype=tw.bfloat16, enabled=precision == "bf16"):
            value = loss(model, inputs, np.random.default_rng(1))
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses, {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
