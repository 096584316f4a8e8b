"""The U-Net of denoising diffusion (L 7.2): Ho, Jain, Abbeel, Denoising diffusion probabilistic models (2020), appendix B.

A U-Net of residual blocks with group normalisation that is told the time step: it predicts the noise in an image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import nn
from ..io import Checkpoint, Pretrained
from ..nn import functional as F
from ..tensor import Tensor, arange, cat, cos, exp, sin
from .ddpm_layouts import DIFFUSERS, diffusers_config, diffusers_settings


class DDPMUNet(Pretrained):
    """Images (B, channels, H, W) and time steps (B,) to the predicted noise, of the images' shape.

    Level i has `widths[i]` maps, `blocks` residual blocks and, where `attention[i]`, self-attention after
    each; the sides halve from level to level and must be multiples of 2^(levels - 1). The default is the CIFAR-10
    model: 35,746,307 parameters. `head_width` None means one attention head. Names are those of diffusers'
    UNet2DModel. Raises ValueError for settings or sizes that do not fit.
    """

    layouts = (DIFFUSERS,)
    weights_file = "diffusion_pytorch_model.safetensors"

    def __init__(
        self, channels: int = 3, widths: Sequence[int] = (128, 256, 256, 256),
        attention: Sequence[bool] = (False, True, False, False), blocks: int = 2, dropout: float = 0.1,
        groups: int = 32, eps: float = 1e-6, head_width: int | None = None, time: TimeEncoding | None = None,
    ) -> None:
        super().__init__()
        _check(widths, attention, blocks, groups)
        self.widths, self.attention, self.blocks = tuple(widths), tuple(map(bool, attention)), blocks
        self.dropout, self.groups, self.eps, self.head_width = dropout, groups, eps, head_width
        kit = _Kit(4 * widths[0], dropout, groups, eps, head_width)
        self.conv_in = nn.Conv2d(channels, widths[0], kernel_size=3, padding=1)
        self.time_encoding = time or TimeEncoding()
        self.time_embedding = TimeEmbedding(widths[0], 4 * widths[0])
        last = len(widths) - 1
        self.down_blocks = nn.ModuleList(
            DownLevel(kit, before, width, blocks, self.attention[i], i < last)
            for i, (before, width) in enumerate(zip([widths[0], *widths], widths))
        )
        self.mid_block = Middle(kit, widths[-1])
        copies = _copied_widths(widths, blocks)
        ups = []
        maps = widths[-1]
        for i in reversed(range(len(widths))):
            ups.append(UpLevel(kit, maps, widths[i], [copies.pop() for _ in range(blocks + 1)], self.attention[i], i > 0))
            maps = widths[i]
        self.up_blocks = nn.ModuleList(ups)
        self.conv_norm_out = nn.GroupNorm(groups, widths[0], eps=eps)
        self.conv_out = nn.Conv2d(widths[0], channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        factor = 2 ** (len(self.widths) - 1)
        if x.shape[-1] % factor or x.shape[-2] % factor:
            raise ValueError(f"DDPMUNet: height and width must be multiples of {factor}, got {list(x.shape[-2:])}")
        code = self.time_encoding(t, self.widths[0]).to(x.dtype)  # (B,) -> (B, C)
        time = self.time_embedding(code)  # (B, 4 C)
        x = self.conv_in(x)  # (B, C, H, W)
        copies = [x]
        for level in self.down_blocks:
            x = level(x, time, copies)  # (B, C, H, W) -> (B, C', H / 2, W / 2)
        x = self.mid_block(x, time)
        for level in self.up_blocks:
            x = level(x, time, copies)  # (B, C, H, W) -> (B, C', 2 H, 2 W)
        return self.conv_out(F.silu(self.conv_norm_out(x)))

    @classmethod
    def settings_of(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        told = diffusers_settings(checkpoint.config)
        return told | {"time": TimeEncoding(**told["time"])}

    def config_of(self, layout: str) -> dict[str, Any]:
        return diffusers_config(self)


class TimeEncoding(nn.Module):
    """The sinusoidal code of a step: sin and cos of t / 10000^(i / (C / 2 - shift)), i < C / 2, side by side."""

    def __init__(self, shift: int = 1, cos_first: bool = False) -> None:
        super().__init__()
        self.shift = shift
        self.cos_first = cos_first

    def forward(self, t: Tensor, width: int) -> Tensor:
        half = width // 2
        rates = exp(arange(half).float() * (-math.log(10000) / (half - self.shift)))
        angles = t.float()[:, None] * rates  # (B, 1) * (C / 2,) -> (B, C / 2)
        parts = [cos(angles), sin(angles)] if self.cos_first else [sin(angles), cos(angles)]
        return cat(parts, dim=1)  # (B, C)


class TimeEmbedding(nn.Module):
    """Two linear layers from the code of a step to what every block is told."""

    def __init__(self, maps_in: int, maps_out: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(maps_in, maps_out)
        self.linear_2 = nn.Linear(maps_out, maps_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(x)))


class TimedBlock(nn.Module):
    """x + f(x, t): normalisation, SiLU, 3x3, twice, with the step's embedding added to each map in between."""

    def __init__(self, kit: _Kit, maps_in: int, maps_out: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(kit.groups, maps_in, eps=kit.eps)
        self.conv1 = nn.Conv2d(maps_in, maps_out, kernel_size=3, padding=1)
        self.time_emb_proj = nn.Linear(kit.time, maps_out)
        self.norm2 = nn.GroupNorm(kit.groups, maps_out, eps=kit.eps)
        self.dropout = nn.Dropout(kit.dropout)
        self.conv2 = nn.Conv2d(maps_out, maps_out, kernel_size=3, padding=1)
        self.conv_shortcut = nn.Conv2d(maps_in, maps_out, kernel_size=1) if maps_in != maps_out else None

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        y = self.conv1(F.silu(self.norm1(x)))  # (B, C, H, W) -> (B, C', H, W)
        y = y + self.time_emb_proj(F.silu(time))[:, :, None, None]
        y = self.conv2(self.dropout(F.silu(self.norm2(y))))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class SpatialAttention(nn.Module):
    """Self-attention among the positions of maps (B, C, H, W), with a skip connection (L 4.8)."""

    def __init__(self, kit: _Kit, maps: int) -> None:
        super().__init__()
        self.heads = maps // (kit.head_width or maps)
        self.group_norm = nn.GroupNorm(kit.groups, maps, eps=kit.eps)
        self.to_q, self.to_k, self.to_v = (nn.Linear(maps, maps) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(maps, maps)])

    def forward(self, x: Tensor) -> Tensor:
        batch, maps, height, width = x.shape
        tokens = self.group_norm(x).flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, H W, C)
        q, k, v = (
            project(tokens).reshape(batch, height * width, self.heads, -1).transpose(1, 2)  # (B, heads, H W, C / heads)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, height * width, maps)
        return x + self.to_out[0](y).transpose(1, 2).reshape(batch, maps, height, width)


class DownLevel(nn.Module):
    """Residual blocks, each with attention after it where asked for, then a convolution that halves the sides."""

    def __init__(self, kit: _Kit, maps_in: int, maps: int, blocks: int, attention: bool, halve: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(TimedBlock(kit, maps_in if i == 0 else maps, maps) for i in range(blocks))
        self.attentions = nn.ModuleList(SpatialAttention(kit, maps) for _ in range(blocks if attention else 0))
        self.downsamplers = nn.ModuleList([Halving(maps)] if halve else [])

    def forward(self, x: Tensor, time: Tensor, copies: list[Tensor]) -> Tensor:
        for i, block in enumerate(self.resnets):
            x = block(x, time)
            x = self.attentions[i](x) if len(self.attentions) else x
            copies.append(x)
        for halving in self.downsamplers:
            x = halving(x)
            copies.append(x)
        return x


class Middle(nn.Module):
    """A block, attention, a block, at the smallest sides."""

    def __init__(self, kit: _Kit, maps: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(TimedBlock(kit, maps, maps) for _ in range(2))
        self.attentions = nn.ModuleList([SpatialAttention(kit, maps)])

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        x = self.attentions[0](self.resnets[0](x, time))
        return self.resnets[1](x, time)


class UpLevel(nn.Module):
    """As many blocks as there are copies from the way down at this level, each taking one, then doubled sides."""

    def __init__(
        self, kit: _Kit, maps_in: int, maps: int, copied: list[int], attention: bool, double: bool
    ) -> None:
        super().__init__()
        befores = [maps_in] + [maps] * (len(copied) - 1)
        self.resnets = nn.ModuleList(TimedBlock(kit, a + b, maps) for a, b in zip(befores, copied))
        self.attentions = nn.ModuleList(SpatialAttention(kit, maps) for _ in range(len(copied) if attention else 0))
        self.upsamplers = nn.ModuleList([Doubling(maps)] if double else [])

    def forward(self, x: Tensor, time: Tensor, copies: list[Tensor]) -> Tensor:
        for i, block in enumerate(self.resnets):
            x = block(cat([x, copies.pop()], dim=1), time)  # (B, C + C', H, W) -> (B, C'', H, W)
            x = self.attentions[i](x) if len(self.attentions) else x
        for doubling in self.upsamplers:
            x = doubling(x)
        return x


class Halving(nn.Module):
    """3x3 of stride 2, padded on the right and at the bottom only, as the original in TensorFlow."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(maps, maps, kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))  # (B, C, H, W) -> (B, C, H / 2, W / 2)


class Doubling(nn.Module):
    """Each pixel four times, then 3x3."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(maps, maps, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))  # (B, C, H, W) -> (B, C, 2 H, 2 W)


class _Kit:
    """What all blocks of one network share."""

    def __init__(self, time: int, dropout: float, groups: int, eps: float, head_width: int | None) -> None:
        self.time, self.dropout, self.groups, self.eps, self.head_width = time, dropout, groups, eps, head_width


def _copied_widths(widths: Sequence[int], blocks: int) -> list[int]:
    """Maps of every copy that the way down leaves, in its order."""
    copies = [widths[0]]
    for i, width in enumerate(widths):
        copies += [width] * (blocks + (i < len(widths) - 1))
    return copies


def _check(widths: Sequence[int], attention: Sequence[bool], blocks: int, groups: int) -> None:
    if not widths or len(widths) != len(attention) or blocks < 1:
        raise ValueError(f"DDPMUNet: widths and attention must be as many, blocks 1 or more, got {widths}, {attention}, {blocks}")
    if any(width % groups or width < 4 for width in widths):
        raise ValueError(f"DDPMUNet: every width must be a multiple of groups = {groups}, got {list(widths)}")
