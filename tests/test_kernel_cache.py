"""Machine code is made once: shared while alive, freed when dropped, kept on disk; and whatever becomes of the disk, the
results are right."""

import ctypes
import errno
import gc
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talweg.backends.cpu.llvm import codegen, jit, store
from talweg.runtime import threads

ROOT = Path(__file__).parent.parent
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts pages the way Linux does")


def scaling(factor: float) -> str:
    """out[i] = factor * x[i] for begin <= i < end."""
    return f"""
    define void @kernel(ptr %pointers, i64 %begin, i64 %end) {{
    entry:
      %x = load ptr, ptr %pointers
      %second = getelementptr ptr, ptr %pointers, i64 1
      %out = load ptr, ptr %second
      br label %head
    head:
      %i = phi i64 [%begin, %entry], [%next, %body]
      %more = icmp slt i64 %i, %end
      br i1 %more, label %body, label %done
    body:
      %from = getelementptr float, ptr %x, i64 %i
      %value = load float, ptr %from
      %product = fmul float %value, {float(factor)!r}
      %to = getelementptr float, ptr %out, i64 %i
      store float %product, ptr %to
      %next = add nsw i64 %i, 1
      br label %head
    done:
      ret void
    }}"""


# Calls the OpenMP runtime, whose functions are known by address only: every thread writes 7 to the first element.
THREADED = """
    declare void @GOMP_parallel(ptr, ptr, i32, i32)
    define internal void @task(ptr %pointers) {
      %second = getelementptr ptr, ptr %pointers, i64 1
      %out = load ptr, ptr %second
      store float 7.0, ptr %out
      ret void
    }
    define void @kernel(ptr %pointers, i64 %begin, i64 %end) {
      call void @GOMP_parallel(ptr @task, ptr %pointers, i32 2, i32 0)
      ret void
    }"""


def run(code: jit.Code, x: np.ndarray) -> np.ndarray:
    out = np.zeros_like(x)
    pointers = (ctypes.c_void_p * 2)(x.ctypes.data, out.ctypes.data)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(code.address)
    function(ctypes.addressof(pointers), 0, x.size)
    return out


