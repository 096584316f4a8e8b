"""Finding libdnnl: where it is absent, broken, old or switched off, there is one warning and no crash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from talweg.backends.cpu import bindings, library

ROOT = Path(__file__).parent.parent
REPORT = """
import warnings
from talweg.backends.cpu import library
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    print([library.available() for _ in range(3)])
for w in seen:
    print(w.category.__name__, w.message)
try:
    library.library()
except RuntimeError as error:
    print("raised", error)
"""


def run(script: str, setting: str = "") -> str:
    environment = {**os.environ, "TALWEG_ONEDNN": setting}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def compiled(folder: Path, version: tuple[int, int, int], status: int) -> str:
    """A library with all of oneDNN's functions, of which each only returns `status`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    names = {*bindings._PROTOTYPES, *bindings._QUERIES, "memory_set_data_handle"} - {"version"}
    lines = [f"int dnnl_{name}(void) {{ return {status}; }}" for name in names]
    lines.append("int omp_set_num_threads(int n) { return n; }")
    numbers = ", ".join(map(str, version))
    lines.append(f"static struct {{ int v[3]; const char *h; unsigned r[2]; }} version = {{{{{numbers}}}}};")
    lines.append("void *dnnl_version(void) { return &version; }")
    source, target = folder / "fake.c", folder / "libdnnl.so.3"
    source.write_text("\n".join(lines))
    subprocess.run([compiler, "-w", "-shared", "-fPIC", "-o", str(target), str(source)], check=True)
    return str(target)


def assert_one_warning(output: str, reason: str) -> None:
    lines = output.splitlines()
    assert lines[0] == "[False, False, False]"
    assert sum(line.startswith("RuntimeWarning") for line in lines) == 1
    assert reason in lines[1]
    assert "pip install onednn-cpu-gomp" in lines[1]
    assert "raised oneDNN is not available" in lines[2]


def test_off_is_silent():
    lines = run(REPORT, "off").splitlines()
    assert lines[0] == "[False, False, False]"
    assert lines[1].startswith("raised")


def test_a_path_to_nothing(tmp_path):
    assert_one_warning(run(REPORT, str(tmp_path / "libdnnl.so.3")), "cannot open shared object file")


def test_a_file_that_is_no_library(tmp_path):
    path = tmp_path / "libdnnl.so.3"
    path.write_bytes(b"not a library")
    assert_one_warning(run(REPORT, str(path)), str(path))


def test_a_library_that_is_another():
    found = next(Path(sys.prefix).rglob("_multiarray_umath*.so"), None)
    if found is None:
        pytest.skip("no other shared library at hand")
    assert_one_warning(run(REPORT, str(found)), "is not oneDNN 3.0 or newer")


@pytest.mark.parametrize(("version", "status", "reason"), [
    ((2, 7, 5), 0, "is oneDNN 2.7.5, and 3.0 is the oldest"),
    ((3, 2, 0), 5, "does not start"),
    ((3, 2, 0), 1, "out of memory"),
])
def test_an_old_or_failing_library(tmp_path, version, status, reason):
    assert_one_warning(run(REPORT, compiled(tmp_path, version, status)), reason)


def test_the_first_candidate_that_works_is_taken(tmp_path):
    if not library.available():
        pytest.skip("oneDNN is not installed")
    good = next(iter(library.candidates()))
    found = library.load_first([str(tmp_path / "absent.so"), good])
    assert found.version >= library.OLDEST
    with pytest.raises(OSError, match="absent.so"):
        library.load_first([str(tmp_path / "absent.so")])


def test_importing_loads_nothing():
    script = """
from talweg.backends.cpu import convolution, matmul, pooling
print("libdnnl" in open("/proc/self/maps").read())
"""
    if not Path("/proc/self/maps").exists():
        pytest.skip("needs /proc")
    assert run(script).strip() == "False"


def test_a_forked_child_can_compute():
    if not hasattr(os, "fork") or not library.available():
        pytest.skip("needs fork and oneDNN")
    script = """
import os
import numpy as np
from talweg.backends.cpu.matmul import matmul
from talweg.runtime import threads
threads.set_num_threads(2)
a = np.ones((200, 200), np.float32)
matmul(a, a)
child = os.fork()
if not child:
    os._exit(0 if threads.get_num_threads() == 1 and (matmul(a, a) == 200).all() else 1)
print(os.waitpid(child, 0)[1])
"""
    assert run(script).strip() == "0"
