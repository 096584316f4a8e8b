"""What packages written for PyTorch ask of it beside tensors and layers, under the alias, against PyTorch itself."""

import math
import os
import sys

import numpy as np
import pytest
import torch

import talweg as tw
from talweg.alias import finder
from talweg.alias.stand_ins import flex_attention as flex
from talweg.alias.stand_ins import foreach, hub, library, ops, pytree
from talweg.data import DataLoader, Dataset, Sampler
from talweg.tensor.sparse import SparseTensor, sparse_coo_tensor, sparse_mm

torch.set_num_threads(1)


@pytest.fixture
def alias():
    """The name torch is Talweg's for the time of a test."""
    aside = {n: sys.modules.pop(n) for n in list(sys.modules) if n == "torch" or n.startswith("torch.")}
    with finder.answering():
        yield __import__("torch")
    sys.modules.update(aside)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Devices


def test_devices_can_be_named_and_compared():
    assert tw.device("cuda", 1) == tw.device("cuda:1") != tw.device("cuda")
    assert (str(tw.device("mps")), repr(tw.device("cuda:0"))) == ("mps", repr(torch.device("cuda:0")))
    with tw.device("cpu"):
        assert tw.zeros(2).device == tw.device("cpu")


@pytest.mark.parametrize("name", ["nothing", "cuda:x", "cuda:", "", "cpu:1:2", 0])
def test_names_of_no_device_are_refused(name):
    with pytest.raises(RuntimeError):
        torch.device(name)
    with pytest.raises(RuntimeError):
        tw.device(name)


@pytest.mark.parametrize("put", [
    lambda t, d: t.zeros(2, device=d), lambda t, d: t.zeros(2).to(d), lambda t, d: t.nn.Linear(1, 1).to(d),
    lambda t, d: t.nn.Linear(1, 1, device=d), lambda t, d: t.zeros(2).cuda(), lambda t, d: t.nn.Linear(1, 1).cuda(),
])
def test_putting_a_tensor_on_a_device_that_is_not_there(put):
    with pytest.raises(AssertionError, match="CUDA"):
        put(torch, "cuda")
    with pytest.raises(AssertionError, match="not compiled with CUDA"):
        put(tw, "cuda")


# Nests


def nests():
    from collections import OrderedDict, namedtuple

    Pair = namedtuple("Pair", "a b")
    return [3, [], (1, [2, {"b": 3, "a": (4,)}]), Pair(1, [2]), OrderedDict(z=1, a=[2, 3]), {"k": None}]


@pytest.mark.parametrize("which", range(6))
def test_nests_come_apart_as_in_pytorch(which):
    import torch.utils._pytree as theirs

    nest = nests()[which]
    leaves, spec = pytree.tree_flatten(nest)
    assert leaves == theirs.tree_flatten(nest)[0]
    assert pytree.tree_unflatten(leaves, spec) == nest
    assert spec.num_leaves == theirs.tree_flatten(nest)[1].num_leaves
    assert pytree.tree_map(str, nest) == theirs.tree_map(str, nest)


def test_nests_of_a_class_of_ones_own():
    class Box:
        def __init__(self, held):
            self.held = held

    assert pytree.tree_leaves([Box(1)])[0].held == 1
    pytree.register_pytree_node(Box, lambda b: ([b.held], None), lambda values, _: Box(*values))
    try:
        assert pytree.tree_map(lambda x: x + 1, Box([1, 2])).held == [2, 3]
        with pytest.raises(ValueError, match="registered already"):
            pytree.register_pytree_node(Box, None, None)
    finally:
        del pytree.SUPPORTED_NODES[Box]


def test_nests_of_different_shapes_are_refused():
    assert pytree.tree_map(lambda a, b: a + b, [1, (2,)], [10, (20,)]) == [11, (22,)]
    for other in ([1], [1, 2], {"a": 1}, (1, (2,))):
        with pytest.raises(ValueError, match="shape"):
            pytree.tree_map(lambda a, b: a, [1, (2,)], other)
    with pytest.raises(ValueError, match="2 leaves, got 1"):
        pytree.tree_unflatten([1], pytree.tree_structure([1, 2]))
    assert pytree.tree_map_only(int, lambda x: -x, [1, "a", 2.5]) == [-1, "a", 2.5]


