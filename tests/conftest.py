"""One thread a test process: the suite runs in as many processes as there are cores, and threads that wait for a core
another process holds would take most of the time."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Kernels are kept between the processes and runs of the suite, apart from the user's own.
os.environ.setdefault("TALWEG_CACHE", str(Path(tempfile.gettempdir()) / f"talweg-tests-{os.getuid()}"))
