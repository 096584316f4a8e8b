"""A contestant's process seen from its parent: questions with a time limit, and what became of it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from .contestants import Contestant
from .task import Task

ROOT = Path(__file__).parent.parent


class Failed(Exception):
    """A contestant that cannot go on: `status` is missing, failed or timeout."""

    def __init__(self, status: str, note: str):
        super().__init__(note)
        self.status = status


class Process:
    """Started at once; `ask` raises Failed, after which it is gone."""

    def __init__(self, task: Task, contestant: Contestant, cache: Path):
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed with the process)
        command = [sys.executable, "-m", task.worker, task.dumps(), contestant.framework, contestant.mode]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(task, contestant, cache), text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )
        self.replies: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.replies.put(line)
        self.replies.put("")  # it has ended

    def ask(self, do: str, limit: float, **arguments) -> dict:
        """The reply. Raises Failed after `limit` seconds without one, or when it says that it cannot, or has died."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.replies.get(timeout=limit)
        except queue.Empty:
            self.close()
            raise Failed("timeout", f"no answer to {do!r} in {limit:.0f} s") from None
        except OSError:
            line = ""
        if not line:
            words = self._last_words()
            self.close()
            raise Failed("failed", words)
        reply = json.loads(line)
        if "error" in reply:
            self.close()
            raise Failed(reply["status"], reply["error"])
        return reply

    def _last_words(self) -> str:
        """The last line it wrote to its error stream, or the signal that ended it."""
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        death = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"{death}: {lines[-1][:200]}" if lines else death

    def close(self) -> None:
        """End it, with the processes it has started (torch.compile starts some)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.errors.close()


def environment(task: Task, contestant: Contestant, cache: Path) -> dict[str, str]:
    """Ours, with every compiler's cache in one folder of the run, so that cold is cold."""
    caches = {
        "TALWEG_CACHE": str(cache / "talweg"), "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "TRITON_CACHE_DIR": str(cache / "triton"), "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PLATFORMS": "cpu",
    }
    threads = {"OMP_NUM_THREADS": str(task.threads or len(os.sched_getaffinity(0)))}
    return {**os.environ, **caches, **threads, **contestant.environment}
