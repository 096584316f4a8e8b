"""`talweg shape` (row 55): sizes of convolutions and pooling, PyTorch's layers as reference."""

import json
import random

import pytest
import torch
from click.testing import CliRunner

from talweg.cli.main import main

torch.set_num_threads(1)


def talk(*arguments):
    """(exit code, output, error output)."""
    result = CliRunner().invoke(main, ["shape", *map(str, arguments)])
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_row_55_the_books_example():
    code, out, _ = talk("conv", "--in", 32, "--k", 5, "--p", 2, "--s", 2)
    assert code == 0
    assert out.splitlines() == ["32 -> 16",
                                "floor((T + 2 P - D (K - 1) - 1) / S) + 1 = floor((T + 4 - 4 - 1) / 2) + 1"]


LAYERS = {
    "conv": lambda k, s, p, d, c, o: torch.nn.Conv1d(1, 1, k, s, p, d),
    "pool": lambda k, s, p, d, c, o: torch.nn.MaxPool1d(k, s, p, d, ceil_mode=c),
    "average": lambda k, s, p, d, c, o: torch.nn.AvgPool1d(k, s, p, c),
    "transposed": lambda k, s, p, d, c, o: torch.nn.ConvTranspose1d(1, 1, k, s, p, o, dilation=d),
}


def settings(kind, rng):
    k, s = rng.randint(1, 5), rng.randint(1, 3)
    p = rng.randint(0, k // 2)
    d = 1 if kind == "average" else rng.randint(1, 2)
    o = rng.randrange(max(s, d)) if kind == "transposed" else 0
    return rng.randint(9, 40), k, s, p, d, kind in ("pool", "average") and rng.random() < 0.5, o


@pytest.mark.parametrize("kind", LAYERS)
def test_row_55_sizes_and_the_printed_rule_are_the_layers(kind):
    rng = random.Random(0)
    for _ in range(25):
        side, k, s, p, d, ceil, extra = settings(kind, rng)
        wanted = LAYERS[kind](k, s, p, d, ceil, extra)(torch.zeros(1, 1, side)).shape[-1]
        given = ["--in", f"{side}x{side}", "--k", k, "--s", s, "--p", p, "--d", d, "--op", extra] + ["--ceil"] * ceil
        assert json.loads(talk(kind, *given, "--json")[1])["out"] == [wanted, wanted]
        formula = talk(kind, *given)[1].splitlines()[1].rpartition(" = ")[2]
        by_rule = eval(formula, {"T": side, "floor": lambda x: x // 1, "ceil": lambda x: -(-x // 1)})
        assert by_rule - wanted in ((0, 1) if ceil else (0,))  # rounding up may not add a window that sees padding alone


def test_pooling_steps_by_its_kernel():
    assert talk("pool", "--in", 28, "--k", 3)[1].startswith("28 -> 9\n")


@pytest.mark.parametrize(("arguments", "told"), [
    (("conv", "--in", 0, "--k", 3), "a size of 1 or more"), (("conv", "--in", "axb", "--k", 3), "a size of 1 or more"),
    (("conv", "--in", 8, "--k", 3, "--ceil"), "--ceil does not belong to conv"),
    (("pool", "--in", 8, "--k", 3, "--op", 1), "--op does not belong to pool"),
    (("average", "--in", 8, "--k", 3, "--d", 2), "--d does not belong to average"),
    (("conv", "--in", 3, "--k", 5), "ernel"), (("pool", "--in", 9, "--k", 2, "--p", 2), "pad"),
    (("transposed", "--in", 9, "--k", 2, "--op", 3), "output"), (("round", "--in", 9, "--k", 2), "round"),
    (("conv", "--in", 9, "--k", 0), "0"),
])
def test_what_cannot_be_is_one_line(arguments, told):
    code, _, error = talk(*arguments)
    assert code != 0
    assert told in error
    assert len(error.strip().splitlines()) == 1