# Lists of tensors


@pytest.mark.parametrize(("name", "arguments"), [
    ("add", (2.0,)), ("add", ("list",)), ("mul", ("list",)), ("div", (3,)), ("sqrt", ()), ("neg", ()), ("abs", ()),
    ("lerp", ("list", 0.3)), ("addcmul", ("list", "list")), ("addcdiv", ("list", "list")), ("maximum", ("list",)),
    ("clamp_min", (0.5,)), ("pow", (2,)), ("sign", ()), ("reciprocal", ()),
])
def test_operations_on_lists(name, arguments):
    def called(t, suffix):
        lists = [[t.tensor(np.abs(drawn(3, 2, seed=s)) + 0.1), t.tensor(np.abs(drawn(4, seed=s)) + 0.1)] for s in range(3)]
        given = [lists[i + 1] if a == "list" else a for i, a in enumerate(arguments)]
        function = getattr(torch if t is torch else foreach, f"_foreach_{name}{suffix}")
        found = function(lists[0], *given)
        return [x.numpy() for x in (lists[0] if suffix else found)]

    for suffix in ("", "_"):
        for ours, theirs in zip(called(tw, suffix), called(torch, suffix)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(RuntimeError, match="same number of tensors"):
        foreach._foreach_add([tw.ones(1)], [tw.ones(1)] * 2)
    with pytest.raises(RuntimeError, match="at least one"):
        foreach._foreach_sqrt([])
    groups = foreach._group_tensors_by_device_and_dtype([[tw.ones(1), tw.ones(1).double(), tw.ones(1)]], True)
    assert sorted(indices for _, indices in groups.values()) == [[0, 2], [1]]


# Attention whose scores are functions


def bias(score, b, h, q, k):
    return score + (k - q) * (h + 1) * 0.1


def causal(b, h, q, k):
    return q >= k


@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_flex_attention_is_attention_with_these_scores(heads, masked):
    arrays = [drawn(2, 4, 7, 8), drawn(2, heads, 7, 8, seed=1), drawn(2, heads, 7, 8, seed=2)]

    def ours(q, k, v):
        mask = flex.create_block_mask(causal, None, None, 7, 7) if masked else None
        return flex.flex_attention(q, k, v, score_mod=bias, block_mask=mask, enable_gqa=heads != 4)

    def theirs(q, k, v):  # PyTorch's own has no backward pass on the CPU
        at = torch.arange(7)
        table = bias(0.0, 0, torch.arange(4)[:, None, None], at[:, None], at).expand(1, 4, 7, 7)
        table = table.masked_fill(at[:, None] < at, -math.inf) if masked else table
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, table, enable_gqa=heads != 4)

    def run(t, attention):
        q, k, v = [t.tensor(a, requires_grad=True) for a in arrays]
        out = attention(q, k, v)
        (out * t.arange(8)).sum().backward()
        return [x.detach().numpy() for x in (out, q.grad, k.grad, v.grad)]

    for found, expected in zip(run(tw, ours), run(torch, theirs)):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def test_a_row_that_may_look_at_nothing_is_zero():
    q = tw.tensor(drawn(1, 1, 3, 4), requires_grad=True)
    mask = flex.create_block_mask(lambda b, h, i, j: (i > 0) & (j < i), None, None, 3, 3)
    out, aux = flex.flex_attention(q, q, q, block_mask=mask, return_aux=flex.AuxRequest(lse=True))
    out.sum().backward()
    assert out[0, 0, 0].tolist() == [0.0] * 4
    assert aux.lse[0, 0, 0].item() == -math.inf
    assert tw.isfinite(q.grad).all().item()


def test_flex_attention_refuses_what_does_not_fit():
    q = tw.ones(1, 4, 3, 2)
    with pytest.raises(ValueError, match="enable_gqa"):
        flex.flex_attention(q, tw.ones(1, 2, 3, 2), tw.ones(1, 2, 3, 2))
    with pytest.raises(ValueError, match="positions"):
        flex.flex_attention(q, q, q, block_mask=flex.create_block_mask(causal, None, None, 5, 5))


