"""One thread a test process: the suite runs in as many processes as there are cores, and threads that wait for a core
another process holds would take most of the time."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
