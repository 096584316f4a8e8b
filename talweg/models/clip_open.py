"""What open_clip writes beside its CLIPs: open_clip_config.json, the network under model_cfg, pictures under preprocess_cfg."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..io.preprocessing import ImagePreprocessing

FILE = "open_clip_config.json"
KEYS = ("model_cfg", "preprocess_cfg")
HEAD = 64  # the width of a head where the file does not say


def settings_by(config: Mapping[str, Any], implied: Mapping[str, Any]) -> dict[str, Any]:
    """`implied` by the shapes, completed by what they do not tell: the activation and the heads.

    The transformers' activation is GELU unless quick_gelu says otherwise. Raises ValueError for a text encoder that is
    another library's.
    """
    told = config.get("model_cfg", {})
    text, image = told.get("text_cfg", {}), told.get("vision_cfg", {})
    if "hf_model_name" in text or "timm_model_name" in image:
        raise ValueError(f"{FILE}: describes a CLIP with an encoder of another library, which is not known here")
    act = "quick_gelu" if told.get("quick_gelu") else "gelu"
    found = {**implied, "act": act, "image_encoder": dict(implied["image_encoder"])}
    found["heads"] = text.get("heads", max(found["text_width"] // HEAD, 1))
    if found["image_encoder"].get("kind") != "resnet":
        width = found["image_encoder"]["width"]
        found["image_encoder"] |= {"act": act, "heads": max(width // image.get("head_width", HEAD), 1)}
    return found


def preprocessing_by(config: Mapping[str, Any], usual: ImagePreprocessing) -> ImagePreprocessing:
    """`usual`, with the mean, deviation and interpolation that the file tells. Raises ValueError for pictures that are not
    resized by their shorter side."""
    told = config.get("preprocess_cfg", {})
    if told.get("resize_mode", "shortest") != "shortest":
        raise ValueError(f"{FILE}: resize_mode is {told['resize_mode']!r}; only 'shortest' is known here")
    return replace(usual, mean=tuple(told.get("mean", usual.mean)), std=tuple(told.get("std", usual.std)),
                   interpolation=told.get("interpolation", usual.interpolation))
