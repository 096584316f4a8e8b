"""custom_fwd and custom_bwd: autocast in a Function's backward pass as it was in its forward pass, against PyTorch."""

import numpy as np
import pytest
import torch

import talweg as tw
from talweg.alias.stand_ins import cuda_amp

torch.set_num_threads(1)


def product(t, cast_inputs=None, device="cpu", seen=None):
    """A matrix product of one's own, which notes the dtypes that its two passes compute in."""
    seen = [] if seen is None else seen

    class Product(t.autograd.Function):
        @staticmethod
        @t.amp.custom_fwd(device_type=device, cast_inputs=cast_inputs and getattr(t, cast_inputs))
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            out = a.mm(b)
            seen.append(("forward", str(a.dtype).split(".")[1], str(out.dtype).split(".")[1]))
            return out

        @staticmethod
        @t.amp.custom_bwd(device_type=device)
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            grads = g.to(a.dtype).mm(b.t()), a.t().mm(g.to(a.dtype))
            seen.append(("backward", t.is_autocast_enabled("cpu"), str(grads[0].dtype).split(".")[1]))
            return grads

    return Product, seen


def run(t, cast_inputs, enabled, device="cpu"):
    function, seen = product(t, cast_inputs, device)
    rng = np.random.default_rng(0)
    a, b = (t.from_numpy(rng.normal(size=(4, 4)).astype(np.float32)).requires_grad_() for _ in range(2))
    with t.autocast("cpu", dtype=t.bfloat16, enabled=enabled):
        out = function.apply(a, b)
    out.float().sum().backward()
    return seen, a.grad.numpy(), b.grad.numpy()


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize("cast_inputs", [None, "float32", "float16", "bfloat16"])
def test_both_passes_compute_as_pytorchs(cast_inputs, enabled):
    ours, theirs = run(tw, cast_inputs, enabled), run(torch, cast_inputs, enabled)
    assert ours[0] == theirs[0]
    for mine, their in zip(ours[1:], theirs[1:]):
        np.testing.assert_allclose(mine, their, rtol=2e-2, atol=2e-2)


def test_inputs_in_lists_are_cast_and_doubles_are_not():
    @tw.amp.custom_fwd(device_type="cpu", cast_inputs=tw.float16)
    def forward(ctx, parts, *, more, other):
        return [p.dtype for p in parts], more["x"].dtype, other

    class Context:
        pass

    with tw.autocast("cpu"):
        found = forward(Context(), [tw.ones(1), tw.ones(1).double(), tw.ones(1).long()], more={"x": tw.ones(1)}, other="a")
    assert found == ([tw.float16, tw.float64, tw.int64], tw.float16, "a")


def test_the_names_of_torch_cuda_amp():
    class Context:
        pass

    context = Context()
    assert cuda_amp.custom_fwd(lambda ctx, x: x + 1)(context, 1) == 2
    assert context._fwd_used_autocast is False
    assert cuda_amp.custom_bwd(lambda ctx, g: g * 2)(context, 3) == 6


@pytest.mark.parametrize(("name", "error"), [("nothing", RuntimeError), (3, ValueError)])
def test_names_of_no_device_are_refused(name, error):
    for decorate in (tw.amp.custom_fwd, tw.amp.custom_bwd):
        with pytest.raises(error):
            decorate(device_type=name)
