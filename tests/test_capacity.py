"""What does not fit into memory is refused with the numbers, not left to the system to kill."""

import pytest

import talweg as tw
from talweg import nn
from talweg.runtime import capacity


def test_row_52_a_layer_from_an_image_to_an_image_is_refused_with_an_estimate(monkeypatch):
    monkeypatch.setattr(capacity, "total_bytes", lambda: 64 * 2**30)
    with pytest.raises(RuntimeError) as refused:
        nn.Linear(256 * 256 * 3, 256 * 256 * 3)
    message = str(refused.value)
    assert f"{(256 * 256 * 3) ** 2:,} elements" in message
    assert "38,654,705,664" in message
    assert "154,618,822,656 bytes (144.0 GiB)" in message
    assert "68,719,476,736 bytes (64.0 GiB)" in message


def test_results_that_do_not_fit_are_refused_and_the_rest_goes_on(monkeypatch):
    monkeypatch.setattr(capacity, "available_bytes", lambda: 2**30)
    x = tw.ones(40_000, 1)
    wide = x + tw.ones(1, 40_000)
    with pytest.raises(RuntimeError, match=r"add: can't allocate memory: 6,400,000,000 bytes .* 1,073,741,824"):
        wide[0, 0].item()
    del wide
    assert (x + 1).sum().item() == 80_000


def test_freed_memory_is_given_back_before_refusing(monkeypatch):
    answers = iter([2**30, 2**34])
    monkeypatch.setattr(capacity, "available_bytes", lambda: next(answers))
    monkeypatch.setattr(capacity, "release", lambda: True)
    capacity.require_available(2**32, "test")


def test_what_is_small_or_unknown_is_let_through(monkeypatch):
    monkeypatch.setattr(capacity, "total_bytes", lambda: None)
    monkeypatch.setattr(capacity, "available_bytes", lambda: None)
    capacity.require_total((2**40,), 4, "test")
    capacity.require_available(2**50, "test")
    monkeypatch.setattr(capacity, "total_bytes", lambda: 1)
    monkeypatch.setattr(capacity, "available_bytes", lambda: 1)
    capacity.require_total((1000,), 4, "test")
    capacity.require_total((0, 2**50), 4, "test")
    capacity.require_available(4000, "test")
    assert tw.zeros(3).tolist() == [0, 0, 0]


def test_the_system_is_asked(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal:       1000 kB\nMemAvailable:    600 kB\n")
    monkeypatch.setattr(capacity, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(capacity, "_CGROUP", tmp_path)
    assert (capacity.total_bytes(), capacity.available_bytes()) == (1_024_000, 614_400)
    for name, text in (("memory.max", "500000\n"), ("memory.current", "300000\n"),
                       ("memory.stat", "anon 1\ninactive_file 70000\nactive_file 30000\n")):
        (tmp_path / name).write_text(text)
    assert (capacity.total_bytes(), capacity.available_bytes()) == (500_000, 300_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert capacity.total_bytes() == 1_024_000
    monkeypatch.setattr(capacity, "_MEMINFO", tmp_path / "missing")
    assert (capacity.total_bytes(), capacity.available_bytes()) == (None, None)