# Tensors by their places


def coo(t, make):
    indices = t.tensor([[0, 2, 0], [1, 0, 1]])
    values = t.tensor([1.0, -2.0, 4.0], requires_grad=True)
    return values, make(indices, values, (3, 2))


def test_sparse_tensors_have_pytorchs_places_values_and_gradients():
    (ours, a), (theirs, b) = coo(tw, sparse_coo_tensor), coo(torch, torch.sparse_coo_tensor)
    b = b.coalesce()
    assert a.is_sparse
    assert (a.indices().tolist(), a.values().tolist()) == (b.indices().tolist(), b.values().tolist())
    assert a.to_dense().tolist() == b.to_dense().tolist()
    x = drawn(2, 5)
    (sparse_mm(a, tw.tensor(x)) ** 2).sum().backward()
    (torch.sparse.mm(b, torch.tensor(x)) ** 2).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-5)


def test_dense_tensors_tell_their_places():
    dense = np.array([[0, 3, 0], [1, 0, 0]], np.float32)
    ours, theirs = tw.tensor(dense).to_sparse(), torch.tensor(dense).to_sparse()
    assert isinstance(ours, SparseTensor)
    assert (ours.indices().tolist(), ours._nnz()) == (theirs.indices().tolist(), theirs._nnz())
    layer = tw.nn.Module()
    layer.register_buffer("heads", ours, persistent=False)
    assert layer.heads.indices().tolist() == theirs.indices().tolist()


def test_bad_places_are_refused():
    with pytest.raises(RuntimeError, match="do not fit"):
        sparse_coo_tensor([[0, 1]], [1.0], (3,))
    with pytest.raises(IndexError):
        sparse_coo_tensor([[7]], [1.0], (3,)).to_dense().tolist()
    with pytest.raises(RuntimeError, match="sparse_dim"):
        tw.ones(2, 2).to_sparse(3)
    with pytest.raises(NotImplementedError):
        sparse_mm(tw.ones(1, 1), tw.ones(1, 1), "amax")


# Subclasses, parts, layers


def test_a_tensor_as_a_subclass_shares_memory_and_history():
    class Image(tw.Tensor):
        pass

    x = tw.ones(3, requires_grad=True)
    image = (x * 2).as_subclass(Image)
    assert type(image) is Image
    image.sum().backward()
    assert x.grad.tolist() == [2.0] * 3
    plain = tw.zeros(2)
    plain.as_subclass(Image)[0] = 5
    assert plain.tolist() == [5.0, 0.0]
    with pytest.raises(TypeError, match="subclass of Tensor"):
        plain.as_subclass(int)


def test_a_detached_part_is_laid_out_anew_within_itself():
    def parts(t):
        x = t.arange(12.0).reshape(3, 4)[1].detach().requires_grad_(True)
        y = t.as_strided(x, (2, 2), (2, 1), 4)
        (y * t.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
        return y.tolist(), x.grad.tolist()

    assert parts(tw) == parts(torch)
    with pytest.raises(RuntimeError, match="beyond itself"):
        tw.arange(12.0).reshape(3, 4)[1].detach().as_strided((8,), (1,), 0)


@pytest.mark.parametrize("stride", [[2], (2,), [2, 2], 2])
def test_a_stride_of_one_entry_counts_for_both_dimensions(stride):
    for t in (tw, torch):
        assert tuple(t.nn.Conv2d(3, 4, 3, stride=stride, padding=(1,))(t.ones(1, 3, 8, 8)).shape) == (1, 4, 4, 4)
    with pytest.raises(ValueError, match="stride"):
        tw.nn.Conv2d(3, 4, 3, stride=[1, 1, 1])


def test_datasets_samplers_and_loaders_are_generic():
    class Numbers(Dataset[int]):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return index

    class Backwards(Sampler[int]):
        def __iter__(self):
            return iter([2, 1, 0])

    loader: DataLoader[int] = DataLoader(Numbers(), sampler=Backwards())
    assert [batch.item() for batch in loader] == [2, 1, 0]
    assert DataLoader[int]
    assert Dataset[tuple[int, str]]


# Operators of one's own, extensions, weights


def test_an_operator_of_ones_own_with_its_gradient():
    @library.custom_op("mine::cubed", mutates_args=())
    def cubed(x: tw.Tensor) -> tw.Tensor:
        return x**3

    x = tw.tensor([1.0, 2.0], requires_grad=True)
    cubed(x).sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]
    cubed.register_autograd(lambda ctx, g: g * ctx.saved_tensors[0] * 10,
                            setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs))
    x.grad = None
    cubed(x).sum().backward()
    assert x.grad.tolist() == [10.0, 20.0]
    with pytest.raises(ValueError, match="namespace::name"):
        library.custom_op("cubed", lambda x: x)


