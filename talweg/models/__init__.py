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
from .flows import NICE, RealNVP
from .gpt import GPT
from .gpt2 import GPT2
from .graph_networks import GATConv, GCNConv, GraphNetwork, SAGEConv
from .lenet import LeNet
from .lenet5 import LeNet5, LeNet5Of1998
from .mlp import MLP
from .pspnet import PSPNet
from .quantize import quantize_linear
from .recurrent import RecurrentClassifier, RecurrentLM
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
    "BERT", "CLIP", "FCN", "GPT", "GPT2", "MLP", "MODELS", "NICE", "SSD300", "VAE", "VGG", "AlexNet", "Autoencoder", "ConvNet",
    "DDPMUNet", "DenoisingAutoencoder", "Discriminator", "Entry", "GATConv", "GCNConv", "Generator", "GraphNetwork", "LeNet",
    "LeNet5", "LeNet5Of1998", "NatureDQN", "PSPNet", "RealNVP", "RecurrentClassifier", "RecurrentLM", "ResNet",
    "ResNetBackbone", "SAGEConv", "Transformer", "UNet", "ViT", "Whisper", "build", "default_boxes", "entry", "negative_elbo",
    "quantize_linear",
]
