"""Where a checkpoint lies: a folder or file of this machine, or a repository of the Hugging Face hub."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

# owner/name, or the bare name of a few old repositories such as gpt2
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
# Settings, vocabularies and safetensors; what else a repository holds (other frameworks' files) is left there.
WANTED = ["*.json", "*.txt", "*.model", "*.safetensors"]
# Asked for only where a repository has no safetensors: it often has the same weights in both.
PICKLED = ["*.bin", "*.pt", "*.pth"]
FILE_ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".json")


def locate(source: str | Path, revision: str | None = None) -> Path:
    """The local file or folder of a checkpoint; a hub id is fetched once and kept in the hub's own cache.

    A path that exists is taken first. HF_HUB_OFFLINE, HF_HOME and HF_TOKEN are honoured by huggingface_hub.
    Raises FileNotFoundError for what is neither a path nor a hub id, or is not on the hub;
    ModuleNotFoundError for a hub id without huggingface_hub; ConnectionError when the hub cannot be reached.
    """
    path = Path(source).expanduser()
    if path.exists():
        return path
    name = str(source)
    if isinstance(source, Path) or not HUB_ID.fullmatch(name) or name.endswith(FILE_ENDINGS):
        raise FileNotFoundError(f"{name}: there is no such file or folder")
    return _fetch(name, revision)


def _fetch(name: str, revision: str | None) -> Path:
    hub = _hub(name)
    try:
        folder = Path(hub.snapshot_download(name, revision=revision, allow_patterns=WANTED))
        if not any(folder.glob("*.safetensors")):
            folder = Path(hub.snapshot_download(name, revision=revision, allow_patterns=[*WANTED, *PICKLED]))
        return folder
    except Exception as error:  # the library raises its own, its HTTP client's and the system's errors
        raise _told(name, revision, error) from error


def _hub(name: str) -> ModuleType:
    try:
        return importlib.import_module("huggingface_hub")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{name}: there is no such file or folder, and fetching it from the Hugging Face hub needs "
            "huggingface_hub: pip install 'talweg[hub]', or give a local folder"
        ) from error


def _told(name: str, revision: str | None, error: Exception) -> Exception:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    where = f"{name}" + (f" at revision {revision}" if revision else "")
    first_line = _first_line(error)
    if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError"}:
        return FileNotFoundError(f"{where}: is neither a local path nor a repository of the hub ({first_line})")
    return ConnectionError(f"{where}: could not be fetched from the hub ({first_line})")


def _first_line(error: Any) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
