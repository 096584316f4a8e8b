"""Where a run ran: versions, processor and time, for the report and for whoever repeats it."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from importlib import metadata
from pathlib import Path

from ..version import __version__

PACKAGES = ("numpy", "llvmlite", "onednn-cpu-gomp", "safetensors", "Pillow", "scikit-learn", "matplotlib")


def environment() -> dict[str, str]:
    """Facts about this machine and what is installed on it; nothing that names its user or paths."""
    facts = {
        "talweg": __version__,
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor(),
        "cores": str(_usable_cores()),
    }
    facts |= {name: version for name in PACKAGES if (version := _version(name))}
    return facts | {"time": datetime.now().astimezone().isoformat(timespec="seconds")}


def processor() -> str:
    """The processor's name as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
