"""SGD with momentum, Adam and AdamW, with PyTorch's formulas."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def start(parameters):
    """The state: two buffers a parameter and the count of steps."""
    zeros = {name: jnp.zeros_like(p) for name, p in parameters.items()}
    return {"first": zeros, "second": {name: jnp.zeros_like(p) for name, p in parameters.items()},
            "step": jnp.zeros((), jnp.int32)}


def update(optimizer, parameters, gradients, state):
    """The parameters and the state after one step of a bench.workloads Optimizer."""
    if optimizer.name == "SGD":
        return _sgd(parameters, gradients, state, **optimizer.settings)
    return _adam(parameters, gradients, state, decoupled=optimizer.name == "AdamW", **optimizer.settings)


def _sgd(parameters, gradients, state, lr, momentum=0.0, weight_decay=0.0):
    gradients = jax.tree.map(lambda g, p: g + weight_decay * p, gradients, parameters)
    first = jax.tree.map(lambda b, g: momentum * b + g, state["first"], gradients)
    parameters = jax.tree.map(lambda p, b: p - lr * b, parameters, first)
    return parameters, {**state, "first": first}


def _adam(parameters, gradients, state, lr, betas=(0.9, 0.999), weight_decay=0.0, decoupled=False):
    step = state["step"] + 1
    beta1, beta2 = betas
    if not decoupled:
        gradients = jax.tree.map(lambda g, p: g + weight_decay * p, gradients, parameters)
    first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state["first"], gradients)
    second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state["second"], gradients)
    size = lr / (1 - beta1 ** step.astype(jnp.float32))
    correction = jnp.sqrt(1 - beta2 ** step.astype(jnp.float32))
    shrink = 1 - lr * weight_decay if decoupled else 1.0

    def moved(p, m, v):
        return shrink * p - size * m / (jnp.sqrt(v) / correction + 1e-8)

    return jax.tree.map(moved, parameters, first, second), {"first": first, "second": second, "step": step}
