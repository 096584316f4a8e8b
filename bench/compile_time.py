"""How long the kernels of a training step take until they can run: compiled, read back from disk, shared.

    python -m bench.compile_time

The kernels are those that the training steps of an MLP (784-256-256-10) and of the book's LeNet (L fig. 5.2) ask for,
batch 64, SGD with momentum. Each measurement is a process of its own, which starts LLVM too; the least of the rounds
counts.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import talweg as T
from talweg.backends.cpu.llvm import jit
from talweg.models.lenet import LeNet

ROUNDS = 3
_DEFINED = re.compile(r"^define (?!internal)[^@]*@([\w.]+)\(", re.MULTILINE)


def texts_of_steps() -> list[str]:
    """The IR texts that the compiler is given, each once."""
    found: dict[str, None] = {}
    compile_text = jit.object_of
    jit.object_of = lambda text: [found.setdefault(text), compile_text(text)][1]
    mlp = T.nn.Sequential(T.nn.Linear(784, 256), T.nn.ReLU(), T.nn.Linear(256, 256), T.nn.ReLU(), T.nn.Linear(256, 10))
    rng = np.random.default_rng(0)
    for model, shape in ((mlp, (64, 784)), (LeNet(), (64, 1, 28, 28))):
        optimizer = T.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        x = T.tensor(rng.normal(size=shape).astype(np.float32))
        y = T.tensor(rng.integers(0, 10, 64))
        for _ in range(4):
            optimizer.zero_grad()
            loss = T.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            loss.item()
    return list(found)


def timed(texts: list[str]) -> dict:
    """Seconds until all are there, and again while they are."""
    for name in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads"):
        jit.add_symbol(name, _address(jit.libgomp(), name))
    groups: dict[tuple[str, ...], list[str]] = {}
    for text in texts:
        groups.setdefault(tuple(_DEFINED.findall(text)), []).append(text)
    start = time.perf_counter()
    codes = [jit.compiled(group, names) for names, group in groups.items()]
    first = time.perf_counter() - start
    start = time.perf_counter()
    again = [jit.compiled(group, names) for names, group in groups.items()]
    assert again == codes
    return {"first": first, "again": time.perf_counter() - start, **vars(jit.counts)}


def _address(library, name: str) -> int:
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0


def process(what: str, texts: Path, **environment: str) -> dict:
    found = subprocess.run([sys.executable, "-m", "bench.compile_time", what, str(texts)], check=True, text=True,
                           capture_output=True, env={**os.environ, **environment})
    return json.loads(found.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.json"
        kernels = process("collect", texts, TALWEG_CACHE="off", TALWEG_COMPILE_AFTER="0")["texts"]
        rounds = []
        for number in range(ROUNDS):
            kept = {"TALWEG_CACHE": str(Path(folder) / f"kernels{number}")}
            found = {"compiled by one thread": process("measure", texts, TALWEG_CACHE="off", OMP_NUM_THREADS="1")["first"],
                     "compiled, and written to disk": process("measure", texts, **kept)["first"]}
            warm = process("measure", texts, **kept)
            assert warm["compiled"] == 0
            rounds.append({**found, "read from disk": warm["first"], "shared with what is alive": warm["again"]})
    print(f"{kernels} texts of the MLP and LeNet steps        all       each")
    for name in rounds[0]:
        seconds = min(r[name] for r in rounds)
        print(f"{name:40} {seconds * 1e3:8.1f} ms {seconds * 1e3 / kernels:7.3f} ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["collect"]:
        collected = texts_of_steps()
        Path(sys.argv[2]).write_text(json.dumps(collected))
        print(json.dumps({"texts": len(collected)}))
    elif sys.argv[1:2] == ["measure"]:
        print(json.dumps(timed(json.loads(Path(sys.argv[2]).read_text()))))
    else:
        main()
