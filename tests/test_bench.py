"""The benchmark: the same losses in Talweg, PyTorch and JAX; races that survive their contestants; reports on made-up figures."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import talweg
from bench import output, suite
from bench.__main__ import main
from bench.contestants import AUTOMATIC, COMPILED, CONTESTANTS, KEPT, Contestant, chosen
from bench.figures import automatic_over_compiled, best_peer, fraction_of_peak, memory_ratio, speedup
from bench.flops import count
from bench.machine import best, bfloat16_remark, cpu_flags, describe
from bench.process import Failed, Process
from bench.race import Pace, compare_losses, heats, race, to_speed
from bench.tables import tables
from bench.targets import TARGETS, judge
from bench.task import Task
from bench.workloads import WORKLOADS, build, find
from bench.workloads.training import initial_weights

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

TINY = {
    "mlp": {"inputs": 20, "width": 16, "batch": 4},
    "lenet": {"batch": 2},
    "resnet18": {"image": 32, "batch": 4, "classes": 10, "width": 8},
    "resnet50": {"image": 32, "batch": 4, "classes": 10, "width": 8},
    "gpt": {"layers": 2, "heads": 2, "width": 16, "context": 8, "batch": 2},
    "vit": {"layers": 1, "heads": 2, "width": 16, "image": 16, "batch": 2},
    "unet": {"channels": 32, "image": 8, "attention": (8,), "multipliers": (1, 2), "blocks": 1, "batch": 1},
    "lstm": {"width": 8, "steps": 5, "batch": 2},
}
MADE_UP_MACHINE = {"processor": "made | up", "cores": 2, "instructions": ["avx2"]}


def trained(T, name: str, steps: int = 2) -> list[float]:
    """Losses in float64: batch norm over the few pixels of tiny images makes much of rounding."""
    workload = find(name)
    training = build(T, workload.load(), workload.sizes(**TINY[name]), np.random.default_rng(3))
    training.model.double()
    batch = [x.double() if x.is_floating_point() else x for x in training.batch]
    return [training.step(*batch).item() for _ in range(steps)]


def has_what_it_needs(name: str) -> bool:
    return {"lstm": hasattr(talweg.nn, "LSTM"), "unet": hasattr(talweg.nn.functional, "interpolate")}.get(name, True)


@pytest.mark.parametrize("name", TINY)
def test_talweg_and_pytorch_train_alike(name):
    if not has_what_it_needs(name):
        pytest.skip(f"talweg lacks a layer of {name}")
    expected = trained(torch, name)
    assert expected[0] != expected[1]
    np.testing.assert_allclose(trained(talweg, name), expected, rtol=1e-6)


@pytest.mark.parametrize("name", TINY)
def test_forward_pass_has_one_output_a_target(name):
    workload = find(name)
    training = build(torch, workload.load(), workload.sizes(**TINY[name]), np.random.default_rng(0))
    with torch.no_grad():
        out = training.model.eval()(*training.inputs)
    assert out.shape[0] == TINY[name]["batch"]
    assert bool(out.isfinite().all())


@pytest.mark.parametrize("name", ["mlp"])  # XLA takes long for the others; every run of the benchmark compares them
def test_jax_trains_alike(name):
    pytest.importorskip("jax")
    from bench.jax_runner import JaxRunner

    runner = JaxRunner(Task(name, sizes=TINY[name]))
    runner.prepare()
    losses = [runner.step(), runner.step()]
    workload = find(name)
    training = build(torch, workload.load(), workload.sizes(**TINY[name]), np.random.default_rng(0))
    np.testing.assert_allclose(losses, [training.step(*training.batch).item() for _ in range(2)], rtol=1e-4)


def test_chain_is_the_same_everywhere():
    module = find("pointwise").load()
    x = np.linspace(-2, 2, 9, dtype=np.float32)
    ours = module.chain(talweg, talweg.tensor(x)).numpy()
    np.testing.assert_allclose(ours, module.chain(torch, torch.tensor(x)).numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours, module.chain(np, x), rtol=1e-6)


def test_sizes_that_the_issue_names():
    assert vars(find("gpt").sizes())["context"] == 256
    assert find("resnet50-224").sizes().image == 224
    assert find("resnet50-224").sizes(quick=True).image < 224
    assert {w.name for w in WORKLOADS if w.trains} == {*TINY, "resnet50-224"}


def test_initial_weights_depend_on_the_order_and_nothing_else():
    shapes = [("a.weight", (4, 3)), ("norm.weight", (5,)), ("norm.bias", (5,))]
    first, again = (initial_weights(shapes, np.random.default_rng(1)) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name, _ in shapes)
    assert abs(first["norm.weight"] - 1).max() < 0.2
    assert abs(first["norm.bias"]).max() < 0.2


def test_operations_of_an_mlp_by_hand():
    s = find("mlp").sizes(**TINY["mlp"])
    weights = s.inputs * s.width + s.width * s.width + s.width * s.classes
    assert count(Task("mlp", "forward", sizes=TINY["mlp"])) == 2 * s.batch * weights
    without_input_gradient = 2 * s.batch * (3 * weights - s.inputs * s.width)
    assert count(Task("mlp", "train", sizes=TINY["mlp"])) == without_input_gradient


def test_a_race_in_processes():
    contestants = chosen(("Talweg, interpreted", "PyTorch, pages kept"))
    results = race(Task("mlp", sizes=TINY["mlp"], threads=1), contestants, Pace(2, 0.01, start_limit=60), lambda text: None)
    for result in results.values():
        assert result["status"] == "ok", result
        assert result["agrees"]
        assert len(result["losses"]) == 6
        assert result["ms"] >= result["best_ms"] > 0
        assert result["peak_mb"] > 0


def test_a_contestant_that_fails_does_not_stop_the_race():
    contestants = [Contestant("lacks it", "no_such_framework", "eager"), Contestant("odd", "talweg", "channels-last"),
                   Contestant("slow", "talweg", "eager")]
    pace = Pace(1, 0.01, start_limit=60, slice_limit=0.001)
    results = race(Task("lenet", sizes={"batch": 1}), contestants, pace, lambda text: None)
    assert results["lacks it"]["status"] == "missing"
    assert "no_such_framework" in results["lacks it"]["note"]
    assert results["odd"]["status"] in ("missing", "ok", "timeout")
    assert results["slow"] == {"status": "timeout", "note": "no answer to 'run' in 0 s"}


@pytest.mark.parametrize("most", [1, 3, 4, 10])
def test_heats_hold_everybody_once(most):
    groups = heats(CONTESTANTS, most)
    assert sorted(c.name for group in groups for c in group) == sorted(c.name for c in CONTESTANTS)
    assert max(map(len, groups)) <= most
    assert heats([], most) == []


def test_a_process_that_dies_leaves_its_last_words(tmp_path):
    process = Process(Task("mlp"), Contestant("odd", "talweg", "eager", {"PYTHONPATH": str(tmp_path)}), tmp_path)
    process.process.kill()
    with pytest.raises(Failed, match="SIGKILL"):
        process.ask("prepare", 30)


def made_up(times: dict[str, float], **overrides) -> dict:
    results = {name: {"status": "ok", "ms": ms, "best_ms": ms, "losses": [1.0], "first": 0.5, "peak_mb": 10 * ms, "agrees": True,
                      "loss_difference": 0.0, "reference": "PyTorch"} for name, ms in times.items()}
    origin = {"command": "python -m bench", "commit": "abc", "when": "2026-01-01 00:00", "machine": MADE_UP_MACHINE,
              "versions": {"torch": "2"}}
    return {"workload": "gpt", "title": "GPT", "group": "train", "kind": "train", "dtype": "float32", "detail": "",
            "quick": False, "threads": 0, "results": results, "flops": 10**9, "bytes": None, "rounds": 1,
            "peaks": {"float32": 2e11, "bfloat16": 4e11, "copy": 1e10}, "origin": origin, **overrides}


def test_ratios_and_fractions():
    record = made_up({"Talweg, automatic": 11.0, "Talweg, @compile": 10.0, "PyTorch": 40.0, "JAX, jit": 20.0})
    assert best_peer(record) == "JAX, jit"
    assert speedup(record) == 2.0
    assert speedup(record, "Talweg, automatic") == pytest.approx(20 / 11)
    assert fraction_of_peak(record) == pytest.approx(0.5)
    assert fraction_of_peak({**record, "threads": 1}) == pytest.approx(1.0)
    assert memory_ratio(record) == pytest.approx(0.25)
    assert automatic_over_compiled(record) == pytest.approx(1.1)
    chain = made_up({"Talweg, automatic": 10.0}, flops=None, bytes=5 * 10**7)
    assert fraction_of_peak(chain) == pytest.approx(0.5)
    assert speedup(chain) is None


def test_whose_losses_differ_does_not_count():
    record = made_up({"Talweg, automatic": 10.0, "PyTorch": 20.0, "JAX, jit": 5.0})
    record["results"]["JAX, jit"]["losses"] = [1.5]
    compare_losses(record["results"], (1e-3, 1e-3))
    assert best_peer(record) == "PyTorch"
    assert record["results"]["JAX, jit"]["loss_difference"] == 0.5


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_does_not_agree(loss):
    results = made_up({"PyTorch": 1.0, "JAX, jit": 1.0})["results"]
    results["JAX, jit"]["losses"] = [loss]
    compare_losses(results, (1.0, 1.0))
    assert not results["JAX, jit"]["agrees"]


def test_later_losses_may_differ_more():
    results = made_up({"PyTorch": 1.0, "JAX, jit": 1.0, "Talweg, automatic": 1.0})["results"]
    results["PyTorch"]["losses"] = [1.0, 1.0]
    results["JAX, jit"]["losses"] = [1.0, 1.01]
    results["Talweg, automatic"]["losses"] = [1.01, 1.0]
    compare_losses(results, (1e-3, 2e-2))
    assert results["JAX, jit"]["agrees"]
    assert not results["Talweg, automatic"]["agrees"]


def test_comparing_nobody():
    results = {"PyTorch": {"status": "failed", "note": "x"}}
    compare_losses(results, (1.0, 1.0))
    assert results == {"PyTorch": {"status": "failed", "note": "x"}}


def test_time_to_full_speed():
    assert to_speed([5.0, 1.0, 3.0, 1.0], 1.0) == 9.0
    assert to_speed([1.0, 1.0], 1.0) == 0.0
    assert to_speed([], 1.0) == 0.0


def test_targets_are_judged_by_the_worst_record():
    fast, slow = (made_up({"Talweg, automatic": 10.0, "PyTorch": ms}) for ms in (30.0, 11.0))
    verdicts = {v.target.text: v for v in judge({"a": fast, "b": slow}, {"talweg": 0.2})}
    gpt = verdicts["GPT, ViT training step, times as fast as the best peer, fp32"]
    assert (gpt.verdict, gpt.where, gpt.value) == ("missed", "b", pytest.approx(1.1))
    assert verdicts["no workload slower than the best peer"].verdict == "met"
    assert verdicts["import"].verdict == "met"
    assert verdicts["MLP training step, times as fast as the best peer, bf16"].verdict == "not measured"
    assert all(v.verdict == "not measured" for v in judge({}, {}))
    assert len(TARGETS) + 1 == len(judge({}, {}))


def test_first_steps_cold_and_warm():
    record = made_up({AUTOMATIC.name: 1.0, COMPILED.name: 1.0, "PyTorch": 1.0}, workload="resnet50-224")
    for seconds, name in enumerate((AUTOMATIC.name, COMPILED.name), 8):
        record["results"][name].update(first_cold=float(seconds), first_warm=2.0)
    verdicts = {v.target.text: v for v in judge({"a": record}, {})}
    assert verdicts["cold first step of ResNet-50 at 224"].value == 9.0
    assert verdicts["warm first step of ResNet-50 at 224"].value == 2.0


def report() -> dict:
    record = made_up({"Talweg, automatic": 10.0, "PyTorch": 20.0})
    record["results"]["JAX, jit"] = {"status": "failed", "note": "a [red]strange[/nothing] | error"}
    half = made_up({"Talweg, automatic": 10.0, "PyTorch": 20.0}, dtype="bfloat16")
    return {"races": {"train / gpt / float32": record, "train / gpt / bfloat16": half}, "imports": {"talweg": 0.2},
            "recording": [{"operation": "x + y", "gradient": True, "talweg_us": 3.0, "torch_us": 2.0}]}


def test_tables_on_made_up_figures():
    found = {table.title: table for table in tables(report())}
    steps = found["Training steps, milliseconds"]
    assert steps.rows[0] == ["gpt, fp32", "10.00*", "20.00*", "failed", "2.00 x", "50 %"]
    assert "emulated" in steps.remark
    assert all(len(row) == len(table.heads) for table in found.values() for row in table.rows)
    assert found["What did not run"].rows[0][2] == "failed"


def test_documents_keep_what_was_measured_before(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text("# Performance\n\nBy hand.\n")
    output.write_docs(report(), tmp_path)
    later = {"races": {"train / mlp / float32": made_up({"Talweg, automatic": 1.0}, workload="mlp")}}
    output.write_docs(later, tmp_path)
    text = page.read_text()
    assert text.startswith("# Performance\n\nBy hand.\n")
    assert text.count(output.BEGIN) == 1
    assert "| gpt, fp32 |" in text
    assert "| mlp, fp32 |" in text
    assert "`python -m bench`" in text
    assert "made | up" in text
    assert "a [red]strange[/nothing] \\| error" in text
    assert (tmp_path / "performance.svg").read_text().lstrip().startswith("<?xml")
    assert set(json.loads((tmp_path / "performance.json").read_text())["races"]) == {*report()["races"], *later["races"]}


def test_documents_take_no_quick_figures(tmp_path):
    with pytest.raises(Exception, match="--quick"):
        output.write_docs({"races": {"a": made_up({}, quick=True)}}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_json_has_no_numbers_that_json_lacks(tmp_path):
    output.save({"races": {}, "x": [float("nan"), float("inf"), 1.5]}, tmp_path / "a" / "r.json")
    assert json.loads((tmp_path / "a" / "r.json").read_text(), parse_constant=pytest.fail)["x"] == [None, None, 1.5]


def test_show_a_saved_report(tmp_path):
    output.save(report(), tmp_path / "r.json")
    shown = CliRunner().invoke(main, ["--show", str(tmp_path / "r.json")])
    assert shown.exit_code == 0, shown.output
    assert "gpt, fp32" in shown.output
    assert "[red]strange" in shown.output


@pytest.mark.parametrize("arguments", [
    ["-w", "no such"], ["-c", "no such"], ["-d", "float8"], ["-s", "no such"], ["--rounds", "0"], ["--seconds", "0"],
    ["--limit", "x"], ["--quick", "--write-docs"], ["what"],
])
def test_bad_arguments(arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Error" in result.output


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"races": 3}'])
def test_malformed_reports(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_text(text)
    result = CliRunner().invoke(main, ["--show", str(path)])
    assert result.exit_code == 1
    assert "r.json" in result.output


def test_bad_tasks():
    with pytest.raises(ValueError, match="no workload 'x'"):
        Task("x")
    with pytest.raises(ValueError, match="no size 'depth'"):
        Task("mlp", sizes={"depth": 3})
    with pytest.raises(ValueError, match="float16"):
        Task("mlp", dtype="float16")
    with pytest.raises(ValueError, match="sleep"):
        Task("mlp", "sleep")
    with pytest.raises(ValueError, match="nothing to train"):
        Task("pointwise")


def test_tasks_go_through_json():
    task = Task("gpt", sizes={"batch": 2}, threads=1, quick=True)
    assert Task.loads(task.dumps()) == task
    assert task.key == "train / gpt / float32 / batch 2, 1 thread / quick"


def test_keys_are_distinct():
    every = [t for s in suite.SECTIONS for t in suite.tasks(s, [w.name for w in WORKLOADS], ("float32", "bfloat16"))]
    assert len({t.key for t in every}) == len(every)
    assert suite.seconds_expected(every, CONTESTANTS, Pace(cold=True)) > 3600


def test_contestants_by_name():
    assert [c.name for c in chosen(("talweg",))] == ["Talweg, interpreted", "Talweg, automatic", "Talweg, @compile"]
    assert [c.name for c in chosen(("PyTorch",))] == ["PyTorch"]
    assert len(chosen(("pytorch,",))) == 5
    with pytest.raises(ValueError, match="no contestant 'x y'"):
        chosen(("x y",))


def test_no_compiler_is_an_obstacle(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert chosen(("PyTorch, compile" + KEPT,))[0].obstacle() == "no C++ compiler"
    assert AUTOMATIC.obstacle() is None


def test_what_the_processor_can(monkeypatch):
    assert isinstance(describe()["cores"], int)
    assert set(describe()["instructions"]) <= cpu_flags()
    assert "AMX units" in bfloat16_remark(["amx_bf16"])
    assert "emulated" in bfloat16_remark(["avx2"])


def test_best_of_rounds():
    calls = SimpleNamespace(count=0)

    def call():
        calls.count += 1

    assert best(call, 3) < 1
    assert calls.count == 4