def test_compiled_extensions_are_not_loaded(tmp_path):
    with pytest.raises(OSError, match="binary interface"):
        ops.load_library(tmp_path / "lib.so")
    with pytest.raises(AttributeError, match=r"torch\.ops\.torchvision\.nms"):
        ops.__getattr__("torchvision").nms()
    assert library.register_fake("torchvision::nms")(len) is len


def test_weights_that_lie_in_the_cache_are_read(tmp_path):
    torch.save({"weight": torch.ones(2)}, tmp_path / "model-1a2b.pth")
    found = hub.load_state_dict_from_url("https://example.org/files/model-1a2b.pth?x=1", model_dir=str(tmp_path))
    assert found["weight"].tolist() == [1.0, 1.0]
    with pytest.raises(FileNotFoundError, match=r"other\.pth"):
        hub.load_state_dict_from_url("https://example.org/other.pth", model_dir=str(tmp_path))


def test_small_names(alias):
    from torch.nn.attention import bias  # noqa: F401
    from torch.nn.modules.transformer import _get_clones
    from torch.utils.data import Dataset as Generic

    assert alias.torch is alias
    assert alias.uint16 != alias.int16
    assert alias.finfo(alias.float8_e4m3fn).max == torch.finfo(torch.float8_e4m3fn).max
    assert alias.iinfo(alias.uint16).max == 65535
    with pytest.raises(TypeError, match="uint16"):
        alias.zeros(2, dtype=alias.uint16)
    first, second = _get_clones(alias.nn.Linear(1, 1), 2)
    assert first.weight is not second.weight
    assert first.weight.item() == second.weight.item()
    assert Generic[int]
    with pytest.warns(FutureWarning, match="constant_"):
        assert alias.nn.init.constant(alias.zeros(2), 3.0).tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="one is not two"):
        alias._check(False, lambda: "one is not two")
    alias.manual_seed(4)
    with alias.random.fork_rng():
        inside = alias.rand(3).tolist()
    assert alias.rand(3).tolist() == inside


@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand", "randn"])
def test_sizes_by_name(name):
    for t in (tw, torch):
        assert tuple(getattr(t, name)(size=(2, 3)).shape) == (2, 3)
        assert tuple(getattr(t, name)(size=[]).shape) == ()
        with pytest.raises(TypeError):
            getattr(t, name)(size=(2.5,))
        with pytest.raises(RuntimeError):
            getattr(t, name)(size=(-1,))
    assert tuple(tw.ones(1).new_zeros(size=(4,)).shape) == (4,)


