"""`talweg profile`, `talweg bench`, bytes copied, and devices that are not there (rows 8 and 9)."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import talweg as tw
from talweg import nn
from talweg.cli.main import main
from talweg.compile.engine import compile_after

torch.set_num_threads(1)


def ask(*arguments):
    result = CliRunner().invoke(main, [*map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


# --- talweg profile
@pytest.mark.parametrize("train", [False, True])
def test_row_8_a_models_kernels_bytes_and_arithmetic(train):
    code, out, error = ask("profile", "mlp", "--batch", 8, "--runs", 2, "--json", *(["--train"] if train else []))
    assert code == 0, error
    facts = json.loads(out)
    forward = 2 * 8 * (784 * 256 + 256 * 128 + 128 * 10)
    assert facts["flops"] == (3 * forward - 2 * 8 * 784 * 256 if train else forward)
    weights = 4 * (784 * 256 + 256 * 128 + 128 * 10)
    assert facts["bytes"] >= weights
    assert facts["runs"] == 2
    assert facts["copied"]["between_devices"] == 0
    assert sum(k["share"] for k in facts["kernels"]) == pytest.approx(1)
    assert all(k["seconds"] > 0 and k["calls"] > 0 for k in facts["kernels"])
    assert facts["peaks"]["flops_per_second"] > 1e9


def test_the_table():
    code, out, _ = ask("profile", "mlp", "--runs", 1)
    assert code == 0
    for words in ("a forward pass of mlp, batch of 1", "matmul", "GFLOP/s", "of peak", "copied:", "peaks measured here"):
        assert words in out


@pytest.mark.parametrize(("arguments", "words"), [
    (["nothing"], "no model is called"), (["mlp", "--batch", "0"], "--batch"), (["mlp", "--runs", "0"], "--runs"), ([], "MODEL"),
])
def test_what_profile_refuses(arguments, words):
    code, _, error = ask("profile", *arguments)
    assert code in (1, 2)
    assert words in error
    assert error.count("\n") == 1


# --- bytes copied
def test_copies_at_the_border_are_counted():
    array = np.ones((10, 20), np.float32)
    with tw.profile() as profile:
        x = tw.from_numpy(array)
        assert profile.crossed == array.nbytes
        x.numpy()
        assert profile.crossed == 2 * array.nbytes
        np.asarray(x)  # shared
        assert profile.crossed == 2 * array.nbytes
    x.numpy()
    assert profile.crossed == 2 * array.nbytes


def test_copies_that_commands_make_are_counted():
    x = tw.randn(64, 32)
    x.numpy()
    with compile_after(0), tw.profile() as profile:
        x.t().contiguous().numpy()
        moved = profile.moved
        (x * 2).numpy()
    assert moved == 64 * 32 * 4
    assert profile.moved == moved


# --- talweg bench linear
def test_row_9_parameters_are_moved_once_for_a_batch():
    code, out, error = ask("bench", "linear", "--width", 256, "--repeats", 5, "--json")
    assert code == 0, error
    facts = json.loads(out)
    assert [m["batch"] for m in facts["batches"]] == [1, 2, 4, 8, 16, 32, 64]
    assert facts["gain"] == pytest.approx(facts["batches"][-1]["throughput"] / facts["batches"][0]["throughput"])
    assert facts["gain"] >= 2  # 5 and more on a quiet machine: docs/book.md


@pytest.mark.parametrize("arguments", [("--width", 0), ("--repeats", 0)])
def test_what_bench_refuses(arguments):
    code, _, error = ask("bench", "linear", *arguments)
    assert code == 1
    assert "at least 1" in error


# --- devices
def test_row_8_tensors_and_modules_know_their_device():
    x = tw.zeros(3)
    assert x.device == tw.device("cpu")
    assert str(x.device) == str(torch.zeros(3).device)
    for target in ("cpu", "cpu:0", tw.device("cpu"), x):
        assert x.to(target) is x
    assert nn.Linear(2, 2).to("cpu").weight.device.type == "cpu"


REFUSED = {"cuda": AssertionError, "cuda:1": AssertionError, "xpu": AssertionError, "meta": NotImplementedError,
           "mps": RuntimeError}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("call", [
    lambda d: tw.zeros(3, device=d), lambda d: tw.zeros(3).to(d), lambda d: nn.Linear(2, 2).to(d),
    lambda d: nn.Linear(2, 2, device=d),
    lambda d: tw.tensor([1.0], device=d), lambda d: tw.zeros_like(tw.zeros(2), device=d),
], ids=["zeros", "to", "module", "layer", "tensor", "like"])
def test_a_device_that_is_not_there_is_named(name, call):
    with pytest.raises(REFUSED[name], match=rf"device '{name}'.*on 'cpu'"):
        call(name)


@pytest.mark.parametrize("name", ["", "gpu", "cpu:", "cpu:x", "cpu:-1", "cuda:x"])
def test_what_is_no_device_is_refused_as_pytorch_refuses_it(name):
    for library in (tw, torch):
        with pytest.raises(RuntimeError):
            library.device(name)
