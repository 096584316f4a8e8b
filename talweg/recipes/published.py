"""Published weights that a recipe can use without a run: which recipe, told by what lies in the folder, or by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# What config.json, or a pipeline's model_index.json, calls the model, and the recipe that uses it.
KINDS = {"gpt2": "language", "UNet2DModel": "diffuse", "DDPMPipeline": "diffuse", "DDIMPipeline": "diffuse"}
NAMES = {
    "gpt2": "language", "gpt2-medium": "language", "gpt2-large": "language", "gpt2-xl": "language",
    "google/ddpm-cifar10-32": "diffuse", "google/ddpm-celebahq-256": "diffuse", "google/ddpm-church-256": "diffuse",
    "google/ddpm-bedroom-256": "diffuse", "google/ddpm-cat-256": "diffuse",
}
"""Repositories of the hub, each fetched when nothing local has its name."""

FILES = ("model_index.json", "config.json")


def published_kind(source: str | Path) -> str | None:
    """The recipe for published weights: of a folder that holds no run, or a known name of the hub. None for all else."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return None if folder.exists() else NAMES.get(str(source))
    if (folder / "config.yaml").exists():
        return None
    for name in FILES:
        found = _json(folder / name)
        kind = KINDS.get(str(found.get("model_type", found.get("_class_name"))))
        if kind is not None:
            return kind
    return None


def _json(path: Path) -> dict[str, Any]:
    """What the file holds, nothing where it holds no object: reading it in earnest tells what is wrong."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
