"""How DDPM's U-Net is published: as diffusers' UNet2DModel, under newer and older names of its attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..io import Layout, Rule

OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
DIFFUSERS = Layout(
    "diffusers",
    old=tuple(Rule(f"**.attentions.*.{old}.**", f"**.attentions.*.{new}.**") for old, new in OLD_NAMES.items()),
)

# The variants that this model has. Anything else in a config would be computed wrongly, so it is refused.
FIXED: dict[str, tuple[Any, ...]] = {
    "act_fn": ("silu", "swish"), "center_input_sample": (False,), "downsample_padding": (0,),
    "mid_block_scale_factor": (1, 1.0), "time_embedding_type": ("positional",), "downsample_type": ("conv",),
    "upsample_type": ("conv",), "resnet_time_scale_shift": ("default",), "add_attention": (True,),
    "class_embed_type": (None,), "num_class_embeds": (None,), "attn_norm_num_groups": (None,),
}
DEFAULTS: dict[str, Any] = {"downsample_padding": 1}  # of UNet2DModel, where a config leaves it out


def diffusers_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of DDPMUNet from diffusers' config.json; `time` as those of TimeEncoding."""
    for name, known in FIXED.items():
        given = config.get(name, DEFAULTS.get(name, known[0]))
        if given not in known:
            raise ValueError(f"config.json: {name} is {given!r}; DDPMUNet knows only {known[0]!r}")
    down, up = config["down_block_types"], config["up_block_types"]
    attention = [_has_attention(name) for name in down]
    if [_has_attention(name) for name in up] != attention[::-1] or config["in_channels"] != config["out_channels"]:
        raise ValueError("config.json: the way up must mirror the way down, and the output have the input's channels")
    return {
        "channels": config["in_channels"], "widths": config["block_out_channels"], "attention": attention,
        "blocks": config.get("layers_per_block", 2), "dropout": config.get("dropout", 0.0),
        "groups": config.get("norm_num_groups", 32), "eps": config.get("norm_eps", 1e-5),
        "head_width": config.get("attention_head_dim", 8),
        "time": {"shift": config.get("freq_shift", 0), "cos_first": config.get("flip_sin_to_cos", True)},
    }


def _has_attention(block: str) -> bool:
    kinds = {"DownBlock2D": False, "UpBlock2D": False, "AttnDownBlock2D": True, "AttnUpBlock2D": True}
    if block not in kinds:
        raise ValueError(f"config.json: block {block!r} is not one of {', '.join(kinds)}")
    return kinds[block]


def diffusers_config(model: Any) -> dict[str, Any]:
    """diffusers' config.json of a DDPMUNet."""
    return {
        "_class_name": "UNet2DModel", "in_channels": model.conv_in.in_channels, "out_channels": model.conv_in.in_channels,
        "block_out_channels": list(model.widths), "layers_per_block": model.blocks, "dropout": model.dropout,
        "down_block_types": ["AttnDownBlock2D" if a else "DownBlock2D" for a in model.attention],
        "up_block_types": ["AttnUpBlock2D" if a else "UpBlock2D" for a in model.attention[::-1]],
        "norm_num_groups": model.groups, "norm_eps": model.eps, "attention_head_dim": model.head_width,
        "freq_shift": model.time_encoding.shift, "flip_sin_to_cos": model.time_encoding.cos_first,
        "downsample_padding": 0, "act_fn": "silu", "center_input_sample": False, "mid_block_scale_factor": 1,
        "time_embedding_type": "positional",
    }
