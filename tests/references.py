"""Reference libraries for parity tests, from the environment or fetched once beside it, without their dependencies.

PyPI's torchvision is a build for CUDA and would bring another torch with it; timm, diffusers and transformers ask for
packages that their model files do not need. So wheels are unpacked into a folder of their own, which
TALWEG_REFERENCES names (default: talweg/references in the user's cache), and tests are skipped where that fails.
"""

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
import torch

HUB = ["huggingface_hub==2.4.0", "requests", "regex", "httpx", "httpcore", "h11", "anyio", "idna", "certifi", "urllib3",
       "charset_normalizer", "tqdm", "importlib_metadata", "zipp", "filelock", "hf_xet"]
WHEELS = {
    "torchvision": ["torchvision==0.28.0"],
    "hub": HUB,
    "timm": ["timm==1.0.31"],
    "diffusers": ["diffusers==0.42.1"],
    "transformers": ["transformers==5.23.0", "tokenizers", "typer"],
    "open_clip": ["open-clip-torch==3.3.0", "ftfy", "wcwidth"],
}
NEEDS = {"timm": ["torchvision", "hub"], "diffusers": ["hub"], "transformers": ["hub"], "open_clip": ["timm"]}
SECONDS = 120
KEPT = []  # a torch.library.Library takes its operators with it when it goes


def reference(name, *parts):
    """The module `name` (then its submodules `parts`), or the test is skipped."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    failure = _prepared(name)
    if failure:
        pytest.skip(f"{name} cannot be had here: {failure}")
    return importlib.import_module(".".join([name, *parts]))


@cache
def _prepared(name):
    """None when `name` can be imported, else the reason why not."""
    for package in _with_needs(name):
        try:
            _on_path(package)
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        if package == "torchvision":
            _declare_missing_operators()
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever a half-fitting library raises
        return repr(error)
    return None


def _with_needs(name):
    """What `name` needs, each before what needs it, and `name`."""
    return [*dict.fromkeys(other for need in NEEDS.get(name, []) for other in _with_needs(need)), name]


def _on_path(package):
    if package != "hub" and importlib.util.find_spec(package) is not None:
        return  # what lies in the environment comes first
    folder = Path(os.environ.get("TALWEG_REFERENCES") or _user_cache()) / f"{package}-{hash_of(package)}"
    if not folder.exists():
        _install(package, folder)
    sys.path.append(str(folder))
    importlib.invalidate_caches()


def _install(package, folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", temporary, *WHEELS[package]]
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        if package == "torchvision":  # its operators are built against another torch
            for library in Path(temporary).rglob("*.so"):
                library.unlink()
        shutil.copytree(temporary, f"{temporary}.whole")
    try:
        os.rename(f"{temporary}.whole", folder)
    except OSError:  # another test process was faster
        shutil.rmtree(f"{temporary}.whole", ignore_errors=True)


def _declare_missing_operators():
    """torchvision's Python files describe its operators to torch at import, which fails for operators it lacks."""
    if KEPT or any(Path(importlib.util.find_spec("torchvision").origin).parent.glob("_C*.so")):
        return
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    KEPT.append(library)


def hash_of(package):
    return "-".join(WHEELS[package])[:40].replace("=", "")


def _user_cache():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "talweg" / "references"
