"""What an installation weighs and an import takes, in a fresh virtual environment.

    python -m bench.footprint
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
TIMED_IMPORT = "import time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"


def megabytes(folder: Path) -> float:
    return sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink()) / 1e6


def import_seconds(python: Path | str, name: str, folder: Path | str = "/") -> float:
    """The median of nine imports after one that warms the file cache, with `folder` as the current one."""
    command = [str(python), "-c", TIMED_IMPORT.format(name=name)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # an installed package is compiled
    runs = [float(subprocess.check_output(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)) for _ in range(10)]
    return median(runs[1:])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        python = environment / "bin" / "python"
        before = megabytes(environment)
        subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", str(ROOT)], check=True)
        print(f"installed, with everything it needs: {megabytes(environment) - before:.0f} MB")
        print(f"import talweg: {import_seconds(python, 'talweg.facade'):.2f} s")
        print(f"import numpy:  {import_seconds(python, 'numpy'):.2f} s")
    try:
        print(f"import torch:  {import_seconds(sys.executable, 'torch'):.2f} s")
    except subprocess.CalledProcessError:
        print("import torch:  not installed here")


if __name__ == "__main__":
    main()
