"""What a layer answers to an image, and which patterns its filters have (L 4.2; Zeiler, Fergus, 2014): grids of pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import nn
from ..tensor import Tensor, no_grad

SEPARATOR = 1
"""Pixels of page between two pictures, before they are enlarged."""
PAGE = 255


def activation_maps(model: nn.Module, image: Tensor, layer: str) -> np.ndarray:
    """What the layer called `layer` gives for one image (1, C, H, W): its maps (channels, height, width).

    The model runs in evaluation mode. Raises ValueError for a name that the model does not have, a layer that does not
    run, or one whose output is not made of maps.
    """
    chosen = named_layer(model, layer)
    seen: list[Any] = []
    hook = chosen.register_forward_hook(lambda module, inputs, output: seen.append(output))
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            model(image)
    finally:
        hook.remove()
        model.train(was_training)
    if not seen:
        raise ValueError(f"layer {layer!r} does not run in the model's forward pass")
    maps = seen[-1]
    if not isinstance(maps, Tensor) or maps.dim() != 4:
        given = f"gives {list(maps.shape)}" if isinstance(maps, Tensor) else "gives no tensor"
        raise ValueError(f"layer {layer!r} {given}: expected maps (1, channels, height, width), as convolutions give")
    return maps[0].float().numpy()


def filters(model: nn.Module, layer: str) -> np.ndarray:
    """The filters of a convolution: (filters, height, width, 3) where it reads colours, else one plane for each pair of an
    output and an input map (planes, height, width). Raises ValueError for what is no two-dimensional convolution."""
    chosen = named_layer(model, layer)
    if not isinstance(chosen, nn.Conv2d):
        raise ValueError(f"layer {layer!r} is a {type(chosen).__name__}: expected a Conv2d, whose filters can be seen")
    weight = chosen.weight.detach().float().numpy()  # (O, C, K, L)
    if weight.shape[1] == 3:
        return weight.transpose(0, 2, 3, 1)
    return weight.reshape(-1, *weight.shape[2:])


def named_layer(model: nn.Module, layer: str) -> nn.Module:
    """The module of this name. Raises ValueError with the names that there are."""
    modules = dict(model.named_modules())
    if layer in modules and layer:
        return modules[layer]
    convolutions = [name for name, m in modules.items() if isinstance(m, nn.Conv2d)]
    names = convolutions or [name for name in modules if name]
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    raise ValueError(f"the model has no layer {layer!r}; it has {shown}")


def first_convolution(model: nn.Module) -> str:
    """The name of the first convolution. Raises ValueError where there is none."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            return name
    raise ValueError(f"{type(model).__name__} has no two-dimensional convolution, so no filters to look at")


def grid(pictures: np.ndarray, signed: bool = False, smallest: int = 48) -> np.ndarray:
    """Pictures (N, H, W) or (N, H, W, 3) side by side, in as many columns as rows or one more: uint8 (height, width[, 3]).

    Each is stretched to its own range, from black to white; `signed` keeps zero at middle grey. One that is the same
    everywhere is black, or grey. They are enlarged by a whole number so that a side has `smallest` pixels or more. Values
    that are not finite are drawn as zero. Raises ValueError where there is no picture.
    """
    if pictures.ndim not in (3, 4) or 0 in pictures.shape:
        raise ValueError(f"grid: expected pictures (N, H, W) or (N, H, W, 3), got {list(pictures.shape)}")
    count, height, width = pictures.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    page = np.full(
        (rows * (height + SEPARATOR) - SEPARATOR, columns * (width + SEPARATOR) - SEPARATOR, *pictures.shape[3:]), PAGE, np.uint8
    )
    for i, picture in enumerate(pictures):
        top, left = (i // columns) * (height + SEPARATOR), (i % columns) * (width + SEPARATOR)
        page[top : top + height, left : left + width] = _stretched(picture, signed)
    times = max(1, math.ceil(smallest / max(height, width)))
    return page.repeat(times, 0).repeat(times, 1)


def _stretched(picture: np.ndarray, signed: bool) -> np.ndarray:
    values = np.where(np.isfinite(picture), picture, 0.0).astype(np.float64)
    if signed:
        reach = float(np.abs(values).max())
        values = values / (2 * reach) + 0.5 if reach > 0 else np.full(values.shape, 0.5)
    else:
        low, high = float(values.min()), float(values.max())
        values = (values - low) / (high - low) if high > low else np.zeros(values.shape)
    return np.round(255 * values).astype(np.uint8)
