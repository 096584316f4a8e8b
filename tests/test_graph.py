"""The graph: its structural key, its text, its verifier, the reverse pass, and what evaluation keeps and drops."""

import gc
import itertools
import traceback
import weakref

import numpy as np
import pytest

import talweg
from talweg.compile.evaluate import evaluate
from talweg.graph import ops
from talweg.graph.key import structural_key
from talweg.graph.leaves import constant, differentiable_leaf, from_array, scalar
from talweg.graph.node import Node
from talweg.graph.reverse import reverse, unbroadcast
from talweg.graph.text import ancestors, to_text
from talweg.graph.verify import verify

F64 = talweg.float64


def array_leaf(*shape, seed=0):
    return from_array(np.random.default_rng(seed).standard_normal(shape))


def variable(*shape, seed=0):
    return differentiable_leaf(array_leaf(*shape, seed=seed))


def value(node) -> np.ndarray:
    evaluate([node])
    return node.value


# --- the structural key
def perceptron(seed=0, shape=(3, 4), factor=2.0, dtype=np.float64, op=ops.tanh):
    x = from_array(np.random.default_rng(seed).standard_normal(shape).astype(dtype))
    w = from_array(np.random.default_rng(seed + 1).standard_normal((shape[-1], 2)).astype(dtype))
    return [ops.scaled(op(ops.matmul(x, w)), factor)]


def test_equal_structures_with_other_values_have_equal_keys():
    (first, a), (second, b) = structural_key(perceptron(seed=0)), structural_key(perceptron(seed=7))
    assert first == second
    assert hash(first) == hash(second)
    assert [n.shape for n in a] == [n.shape for n in b] == [(3, 4), (4, 2)]
    assert a[0].value is not b[0].value


@pytest.mark.parametrize("other", [{"shape": (2, 4)}, {"factor": 3.0}, {"dtype": np.float32}, {"op": ops.sigmoid}])
def test_another_shape_constant_dtype_or_operation_is_another_key(other):
    assert structural_key(perceptron())[0] != structural_key(perceptron(**other))[0]


def test_numbers_that_vary_are_inputs_and_numbers_that_mean_something_are_not():
    def key(make, number):
        return structural_key([ops.mul(array_leaf(2), make(number, F64))])[0]

    assert key(scalar, 0.1) == key(scalar, 0.2)
    assert key(constant, 0.1) != key(constant, 0.2)


def test_who_shares_an_input_is_part_of_the_structure():
    x, y = array_leaf(2), array_leaf(2, seed=1)
    assert structural_key([ops.add(x, x)])[0] != structural_key([ops.add(x, y)])[0]
    assert structural_key([ops.add(x, y), x])[0] != structural_key([ops.add(x, y), y])[0]
    z = ops.neg(x)
    assert structural_key([ops.sub(z, y)])[0] != structural_key([ops.sub(y, z)])[0]


def test_the_order_of_recording_is_not_part_of_the_structure():
    """A constant made long ago, or a batch that a loader made early, changes nothing."""
    x, y = array_leaf(2), array_leaf(3, seed=1)

    def key(first, second):
        return structural_key([ops.sub(first, ops.expand(ops.sum_(second, (0,), False), (3,)))])

    late = array_leaf(3)
    assert key(y, x)[1] == [y, x]
    assert key(late, array_leaf(2))[0] == key(y, x)[0]


def test_a_step_recorded_twice_has_one_key():
    """Learning rates, seeds and step counts are inputs, so every step of training has the structure of the first."""
    keys = []
    w = talweg.ones(3, requires_grad=True)
    for rate in (0.1, 0.05, 0.025):
        loss = ((w * talweg.rand(3)) ** 2).sum()
        (g,) = talweg.grad(loss, w)
        with talweg.no_grad():
            keys.append(structural_key([(w - rate * g).node])[0])
    assert keys[0] == keys[1] == keys[2]


