"""Functions of functions (grad, vmap, Jacobians), autograd.functional and anomaly detection: against PyTorch."""

import inspect
import warnings

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import func, nn

torch.set_num_threads(1)


def given(*shapes, dtype=np.float64):
    """The same numbers in both libraries."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(dtype) for s in shapes]
    return [tw.tensor(a) for a in arrays], [torch.tensor(a) for a in arrays]


def close(ours, theirs):
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            close(a, b)
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for k in theirs:
            close(ours[k], theirs[k])
    else:
        assert tuple(ours.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-11)


# One function for each family of operations: what vmap must carry a batch through.
MAPPED = {
    "pointwise": (lambda t, x: (x.sin() * 2 + x.exp()).clamp(-1, 1), [(5, 3)]),
    "broadcast": (lambda t, x, y: x[:, None] * y + x.sum(), [(5, 3), (5, 4)]),
    "shared": (lambda t, x, y: x @ y, [(5, 3), (5, 3, 2)]),
    "reduce": (lambda t, x: x.sum(0) + x.amax(1).sum() + x.mean(-1).var(), [(5, 3, 3)]),
    "argmax": (lambda t, x: x.argmax(0), [(5, 3, 4)]),
    "cumulative": (lambda t, x: x.cumsum(0) + x.cumprod(-1), [(5, 3, 4)]),
    "sort": (lambda t, x: x.sort(-1)[0], [(5, 3, 4)]),
    "shape": (lambda t, x: x.reshape(6).flip(0).unsqueeze(1).expand(6, 2).t()[:, 1:5:2], [(5, 2, 3)]),
    "join": (lambda t, x, y: t.cat([x, y, x], 0).roll(1, 0), [(5, 2), (5, 3)]),
    "pad": (lambda t, x: t.nn.functional.pad(x, (1, 2)), [(5, 2, 3)]),
    "softmax": (lambda t, x: x.softmax(-1) + x.log_softmax(0) + x.logsumexp(1, keepdim=True), [(5, 3, 4)]),
    "layers": (lambda t, x: t.nn.functional.gelu(t.nn.functional.layer_norm(x, (4,))), [(5, 3, 4)]),
    "index": (lambda t, x: x[:, t.tensor([0, 2, 2])] + x[t.tensor([1, 0, 1]), 1:4], [(5, 3, 4)]),
    "gather": (lambda t, x: x.gather(1, x.argsort(1)), [(5, 3, 4)]),
    "matmul": (lambda t, x, y: x @ y @ x, [(5, 3, 3), (5, 3, 3)]),
    "conv": (lambda t, x, w: t.nn.functional.conv2d(x, w, padding=1), [(3, 2, 4, 5, 5), (3, 6, 4, 3, 3)]),
    "pool": (lambda t, x: t.nn.functional.max_pool2d(x, 2) + t.nn.functional.avg_pool2d(x, 2), [(3, 2, 4, 6, 6)]),
    "where": (lambda t, x: t.where(x > 0, x, -x), [(5, 3)]),
    "number": (lambda t, x: x * 2, [(5,)]),
    "nothing": (lambda t, x: x * 2, [(0, 3)]),
    "constant": (lambda t, x: t.ones(2, dtype=t.float64), [(5, 3)]),
    "write": (lambda t, x: x.clone().mul_(2)[0], [(5, 3)]),
}


@pytest.mark.parametrize("name", MAPPED)
def test_vmap_is_the_function_of_each_example(name):
    function, shapes = MAPPED[name]
    ours, theirs = given(*shapes)
    close(func.vmap(lambda *x: function(tw, *x))(*ours), torch.func.vmap(lambda *x: function(torch, *x))(*theirs))


@pytest.mark.parametrize("name", ["pointwise", "shared", "reduce", "softmax", "layers", "index", "gather", "conv", "pool"])
def test_gradients_go_through_vmap_and_vmap_through_gradients(name):
    function, shapes = MAPPED[name]
    ours, theirs = given(*shapes)
    found = []
    for t, f, x in ((tw, func, ours), (torch, torch.func, theirs)):
        def loss(*xs, t=t):
            return (function(t, *xs) ** 2).sum()

        def whole(*xs, f=f, loss=loss):
            return f.vmap(loss)(*xs).sum()

        found.append((f.grad(whole)(*x), f.vmap(f.grad(loss))(*x)))
    close(*found)


@pytest.mark.parametrize(("in_dims", "out_dims"), [(0, 0), ((1, 0), 1), ((None, 0), -1), ((0, None), 0), ((-1, 0), 0)])
def test_dimensions_of_the_batch(in_dims, out_dims):
    ours, theirs = given((4, 4), (4, 4))
    both = [f.vmap(lambda x, y: x * y + x.sum(), in_dims=in_dims, out_dims=out_dims)(*v)
            for f, v in ((func, ours), (torch.func, theirs))]
    close(*both)


def test_nests_chunks_and_named_arguments():
    ours, theirs = given((5, 3), (5, 2))
    found = []
    for f, (x, y) in ((func, ours), (torch.func, theirs)):
        def both(d, k=None):
            return {"a": d["x"] * 2, "b": (d["y"].sum(), d["x"] + k)}

        found.append([f.vmap(both, chunk_size=c)({"x": x, "y": y}, k=x) for c in (None, 2)])
        found[-1].append(f.vmap(lambda a, f=f: f.vmap(lambda b: a.sum() * b)(a))(x))
    close(*found)


def test_random_numbers_in_a_mapped_function():
    x = tw.zeros(4, 100)
    with pytest.raises(RuntimeError, match="randomness"):
        func.vmap(lambda v: v + tw.rand(100))(x)
    same = func.vmap(lambda v: v + tw.rand(100), randomness="same")(x)
    different = func.vmap(lambda v: v + tw.rand(100), randomness="different")(x)
    assert (same[0] == same[3]).all().item()
    assert (different[0] != different[3]).any().item()


@pytest.mark.parametrize(("call", "error"), [
    (lambda f, x: f.vmap(lambda v: v, in_dims=3)(x), ValueError), (lambda f, x: f.vmap(lambda v: v, in_dims=None)(x), ValueError),
    (lambda f, x: f.vmap(lambda v: v)(), ValueError), (lambda f, x: f.vmap(lambda v, w: v)(x, x[:2]), ValueError),
    (lambda f, x: f.vmap(lambda v: 3)(x), ValueError), (lambda f, x: f.vmap(lambda v: v.sum().item())(x), RuntimeError),
    (lambda f, x: f.vmap(lambda v: v, randomness="none")(x), RuntimeError), (lambda f, x: f.vmap(lambda v: v)(3.0), ValueError),
    (lambda f, x: f.grad(lambda v: v)(x), RuntimeError), (lambda f, x: f.grad(lambda v: v.sum(), argnums=2)(x), RuntimeError),
    (lambda f, x: f.jvp(lambda v: v, (x,), (x[:2],)), RuntimeError), (lambda f, x: f.vjp(lambda v: v, x)[1](x[:2]), RuntimeError),
    (lambda f, x: f.vmap(lambda v: v, chunk_size=0)(x), ValueError),
])
def test_bad_calls_raise_pytorchs_errors(call, error):
    for f, x in ((func, tw.ones(4, 3)), (torch.func, torch.ones(4, 3))):
        with pytest.raises(error):
            call(f, x)


DERIVED = {
    "grad": lambda f, g, x, y: f.grad(lambda a, b: g(a, b).sum(), argnums=(0, 1))(x, y),
    "value": lambda f, g, x, y: f.grad_and_value(lambda a: (g(a, y).sum(), a * 2), has_aux=True)(x),
    "vjp": lambda f, g, x, y: f.vjp(g, x, y)[1](g(x, y)),
    "jvp": lambda f, g, x, y: f.jvp(g, (x, y), (x, y)),
    "linearize": lambda f, g, x, y: f.linearize(lambda a: g(a, y), x)[1](y),
    "jacrev": lambda f, g, x, y: f.jacrev(g, argnums=(0, 1))(x, y),
    "jacfwd": lambda f, g, x, y: f.jacfwd(g)(x, y),
    "hessian": lambda f, g, x, y: f.hessian(lambda a: (g(a, y) ** 2).sum())(x),
    "third": lambda f, g, x, y: f.grad(lambda a: f.grad(lambda b: f.grad(lambda c: g(c, y).sum())(b).sum())(a).sum())(x),
    "dict": lambda f, g, x, y: f.jacrev(lambda d: {"out": g(d["a"], d["b"])})({"a": x, "b": y}),
    "batched": lambda f, g, x, y: f.vmap(f.jacrev(lambda a: a.sin() * a.sum()))(x),
    "forward batched": lambda f, g, x, y: f.vmap(f.jacfwd(lambda a: a.sin() * a.sum()))(x),
}


@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_are_pytorchs(name):
    ours, theirs = given((3, 3), (3, 3))
    function = lambda a, b: (a @ b).tanh() * a
    close(DERIVED[name](func, function, *ours), DERIVED[name](torch.func, function, *theirs))


def test_row_37_the_jacobian_of_a_linear_layer_is_its_weight():
    (x, w, b), _ = given((4,), (3, 4), (3,))
    layer = lambda x: tw.nn.functional.linear(x, w, b)
    for jacobian in (func.jacrev(layer)(x), func.jacfwd(layer)(x), tw.autograd.functional.jacobian(layer, x)):
        np.testing.assert_allclose(jacobian.numpy(), w.numpy(), rtol=0, atol=1e-12)
    v, u = tw.ones(4, dtype=tw.float64), tw.ones(3, dtype=tw.float64)
    np.testing.assert_allclose(func.jvp(layer, (x,), (v,))[1].numpy(), w.numpy().sum(1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(func.vjp(layer, x)[1](u)[0].numpy(), w.numpy().sum(0), rtol=0, atol=1e-12)
    assert not func.hessian(lambda x: layer(x).sum())(x).numpy().any()


@pytest.mark.parametrize("jacobian", [func.jacrev, func.jacfwd], ids=["jacrev", "jacfwd"])
def test_row_37_the_jacobian_of_a_composition_is_the_product(jacobian):
    """J_(f o g)(x) = J_f(g(x)) J_g(x) (N eq. 2.5.2)."""
    (x, w, m), _ = given((4,), (5, 4), (3, 5))
    g = lambda x: (w @ x).tanh() * x.sum()
    f = lambda y: (m @ y.exp()).sin()
    whole = jacobian(lambda x: f(g(x)))(x).numpy()
    product = jacobian(f)(g(x)).numpy() @ jacobian(g)(x).numpy()
    np.testing.assert_allclose(whole, product, rtol=0, atol=1e-12 * np.abs(product).max())
    batch = tw.stack([x, 2 * x, -x])
    each = func.vmap(jacobian(lambda x: f(g(x))))(batch).numpy()
    np.testing.assert_allclose(each[0], whole, rtol=0, atol=1e-12 * np.abs(product).max())


def test_row_37_the_hessian_of_a_quadratic_is_its_matrix():
    (x, a), _ = given((4,), (4, 4))
    found = func.hessian(lambda x: x @ a @ x / 2)(x).numpy()
    np.testing.assert_allclose(found, (a.numpy() + a.numpy().T) / 2, rtol=0, atol=1e-12)


def test_results_have_a_history_only_outside():
    x = tw.ones(3, dtype=tw.float64)
    w = tw.ones(3, dtype=tw.float64, requires_grad=True)
    assert not func.grad(lambda v: (v**2).sum())(x).requires_grad
    outer = func.grad(lambda v: (w * v**2).sum())(x)
    outer.sum().backward()
    assert w.grad.tolist() == [2, 2, 2]


def test_ensembles_by_stacked_states():
    models = [nn.Linear(3, 2) for _ in range(4)]
    x = tw.randn(5, 3)
    parameters, buffers = func.stack_module_state(models)
    assert buffers == {}
    found = func.vmap(lambda p: func.functional_call(models[0], p, (x,)))(parameters)
    for i, model in enumerate(models):
        np.testing.assert_allclose(found[i].detach().numpy(), model(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(RuntimeError):
        func.stack_module_state([])


@pytest.mark.parametrize("name", ["jacobian", "hessian", "vjp", "jvp", "hvp", "vhp"])
def test_autograd_functional(name):
    (x, y), (u, v) = given((3, 2), (3, 2))
    scalar = name in ("hessian", "hvp", "vhp")
    found = []
    for library, a, b in ((tw, x, y), (torch, u, v)):
        call = getattr(library.autograd.functional, name)

        def g(a, b):
            return (a.exp() * b).sum() if scalar else (a.exp() * b).sum(0)

        extra = {"v": g(a, b)} if name == "vjp" else {} if name in ("jacobian", "hessian") else {"v": (a, b)}
        found.append(call(g, (a, b), **extra))
        assert "create_graph" in inspect.signature(call).parameters
        with pytest.raises(RuntimeError):
            call(lambda a, b: a.sum(), (a, b), strict=True, **({} if name == "vjp" else extra))
    close(*found)


def test_anomaly_detection_names_the_forward_line():
    x = tw.tensor([0.0, 1.0], requires_grad=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError, match="nan") as caught, tw.autograd.detect_anomaly():  # noqa: PT012
            y = x.sqrt()  # the line at fault
            (y * 0).sum().backward()
    assert "y = x.sqrt()  # the line at fault" in str(caught.value)
    assert any("the line at fault" in str(w.message) for w in told)
    assert not tw.autograd.is_anomaly_enabled()
    (x.sqrt() * 0).sum().backward()
    assert np.isnan(x.grad.numpy()[0])