def works(code: jit.Code, factor: float) -> bool:
    x = np.arange(1, 38, dtype=np.float32)
    return np.array_equal(run(code, x), x * np.float32(factor))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty store for one test."""
    monkeypatch.setenv("TALWEG_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.fixture
def no_disk(monkeypatch):
    monkeypatch.setenv("TALWEG_CACHE", "off")


class Counted:
    """What `counts` counted inside a with block."""

    def __enter__(self):
        self._before = vars(jit.counts).copy()
        return self

    def __exit__(self, *_):
        for name, before in self._before.items():
            setattr(self, name, getattr(jit.counts, name) - before)


def asked(factor: float) -> Counted:
    """Ask for one kernel, check it, drop it."""
    with Counted() as counted:
        (code,) = jit.compiled([scaling(factor)])
        assert works(code, factor)
    return counted


# --- in memory
@pytest.mark.parametrize("size", [0, 1, 7, 16, 1000])
def test_kernels_compute(no_disk, size):
    x = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    half, minus = jit.compiled([scaling(0.5), scaling(-1.0)])
    np.testing.assert_array_equal(run(half, x), x * np.float32(0.5))
    np.testing.assert_array_equal(run(minus, x), -x)


def test_one_text_is_one_code_while_it_lives(no_disk):
    with Counted() as counted:
        first = jit.compiled([scaling(2), scaling(3), scaling(2)])
        again = jit.compiled([scaling(3)])
    assert first[0] is first[2]
    assert first[1] is again[0]
    assert first[0] is not first[1]
    assert (counted.compiled, counted.from_disk, counted.shared) == (2, 0, 2)
    del first, again
    assert asked(2).compiled == 1


def test_nothing_asked_is_nothing_made(folder):
    assert jit.compiled([]) == []
    assert not folder.exists()


def test_a_shared_code_outlives_the_others_of_its_call(no_disk):
    kept, dropped = jit.compiled([scaling(4), scaling(5)])
    del dropped
    gc.collect()
    assert works(kept, 4)


def test_codes_in_cycles_are_freed_in_any_order(no_disk):
    for round_ in range(5):
        holders = [{"code": code} for code in jit.compiled([scaling(100 + i) for i in range(3)])]
        for holder in holders:
            holder["self"] = holder
        del holder, holders
        gc.collect()
        assert not any(key in jit._alive for key in [(codegen.key_of(scaling(100)), ("kernel",))]), round_


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@linux
def test_memory_of_dropped_codes_is_free_again(folder):
    texts = [scaling(200 + i) for i in range(10)]
    for _ in range(20):
        jit.compiled(texts)
    before, maps = resident(), Path("/proc/self/maps").read_text().count("\n")
    for _ in range(100):  # 1,000 codes of three pages each, at least: 12 MB if they stayed
        jit.compiled(texts)
    assert resident() - before < 3 << 20
    assert abs(Path("/proc/self/maps").read_text().count("\n") - maps) < 50


@linux
def test_memory_of_the_compiler_is_free_again(no_disk):
    for i in range(10):
        jit.compiled([scaling(300 + i)])
    before = resident()
    for i in range(50):  # llvmlite alone would keep 3.5 MB of them
        jit.compiled([scaling(400 + i)])
    assert resident() - before < 2 << 20


def test_threads_share_what_is_being_made(no_disk):
    texts = [scaling(500 + i) for i in range(6)]
    found, start = [], threading.Barrier(6)

    def ask(turn):
        start.wait()
        found.append((turn, jit.compiled(texts[turn:] + texts[:turn])))

    with Counted() as counted:
        workers = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert (counted.compiled, counted.shared) == (6, 30)
    assert len(found) == 6
    for turn, codes in found:
        for i, code in enumerate(codes):
            assert works(code, 500 + (turn + i) % 6)
    assert len({id(code) for _, codes in found for code in codes}) == 6


def test_several_threads_compile_the_same_objects(no_disk):
    texts = [scaling(600 + i) for i in range(4)]
    alone = [codegen.object_of(text) for text in texts]
    results = [None] * 3

    def compile_all(slot):
        results[slot] = [codegen.object_of(text) for text in texts]

    workers = [threading.Thread(target=compile_all, args=(i,)) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(result == alone for result in results)


def test_a_batch_is_compiled_by_as_many_threads_as_a_kernel_uses(no_disk, monkeypatch):
    seen = set()

    def noting(text, compile=codegen.object_of):
        seen.add(threading.get_ident())
        time.sleep(0.02)
        return compile(text)

    monkeypatch.setattr(jit, "object_of", noting)
    before = threads.get_num_threads()
    try:
        threads.set_num_threads(3)
        codes = jit.compiled([scaling(700 + i) for i in range(6)])
    finally:
        threads.set_num_threads(before)
    assert len(seen) == 3
    assert threading.get_ident() not in seen
    assert all(works(code, 700 + i) for i, code in enumerate(codes))


# --- bad texts
BAD = {
    "no IR": "kernel, please",
    "empty": "",
    "no such function": "define void @other(ptr %p, i64 %a, i64 %b) {\n ret void\n}",
    "a name nobody has": "declare void @talweg_nobody()\ndefine void @kernel(ptr %p, i64 %a, i64 %b) {\n"
                         " call void @talweg_nobody()\n ret void\n}",
    "used before it is computed": "define void @kernel(ptr %p, i64 %a, i64 %b) {\n %x = add i64 %y, 1\n"
                                  " %y = add i64 %a, 1\n ret void\n}",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_bad_text_raises_and_harms_nothing(folder, text):
    for texts in ([text], [scaling(8), text]):
        with pytest.raises(RuntimeError):
            jit.compiled(texts)
    assert not jit._being_made
    assert asked(9).compiled == 1
    assert not store.current().path(codegen.key_of(text)).exists()


def test_who_waits_for_a_bad_text_hears_of_it(no_disk, monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def failing(text):
        begun.set()
        go.wait(10)
        raise RuntimeError("no code today")

    monkeypatch.setattr(jit, "object_of", failing)
    heard = []

    def ask():
        try:
            jit.compiled([scaling(10)])
        except RuntimeError as error:
            heard.append(str(error))

    first, second = threading.Thread(target=ask), threading.Thread(target=ask)
    first.start()
    begun.wait(10)
    shared = jit.counts.shared
    second.start()
    while jit.counts.shared == shared:
        time.sleep(0.001)
    go.set()
    first.join(10)
    second.join(10)
    assert heard == ["no code today"] * 2


# --- in other processes
PROCESS = """
import json, sys
import numpy as np
import tests.test_kernel_cache as here
from talweg.backends.cpu.llvm import jit
import ctypes
name = "GOMP_parallel"
jit.add_symbol(name, ctypes.cast(getattr(jit.libgomp(), name), ctypes.c_void_p).value)
factors = json.loads(sys.argv[1])
*codes, threaded = jit.compiled([*(here.scaling(f) for f in factors), here.THREADED])
right = all(here.works(c, f) for c, f in zip(codes, factors)) and here.run(threaded, np.zeros(1, np.float32))[0] == 7
print(json.dumps({"right": bool(right), **vars(jit.counts)}))
"""


def started(factors, folder, **environment) -> subprocess.Popen:
    env = {**os.environ, "TALWEG_CACHE": str(folder), **environment}
    return subprocess.Popen([sys.executable, "-c", PROCESS, json.dumps(factors)], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={k: v for k, v in env.items() if v is not None})


def result(process: subprocess.Popen) -> dict:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    return json.loads(out)


def test_a_second_process_compiles_nothing(folder):
    first, second = (result(started([1, 2, 3], folder)) for _ in range(2))
    assert first == {"right": True, "compiled": 4, "from_disk": 0, "shared": 0}
    assert second == {"right": True, "compiled": 0, "from_disk": 4, "shared": 0}


def test_processes_write_the_same_entries_at_once(folder):
    factors = list(range(20, 24))
    found = [result(process) for process in [started(factors, folder) for _ in range(3)]]
    assert all(f["right"] and f["compiled"] + f["from_disk"] == 5 for f in found)
    assert sorted(p.suffix for p in folder.iterdir()) == [".kernel"] * 5
    last = result(started(factors, folder))
    assert last == {"right": True, "compiled": 0, "from_disk": 5, "shared": 0}


def test_a_process_without_a_home_works(tmp_path):
    found = result(started([1], None, HOME=None, XDG_CACHE_HOME=str(tmp_path), TALWEG_CACHE=None))
    assert found["right"]
    assert len(list((tmp_path / "talweg" / "kernels").iterdir())) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_compiles(no_disk):
    script = """
