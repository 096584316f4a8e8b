"""Every registered model takes training steps, compiled, in fp32 and under bf16 autocast, with the interpreter's loss.

The suite leaves out what takes seconds to compile; `make models` runs every kind.
"""

import os

import numpy as np
import pytest
from compiling import compiling
from model_steps import NARROW, SAME_AS, copied, inputs_of, loss_of, narrow_model, steps

import talweg as tw
from talweg.compile.engine import compile_after
from talweg.models import MODELS

# The full run: two steps of each, so that a replay is among them, and every kind; the suite's: one step.
FULL = bool(os.environ.get("TALWEG_ALL_MODELS"))
STEPS = 2 if FULL else 1
# What takes seconds to compile.
SLOW = {"vgg11", "vgg11_bn", "fcn_resnet50", "pspnet50", "ssd300", "ddpm_unet", "transformer", "whisper_tiny", "clip_vit_b_32",
        "clip_rn50", "resnet50", "gpt", "vit_b_16", "bert_base"}


def assert_near(found, wanted, tolerance, name):
    """In the norm of the whole gradient: single values may lie on the other side of a rectifier's kink."""
    assert np.isfinite(found).all(), name
    error = np.linalg.norm(found - wanted)
    assert error <= tolerance * np.linalg.norm(wanted) + 1e-6, f"{name}: {error} of {np.linalg.norm(wanted)}"


def test_every_registered_model_is_among_them():
    assert set(NARROW) | set(SAME_AS) == set(MODELS)
    assert set(SAME_AS.values()) <= set(NARROW)


@pytest.mark.parametrize("name", [name for name in NARROW if FULL or name not in SLOW])
def test_compiled_steps_are_the_interpreted_ones(name):
    tw.manual_seed(0)
    model = narrow_model(name).train()
    inputs = inputs_of(name, NARROW[name].shape, NARROW[name].batch)
    learners = [copied(model) for _ in range(3)]
    with compile_after(-1):
        wanted, gradients = steps(learners[0], loss_of(name), inputs, STEPS)
    with compiling(poison=True) as seen:
        found, compiled = steps(learners[1], loss_of(name), inputs, STEPS)
        half, rounded = steps(learners[2], loss_of(name), inputs, STEPS, "bf16")
    assert not seen.errors
    assert seen.programs
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    np.testing.assert_allclose(half[0], wanted[0], rtol=2e-2)
    assert compiled.keys() == gradients.keys() == rounded.keys()
    for parameter, gradient in gradients.items():
        assert_near(compiled[parameter], gradient, 1e-2, parameter)
        assert np.isfinite(rounded[parameter]).all(), parameter