BY_NAME = {
    "permute": lambda t, x: (t.permute(x, dims=(1, 0)), x.permute(dims=(1, 0))), "view": lambda t, x: x.view(size=(3, 2)),
    "expand": lambda t, x: x.expand(size=(4, 2, 3)), "repeat": lambda t, x: x.repeat(repeats=(2, 1)),
    "tile": lambda t, x: t.tile(x, dims=(2,)), "reshape": lambda t, x: (t.reshape(x, shape=(6,)), x.reshape(shape=(3, 2))),
    "split": lambda t, x: x.split(split_size=1, dim=1), "sum": lambda t, x: (x.sum(axis=1), t.sum(x, axis=(0, 1))),
    "mean": lambda t, x: x.mean(axis=0, keepdims=True), "max": lambda t, x: tuple(x.max(axis=0)),
    "argmax": lambda t, x: x.argmax(axis=1), "concatenate": lambda t, x: (t.cat([x], axis=0), t.concatenate([x], axis=1)),
    "stack": lambda t, x: t.stack([x, x], axis=1), "var": lambda t, x: x.var(axis=0), "softmax": lambda t, x: x.softmax(axis=0),
    "cumsum": lambda t, x: t.cumsum(x, axis=1), "unsqueeze": lambda t, x: x.unsqueeze(axis=0),
    "sort": lambda t, x: tuple(x.sort(axis=0)), "amax": lambda t, x: x.amax(axis=1, keepdims=True),
    "std": lambda t, x: t.std(x, axis=1, keepdims=True), "view_dtype": lambda t, x: x.view(dtype=t.float32),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_second_names_of_arguments(name):
    def results(t):
        found = BY_NAME[name](t, t.tensor(drawn(2, 3)))
        return found if isinstance(found, tuple) else (found,)

    for ours, theirs in zip(results(tw), results(torch)):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wrong", [
    lambda t, x: x.sum(axes=1), lambda t, x: x.sum(dim=0, axis=1), lambda t, x: x.mean(dim=0, axis=0),
    lambda t, x: x.abs(axis=0), lambda t, x: x.permute(size=(1, 0)), lambda t, x: x.view(shape=(3, 2)),
])
def test_names_that_no_argument_has(wrong):
    for t in (tw, torch):
        with pytest.raises(TypeError):
            wrong(t, t.tensor(drawn(2, 3)))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 9])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_with_a_function_of_ones_own(n, reverse):
    from talweg.alias.stand_ins.higher_order import associative_scan

    def combined(left, right):  # h -> a h + b, one after the other
        return left[0] * right[0], right[0] * left[1] + right[1]

    a, b = drawn(2, n, 3), drawn(2, n, 3, seed=1)
    found = associative_scan(combined, (tw.tensor(a), tw.tensor(b)), dim=1, reverse=reverse)[1].numpy()
    h = np.zeros((2, 3), np.float32)
    for i in reversed(range(n)) if reverse else range(n):
        h = a[:, i] * h + b[:, i]
        np.testing.assert_allclose(found[:, i], h, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="one size"):
        associative_scan(combined, (tw.ones(2, 3), tw.ones(2, 4)), dim=1)


def test_a_gram_matrix_of_one_image_repeated():
    """Style transfer's target: the same features on both sides, seen through one repeated dimension."""
    def gram(t):
        y = t.from_numpy(drawn(1, 3, 32, 32)).repeat(2, 1, 1, 1)
        features = y.view(2, 3, 32 * 32)
        return features.bmm(features.transpose(1, 2)) / (3 * 32 * 32)

    np.testing.assert_allclose(gram(tw).numpy(), gram(torch).numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ["DoubleTensor", "HalfTensor", "LongTensor", "BoolTensor", "Tensor"])
def test_conversion_to_an_old_tensor_type(name):
    """x.type(torch.FloatTensor), from before there were dtypes: the type itself or its name."""
    x, theirs = tw.tensor([0.0, 1.5]), torch.tensor([0.0, 1.5])
    kinds = [(getattr(tw, name), getattr(torch, name))] + [(f"torch.{name}",) * 2] * (name != "Tensor")
    for ours, kind in kinds:
        found, expected = x.type(ours), theirs.type(kind)
        assert (str(found.dtype).split(".")[1], found.tolist()) == (str(expected.dtype).split(".")[1], expected.tolist())


@pytest.mark.parametrize("kind", [3, "nothing", float, [1]])
def test_what_is_no_tensor_type(kind):
    for t in (torch, tw):
        with pytest.raises((TypeError, ValueError)):
            t.ones(2).type(kind)


def test_the_alias_lies_in_a_folder_that_is_there(alias):
    assert os.path.isdir(os.path.dirname(alias.__file__))


def test_modules_that_are_imported_by_their_full_name(alias):
    from torch.autograd.variable import Variable
    from torch.utils.data._utils.collate import default_collate

    assert Variable(alias.ones(2)).tolist() == [1, 1]
    assert default_collate([1, 2]).tolist() == [1, 2]
