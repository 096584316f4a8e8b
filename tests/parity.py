"""One network in two libraries: the same weights through a published file, then outputs, gradients and the way back."""

import numpy as np
import torch
from safetensors.torch import save_file

import talweg
from talweg.io import Checkpoint, load_published, read_checkpoint

TOLERANCE = 1e-4


def shake(theirs, seed=0):
    """Random running statistics and biases, so that none of them can be ignored unnoticed."""
    made = torch.Generator().manual_seed(seed)
    for name, value in theirs.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            value.copy_(torch.randn(value.shape, generator=made) * 0.1)
        elif name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=made) + 0.5)
    return theirs.eval()


def written(theirs, folder, config=None):
    """Their weights as a published folder."""
    folder.mkdir(exist_ok=True)
    save_file({n: v.contiguous() for n, v in theirs.state_dict().items()}, folder / "model.safetensors")
    return folder


def assert_close(ours, theirs, message="", tolerance=TOLERANCE):
    """Equal to 1e-4 of the largest value."""
    assert ours.shape == theirs.shape, message
    scale = max(1e-6, float(np.abs(theirs).max()))
    np.testing.assert_allclose(ours / scale, theirs / scale, rtol=0, atol=tolerance, err_msg=message)


def assert_same_outputs(ours, theirs, *inputs, read=lambda out: out, call=None):
    """Outputs of both for the same arrays, in single precision."""
    with talweg.no_grad(), torch.no_grad():
        found = _listed((call or ours)(*(talweg.from_numpy(a) for a in inputs)))
        wanted = _listed(read(theirs(*(torch.from_numpy(a) for a in inputs))))
    assert len(found) == len(wanted)
    for i, (a, b) in enumerate(zip(found, wanted)):
        assert_close(a.numpy(), b.numpy(), f"output {i}")


def assert_same_gradients(ours, theirs, *inputs, read=lambda out: out, layout=None, call=None):
    """Gradients of one loss, a fixed random functional of the outputs, in every parameter, in double precision.

    In single precision the two differ by more than rounding wherever a rectifier's input is within rounding of 0.
    """
    ours, theirs = ours.double(), theirs.double()
    inputs = [a.astype(np.float64) if a.dtype == np.float32 else a for a in inputs]
    found = _listed((call or ours)(*(talweg.from_numpy(a) for a in inputs)))
    wanted = _listed(read(theirs(*(torch.from_numpy(a) for a in inputs))))
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(tuple(out.shape)) for out in found]
    sum((out * talweg.from_numpy(w)).mean() for out, w in zip(found, weights)).backward()
    sum((out * torch.from_numpy(w)).mean() for out, w in zip(wanted, weights)).backward()
    gradients = {name: p.grad.numpy() for name, p in ours.named_parameters() if p.grad is not None}
    gradients = (layout or ours.layouts[0]).written(gradients)
    expected = {name: p.grad.numpy() for name, p in theirs.named_parameters() if p.grad is not None}
    assert gradients.keys() == expected.keys()
    for name, wanted_gradient in expected.items():
        assert_close(gradients[name], wanted_gradient, name, tolerance=1e-6)
    ours.float(), theirs.float()


def assert_written_back(ours, theirs, folder, layout=None):
    """What we save is, name by name and bit by bit, what they published."""
    ours.save_pretrained(folder, layout)
    saved = read_checkpoint(folder).tensors
    wanted = {name: value.numpy() for name, value in theirs.state_dict().items()}
    assert saved.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(saved[name], value, err_msg=name)


def load_state(ours, theirs):
    """Their state into ours, without a file; everything must fit."""
    tensors = {name: value.detach().numpy().copy() for name, value in theirs.state_dict().items()}
    assert load_published(ours, Checkpoint("memory", tensors)).complete
    return ours.eval()


def _listed(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
