"""Weights from the network are not fetched here: a file is downloaded by whoever wants it, and loaded by torch.load."""

from __future__ import annotations

import os

from .refusing import refused

_reason = "nothing is downloaded by this build; fetch the file and give it to torch.load"
load = refused("torch.hub.load", _reason)
load_state_dict_from_url = refused("torch.hub.load_state_dict_from_url", _reason)
load_url = load_state_dict_from_url
download_url_to_file = refused("torch.hub.download_url_to_file", _reason)
_folder: list[str] = []


def get_dir() -> str:
    """Where downloaded weights would lie."""
    if _folder:
        return _folder[0]
    return os.path.join(_get_torch_home(), "hub")


def _get_torch_home() -> str:
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache"))
    return os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))


def set_dir(d: str | os.PathLike) -> None:
    _folder[:] = [os.path.expanduser(d)]
