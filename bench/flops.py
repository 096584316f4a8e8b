"""How many floating-point operations a task's products and convolutions take, counted on PyTorch's operations.

    python -m bench.flops TASK

PyTorch's counter sees each product the forward and backward pass dispatch, on tensors that have shapes and no memory.
Attention is counted as its two products in full, masked or not; pointwise work and the update are not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

from .task import Task
from .workloads.training import build


def count(task: Task) -> int:
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    # Without oneDNN's own recurrent layers and the fused attention, all is plain products, which the counter knows.
    with FakeTensorMode(), torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
        training = build(torch, task.table.load(), task.resolved(), np.random.default_rng(0))
        with counter:
            if task.kind == "train":
                training.objective(*training.batch).backward()
            else:
                with torch.no_grad():
                    training.model.eval()(*training.inputs)
    return counter.get_total_flops()


def flops(task: Task) -> int | None:
    """The count, from a process of its own; None where it cannot be had: no PyTorch, or a model it lacks."""
    found = subprocess.run([sys.executable, "-m", "bench.flops", task.dumps()], capture_output=True, text=True)
    return json.loads(found.stdout.strip().splitlines()[-1]) if found.returncode == 0 else None


if __name__ == "__main__":
    print(json.dumps(count(Task.loads(sys.argv[1]))))
