"""The mutable box: views, in-place writes, `.data`, `.grad`, requires_grad, against PyTorch."""

import gc

import numpy as np
import programs
import pytest
import torch

import talweg

# Where PyTorch decides by how a tensor came to be rather than by what it is: a view made before its base had a
# history counts as a leaf there when it is written to, and here as the view of a computed tensor that it is.
QUIRK = "a leaf Variable that requires grad is being used in an in-place operation."


@pytest.mark.parametrize("block", range(10))
@pytest.mark.parametrize("length", [6, 14, 30])
def test_random_programs_agree_with_pytorch(block, length):
    compared = 0
    for seed in range(block * 30, block * 30 + 30):
        steps = programs.draw(1000 * length + seed, length)
        theirs, ours = programs.run(torch, steps), programs.run(talweg, steps)
        if len(theirs.messages) > len(ours.messages) and QUIRK in theirs.messages:
            continue
        difference = programs.differences(ours.trace, theirs.trace)
        assert difference is None, f"seed {1000 * length + seed}, length {length}: {difference}"
        compared += 1
    assert compared >= 20


@pytest.fixture(params=[talweg, torch], ids=["talweg", "torch"])
def T(request):
    """Each property below is first of all true of PyTorch."""
    return request.param


def test_a_write_to_a_view_shows_in_the_base_and_in_every_other_view(T):
    base = T.zeros(3, 4)
    row, column = base[1], base[:, 2]
    row.add_(1)
    column.mul_(5)
    assert base.tolist() == [[0, 0, 0, 0], [1, 1, 5, 1], [0, 0, 0, 0]]
    assert row.tolist() == [1, 1, 5, 1]


def test_views_outlive_their_base(T):
    part = T.arange(6.0).view(2, 3)[1]
    gc.collect()
    part[0] = 9
    assert part.tolist() == [9, 4, 5]


def test_transpose_shares_memory_and_costs_nothing(T):
    x = T.zeros(10, 20)
    assert x.T.data_ptr() == x.data_ptr()
    assert x[1].data_ptr() != x.data_ptr()
    assert x.T.stride() == (1, 20)
    assert x[2:, ::3].storage_offset() == 40


def test_gradients_flow_through_a_write(T):
    x = T.ones(3, requires_grad=True)
    y = T.zeros(2, 3)
    y[0] = x * 2
    y[1] = x[0]
    (y * y).sum().backward()
    assert x.grad.tolist() == [8 + 6, 8, 8]


def test_an_overwritten_value_that_a_gradient_needs_is_refused(T):
    x = T.ones(3, requires_grad=True)
    y = x.exp()
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_an_overwritten_value_that_no_gradient_needs_is_fine(T):
    x = T.ones(3, requires_grad=True)
    y = x + 1
    z = y + 1
    y.mul_(2)
    z.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_an_in_place_function_may_need_the_value_it_overwrites(T):
    x = T.ones(3, requires_grad=True)
    y = x * 2
    y.sin_()
    y.exp_()
    y.sum().backward()
    assert np.allclose(x.grad.numpy(), 2 * np.exp(np.sin(2)) * np.cos(2))


def test_data_goes_round_the_version_check(T):
    w = T.ones(2, requires_grad=True)
    loss = (w * w).sum()
    w.data.mul_(3)
    loss.backward()
    assert w.requires_grad
    assert w.tolist() == [3, 3]


def test_a_leaf_written_by_data_is_still_the_one_that_was_used(T):
    w = T.ones(2, requires_grad=True)
    loss = (w * 3).sum()
    w.data.mul_(3)
    loss = loss + w.sum()
    grad = talweg.grad if T is talweg else T.autograd.grad
    assert grad(loss, w, retain_graph=True)[0].tolist() == [4, 4]
    loss.backward(inputs=[w])
    assert w.grad.tolist() == [4, 4]


def test_writes_to_leaves_are_refused_but_under_no_grad(T):
    w = T.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        w.add_(1)
    with pytest.raises(RuntimeError, match="leaf"):
        w[0] = 3
    with T.no_grad():
        w.add_(1)
        w[0] = 7
    assert w.is_leaf
    assert w.requires_grad
    assert w.tolist() == [7, 2]


def test_gradients_accumulate_into_the_same_tensor(T):
    w = T.ones(2, requires_grad=True)
    (w * 3).sum().backward()
    kept = w.grad
    (w * 4).sum().backward()
    assert kept is w.grad
    assert kept.tolist() == [7, 7]


def test_a_view_may_be_a_leaf(T):
    base = T.zeros(4)
    w = base[1:].requires_grad_()
    (w * 2).sum().backward()
    with T.no_grad():
        w.sub_(w.grad)
    assert w.is_leaf
    assert w.requires_grad
    assert base.tolist() == [0, -2, -2, -2]
    assert not base.requires_grad


def test_detached_tensors_share_values_both_ways_and_no_history(T):
    x = T.ones(3, requires_grad=True)
    y = x * 2
    d = y.detach()
    part = d[:2]
    part.mul_(5)
    assert y.tolist() == [10, 10, 2]
    with T.no_grad():
        y.add_(1)
    assert d.tolist() == [11, 11, 3]
    assert part.tolist() == [11, 11]
    assert not part.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_assigning_data_keeps_the_leaf(T):
    w = T.ones(2, requires_grad=True)
    other = T.zeros(2)
    w.data = other
    other.add_(5)
    assert w.requires_grad
    assert w.is_leaf
    assert w.tolist() == [5, 5]


def test_a_write_of_the_wrong_shape_or_kind_is_refused(T):
    x = T.zeros(2, 3)
    with pytest.raises(RuntimeError, match="shape|size"):
        x[0] = T.zeros(2)
    with pytest.raises(RuntimeError, match="broadcast shape|match"):
        T.zeros(3).add_(x)
    with pytest.raises(RuntimeError, match="cast"):
        T.zeros(3, dtype=T.int64).add_(1.5)
    with pytest.raises(RuntimeError, match="single memory location"):
        T.zeros(1).expand(3).add_(1)


def test_a_whole_tensor_written_to_itself(T):
    x = T.arange(4.0)
    x[:] = x.flip(0)
    x[1:] = x[:-1].clone()
    assert x.tolist() == [3, 3, 2, 1]


def test_a_long_chain_of_writes_does_not_grow():
    """Each step's history is dropped when it is evaluated: parameters updated for ever keep constant memory."""
    w = talweg.zeros(4, requires_grad=True)
    for _ in range(300):
        ((w - 1) ** 2).sum().backward()
        with talweg.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
        w.sum().item()
    assert w.node.inputs == ()
    assert np.allclose(w.detach().numpy(), 1, atol=1e-6)


def test_ten_thousand_recordings_nobody_looks_at_are_evaluated_on_the_way():
    x = talweg.zeros(3)
    for _ in range(20000):
        x = x + 1
    assert x.tolist() == [20000.0] * 3
