"""`make book`: every command of docs/book.md, at small size: its exit code, its seconds, and what it drew.

    python -m tools.book_commands                  all of them, in a temporary folder
    python -m tools.book_commands ddpm vae         those that have one of these words in them
    python -m tools.book_commands --in FOLDER      in this folder, where runs and pictures stay to be used and looked at

Ends with 1 where a command fails. Where only some are run, the runs that they use must be in the folder already.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tools.book_guide import commands, small
from tools.book_inputs import make_inputs

ROOT = Path(__file__).parents[1]
DRAWN = {".png", ".svg", ".gif", ".html", ".jpg"}
LIMIT = 1800
"""Seconds after which a command counts as hanging."""
TAIL = 6


@dataclass(frozen=True)
class Done:
    """How a command ended: its code, its seconds, the last lines it said, the pictures and pages it wrote."""

    code: int
    seconds: float
    said: list[str]
    drawn: list[str]


def run(command: tuple[str, ...], folder: Path) -> Done:
    before = _pictures(folder)
    start = time.perf_counter()
    code, said = _served(command, folder) if command[0] == "ui" else _finished(command, folder)
    seconds = time.perf_counter() - start
    drawn = [str(path.relative_to(folder)) for path, stamp in _pictures(folder).items() if before.get(path) != stamp]
    return Done(code, seconds, said.strip().splitlines()[-TAIL:], sorted(drawn))


def _pictures(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix in DRAWN}


def _started(command: tuple[str, ...], folder: Path) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    return subprocess.Popen(
        [sys.executable, "-m", "talweg", *command], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def _finished(command: tuple[str, ...], folder: Path) -> tuple[int, str]:
    with _started(command, folder) as process:
        try:
            said, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            return 1, f"not finished after {LIMIT} s"
        return process.returncode, said


def _served(command: tuple[str, ...], folder: Path) -> tuple[int, str]:
    """A command that serves a page until it is interrupted: it must say where, and answer there."""
    with _started(command, folder) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            address = re.search(r"http://\S+", line)
            if address is None:
                return 1, line + process.stdout.read()
            return _asked(address[0], line)
        finally:
            process.send_signal(signal.SIGINT)


def _asked(address: str, line: str) -> tuple[int, str]:
    """Ask for the page until it is there."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"{address}/api/runs", timeout=60) as answer:
                return int(answer.status != 200), line
        except OSError:
            time.sleep(0.5)
    return 1, f"{line}nothing answers there"


def main(words: list[str], folder: Path) -> int:
    make_inputs(folder)
    failed = []
    for command in commands():
        if words and not any(word in shlex.join(command) for word in words):
            continue
        done = run(small(command), folder)
        print(f"{'ok' if done.code == 0 else f'exit {done.code}':>7} {done.seconds:>7.1f} s  talweg {shlex.join(small(command))}")
        for path in done.drawn:
            print(f"{'':>19}{path}")
        if done.code:
            failed.append(command)
            print("\n".join(f"{'':>19}| {line}" for line in done.said))
        sys.stdout.flush()
    print(f"{len(failed)} failed" + "".join(f"\n  talweg {shlex.join(command)}" for command in failed))
    return int(bool(failed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.book_commands")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--in", dest="folder", type=Path)
    given = parser.parse_args()
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        sys.exit(main(given.words, given.folder.resolve()))
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(given.words, Path(temporary)))
