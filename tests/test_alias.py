"""`talweg run`: Talweg answers to the name torch, for the script only, and everything else is as python would have it."""

import importlib
import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from talweg.alias import finder
from talweg.alias.names import TABLE
from talweg.alias.stand_ins.version import TorchVersion

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "alias_scripts"


def process(*args, **more):
    return subprocess.run([sys.executable, *map(str, args)], capture_output=True, text=True, cwd=ROOT, timeout=900, **more)


def under_talweg(script, *args):
    return process("-m", "talweg", "run", script, *args)


def losses(found):
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def script(folder, text):
    path = folder / "script.py"
    path.write_text(text)
    return path


# Whole scripts


@pytest.mark.parametrize("options", [(), ("--compile",)])
def test_a_gpt_trains_with_pytorchs_losses(options):
    ours = losses(under_talweg(SCRIPTS / "gpt.py", "--steps", "4", *options))
    theirs = losses(process(SCRIPTS / "gpt.py", "--steps", "4"))
    assert ours["parameters"] == theirs["parameters"]
    assert ours["losses"] == pytest.approx(theirs["losses"], abs=1e-4)


KEPT = {"torchvision/utils.py", "torchvision/_utils.py", "torchvision/_internally_replaced_utils.py",
        "torchvision/ops/misc.py", "torchvision/ops/stochastic_depth.py"}
PRESETS = "import enum\nclass ImageClassification: ...\nclass InterpolationMode(enum.Enum):\n    BILINEAR, BICUBIC = 1, 2\n"


@pytest.fixture(scope="module")
def torchvision(tmp_path_factory):
    """The package's model files, without what imports its compiled library (built for CUDA on PyPI)."""
    folder = tmp_path_factory.mktemp("torchvision")
    found = process("-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "torchvision")
    wheels = list(folder.glob("torchvision-*.whl"))
    if found.returncode or not wheels:
        pytest.skip("the package torchvision cannot be had")
    with zipfile.ZipFile(wheels[0]) as wheel:
        models = [n for n in wheel.namelist() if n.startswith("torchvision/models/") and n.count("/") == 2]
        wheel.extractall(folder, [n for n in wheel.namelist() if n in KEPT or n in models])
    for room in ("", "models", "ops", "transforms"):
        (folder / "torchvision" / room).mkdir(exist_ok=True)
        (folder / "torchvision" / room / "__init__.py").write_text("")
    (folder / "torchvision/transforms/_presets.py").write_text(PRESETS)
    return folder


def test_torchvisions_models_train_with_pytorchs_losses(torchvision):
    ours = losses(under_talweg(SCRIPTS / "vision.py", torchvision))
    theirs = losses(process(SCRIPTS / "vision.py", torchvision))
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        assert ours[name] == pytest.approx(expected, abs=1e-4), name


# As python script.py has it


ASKS = """
import sys, pickle, torch
class Mine: pass
assert pickle.loads(pickle.dumps(Mine)) is Mine
assert sys.modules["__main__"].Mine is Mine
print(__name__, __file__ == {path!r}, sys.argv[1:], sys.path[0] == {folder!r}, __doc__, __package__, __spec__)
print(sys.modules["torch"] is torch, "talweg" in torch.nn.Linear.__module__)
"""


def test_a_script_sees_what_python_would_show_it(tmp_path):
    path = script(tmp_path, "")
    path.write_text(ASKS.format(path=str(path), folder=str(tmp_path)))
    found = under_talweg(path, "--debug", "-x", "run", "--help")
    assert found.stdout.splitlines() == [
        "__main__ True ['--debug', '-x', 'run', '--help'] True None None None", "True True"], found.stderr
    plain = process(path, "--debug", "-x", "run", "--help")
    assert plain.stdout.splitlines()[0] == found.stdout.splitlines()[0]
    assert process("-m", "talweg", path).returncode == 0


@pytest.mark.parametrize(("ending", "code", "words"), [
    ("", 0, ""), ("sys.exit(3)", 3, ""), ("sys.exit('gone')", 1, "gone"), ("raise SystemExit", 0, ""),
    ("deep()", 1, "ZeroDivisionError"), ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
    ("import json.nothing", 1, "ModuleNotFoundError"),
])
def test_exit_codes_and_tracebacks(tmp_path, ending, code, words):
    path = script(tmp_path, f"import sys\ndef deep():\n    return 1 / 0\n{ending}\n")
    found, plain = under_talweg(path), process(path)
    assert found.returncode == code
    assert words in found.stderr
    if code != 130:
        assert (found.returncode, found.stderr) == (plain.returncode, plain.stderr)


def test_a_syntax_error_and_a_missing_file(tmp_path):
    path = script(tmp_path, "x = (\n")
    assert under_talweg(path).stderr == process(path).stderr
    found = under_talweg(tmp_path / "none.py")
    assert found.returncode == 2
    assert "can't open file" in found.stderr
    assert process("-m", "talweg", "run").returncode == 2


# Names


def test_missing_names_are_told_by_pytorchs_name_and_the_page_that_lists_them():
    with finder.answering():
        import torch

        assert torch.zeros(2).__class__.__module__.startswith("talweg")
        with pytest.raises(ImportError, match=r"torch\.nn\.Nothing.*docs/api_coverage\.md"):
            from torch.nn import Nothing  # noqa: F401
        with pytest.raises(ImportError, match=r"torch\.nothing.*docs/api_coverage\.md"):
            import torch.nothing.below  # noqa: F401
        with pytest.raises(AttributeError, match=r"torch\.nothing.*docs/api_coverage\.md"):
            torch.nothing()
        assert not hasattr(torch.nn, "Nothing")


@pytest.fixture
def named_torch():
    """PyTorch itself, which other tests have imported, put aside for the time of a test."""
    aside = {n: sys.modules.pop(n) for n in list(sys.modules) if n == "torch" or n.startswith("torch.")}
    yield
    finder.uninstall()
    sys.modules.update(aside)


@pytest.fixture(autouse=True)
def _aside(named_torch):
    return None


def exists(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("name", TABLE)
def test_every_listed_module_can_be_imported(name):
    for source in TABLE[name]:
        if source.startswith("talweg.") and "stand_ins" not in source and not exists(source):
            pytest.skip(f"{source} is not in this tree")
    with finder.answering():
        module = importlib.import_module(name)
        assert module.__name__ == name
        assert dir(module)
        for attribute in module.__all__:
            if f"{name}.{attribute}" not in TABLE:
                assert not isinstance(getattr(module, attribute), type(sys))


def test_the_name_is_given_back():
    with finder.answering():
        import torch.nn.functional as functional

        assert functional.relu.__module__.startswith("talweg")
    assert not [n for n in sys.modules if n == "torch" or n.startswith("torch.")]
    import talweg

    assert talweg.nn.__spec__.name == "talweg.nn"


def test_a_name_that_is_taken_is_refused():
    sys.modules["torch"] = json
    with pytest.raises(RuntimeError, match="imported in this process"):
        finder.install()
    del sys.modules["torch"]


def test_what_scripts_ask_before_they_start():
    with finder.answering():
        import torch
        from torch import cuda, distributed, jit

        assert not any([cuda.is_available(), cuda.device_count(), distributed.is_available(), jit.is_scripting()])
        assert not torch.backends.mps.is_available()
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = True
        assert torch.backends.cudnn.benchmark
        cuda.manual_seed_all(3)
        with pytest.raises(AssertionError, match="not compiled with CUDA"):
            cuda.synchronize()
        with pytest.raises(NotImplementedError, match=r"torch\.distributed\.init_process_group"):
            distributed.init_process_group("nccl")
        with pytest.raises(NotImplementedError, match="DistributedDataParallel"):
            torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))
        model = torch.nn.DataParallel(torch.nn.Linear(2, 3))
        assert list(model.state_dict()) == ["module.weight", "module.bias"]
        assert model(torch.ones(4, 2)).shape == (4, 3)

        @jit.script
        def doubled(x):
            return x * 2

        assert doubled(torch.ones(1)).item() == 2


