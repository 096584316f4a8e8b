"""The names of the convolutional architectures, and what builds each for given inputs and classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import nn
from ..tensor import Tensor, zeros
from .alexnet import AlexNet
from .autoencoder import Autoencoder, DenoisingAutoencoder
from .convnet import ConvNet
from .dcgan import Discriminator, Generator
from .ddpm import DDPMUNet
from .dense_small import SmallFCN, SmallPSPNet
from .dqn import NatureDQN
from .entry import Entry
from .fcn import FCN
from .lenet5 import MODERN, LeNet5, LeNet5Of1998
from .pspnet import PSPNet
from .resnet import DEPTHS, ResNet
from .ssd import SSD300
from .ssd_small import SCALES, SmallSSD
from .unet import UNet
from .vae import VAE
from .vgg import STAGES, VGG

Shape = tuple[int, ...]
IMAGENET = (3, 224, 224)
UNET = {"width": 64, "levels": 4, "same": False}  # as in the paper


def _image(build: Callable[[int, int], nn.Module]) -> Callable[..., nn.Module]:
    """A builder for models that need only the number of channels and of classes."""
    def built(input_shape: Shape, classes: int) -> nn.Module:
        if len(input_shape) != 3:
            raise ValueError(f"images must be (channels, height, width), got {list(input_shape)}")
        return build(input_shape[0], classes)

    return built


def _square(build: Callable[[int, int], nn.Module]) -> Callable[..., nn.Module]:
    """A builder for models that need the number of channels and the side of square images."""
    def built(input_shape: Shape, classes: int) -> nn.Module:
        if len(input_shape) != 3 or input_shape[1] != input_shape[2]:
            raise ValueError(f"images must be square, (channels, side, side), got {list(input_shape)}")
        return build(input_shape[0], input_shape[1])

    return built


def _lenet5(input_shape: Shape, classes: int) -> nn.Module:
    if len(input_shape) != 3 or input_shape[1:] != (28, 28):
        raise ValueError(f"lenet5: images must be (channels, 28, 28), got {list(input_shape)}: set size to 28")
    return LeNet5(input_shape[0], classes)


def _lenet5_of_1998(input_shape: Shape, classes: int) -> nn.Module:
    if input_shape not in ((1, 28, 28), (1, 32, 32)) or classes != 10:
        raise ValueError(f"lenet5_1998: takes one channel of 28 x 28 or 32 x 32 and ten classes, the digits, got "
                         f"{list(input_shape)} and {classes}")
    return LeNet5Of1998()


def _denoiser(input_shape: Shape, classes: int, width: int) -> nn.Module:
    if len(input_shape) != 3:
        raise ValueError(f"images must be (channels, height, width), got {list(input_shape)}")
    return DenoisingAutoencoder(input_shape[0], width)


def _unet(input_shape: Shape, classes: int, width: int, levels: int, same: bool) -> nn.Module:
    if len(input_shape) != 3:
        raise ValueError(f"images must be (channels, height, width), got {list(input_shape)}")
    return UNet(input_shape[0], classes, width, levels, same)


def _ssd300(input_shape: Shape, classes: int) -> nn.Module:
    if input_shape != (3, 300, 300):
        raise ValueError(f"ssd300: images must be (3, 300, 300), got {list(input_shape)}")
    return SSD300(classes)


def _ssd(input_shape: Shape, classes: int, scales: Sequence[float]) -> nn.Module:
    if len(input_shape) != 3 or input_shape[1] != input_shape[2]:
        raise ValueError(f"ssd: images must be square, (channels, side, side), got {list(input_shape)}")
    return SmallSSD(input_shape[0], classes, input_shape[1], scales)


def _generator(input_shape: Shape, classes: int) -> nn.Module:
    if len(input_shape) != 1:
        raise ValueError(f"dcgan_generator: inputs are vectors of noise, their shape is (length,), got {list(input_shape)}")
    return Generator(input_shape[0])


def _with_time(input_shape: Shape) -> tuple[Tensor, ...]:
    return zeros(1, *input_shape), zeros(1)


def _entries() -> dict[str, Entry]:
    table = {
        "lenet5": Entry(_lenet5, "LeNet-5, modern (N fig. 5.13)", (1, 28, 28)),
        "lenet5_1998": Entry(_lenet5_of_1998, "LeNet-5 as in LeCun et al. 1998", (1, 32, 32), channels=1),
        "convnet": Entry(_convnet, "(Conv, ReLU, Pool)^N from text (N 5.4)", (1, 28, 28),
                         {"layers": MODERN, "untied_bias": False}),
        "alexnet": Entry(_image(lambda c, n: AlexNet(n, c)), "AlexNet, one stream (L 5.2)", IMAGENET, classes=1000),
        "resnet_small": Entry(_image(lambda c, n: ResNet.for_small_images(n, c)), "ResNet-8 for small images", (1, 28, 28)),
        "unet": Entry(_unet, "U-Net, valid convolutions (L 6.4)", (1, 572, 572), UNET, classes=2),
        "fcn_small": Entry(_image(lambda c, n: SmallFCN(c, n)), "FCN, small (L 6.4)", (1, 32, 32), classes=11),
        "pspnet_small": Entry(_image(lambda c, n: SmallPSPNet(c, n)), "PSPNet, small (L 6.4)", (1, 32, 32), classes=11),
        "fcn_resnet50": Entry(_image(lambda c, n: FCN(50, n, c)), "FCN on ResNet-50 (L 6.4)", (3, 520, 520), classes=21),
        "pspnet50": Entry(_image(lambda c, n: PSPNet(50, n, c)), "PSPNet on ResNet-50 (L 6.4)", (3, 473, 473), classes=21),
        "ssd": Entry(_ssd, "SSD, small: 64 x 64 pixels, three scales (L 6.3)", (1, 64, 64), {"scales": list(SCALES)}, classes=11),
        "ssd300": Entry(_ssd300, "SSD300 on VGG-16 (L 6.3)", (3, 300, 300), classes=91, channels=3),
        "autoencoder": Entry(_square(lambda c, s: Autoencoder(c, s)), "convolutional autoencoder", (1, 28, 28)),
        "denoiser": Entry(_denoiser, "denoising autoencoder (L 6.1)", (1, 64, 64), {"width": 32}),
        "vae": Entry(_square(lambda c, s: VAE(c, s)), "variational autoencoder", (1, 28, 28)),
        "dcgan_generator": Entry(_generator, "DCGAN's generator, 64 x 64", (100,)),
        "dcgan_discriminator": Entry(_square(lambda c, s: Discriminator(c, side=s)), "DCGAN's discriminator", (3, 64, 64)),
        "ddpm_unet": Entry(
            _image(lambda c, _: DDPMUNet(c)), "DDPM's U-Net for CIFAR-10 (L 7.2)", (3, 32, 32), example=_with_time
        ),
        "dqn": Entry(_dqn, "the Nature DQN network; classes are actions", (4, 84, 84), classes=4),
    }
    for depth in DEPTHS:
        table[f"resnet{depth}"] = Entry(_resnet(depth), f"ResNet-{depth} (L 5.2)", IMAGENET, classes=1000)
    for depth in STAGES:
        table[f"vgg{depth}"] = Entry(_vgg(depth, False), f"VGG-{depth} (L 5.2)", IMAGENET, classes=1000)
        table[f"vgg{depth}_bn"] = Entry(
            _vgg(depth, True), f"VGG-{depth} with batch normalisation", IMAGENET, classes=1000
        )
    return table


def _convnet(input_shape: Shape, classes: int, layers: str, untied_bias: bool) -> nn.Module:
    if len(input_shape) != 3:
        raise ValueError(f"convnet: images must be (channels, height, width), got {list(input_shape)}")
    return ConvNet(layers, (input_shape[0], input_shape[1], input_shape[2]), classes, untied_bias)


def _dqn(input_shape: Shape, classes: int) -> nn.Module:
    if len(input_shape) != 3 or input_shape[1:] != (84, 84):
        raise ValueError(f"dqn: frames must be (frames, 84, 84), got {list(input_shape)}")
    return NatureDQN(classes, input_shape[0])


def _resnet(depth: int) -> Callable[..., Any]:
    return _image(lambda channels, classes: ResNet.of_depth(depth, classes, channels))


def _vgg(depth: int, batch_norm: bool) -> Callable[..., Any]:
    return _image(lambda channels, classes: VGG(depth, batch_norm, classes, channels))


CONVOLUTIONAL: dict[str, Entry] = _entries()
