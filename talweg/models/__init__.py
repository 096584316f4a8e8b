"""Models: one readable file each, and the table of their names."""

from .alexnet import AlexNet
from .autoencoder import Autoencoder, DenoisingAutoencoder
from .convnet import ConvNet
from .dcgan import Discriminator, Generator
from .ddpm import DDPMUNet
from .dqn import NatureDQN
from .entry import Entry
from .fcn import FCN
from .lenet import LeNet
from .lenet5 import LeNet5, LeNet5Of1998
from .mlp import MLP
from .pspnet import PSPNet
from .registry import MODELS, build, entry
from .resnet import ResNet, ResNetBackbone
from .ssd import SSD300
from .ssd_boxes import default_boxes
from .unet import UNet
from .vae import VAE, negative_elbo
from .vgg import VGG

__all__ = [
    "MLP", "MODELS", "SSD300", "VAE", "VGG", "AlexNet", "Autoencoder", "ConvNet", "DDPMUNet", "DenoisingAutoencoder",
    "Discriminator", "Entry", "FCN", "Generator", "LeNet", "LeNet5", "LeNet5Of1998", "NatureDQN", "PSPNet", "ResNet",
    "ResNetBackbone", "UNet", "build", "default_boxes", "entry", "negative_elbo",
]