def test_types_of_one_dtype():
    with finder.answering():
        import torch

        assert torch.LongTensor([1.5, 2]).tolist() == [1, 2]
        assert torch.FloatTensor(2, 3).shape == (2, 3)
        assert isinstance(torch.zeros(1), torch.FloatTensor)
        assert not isinstance(torch.zeros(1), torch.LongTensor)
        with pytest.raises(TypeError, match="invalid type object"):
            torch.set_default_tensor_type("torch.NoTensor")
        torch.set_default_tensor_type(torch.DoubleTensor)
        assert torch.zeros(1).dtype is torch.float64
        torch.set_default_tensor_type("torch.FloatTensor")


def test_the_state_of_the_random_generator_comes_back():
    with finder.answering():
        import torch

        torch.manual_seed(5)
        torch.rand(3)
        state = torch.get_rng_state()
        drawn = torch.rand(4).tolist()
        torch.rand(9)
        torch.set_rng_state(state)
        assert torch.rand(4).tolist() == drawn
        for bad, error in ((torch.zeros(16), TypeError), (state[:8], RuntimeError), (3, TypeError)):
            with pytest.raises(error):
                torch.set_rng_state(bad)


@pytest.mark.parametrize(("version", "other", "order"), [
    ("2.13.0", "2.9", 1), ("2.13.0", (1, 8), 1), ("2.13.0", "2.13", 0), ("2.13.0+cpu", "2.13", 0), ("2.13.0", (2, 14, 1), -1),
])
def test_versions_compare_by_their_numbers(version, other, order):
    v = TorchVersion(version)
    assert ((v > other) - (v < other)) == order
    assert (v >= other, v <= other) == (order >= 0, order <= 0)
