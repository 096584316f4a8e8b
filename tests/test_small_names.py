"""Names that older code and few scripts use: keywords beside the first, deprecated initialisers, datasets side by side."""

import warnings

import numpy as np
import pytest

import talweg
from talweg import data, nn
from talweg.tensor.generator import fork_rng

torch = pytest.importorskip("torch")

X = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 9.0]]
KEYWORDS = [
    ("split", {"split_size": 1}), ("swapaxes", {"axis0": 0, "axis1": 1}), ("tensor_split", {"sections": 2}),
    ("tensor_split", {"indices": (1,), "dim": 1}), ("hsplit", {"sections": 2}), ("vsplit", {"indices": (1,)}),
]


def values(found):
    return [f.numpy().tolist() for f in found] if isinstance(found, (tuple, list)) else found.numpy().tolist()


@pytest.mark.parametrize(("name", "how"), KEYWORDS)
def test_other_keywords(name, how):
    a, b = talweg.tensor(X), torch.tensor(X)
    if name != "split":  # the function torch.split has no such keyword
        assert values(getattr(talweg, name)(a, **how)) == values(getattr(torch, name)(b, **how))
    assert values(getattr(a, name)(**how)) == values(getattr(b, name)(**how))


def test_a_parameter_under_both_its_names_is_an_error():
    with pytest.raises(TypeError, match="split"):
        talweg.split(talweg.tensor(X), split_size=1, split_size_or_sections=1)


def test_matrices_under_the_names_of_the_torch_module():
    a, b = talweg.tensor([[2.0, 1.0], [1.0, 3.0]]), torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    for name in ("det", "inverse", "matrix_exp", "cholesky_inverse"):
        np.testing.assert_allclose(getattr(talweg, name)(input=a).numpy(), getattr(torch, name)(input=b).numpy(), rtol=1e-5)
    np.testing.assert_allclose(talweg.dot(input=a[0], tensor=a[1]).item(), 5.0)
    assert talweg.promote_types(type1=talweg.int32, type2=talweg.float16) is talweg.float16


def test_backward_and_dropout_by_keyword():
    x = talweg.ones(2, requires_grad=True)
    (x * 2).backward(gradient=talweg.tensor([1.0, 3.0]))
    assert x.grad.tolist() == [2.0, 6.0]
    assert talweg.dropout(x, 0.5, train=False).equal(x)


def test_arange_by_keyword():
    assert talweg.arange(end=3).tolist() == torch.arange(end=3).tolist()
    assert talweg.arange(start=1, end=3, pin_memory=False).tolist() == [1, 2]
    with pytest.raises(TypeError):
        talweg.arange()


def test_asarray():
    x = talweg.tensor([1.0])
    assert talweg.asarray(x) is x
    assert talweg.asarray(x, copy=True) is not x
    assert talweg.asarray(obj=[1, 2], dtype=talweg.float64).dtype is talweg.float64
    assert talweg.asarray([1.0], requires_grad=True).requires_grad
    leaf = talweg.asarray(x, requires_grad=True)
    assert leaf.requires_grad
    assert leaf.is_leaf
    assert not x.requires_grad
    with pytest.raises(ValueError, match="copy"):
        talweg.asarray([1.0], copy=False)


def test_set_grad_enabled_by_keyword():
    with talweg.set_grad_enabled(mode=False):
        assert not talweg.is_grad_enabled()
    assert talweg.is_grad_enabled()


def test_what_a_tensor_says_of_itself():
    a, b = talweg.ones(2), torch.ones(2)
    assert (a.is_cpu, a.name, str(a.layout)) == (b.is_cpu, b.name, str(b.layout).replace("torch", "talweg"))
    assert f"{talweg.tensor(0.5)}" == f"{torch.tensor(0.5)}" == "0.5"
    assert f"{talweg.tensor(0.5):.3f}" == "0.500"
    with pytest.raises(TypeError):
        f"{a:.3f}"
    assert a[talweg.newaxis].shape == (1, 2)


@pytest.mark.parametrize("name", ["constant", "dirac", "kaiming_normal", "kaiming_uniform", "normal", "orthogonal", "sparse",
                                  "uniform", "xavier_normal", "xavier_uniform"])
def test_deprecated_initialisers_warn_and_do_the_same(name):
    arguments = {"constant": (0.5,), "sparse": (0.5,)}.get(name, ())
    shape = (4, 4, 3) if name == "dirac" else (4, 4)
    talweg.manual_seed(0)
    expected = getattr(nn.init, name + "_")(talweg.empty(*shape), *arguments)
    talweg.manual_seed(0)
    x = talweg.empty(*shape)
    with pytest.warns(FutureWarning, match=f"{name}_"):
        assert getattr(nn.init, name)(x, *arguments) is x
    assert x.equal(expected)


