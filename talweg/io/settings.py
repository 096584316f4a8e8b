"""Settings of a run as YAML: plain scalars, lists and mappings, nothing that could run code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .atomic import write_atomically


def write_settings(path: str | Path, settings: dict[str, Any]) -> None:
    """Write the settings in their own order. Raises ValueError for a value that is not plain data."""
    import yaml  # here, because every `import talweg` would wait for it

    try:
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: settings must be numbers, strings, lists or mappings ({error})") from error
    write_atomically(path, text.encode())


def read_settings(path: str | Path) -> dict[str, Any]:
    """The mapping that the file holds. Raises FileNotFoundError, or ValueError for a malformed file."""
    import yaml

    path = Path(path)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file; is its folder a run?") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is not valid YAML ({_one_line(error)})") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ValueError(f"{path}: must hold `name: value` lines, got {type(found).__name__}")
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
