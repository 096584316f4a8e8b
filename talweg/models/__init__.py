"""Models: one readable file each, and the table of their names."""

from .alexnet import AlexNet
from .autoencoder import Autoencoder, DenoisingAutoencoder
from .bert import BERT
from .clip import CLIP
from .convnet import ConvNet
from .dcgan import Discriminator, Generator
from .ddpm import DDPMUNet
from .dqn import NatureDQN
from .entry import Entry
from .fcn import FCN
from .gpt import GPT
from .gpt2 import GPT2
from .lenet import LeNet
from .lenet5 import LeNet5, LeNet5Of1998
from .mlp import MLP
from .pspnet import PSPNet
from .registry import MODELS, build, entry
from .resnet import ResNet, ResNetBackbone
from .ssd import SSD300
from .ssd_boxes import default_boxes
from .transformer import Transformer
from .unet import UNet
from .vae import VAE, negative_elbo
from .vgg import VGG
from .vit import ViT
from .whisper import Whisper

__all__ = [
    "BERT", "CLIP", "GPT", "GPT2", "MLP", "MODELS", "SSD300", "VAE", "VGG", "AlexNet", "Autoencoder", "ConvNet", "DDPMUNet",
    "DenoisingAutoencoder", "Transformer", "ViT", "Whisper",
    "Discriminator", "Entry", "FCN", "Generator", "LeNet", "LeNet5", "LeNet5Of1998", "NatureDQN", "PSPNet", "ResNet",
    "ResNetBackbone", "UNet", "build", "default_boxes", "entry", "negative_elbo",
]
