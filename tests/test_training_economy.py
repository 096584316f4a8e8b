"""bf16 training and recomputed activations through the loop, the recipe's settings and the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import talweg as tw
from talweg import nn
from talweg.cli.main import main
from talweg.data import DataLoader, TensorDataset
from talweg.models import build
from talweg.recipes.classify_settings import Settings
from talweg.training import fit, in_precision, recomputing, sequences


def data(samples=64):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((samples, 10)).astype(np.float32)
    y = (x[:, :3] @ generator.standard_normal((3, 4))).argmax(1)
    return TensorDataset(tw.tensor(x), tw.tensor(y))


def trained(epochs=4, **settings):
    tw.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4))
    optimizer = tw.optim.AdamW(model.parameters(), lr=0.01)
    seen = []
    model[5].register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    result = fit(model, nn.CrossEntropyLoss(), optimizer, DataLoader(data(), 16), DataLoader(data(32), 32), epochs=epochs,
                 **settings)
    return result, model, optimizer, seen


def test_bf16_computes_low_and_keeps_high():
    result, model, optimizer, seen = trained(precision="bf16")
    exact = trained()[0]
    assert set(seen) == {tw.bfloat16}
    assert all(p.dtype is tw.float32 for p in model.parameters())
    states = optimizer.state.values()
    assert states
    assert all(v.dtype is tw.float32 for s in states for v in s.values() if isinstance(v, tw.Tensor))
    assert result.records[-1].train_loss < 0.8 * result.records[0].train_loss
    assert result.records[-1].validation_loss == pytest.approx(exact.records[-1].validation_loss, rel=0.05)


def test_recomputed_activations_change_no_bit():
    plain, recomputed = trained(2), trained(2, checkpoint_activations=True)
    assert [r.train_loss for r in plain[0].records] == [r.train_loss for r in recomputed[0].records]
    for a, b in zip(plain[1].parameters(), recomputed[1].parameters()):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    assert "forward" not in vars(recomputed[1])


def test_which_parts_are_recomputed():
    assert len(sequences(build("mlp", (1, 28, 28), 10))) == 1
    assert sequences(build("lenet", (1, 28, 28), 10)) == []
    inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    outer = nn.Sequential(inner, nn.Linear(2, 2))
    assert sequences(nn.ModuleList([outer, nn.Sequential(nn.ReLU())])) == [outer]
    calls = []
    inner[0].register_forward_hook(lambda *_: calls.append(1))
    with recomputing(outer):
        outer(tw.ones(1, 2)).sum().backward()
    assert calls == [1]
    assert outer[1].weight.grad is not None


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="nn.Sequential"), recomputing(nn.Linear(2, 2)):
        pass
    with pytest.raises(ValueError, match="fp32, bf16"):
        in_precision("fp8")
    with pytest.raises(ValueError, match="precision"):
        trained(precision="half")
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16"):
        Settings(model="mlp", precision="bfloat16")
    model = nn.Linear(10, 4)
    with pytest.raises(ValueError, match="Linear has no nn.Sequential"):
        fit(model, nn.CrossEntropyLoss(), tw.optim.SGD(model.parameters(), lr=0.1), DataLoader(data(), 16),
            DataLoader(data(), 16), epochs=1, checkpoint_activations=True)


def test_the_command_line(tmp_path):
    run = CliRunner().invoke(main, ["train", "mlp", "--hidden", "32,32", "--epochs", "3", "--lr", "0.01", "--precision", "bf16",
                                    "--checkpoint-activations", "--out", str(tmp_path / "run"), "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["test_accuracy"] > 0.5
    settings = (tmp_path / "run" / "config.yaml").read_text()
    assert "precision: bf16" in settings
    assert "checkpoint_activations: true" in settings
    for words, message in ((["mlp", "--precision", "int8"], "precision"), (["lenet", "--checkpoint-activations"], "Sequential")):
        failed = CliRunner().invoke(main, ["train", *words, "--epochs", "1", "--out", str(tmp_path / "other")])
        assert failed.exit_code == 1
        assert message in failed.output
    assert not (tmp_path / "other").exists()
