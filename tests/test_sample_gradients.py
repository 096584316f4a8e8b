"""Gradients on every sample: to first order PyTorch's, to second order the slopes of the first."""

import math

import numpy as np
import torch
from samples import SAMPLES, tensors_of
from samples.check import assert_same_gradients, by_id

import talweg


def gradients(sample, T, grad):
    """The gradients of all differentiable results, weighted by numbers that are the same in every library."""
    results, leaves = sample.run(T, grad=True)
    outputs = [y for y in results if hasattr(y, "detach") and y.requires_grad]
    if not outputs or not leaves:
        return None
    rng = np.random.default_rng(0)
    seeds = [T.tensor(rng.uniform(0.5, 1.5, tuple(y.shape)).tolist(), dtype=y.dtype).reshape(tuple(y.shape)) for y in outputs]
    return grad(outputs, leaves, seeds, allow_unused=True)


@by_id([s for s in SAMPLES if s.order and s.has_reals])
def test_gradient(sample):
    try:
        theirs = gradients(sample, torch, torch.autograd.grad)
    except RuntimeError as error:
        if not any(words in str(error) for words in ("is not implemented", "does not support automatic differentiation")):
            raise
        return  # PyTorch has no gradient here; test_second_order checks ours by differences
    ours = gradients(sample, talweg, talweg.grad)
    assert (ours is None) == (theirs is None)
    assert_same_gradients(ours, theirs)


@by_id([s for s in SAMPLES if s.order == 2 and s.has_reals])
def test_second_order(sample):
    """The gradient's gradient against differences of gradients."""
    args, kwargs, leaves = sample.arguments(talweg, grad=True)
    function = sample.function(talweg)

    def outputs(*_):
        return tuple(y for y in tensors_of(function(*args, **kwargs), talweg) if isinstance(y, talweg.Tensor))

    if leaves and any(y.requires_grad and y.numel() for y in outputs()) and any(x.numel() for x in leaves):
        assert talweg.gradgradcheck(outputs, leaves, nondet_tol=math.inf, check_undefined_grad=False)
