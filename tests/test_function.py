"""Operations with a gradient of the user's own. Each property is first of all true of PyTorch's Function."""

import gc
import types
import weakref

import numpy as np
import pytest
import torch

import talweg

TALWEG = types.SimpleNamespace(Function=talweg.Function, grad=talweg.grad, tensor=talweg.tensor, T=talweg,
                               gradcheck=talweg.gradcheck, gradgradcheck=talweg.gradgradcheck)
TORCH = types.SimpleNamespace(Function=torch.autograd.Function, grad=torch.autograd.grad, tensor=torch.tensor, T=torch,
                              gradcheck=torch.autograd.gradcheck, gradgradcheck=torch.autograd.gradgradcheck)


@pytest.fixture(params=[TALWEG, TORCH], ids=["talweg", "torch"])
def F(request):
    return request.param


def leaf(F, *values, shape=None):
    x = F.tensor(list(values), dtype=F.T.float64)
    return (x if shape is None else x.reshape(shape)).clone().requires_grad_()


def cube(F):
    class Cube(F.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x * x * g

    return Cube


def exponential(F):
    """Saves its output, in the form with setup_context."""

    class Exponential(F.Function):
        @staticmethod
        def forward(x, rate):
            return (x * rate).exp()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.rate = inputs[1]
            ctx.save_for_backward(output)

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y * ctx.rate, None

    return Exponential


def polar(F):
    """Two outputs and two inputs."""

    class Polar(F.Function):
        @staticmethod
        def forward(ctx, x, y):
            r = (x * x + y * y).sqrt()
            angle = F.T.atan2(y, x)
            ctx.save_for_backward(x, y, r)
            return r, angle

        @staticmethod
        def backward(ctx, g_r, g_angle):
            x, y, r = ctx.saved_tensors
            square = r * r
            return g_r * x / r - g_angle * y / square, g_r * y / r + g_angle * x / square

    return Polar


def test_gradients_of_first_and_second_order(F):
    x = leaf(F, 0.5, -1.25, 2.0)
    assert F.gradcheck(cube(F).apply, (x,))
    assert F.gradgradcheck(cube(F).apply, (x,))
    (first,) = F.grad(cube(F).apply(x).sum(), x, create_graph=True)
    (second,) = F.grad(first.sum(), x)
    assert np.allclose(first.detach().numpy(), 3 * x.detach().numpy() ** 2)
    assert np.allclose(second.numpy(), 6 * x.detach().numpy())


def test_third_order_through_a_saved_output(F):
    x = leaf(F, 0.1, -0.3)
    y = exponential(F).apply(x, 2.0)
    for order in range(1, 4):
        (y,) = F.grad(y.sum(), x, create_graph=True)
        assert np.allclose(y.detach().numpy(), 2.0**order * np.exp(2 * x.detach().numpy()))


def test_several_outputs_together_and_alone(F):
    x, y = leaf(F, 0.5, 1.0), leaf(F, 2.0, -0.75)
    assert F.gradcheck(polar(F).apply, (x, y))
    assert F.gradgradcheck(polar(F).apply, (x, y))
    r, angle = polar(F).apply(x, y)
    (alone,) = F.grad(angle.sum(), y, retain_graph=True)
    both = F.grad((r * angle).sum(), [x, y])
    norm = np.hypot(x.detach().numpy(), y.detach().numpy())
    assert np.allclose(alone.numpy(), x.detach().numpy() / norm**2)
    a = np.arctan2(y.detach().numpy(), x.detach().numpy())
    assert np.allclose(both[0].numpy(), a * x.detach().numpy() / norm - y.detach().numpy() / norm)


def test_without_gradients_nothing_is_recorded(F):
    x = leaf(F, 1.0)
    with F.T.no_grad():
        assert not cube(F).apply(x).requires_grad
    assert not cube(F).apply(x.detach()).requires_grad
    assert cube(F).apply(x).requires_grad


def test_needs_input_grad_and_arguments_that_are_no_tensors(F):
    seen = []

    class Scale(F.Function):
        @staticmethod
        def forward(ctx, x, factor, name, y):
            seen.append(ctx.needs_input_grad)
            ctx.factor = factor
            return x * factor + y

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            return g * ctx.factor, None, None, None

    x, y = leaf(F, 1.0, 2.0), F.tensor([1.0, 1.0], dtype=F.T.float64)
    Scale.apply(x, 3, "three", y).sum().backward()
    assert seen == [(True, False, False, False)] * 2
    assert x.grad.tolist() == [3, 3]


def test_none_is_no_gradient(F):
    class OnlyFirst(F.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, None

    x, y = leaf(F, 1.0), leaf(F, 2.0)
    OnlyFirst.apply(x, y).backward()
    assert x.grad.tolist() == [1]
    assert y.grad is None


def test_outputs_marked_as_not_differentiable(F):
    class Sorted(F.Function):
        @staticmethod
        def forward(ctx, x):
            values, order = x.sort()
            ctx.mark_non_differentiable(order)
            ctx.save_for_backward(order)
            return values, order

        @staticmethod
        def backward(ctx, g, _):
            (order,) = ctx.saved_tensors
            return F.T.zeros(g.shape, dtype=g.dtype).scatter(0, order, g)

    x = leaf(F, 3.0, 1.0, 2.0)
    values, order = Sorted.apply(x)
    assert not order.requires_grad
    assert order.tolist() == [1, 2, 0]
    (values * F.tensor([1.0, 10.0, 100.0], dtype=F.T.float64)).sum().backward()
    assert x.grad.tolist() == [100, 1, 10]


@pytest.mark.parametrize("materialize", [True, False])
def test_upstream_of_an_output_that_is_not_used(F, materialize):
    seen = []

    class Two(F.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            seen.append(None if b is None else b.tolist())
            return a

    x = leaf(F, 1.0, 2.0)
    Two.apply(x)[0].sum().backward()
    assert seen == [[0, 0] if materialize else None]
    assert x.grad.tolist() == [1, 1]


def test_a_gradient_that_broadcasts_is_summed_and_takes_the_dtype(F):
    class Add(F.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, y = leaf(F, 1.0, 2.0, 3.0, 4.0, shape=(2, 2)), F.tensor([1.0, 1.0], dtype=F.T.float32).requires_grad_()
    Add.apply(x, y).sum().backward()
    assert y.grad.tolist() == [2, 2]
    assert y.grad.dtype is F.T.float32


def test_an_input_written_in_place(F):
    class Double(F.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(F, 1.0, 2.0)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    z.sum().backward()
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="leaf Variable"):
        Double.apply(leaf(F, 1.0))


def test_a_straight_through_estimator(F):
    class Round(F.Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

        @staticmethod
        def backward(ctx, g):
            return g

    x = leaf(F, 0.4, 1.6)
    (Round.apply(x) * x).sum().backward()
    assert x.grad.tolist() == [0.4 + 0, 1.6 + 2]


def test_going_back_twice_is_refused_once_saved_tensors_are_gone(F):
    y = cube(F).apply(leaf(F, 2.0))
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_a_saved_input_written_over_is_refused(F):
    x = leaf(F, 2.0)
    y = x * 1
    z = cube(F).apply(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def wrong(F, returned):
    class Wrong(F.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return returned(F, g)

    return Wrong


@pytest.mark.parametrize(("returned", "message"), [
    (lambda F, g: g, "incorrect number of gradients"),
    (lambda F, g: (g, None, g), "incorrect number of gradients"),
    (lambda F, g: (g, g), "different than None at position 2"),
    (lambda F, g: (g[:1], None), r"invalid gradient at index 0 - got \[1\] but expected shape compatible with \[2\]"),
])
def test_a_wrong_gradient_is_one_clear_error(F, returned, message):
    with pytest.raises(RuntimeError, match=message):
        wrong(F, returned).apply(leaf(F, 1.0, 2.0), 3).sum().backward()


def test_more_gradients_are_fine_if_they_are_none(F):
    x = leaf(F, 1.0)
    wrong(F, lambda F, g: (g, None, None)).apply(x, 1).sum().backward()
    assert x.grad.tolist() == [1]


def test_misuse_is_refused(F):
    class Nothing(F.Function):
        pass

    with pytest.raises(NotImplementedError, match="forward"):
        Nothing.apply(leaf(F, 1.0))

    class NoWayBack(F.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="backward"):
        NoWayBack.apply(leaf(F, 1.0)).backward()

    class Saver(F.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, 3)
            return x

    with pytest.raises(TypeError, match="can only save variables"):
        Saver.apply(leaf(F, 1.0))


def test_functions_have_no_instances():
    """PyTorch warns that it will come to this."""
    with pytest.raises(RuntimeError, match="should not be instantiated"):
        cube(TALWEG)()


def test_a_gradient_that_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="expected a Tensor or None as the gradient at index 0"):
        wrong(TALWEG, lambda F, g: ("one", None)).apply(leaf(TALWEG, 1.0), 0).backward()


def test_a_dropped_output_is_freed_at_once():
    """A saved output must not keep itself alive."""
    y = exponential(TALWEG).apply(leaf(TALWEG, 1.0), 1.0)
    node = weakref.ref(y.node)
    gc.disable()
    try:
        del y
        talweg.evaluate_pending()
        assert node() is None
    finally:
        gc.enable()


def test_calls_of_one_function_share_their_structure():
    from talweg.graph.key import structural_key

    def key(function, *values):
        return structural_key([function.apply(leaf(TALWEG, *values)).node])[0]

    Cube = cube(TALWEG)
    assert key(Cube, 1.0, 2.0) == key(Cube, 3.0, 4.0)
    assert key(Cube, 1.0, 2.0) != key(cube(TALWEG), 1.0, 2.0)