def test_the_old_name_of_clipping():
    p = talweg.ones(3, requires_grad=True)
    p.sum().backward()
    with pytest.warns(FutureWarning):
        nn.utils.clip_grad_norm([p], 0.1)
    assert p.grad.norm().item() == pytest.approx(0.1, rel=1e-4)


def test_skip_init():
    assert nn.utils.skip_init(nn.Linear, 2, 3).weight.shape == (3, 2)
    with pytest.raises(RuntimeError, match="Expected a Module"):
        nn.utils.skip_init(int)


def test_a_forked_generator_goes_on_where_it_was():
    talweg.manual_seed(3)
    with fork_rng():
        inside = talweg.rand(3)
    assert talweg.rand(3).equal(inside)
    with fork_rng(enabled=False):
        inside = talweg.rand(3)
    assert not talweg.rand(3).equal(inside)


# --- data
class Stream(data.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


def test_streams_one_after_the_other():
    chain = data.ChainDataset([Stream(2), Stream(3)])
    assert list(chain) == [0, 1, 0, 1, 2]
    assert len(chain) == 5
    with pytest.raises(TypeError, match="IterableDataset"):
        list(data.ChainDataset([data.TensorDataset(talweg.ones(1))]))


def test_datasets_side_by_side():
    a, b = data.TensorDataset(talweg.arange(3)), data.TensorDataset(talweg.arange(3) * 2)
    pair, named = data.StackDataset(a, b), data.StackDataset(x=a, y=b)
    assert (len(pair), pair[2][1][0].item(), named[1]["y"][0].item()) == (3, 4, 2)
    for bad in (lambda: data.StackDataset(), lambda: data.StackDataset(a, y=b),
                lambda: data.StackDataset(a, data.TensorDataset(talweg.ones(2)))):
        with pytest.raises(ValueError, match="StackDataset"):
            bad()


def test_arrays_become_tensors_and_the_rest_stays():
    found = data.default_convert({"a": np.ones(2), "b": [np.float32(3), "text"], "c": 4, "d": np.array(["x"])})
    assert found["a"].equal(talweg.ones(2, dtype=talweg.float64))
    assert found["b"][0].item() == 3
    assert (found["b"][1], found["c"]) == ("text", 4)
    assert isinstance(found["d"], np.ndarray)


# --- out= where it was missing
@pytest.mark.parametrize(("name", "arguments"), [("nansum", ()), ("isin", ([1.0],)), ("nuclear_norm", ())])
def test_out(name, arguments):
    a, b = talweg.tensor(X), torch.tensor(X)
    out = talweg.empty(0, dtype=talweg.bool if name == "isin" else talweg.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = getattr(torch, name)(b, *[torch.tensor(v) for v in arguments])
    found = getattr(talweg, name)(a, *[talweg.tensor(v) for v in arguments], out=out)
    assert found is out
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-5)


def test_copies_of_what_would_share_memory():
    for name, x in (("detach_copy", [1.0, 2.0]), ("view_as_real_copy", [1 + 2j, 3j]), ("view_as_complex_copy", [[1.0, 2.0]])):
        ours, theirs = talweg.tensor(x), torch.tensor(x)
        found, expected = getattr(talweg, name)(ours), getattr(torch, name)(theirs)
        found.mul_(2)
        assert found.numpy().tolist() == (expected * 2).numpy().tolist()
        assert ours.numpy().tolist() == theirs.numpy().tolist()


def test_batch_norms_without_running_statistics_map_over_models():
    def outcome(t):
        t.manual_seed(0)
        net = t.nn.Sequential(t.nn.Linear(4, 4), t.nn.BatchNorm1d(4))
        for p, value in zip(net.parameters(), (np.eye(4) * 2, np.ones(4), np.ones(4) * 3, np.zeros(4))):
            p.data = t.from_numpy(value.astype(np.float32))
        assert t.func.replace_all_batch_norm_modules_(net) is net
        assert net[1].running_mean is None
        assert not net[1].track_running_stats
        x = t.tensor(X)
        params = dict(net.named_parameters())

        def loss(params, x):
            return (t.func.functional_call(net, params, (x,)) ** 2).sum() + (params["0.weight"] ** 2).sum()

        grads = t.func.vmap(t.func.grad(loss), (None, 0))(params, t.stack([x, x * 3]))
        return net(x).detach().numpy(), grads["0.weight"].detach().numpy()

    for ours, theirs in zip(outcome(talweg), outcome(torch)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)


def test_the_old_name_of_a_loss():
    x, t = [[-1.0, -2.0], [-0.5, -1.5]], [0, 1]
    assert isinstance(nn.NLLLoss2d(), nn.NLLLoss)
    ours, theirs = nn.NLLLoss2d()(talweg.tensor(x), talweg.tensor(t)), torch.nn.NLLLoss()(torch.tensor(x), torch.tensor(t))
    assert ours.item() == theirs.item()