import os, sys, threading
import tests.test_kernel_cache as here
from talweg.backends.cpu.llvm import jit
(kept,) = jit.compiled([here.scaling(2)])
jit._being_made[("another thread makes this",)] = None
jit._lock.acquire()                                    # as another thread would hold it
child = os.fork()
if child == 0:
    (code,) = jit.compiled([here.scaling(3)])
    os._exit(0 if here.works(code, 3) and here.works(kept, 2) and not jit._being_made else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, timeout=120)
    assert done.returncode == 0


# --- on disk
def test_entries_are_read_back(folder):
    assert (asked(11).compiled, asked(11).from_disk) == (1, 1)
    (entry,) = folder.iterdir()
    assert entry == store.current().path(codegen.key_of(scaling(11)))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600


def test_the_key_knows_text_processor_and_settings(monkeypatch):
    key = codegen.key_of("a")
    assert key == codegen.key_of("a") != codegen.key_of("b")
    assert len(key) == 32
    keys = {key}
    cpu, features = codegen._processor()
    for name, value in [("_processor", lambda: (cpu + "x", features)), ("_processor", lambda: (cpu, features + ",+x")),
                        ("_LEVEL", 1), ("_FORMAT", 99)]:
        with monkeypatch.context() as patch:
            patch.setattr(codegen, name, value)
            codegen._circumstances.cache_clear()
            keys.add(codegen.key_of("a"))
    codegen._circumstances.cache_clear()
    assert len(keys) == 5
    assert codegen.key_of("a") == key


def rewritten(change):
    return lambda path: path.write_bytes(change(path.read_bytes()))


def replaced_by_folder(path):
    path.unlink()
    path.mkdir()


def replaced_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


