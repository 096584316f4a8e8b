"""How a task runs in JAX: one jitted function a step, which is given its buffers back (donated)."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from functools import partial

import numpy as np

from .runners import SEED, Missing
from .task import Task
from .workloads.training import initial_weights


class JaxRunner:
    """Like TensorRunner. Weights and data are the same: drawn in the same order, for the names and shapes Talweg has."""

    def __init__(self, task: Task):
        self.task = task
        try:
            self.jax = importlib.import_module("jax")
            self.layers = importlib.import_module("bench.jax_workloads.layers")
            self.optimizers = importlib.import_module("bench.jax_workloads.optimizers")
        except ModuleNotFoundError as error:
            raise Missing(str(error)) from None

    def prepare(self) -> None:
        task, jax = self.task, self.jax
        module, functions, sizes = task.table.load(), task.table.load_jax(), task.resolved()
        shapes = parameter_shapes(task)
        rng = np.random.default_rng(SEED)
        weights = initial_weights(shapes["parameters"], rng)
        self.parameters = {name: jax.numpy.asarray(_filters_last(w)) for name, w in weights.items()}
        self.statistics = {name: jax.numpy.full(shape, name.endswith("var"), "float32") for name, shape in shapes["statistics"]}
        self.batch = tuple(jax.numpy.asarray(_channels_last(x)) for x in module.batch(rng, sizes))
        self.inputs = self.batch[: module.INPUTS]
        self.state = self.optimizers.start(self.parameters)
        layers = partial(self.layers.Layers, bfloat16=task.dtype == "bfloat16")
        self.train = jax.jit(self._step_function(module, functions, sizes, layers), donate_argnums=(0, 1, 2))
        self.forward = jax.jit(lambda p, s, *x: functions.forward(layers(p, s, training=False), sizes, *x))

    def _step_function(self, module, functions, sizes, layers):
        def objective(parameters, statistics, batch):
            L = layers(parameters, statistics, training=True)
            return functions.loss(L, sizes, *batch), L.updated

        def step(parameters, statistics, state, batch):
            gradient = self.jax.value_and_grad(objective, has_aux=True)
            (loss, statistics), gradients = gradient(parameters, statistics, batch)
            parameters, state = self.optimizers.update(module.OPTIMIZER, parameters, gradients, state)
            return parameters, statistics, state, loss

        return step

    def step(self) -> float | None:
        if self.task.kind == "forward":
            self.output()
            return None
        self.parameters, self.statistics, self.state, loss = self.train(
            self.parameters, self.statistics, self.state, self.batch)
        return float(loss)

    def output(self):
        return self.forward(self.parameters, self.statistics, *self.inputs).block_until_ready()

    def check(self) -> float:
        return float(abs(self.output().astype("float32")).mean())


def parameter_shapes(task: Task) -> dict:
    """Names and shapes of parameters and running statistics, asked of a process of its own: its memory is not JAX's."""
    found = subprocess.run([sys.executable, "-m", "bench.shapes", task.dumps()], capture_output=True, text=True)
    if found.returncode:
        raise RuntimeError(found.stderr.strip().splitlines()[-1])
    return json.loads(found.stdout)


def _filters_last(weight: np.ndarray) -> np.ndarray:
    """A convolution's (out, in, H, W) as (H, W, in, out)."""
    return weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight


def _channels_last(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