# --- text and verifier
def test_text_names_every_node_once():
    x = variable(2, 3)
    y = ops.sum_(ops.mul(x, x), (1,), False)
    lines = to_text([y]).splitlines()
    assert lines[-3:] == ["%1 = mul(%0, %0) : float64[2,3]  # differentiable",
                          "%2 = sum(%1, dims=(1,), keepdim=False) : float64[2]  # differentiable", "return %2"]


def test_text_of_an_evaluated_graph_ends_at_values():
    x = array_leaf(2)
    y = ops.exp(x)
    z = ops.neg(y)
    value(y)
    assert len(to_text([z]).splitlines()) == 3


def broken(change):
    x = array_leaf(2, 3)
    y = ops.add(x, array_leaf(3, seed=1))
    change(x, y)
    return y


BREAKS = {
    "shape": lambda x, y: setattr(y, "shape", (3, 2)),
    "dtype": lambda x, y: setattr(y, "dtype", talweg.float32),
    "before its input": lambda x, y: setattr(y, "serial", x.serial - 1),
    "inputs": lambda x, y: setattr(y, "inputs", (x,)),
    "without a value": lambda x, y: setattr(x, "value", None),
    "array of shape": lambda x, y: setattr(x, "value", np.zeros(2)),
    "array of dtype": lambda x, y: setattr(x, "value", np.zeros((2, 3), np.float32)),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_the_verifier_finds_what_is_broken(fault):
    verify([broken(lambda x, y: None)])
    with pytest.raises((AssertionError, TypeError), match="gives" if fault in ("shape", "dtype") else fault):
        verify([broken(BREAKS[fault])])


# --- the reverse pass
LINEAR = {
    "sum": lambda x: ops.sum_(x, (0,), False),
    "expand": lambda x: ops.expand(ops.reshape(x, (1, 3, 4)), (2, 3, 4)),
    "permute": lambda x: ops.permute(x, (1, 0)),
    "slice": lambda x: ops.slice_(x, (0, 1), (3, 4), (2, 2)),
    "pad": lambda x: ops.pad(x, (1, 0), (0, 2), 0.0),
    "crop": lambda x: ops.pad(x, (-1, 0), (0, -2), 0.0),
    "flip": lambda x: ops.flip(x, (0, 1)),
    "cumsum": lambda x: ops.cumsum(x, 1),
    "gather": lambda x: ops.gather(x, from_array(np.array([[0, 2, 2, 1]])), 0),
    "index": lambda x: ops.index((x, from_array(np.array([2, 0, 2]))), (0,)),
    "matmul": lambda x: ops.matmul(x, array_leaf(4, 2, seed=3)),
    "avg_pool": lambda x: ops.avg_pool(ops.reshape(x, (1, 3, 4)), (2,), (1,), (1,), False, True, None),
    "conv": lambda x: ops.conv(ops.reshape(x, (1, 3, 4)), array_leaf(2, 3, 2, seed=4), (1,), (1,), (1,), 1),
    "write_slice": lambda x: ops.write_slice(x, ops.slice_(x, (0, 0), (1, 4), (1, 1)), (2, 0), (3, 4), (1, 1)),
    "scatter_add": lambda x: ops.scatter_add(x, from_array(np.array([[1, 1, 0, 2]])), ops.slice_(x, (0, 0), (1, 4), (1, 1)), 0),
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_gradient_of_a_linear_map_is_its_transpose(name):
    """<A x, y> = <x, A' y> for every y, and the same of the gradient's own gradient."""
    x = variable(3, 4)
    out = LINEAR[name](x)
    y = variable(*out.shape, seed=9)
    back = reverse([out], [y])[x]
    assert np.isclose((value(out) * value(y)).sum(), (value(x) * value(back)).sum(), rtol=1e-12)
    again = reverse([back], [x])[y]
    assert np.allclose(value(again), value(out), rtol=1e-12)


def test_the_jacobian_of_a_composition_is_the_product_of_jacobians():
    """J(f . g) = J(f) J(g), layer by layer (N 2.5.3; row 30 of the acceptance list), to 1e-10."""
    layers = [lambda h, i=i, s=s: (h @ talweg.tensor(np.random.default_rng(i).standard_normal(s))).tanh()
              for i, s in enumerate([(4, 5), (5, 3), (3, 6)])]
    x = talweg.tensor(np.random.default_rng(9).standard_normal(4), requires_grad=True)
    whole = jacobian(lambda h: layers[2](layers[1](layers[0](h))), x)
    product = np.eye(4)
    h = x
    for layer in layers:
        product = jacobian(layer, h) @ product
        h = layer(h).detach().requires_grad_()
    assert np.abs(whole - product).max() < 1e-10


def jacobian(function, x) -> np.ndarray:
    """One reverse pass a row."""
    y = function(x)
    return np.stack([talweg.grad(y, x, talweg.tensor(unit), retain_graph=True)[0].numpy() for unit in np.eye(y.numel())])


def test_gradients_add_up_over_every_path():
    x = variable(3)
    y = ops.add(ops.mul(x, x), ops.add(x, ops.neg(ops.scaled(x, 3.0))))
    g = reverse([y, y], [ops.full(1, (3,), y), ops.full(2, (3,), y)])[x]
    assert np.allclose(value(g), 3 * (2 * value(x) - 2))


def test_the_pass_ends_at_stops():
    x = variable(3)
    h = ops.exp(x)
    y = ops.mul(h, h)
    found = reverse([y], [ops.full(1, (3,), y)], stop_at=[h])
    assert set(found) == {h}
    assert np.allclose(value(found[h]), 2 * value(h))


def test_a_long_chain_needs_no_recursion():
    x = variable(2)
    y = x
    for _ in range(20000):
        y = ops.add(y, x)
    assert np.allclose(value(reverse([y], [ops.full(1, (2,), y)])[x]), 20001)


@pytest.mark.parametrize(("wide", "narrow"), [
    ((2, 3), (3,)), ((2, 3), (1, 3)), ((2, 3), (2, 1)), ((2, 3), ()), ((4, 2, 3), (2, 1)), ((2, 3), (2, 3)), ((1, 3), (3,)),
    ((0, 3), (3,)), ((1, 1), ())])
def test_unbroadcast_is_the_transpose_of_broadcasting(wide, narrow):
    g = array_leaf(*wide)
    found = unbroadcast(g, narrow)
    assert found.shape == narrow
    x = np.random.default_rng(5).standard_normal(narrow)
    assert np.isclose((value(found) * x).sum(), (value(g) * np.broadcast_to(x, wide)).sum())


def test_operands_of_two_dtypes_are_refused_below_the_tensors():
    with pytest.raises(TypeError, match="float64 and float32"):
        ops.add(array_leaf(2), from_array(np.zeros(2, np.float32)))


# --- evaluation
def out_of_range():
    """An index that is known only when it is computed."""
    return talweg.arange(3.0)[talweg.tensor([1, 2]) + 2]


def test_an_index_out_of_range_names_the_operation_and_leaves_the_rest_usable():
    x = talweg.ones(3)
    before, bad, after = x + 1, out_of_range(), x * 5
    dependent = bad.exp() + 1
    with pytest.raises(IndexError, match="index 4 is out of bounds for dimension 0 with size 3"):
        bad.tolist()
    assert before.tolist() == [2, 2, 2]
    assert after.tolist() == [5, 5, 5]
    assert (after + before).tolist() == [7, 7, 7]
    for _ in range(2):  # looking again raises again
        with pytest.raises(IndexError, match="index"):
            dependent.tolist()


def test_an_error_is_reported_at_the_first_look_at_anything_and_spoils_nothing_else():
    """What waits is evaluated together, so a look at a good value may report what is wrong with another; once."""
    bad = out_of_range()
    good = talweg.ones(2) * 3
    with pytest.raises(IndexError):
        good.tolist()
    assert good.tolist() == [3, 3]
    with pytest.raises(IndexError):
        bad.tolist()


@pytest.mark.parametrize(("call", "error"), [
    (lambda x: x @ x, RuntimeError), (lambda x: x[7], IndexError), (lambda x: x + talweg.ones(5), RuntimeError),
    (lambda x: x.sum(3), IndexError), (lambda x: x.reshape(5), RuntimeError), (lambda x: talweg.cat([x, x[0]]), RuntimeError)])
def test_errors_of_shape_dtype_and_index_are_raised_at_the_users_line(call, error):
    x = talweg.ones(2, 3)
    with pytest.raises(error) as caught:
        call(x)
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert files.index(__file__) == 0
    assert not any("evaluate" in f for f in files)


def references(count: int, grad: bool):
    """Weak references to the nodes of a chain, and the tensor at its end."""
    x = talweg.ones(3, requires_grad=grad)
    nodes = []
    for _ in range(count):
        x = x.tanh()
        nodes.append(weakref.ref(x.node))
    return nodes, x


def living(nodes) -> int:
    return sum(n() is not None for n in nodes)


@pytest.fixture
def no_collector():
    """Nothing may depend on the garbage collector: memory has to go at once."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_evaluation_lets_go_of_what_no_gradient_needs():
    nodes, x = references(10, grad=False)
    assert living(nodes) == 10
    x.tolist()
    assert living(nodes) == 1
    del x
    assert living(nodes) == 0


@pytest.mark.usefixtures("no_collector")
def test_a_backward_pass_lets_go_of_what_it_went_through():
    nodes, x = references(10, grad=True)
    x.sum().backward()
    assert living(nodes) >= 1
    x.tolist()
    talweg.evaluate_pending()
    assert living(nodes) == 1
    del x
    assert living(nodes) == 0


@pytest.mark.usefixtures("no_collector")
def test_a_graph_that_may_be_differentiated_keeps_what_that_needs_and_dies_with_its_end():
    nodes, x = references(10, grad=True)
    x.tolist()
    assert living(nodes) == 10
    del x
    assert living(nodes) == 0


@pytest.mark.usefixtures("no_collector")
def test_intermediate_values_that_no_gradient_reads_are_dropped():
    """Of x + 1 + 1 + ... the gradient reads nothing."""
    x = talweg.ones(3, requires_grad=True)
    chain = list(itertools.accumulate(range(5), lambda y, _: y + 1, initial=x))
    nodes = [y.node for y in chain[1:]]
    end = chain[-1]
    del chain
    end.sum().backward()
    assert end.tolist() == [6, 6, 6]
    assert x.grad.tolist() == [1, 1, 1]
    assert sum(n.value is not None for n in nodes) == 1


def test_a_shared_value_is_computed_once(monkeypatch):
    from talweg.compile import evaluate as module

    calls = []
    compute = module.compute
    monkeypatch.setattr(module, "compute", lambda node, arrays: calls.append(node.op.name) or compute(node, arrays))
    y = talweg.ones(3).exp()
    z = y * y + y
    (z.sum() + z.prod()).item()
    assert calls.count("exp") == 1
    z.tolist()
    assert calls.count("mul") == 1


def test_recording_computes_nothing(monkeypatch):
    from talweg.compile import evaluate as module

    monkeypatch.setattr(module, "compute", lambda *_: pytest.fail("something was computed"))
    x = talweg.ones(3, 3)
    y = (x @ x).softmax(-1).sum()
    assert y.shape == ()
    assert isinstance(y.node, Node)
    assert len(ancestors([y.node])) > 3
    talweg.tensor(0.0)
    del x, y


def test_constants_that_compare_equal_or_to_nothing_keep_their_own_keys():
    zero, minus, nan = (constant(v, talweg.float32) for v in (0.0, -0.0, float("nan")))
    assert np.signbit(minus.value)
    assert not np.signbit(zero.value)
    assert structural_key([ops.neg(zero)])[0] != structural_key([ops.neg(minus)])[0]
    assert constant(float("nan"), talweg.float32) is nan
    assert structural_key([ops.neg(nan)])[0] == structural_key([ops.neg(nan)])[0]
