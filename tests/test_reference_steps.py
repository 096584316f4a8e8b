"""A compiled training step has the loss of the reference library's, from the same weights: to 1e-4 in fp32, 2e-2 in bf16.

test_parity_transformers.py does the same for the models of the transformers library. `make models` adds full-sized ones.
"""

import os

import numpy as np
import pytest
import test_models_convolutional
import test_models_dense
import test_models_torchvision
import torch
from compiling import compiling
from model_steps import copied
from parity import load_state, shake
from references import reference

import talweg as tw
from talweg.io import Checkpoint
from talweg.models import FCN, SSD300, DDPMUNet
from talweg.nn import functional as F

torch.set_num_threads(1)
FULL = bool(os.environ.get("TALWEG_ALL_MODELS"))
only_in_full = pytest.mark.skipif(not FULL, reason="takes many seconds to compile: make models")


def listed(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def targets(outputs):
    return [np.random.default_rng(i).standard_normal(tuple(out.shape)).astype(np.float32) for i, out in enumerate(outputs)]


def their_loss(outputs):
    return sum(torch.nn.functional.mse_loss(a, torch.from_numpy(b)) for a, b in zip(outputs, targets(outputs))).item()


def our_step(model, inputs, precision, call=None):
    """The loss of one compiled step, and its gradients."""
    optimizer = tw.optim.SGD(model.parameters(), lr=1e-4)
    with compiling() as seen:
        with tw.autocast("cpu", dtype=tw.bfloat16, enabled=precision == "bf16"):
            outputs = listed((call or type(model).__call__)(model, *map(tw.from_numpy, inputs)))
            loss = sum(F.mse_loss(a, tw.from_numpy(b)) for a, b in zip(outputs, targets(outputs)))
        loss.backward()
        optimizer.step()
        found = loss.item()
    assert not seen.errors
    assert seen.programs
    return found, [p.grad.numpy() for p in model.parameters() if p.grad is not None]


def assert_same_loss(model, wanted, *inputs, call=None):
    for precision, tolerance in (("fp32", 1e-4), ("bf16", 2e-2)):
        loss, gradients = our_step(copied(model), inputs, precision, call)
        assert loss == pytest.approx(wanted, rel=tolerance), precision
        assert gradients
        assert all(np.isfinite(g).all() for g in gradients), precision


@pytest.mark.parametrize("name", [name for name in test_models_torchvision.CASES if FULL or name == "resnet basic"])
def test_torchvisions_networks(name):
    tv = reference("torchvision", "models")
    torch.manual_seed(0)
    theirs, kind, x = test_models_torchvision.CASES[name](tv)
    shake(theirs)
    sizes = {"alexnet": {"hidden": 64, "classes": 7}, "vgg11": {"depth": 11, "hidden": 64, "classes": 7},
             "vgg16_bn": {"depth": 16, "batch_norm": True, "hidden": 64, "classes": 7},
             "resnet basic": {"block": "basic", "counts": (2, 1, 1, 2), "classes": 11},
             "resnet bottleneck": {"counts": (1, 2, 1, 1), "classes": 11}}
    model = load_state(kind(**sizes[name]), theirs).train()
    theirs.train()
    for module in (*model.modules(), *theirs.modules()):
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    with torch.no_grad():
        wanted = their_loss([theirs(torch.from_numpy(x))])
    assert_same_loss(model, wanted, x)


@pytest.mark.parametrize("name", test_models_convolutional.TWINS)
def test_networks_written_a_second_time_in_torch(name):
    make, twin, shape = test_models_convolutional.TWINS[name]
    tw.manual_seed(0)
    model = make().train()
    x = test_models_convolutional.floats(*shape)
    weights = {n: torch.from_numpy(v.numpy().copy()) for n, v in model.state_dict().items()
               if v.is_floating_point() and "running" not in n}
    assert_same_loss(model, their_loss([twin(weights, torch.from_numpy(x))]), x)


@only_in_full
def test_diffusers_unet():
    theirs = test_models_dense.unet().train()
    model = DDPMUNet(**DDPMUNet.settings_of(published_config(theirs))).train()
    load_state(model, theirs).train()
    x, t = test_models_dense.images(2, 3, 16, 8), test_models_dense.STEPS
    with torch.no_grad():
        wanted = their_loss([theirs(torch.from_numpy(x), torch.from_numpy(t)).sample])
    for module in model.modules():
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    assert_same_loss(model, wanted, x, t)


def published_config(theirs):
    return Checkpoint("memory", {}, dict(theirs.config))


@only_in_full
def test_torchvisions_fcn_with_both_heads():
    tv = reference("torchvision", "models")
    theirs = shake(tv.segmentation.fcn_resnet50(weights=None, weights_backbone=None, num_classes=4, aux_loss=True))
    model = load_state(FCN(50, 4), theirs)
    x = test_models_dense.images(1, 3, 40, 33)
    with torch.no_grad():
        out = theirs(torch.from_numpy(x))
    assert_same_loss(model, their_loss([out["out"], out["aux"]]), x, call=lambda m, x: m.both(x))


@only_in_full
def test_torchvisions_ssd300():
    tv = reference("torchvision", "models", "detection")
    theirs = shake(tv.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=5))
    model = load_state(SSD300(5), theirs)
    x = test_models_dense.images(1, 3, 300, 300)
    with torch.no_grad():
        out = theirs.head(list(theirs.backbone(torch.from_numpy(x)).values()))
    assert_same_loss(model, their_loss([out["bbox_regression"], out["cls_logits"]]), x)
