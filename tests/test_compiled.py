"""The compiler, on request (TALWEG_COMPILE_AFTER): compiled and interpreted programs agree, step for step."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
LOOP = """
import json, sys
import numpy as np
import talweg as T
from talweg import nn
from talweg.compile.evaluate import _engine
from talweg.nn import functional as F

def mlp(): return nn.Sequential(nn.Linear(20, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 5)), (16, 20)
def lenet(): return nn.Sequential(nn.Conv2d(1, 8, 5), nn.MaxPool2d(3), nn.ReLU(), nn.Conv2d(8, 8, 5), nn.MaxPool2d(2),
                                  nn.ReLU(), nn.Flatten(), nn.Linear(32, 5)), (6, 1, 28, 28)
def batchnorm(): return nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.SiLU(), nn.AvgPool2d(2),
                                      nn.Flatten(), nn.Dropout(0.3), nn.Linear(96, 5)), (8, 2, 8, 8)

T.manual_seed(0)
model, shape = {"mlp": mlp, "lenet": lenet, "batchnorm": batchnorm}[sys.argv[1]]()
optimizer = T.optim.AdamW(model.parameters(), lr=1e-2)
rng = np.random.default_rng(0)
losses = []
for step in range(6):
    x = T.tensor(rng.standard_normal(shape).astype("f4"))
    y = T.tensor(rng.integers(0, 5, shape[0]))
    optimizer.param_groups[0]["lr"] = 1e-2 / (step + 1)
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
state = {k: v.tolist() for k, v in model.state_dict().items()}
programs = sum(k.compiled is not None for k in _engine.known.values())
print(json.dumps({"losses": losses, "state": state, "programs": programs}))
"""


def outcome(model: str, after: str) -> dict:
    found = subprocess.run([sys.executable, "-c", LOOP, model], capture_output=True, text=True, cwd=ROOT, timeout=300,
                           env={**os.environ, "TALWEG_COMPILE_AFTER": after})
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.mark.parametrize("model", ["mlp", "lenet", "batchnorm"])
def test_compiled_training_is_interpreted_training(model):
    interpreted, compiled = outcome(model, "-1"), outcome(model, "2")
    assert interpreted["programs"] == 0
    assert compiled["programs"] >= 1
    np.testing.assert_allclose(compiled["losses"], interpreted["losses"], rtol=2e-4, atol=1e-5)
    for name, value in interpreted["state"].items():
        np.testing.assert_allclose(compiled["state"][name], value, rtol=5e-3, atol=1e-3, err_msg=name)
