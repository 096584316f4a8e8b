"""Trainings behind the rows about photographs, boxes and masks: denoising (92, 93), SSD (96), U-Net and PSPNet (100, 101)."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from talweg.recipes import denoise, detect, segment
from talweg.recipes.denoise_settings import Settings as PhotoSettings
from talweg.recipes.detect_settings import Settings as BoxSettings
from talweg.recipes.segment_settings import Settings as MaskSettings


@functools.cache
def restored(*degrade: str) -> dict[str, float]:
    """Test figures on flower.jpg of a training on china.jpg."""
    with tempfile.TemporaryDirectory() as folder:
        return denoise.RECIPE.train(PhotoSettings(degrade=list(degrade)), Path(folder) / "run").test.figures


def restored_psnr() -> float:
    return restored("noise")["psnr"]


def gain_over_gaussian() -> float:
    """In dB over the 3x3 Gaussian that suits the test photograph best."""
    return restored("noise")["psnr"] - restored("noise")["psnr_gaussian"]


def gain_over(degradation: str) -> float:
    """In dB over the degraded photograph; one made smaller was enlarged bicubically."""
    return restored(degradation)["psnr"] - restored(degradation)["psnr_degraded"]


def boxes_found() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return detect.RECIPE.train(BoxSettings(), Path(folder) / "run").test.figures["map50"]


@functools.cache
def segmented(model: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return segment.RECIPE.train(MaskSettings(model=model), Path(folder) / "run").test.figures
