"""`import talweg`: its names are there when asked for, whatever was imported before."""

import subprocess
import sys
from pathlib import Path

import pytest

import talweg

ROOT = Path(talweg.__file__).parent
ROOMS = {p.name for p in ROOT.iterdir() if p.is_dir()}


def outcome(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT.parent, timeout=60)


@pytest.mark.parametrize(
    "before",
    ["", "import talweg.tensor", "from talweg.data import DataLoader", "from talweg import nn", "import talweg.facade"],
)
def test_the_order_of_imports_does_not_matter(before):
    found = outcome(
        f"{before}\nimport talweg\n"
        "assert talweg.tensor([1.0]).tolist() == [1.0]\n"
        "assert talweg.nn.Linear and talweg.optim.Adam and talweg.float32 and talweg.__version__\n"
        "from talweg import *\nassert zeros(2).shape == (2,)\n"
        "assert not hasattr(talweg, 'nothing')\n"
        "assert {'nn', 'tensor', 'Tensor'} <= set(dir(talweg))"
    )
    assert found.returncode == 0, found.stderr


def test_the_names_that_rooms_share_with_functions_are_listed():
    functions = {name for name in ROOMS if callable(getattr(talweg, name, None))}
    assert functions == talweg.SHADOWED


def test_a_missing_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'talweg' has no attribute 'tensr'"):
        talweg.tensr  # noqa: B018
