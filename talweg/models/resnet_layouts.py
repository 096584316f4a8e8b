"""How ResNets are published: torchvision's and timm's names, which are ours, and those of transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..io import Layout, Rule

TORCHVISION = Layout("torchvision")

# Files whose images were resized to another side than 256 before the crop (torchvision's second weights).
PRESETS = {"resnet50-11ad3fa6": 232, "resnet101-cd907fc2": 232, "resnet152-f82ba261": 232}


def _hugging_face_rules() -> Iterator[Rule]:
    """transformers counts stages and convolutions from 0 and keeps norms beside their convolutions."""
    yield from _pair("resnet.embedder.embedder", "conv1", "bn1")
    for stage in range(4):
        there, here = f"resnet.encoder.stages.{stage}.layers.*", f"layer{stage + 1}.*"
        for i in range(3):
            yield from _pair(f"{there}.layer.{i}", f"{here}.conv{i + 1}", f"{here}.bn{i + 1}")
        yield from _pair(f"{there}.shortcut", f"{here}.downsample.0", f"{here}.downsample.1")
    yield Rule("classifier.1.**", "fc.**")


def _pair(there: str, convolution: str, norm: str) -> Iterator[Rule]:
    yield Rule(f"{there}.convolution.**", f"{convolution}.**")
    yield Rule(f"{there}.normalization.**", f"{norm}.**")


HUGGING_FACE = Layout("transformers", tuple(_hugging_face_rules()))


def hugging_face_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ResNet from transformers' config.json."""
    bottleneck = config.get("layer_type", "bottleneck") == "bottleneck"
    stem, widths = config["embedding_size"], config["hidden_sizes"]
    widths = [width // 4 for width in widths] if bottleneck else list(widths)
    if config.get("hidden_act", "relu") != "relu" or config.get("downsample_in_first_stage") or stem != widths[0]:
        raise ValueError("config.json: describes a ResNet with another activation, stem or first stage than the paper's")
    labels = config.get("id2label")
    return {
        "block": "bottleneck" if bottleneck else "basic", "counts": config["depths"], "widths": widths,
        "classes": len(labels) if labels else config.get("num_labels", 2), "channels": config.get("num_channels", 3),
        "stride_in": "1x1" if config.get("downsample_in_bottleneck") else "3x3",
    }


def hugging_face_config(model: Any) -> dict[str, Any]:
    """transformers' config.json of a ResNet."""
    bottleneck = model.block == "bottleneck"
    classes = model.fc.out_features
    return {
        "architectures": ["ResNetForImageClassification"], "model_type": "resnet",
        "num_channels": model.conv1.in_channels, "embedding_size": model.widths[0],
        "hidden_sizes": [width * (4 if bottleneck else 1) for width in model.widths],
        "depths": list(model.counts), "layer_type": model.block, "hidden_act": "relu",
        "downsample_in_first_stage": False, "downsample_in_bottleneck": model.stride_in == "1x1",
        "id2label": {str(i): f"LABEL_{i}" for i in range(classes)},
        "label2id": {f"LABEL_{i}": i for i in range(classes)},
    }
