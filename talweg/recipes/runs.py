"""Run folders: choosing a new one without overwriting, and reading back what one was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..data.sources import near_path
from ..io import read_settings

HIGHEST = 10_000


def new_run(path: str | Path) -> Path:
    """Create the folder, or the first free one of path-2, path-3, ... when it exists. Raises OSError."""
    path = Path(path)
    if path.parent.exists() and not path.parent.is_dir():
        raise NotADirectoryError(f"{path.parent}: is not a folder, so no run can be kept in it")
    for number in range(1, HIGHEST):
        candidate = path if number == 1 else path.with_name(f"{path.name}-{number}")
        try:
            candidate.mkdir(parents=True)
            return candidate
        except FileExistsError:
            continue
    raise FileExistsError(f"{path}: it and {HIGHEST} more of its name exist already")


def config_of(run: str | Path) -> dict[str, Any]:
    """A run's config.yaml. Raises FileNotFoundError when the folder is missing or no run."""
    run = Path(run)
    if not run.exists():
        raise FileNotFoundError(f"{run}: there is no such run folder{near_path(run)}")
    if not run.is_dir():
        raise NotADirectoryError(f"{run}: is a file, expected a run folder such as runs/lenet-digits")
    within = sorted(p.parent.name for p in run.glob("*/config.yaml"))
    if within and not (run / "config.yaml").exists():
        raise FileNotFoundError(f"{run}: is no run itself, but holds {', '.join(within[:6])}{' ...' if len(within) > 6 else ''}: "
                                f"give one of them, such as {run / within[0]}")
    config = read_settings(run / "config.yaml")
    for part in ("settings", "input"):
        if not isinstance(config.get(part), dict):
            raise ValueError(f"{run / 'config.yaml'}: has no `{part}` part: is it a run of talweg?")
    return config