def replaced_by_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def another_entry(path):
    """A good object of this machine under a wrong name."""
    jit.compiled([scaling(-77)])
    path.write_bytes(store.current().path(codegen.key_of(scaling(-77))).read_bytes())


def foreign_object(path):
    """A good entry of the right key whose object does not have the function."""
    other = codegen.object_of("define void @other() {\n ret void\n}")
    path.write_bytes(store._packed(bytes.fromhex(path.stem), other))


DAMAGE = {
    "empty": rewritten(lambda b: b""),
    "half a header": rewritten(lambda b: b[:40]),
    "header only": rewritten(lambda b: b[:88]),
    "cut": rewritten(lambda b: b[:-1]),
    "more": rewritten(lambda b: b + b"\0"),
    "a bit of the object": rewritten(lambda b: b[:500] + bytes([b[500] ^ 4]) + b[501:]),
    "zeros": rewritten(lambda b: bytes(len(b))),
    "text": rewritten(lambda b: b"<html>" * 500),
    "another version": rewritten(lambda b: b[:8] + b"\2" + b[9:]),
    "another key": another_entry,
    "another object": foreign_object,
    "a folder": replaced_by_folder,
    "a pipe": replaced_by_pipe,
    "a link": replaced_by_link,
    "closed to us": lambda path: path.chmod(0),
    "open to others": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_entry_is_made_anew(folder, name):
    if name == "closed to us" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    asked(12)
    DAMAGE[name](store.current().path(codegen.key_of(scaling(12))))
    assert (asked(12).compiled, asked(12).from_disk) == ((1, 0) if name == "a folder" else (1, 1))
    assert not list(folder.glob("*.tmp"))


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_change_of_an_entry_is_taken_for_it(tmp_path, data):
    kept, key, content = store.Store(tmp_path), b"k" * 32, bytes(range(256))
    kept.save(key, content)
    entry = bytearray(kept.path(key).read_bytes())
    at = data.draw(st.integers(0, len(entry) - 1))
    kind = data.draw(st.sampled_from(["change", "cut", "insert"]))
    if kind == "change":
        entry[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del entry[at:]
    else:
        entry[at:at] = data.draw(st.binary(min_size=1, max_size=9))
    kept.path(key).write_bytes(entry)
    assert kept.load(key) is None
    kept.save(key, content)
    assert kept.load(key) == content


@pytest.mark.parametrize("failing", ["mkstemp", "fdopen", "replace", "unlink", "scandir", "utime", "open", "fstat", "read"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.ENOENT])
def test_no_failure_of_the_disk_is_seen(folder, monkeypatch, failing, code):
    asked(13)
    old = time.time() - 1e6
    os.utime(store.current().path(codegen.key_of(scaling(13))), (old, old))

    def fails(*_, **__):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(tempfile if failing == "mkstemp" else os, failing, fails)
        found = store._store.__wrapped__(str(folder))  # one that has not swept yet
        patch.setattr(store, "_store", lambda _: found)
        (new, old_one) = jit.compiled([scaling(14), scaling(13)])
    assert works(new, 14)
    assert works(old_one, 13)


class Full:
    """A file on a disk that has no room for the second half."""

    def __init__(self, handle, mode, opened=os.fdopen):
        self.file = opened(handle, mode)

    def __enter__(self):
        return self

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")

    def __exit__(self, *_):
        self.file.close()


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", Full)
        assert asked(15).compiled == 1
    assert list(folder.iterdir()) == []
    assert asked(15).compiled == 1
    assert asked(15).from_disk == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(folder):
    asked(16)
    folder.chmod(0o500)
    try:
        assert asked(16).from_disk == 1
        assert asked(17).compiled == asked(17).compiled == 1
    finally:
        folder.chmod(0o700)


def test_a_folder_that_vanishes(folder, monkeypatch):
    def vanishing(text, compile=codegen.object_of):
        folder.rmdir()
        return compile(text)

    with monkeypatch.context() as patch:
        patch.setattr(jit, "object_of", vanishing)
        assert asked(18).compiled == 1
    assert not folder.exists()
    assert (asked(18).compiled, asked(18).from_disk) == (1, 1)


def test_a_file_where_the_folder_should_be(folder):
    folder.write_text("mine")
    assert asked(19).compiled == asked(19).compiled == 1
    assert folder.read_text() == "mine"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(folder, mode):
    asked(21)
    folder.chmod(mode)
    assert store.current() is None
    assert asked(21).compiled == asked(22).compiled == 1
    assert len(list(folder.iterdir())) == 1
    folder.chmod(0o755)
    assert asked(21).from_disk == 1


def test_what_another_user_owns_is_not_used(folder, monkeypatch):
    asked(23)
    kept, key, me = store.current(), codegen.key_of(scaling(23)), os.geteuid()
    assert kept.load(key)
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert store.current() is None
    assert kept.load(key) is None
    assert asked(23).compiled == 1


# --- where it is, and how large
HOME = os.path.join(os.sep, "home", "ann")
PLACES = [
    ({"TALWEG_CACHE": "off"}, None),
    ({"TALWEG_CACHE": "OFF"}, None),
    ({"TALWEG_CACHE": "0"}, None),
    ({"TALWEG_CACHE": os.path.join(os.sep, "x", "y")}, os.path.join(os.sep, "x", "y")),
    ({"TALWEG_CACHE": "x"}, os.path.join(os.getcwd(), "x")),
    ({"TALWEG_CACHE": "~/x"}, os.path.join(HOME, "x")),
    ({"XDG_CACHE_HOME": os.path.join(os.sep, "c")}, os.path.join(os.sep, "c", "talweg", "kernels")),
    ({"XDG_CACHE_HOME": "relative"}, os.path.join(HOME, ".cache", "talweg", "kernels")),
    ({"TALWEG_CACHE": " "}, os.path.join(HOME, ".cache", "talweg", "kernels")),
    ({}, os.path.join(HOME, ".cache", "talweg", "kernels")),
]


@pytest.mark.parametrize(("environment", "folder"), PLACES)
def test_where_it_is(monkeypatch, environment, folder):
    for name in ("TALWEG_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": HOME, **environment}.items():
        monkeypatch.setenv(name, value)
    assert store.wanted_folder() == folder


def test_no_home_at_all_is_no_folder(monkeypatch):
    for name in ("TALWEG_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does for a user without an entry
    assert store.wanted_folder() is None
    assert store.current() is None


def key(i: int) -> bytes:
    return i.to_bytes(32, "big")


def test_the_store_stays_below_its_limit(tmp_path):
    kept = store.Store(tmp_path, limit=64 << 10)
    for i in range(300):
        kept.save(key(i), bytes([i % 251]) * 1000)
        assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= (64 << 10) + (9 << 10)  # an eighth between sweeps
    assert kept.load(key(299)) == bytes([299 % 251]) * 1000
    assert kept.load(key(0)) is None
    assert sum(kept.load(key(i)) is not None for i in range(300)) > 30


def test_the_entries_not_read_for_longest_go_first(tmp_path):
    kept = store.Store(tmp_path, limit=10_000)
    long_ago = time.time() - 1e6
    for i in range(10):
        store.Store(tmp_path).save(key(i), bytes([i + 1]) * 1000)
        os.utime(kept.path(key(i)), (long_ago + i, long_ago + i))
    assert kept.load(key(2))
    kept.sweep()
    left = [i for i in range(10) if kept.path(key(i)).exists()]
    assert left == [2, *range(11 - len(left), 10)]
    assert 3 < len(left) < 8


def test_an_object_larger_than_the_limit_is_not_kept(tmp_path):
    kept = store.Store(tmp_path, limit=1000)
    kept.save(key(1), bytes(1000))
    assert list(tmp_path.iterdir()) == []
    assert kept.load(key(1)) is None


def test_temporary_files_of_dead_processes_go(tmp_path):
    fresh, stale, other = tmp_path / "a.tmp", tmp_path / "b.tmp", tmp_path / "notes.txt"
    for path in (fresh, stale, other):
        path.write_bytes(b"x")
    old = time.time() - 1e5
    os.utime(stale, (old, old))
    os.utime(other, (old, old))
    store.Store(tmp_path).save(key(1), b"object")
    assert fresh.exists()
    assert other.exists()
    assert not stale.exists()
