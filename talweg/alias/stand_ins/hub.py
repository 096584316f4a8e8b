"""Weights from the network are not fetched here: a file that lies where PyTorch would have put it is read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlparse

from ...io.torch_file import load as load_file
from .refusing import refused


class Silent:
    """What is iterated over, without a bar, where the package tqdm is not installed."""

    def __init__(self, iterable: Iterable = (), **kwargs: Any):
        self.iterable = iterable

    def __iter__(self) -> Iterator:
        return iter(self.iterable)

    def update(self, n: float = 1) -> None:
        pass

    def close(self) -> None:
        pass

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: Any) -> None:
        pass


def tqdm(*args: Any, **kwargs: Any) -> Any:
    """A progress bar. The package is loaded when one is asked for: its import takes as long as half of ours."""
    try:
        from tqdm import tqdm as bar
    except ImportError:
        bar = Silent  # type: ignore[misc,assignment]
    return bar(*args, **kwargs)


_reason = "nothing is downloaded by this build; fetch the file and give it to torch.load"
load = refused("torch.hub.load", _reason)
download_url_to_file = refused("torch.hub.download_url_to_file", _reason)
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
_folder: list[str] = []


def load_state_dict_from_url(url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True,
                             check_hash: bool = False, file_name: str | None = None, weights_only: bool = False) -> Any:
    """What a file of weights holds, if it lies in `model_dir` (get_dir()/checkpoints). Raises FileNotFoundError if not."""
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    path = os.path.join(folder, file_name or os.path.basename(urlparse(url).path))
    if not os.path.exists(path):
        raise FileNotFoundError(f"torch.hub.load_state_dict_from_url: nothing is downloaded by this build, and {path} is "
                                f"not there; fetch {url} and put it there")
    return load_file(path, map_location=map_location)


load_url = load_state_dict_from_url


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
