"""Module: what it registers, walks through, saves, loads, prints and calls; PyTorch is the oracle."""

import copy
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn

torch.set_num_threads(1)


def values(tensor):
    return np.asarray(tensor.detach().numpy())


class Block(nn.Module):
    """Something of every kind: parameters, buffers of both sorts, children, a tied weight, a None."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(tw.ones(3))
        self.register_parameter("absent", None)
        self.register_buffer("mean", tw.zeros(3))
        self.register_buffer("scratch", tw.zeros(2), persistent=False)
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.tail = nn.Sequential(OrderedDict(act=nn.ReLU(), out=nn.Linear(3, 2)))

    def forward(self, x):
        return self.tail(self.second(self.first(x * self.scale)))


class TorchBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3))
        self.register_parameter("absent", None)
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.first = torch.nn.Linear(3, 3)
        self.second = torch.nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.tail = torch.nn.Sequential(OrderedDict(act=torch.nn.ReLU(), out=torch.nn.Linear(3, 2)))


# Registration


def test_names_are_those_of_pytorch():
    ours, theirs = Block(), TorchBlock()
    for walk in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [n for n, _ in getattr(ours, walk)()] == [n for n, _ in getattr(theirs, walk)()], walk
    for walk in ("named_parameters", "named_buffers", "named_modules"):
        walks = [getattr(m, walk)(prefix="p", remove_duplicate=False) for m in (ours, theirs)]
        listed = [[n for n, _ in pairs] for pairs in walks]
        assert listed[0] == listed[1], walk
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters(recurse=False)] == ["scale"]


def test_tied_weights_count_once():
    block = Block()
    assert len(list(block.parameters())) == len({id(p) for p in block.parameters()}) == 6
    shared = nn.Linear(2, 2)
    assert len(list(nn.ModuleList([shared, shared]).parameters())) == 2
    assert len(list(nn.ModuleList([shared, shared]).children())) == 1


def test_assignment_registers_by_kind_and_moves_names_between_registries():
    module = nn.Module()
    module.x = nn.Parameter(tw.ones(1))
    assert list(module._parameters) == ["x"]
    module.x = None
    assert module.x is None
    assert list(module._parameters) == ["x"]
    module.x = nn.Linear(1, 1)
    assert (list(module._parameters), list(module._modules)) == ([], ["x"])
    module.x = None
    del module.x
    module.x = nn.Buffer(tw.ones(1), persistent=False)
    assert list(module._buffers) == ["x"]
    assert not module.state_dict()
    module.x = tw.zeros(1)
    assert module._buffers["x"].item() == 0
    module.x = nn.Parameter(tw.ones(1))
    assert (list(module._buffers), list(module.state_dict())) == ([], ["x"])
    del module.x
    assert not hasattr(module, "x")
    module.plain = tw.ones(1)
    assert "plain" in module.__dict__
    assert not module.state_dict()


def test_dir_lists_members_but_no_numbers():
    names = dir(nn.Sequential(nn.Linear(1, 1)))
    assert "0" not in names
    assert "forward" in names
    assert {"scale", "mean", "first"} <= set(dir(Block()))


BAD_NAMES = [("", KeyError), ("a.b", KeyError), ("forward", KeyError), (3, TypeError)]


@pytest.mark.parametrize(("name", "error"), BAD_NAMES)
def test_bad_names_are_refused(name, error):
    module = nn.Module()
    for register, value in (
        (module.register_parameter, nn.Parameter(tw.ones(1))),
        (module.register_buffer, tw.ones(1)),
        (module.add_module, nn.ReLU()),
    ):
        with pytest.raises(error):
            register(name, value)


def test_bad_members_are_refused():
    module = nn.Module()
    with pytest.raises(TypeError, match="expected a Parameter"):
        module.register_parameter("p", tw.ones(1))
    with pytest.raises(TypeError, match="expected a Tensor"):
        module.register_buffer("b", [1.0])
    with pytest.raises(TypeError, match="expected a Module"):
        module.add_module("m", "Linear")
    computed = nn.Parameter(tw.ones(2))
    with pytest.raises(TypeError, match="must be a Tensor"):
        nn.Parameter(np.ones(2))
    with pytest.raises(TypeError, match="must be a Tensor"):
        nn.Buffer([1.0])
    with pytest.raises((RuntimeError, TypeError)):
        nn.Parameter(tw.arange(3))
    module.p = computed
    with pytest.raises(TypeError, match=r"cannot assign a .* as parameter 'p'"):
        module.p = tw.ones(2)
    module.child = nn.ReLU()
    with pytest.raises(TypeError, match="child module"):
        module.child = 3
    module.register_buffer("b", tw.ones(1))
    with pytest.raises(TypeError, match="buffer 'b'"):
        module.b = 3
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        module.nothing  # noqa: B018
    with pytest.raises(AttributeError):
        del module.nothing
    with pytest.raises(TypeError, match="takes no arguments"):
        nn.Module(3)


def test_a_forgotten_super_init_is_named():
    class Careless(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    class Bare(nn.Module):
        def __init__(self):
            self.size = 3

        def forward(self, x):
            return x

    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
        Careless()
    with pytest.raises(AttributeError, match=r"Bare.__init__ with super\(\).__init__\(\)"):
        Bare()(1)
    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
        Bare().register_buffer("b", tw.ones(1))


def test_forward_must_be_defined():
    with pytest.raises(NotImplementedError, match='Module .Module. is missing the required "forward"'):
        nn.Module()(1)


def test_paths_lead_to_members():
    block = Block()
    assert block.get_submodule("tail.out") is block.tail.out
    assert block.get_submodule("") is block
    assert block.get_parameter("tail.out.weight") is block.tail.out.weight
    assert block.get_buffer("mean") is block.mean
    block.set_submodule("tail.out", nn.Identity())
    assert isinstance(block.tail.out, nn.Identity)
    for get, path in (
        (block.get_submodule, "tail.no"),
        (block.get_parameter, "tail.act.weight"),
        (block.get_buffer, "no"),
    ):
        with pytest.raises(AttributeError):
            get(path)
    with pytest.raises(ValueError):
        block.set_submodule("", nn.Identity())


# Modes and conversions


def test_train_eval_and_freezing_reach_all_modules():
    block = Block()
    assert block.eval() is block
    assert not any(m.training for m in block.modules())
    assert all(m.training for m in block.train().modules())
    with pytest.raises(ValueError, match="boolean"):
        block.train(1)
    block.requires_grad_(False)
    assert not any(p.requires_grad for p in block.parameters())


def test_apply_goes_children_first_and_returns_the_module():
    block = Block()
    seen = []
    assert block.apply(lambda m: seen.append(m)) is block
    assert seen[-1] is block
    assert set(map(id, seen)) == {id(m) for m in block.modules()}


def test_zero_grad_forgets_or_zeroes():
    layer = nn.Linear(2, 1)
    layer(tw.ones(1, 2)).sum().backward()
    layer.zero_grad(set_to_none=False)
    assert not values(layer.weight.grad).any()
    layer.zero_grad()
    assert layer.weight.grad is None


def test_conversions_keep_parameters_the_same_objects():
    layer = nn.BatchNorm1d(2)
    weight = layer.weight
    layer(tw.randn(4, 2)).sum().backward()
    assert layer.double() is layer
    assert layer.weight is weight
    assert {t.dtype for t in layer.state_dict().values()} == {tw.float64, tw.int64}
    assert weight.grad.dtype == tw.float64
    assert weight.requires_grad
    assert weight.is_leaf
    for name, dtype in (("half", tw.float16), ("bfloat16", tw.bfloat16), ("float", tw.float32)):
        assert getattr(layer, name)().running_mean.dtype == dtype
    assert layer.to(tw.float64).weight.dtype == tw.float64
    assert layer.to(tw.ones(1)).weight.dtype == tw.float32
    assert layer.to("cpu", dtype=tw.float64).num_batches_tracked.dtype == tw.int64
    assert layer.cpu().weight.device == tw.ones(1).device


def test_conversions_refuse_what_they_cannot_do():
    layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="floating point"):
        layer.to(tw.int64)
    with pytest.raises(TypeError):
        layer.to(3.5)
    with pytest.raises(TypeError):
        layer.to(colour="red")
    with pytest.raises((RuntimeError, AssertionError)):
        layer.cuda()


# state_dict and back


def test_a_state_dict_round_trip_restores_every_value():
    ours, other = Block(), Block()
    with tw.no_grad():
        for p in ours.parameters():
            p.add_(1.0)
        ours.mean.fill_(7.0)
    result = other.load_state_dict(ours.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert result.missing_keys == result.unexpected_keys == []
    for (name, a), (_, b) in zip(ours.state_dict().items(), other.state_dict().items()):
        np.testing.assert_array_equal(values(a), values(b), err_msg=name)


def test_state_dict_shares_memory_and_keep_vars_keeps_the_objects():
    layer = nn.Linear(2, 2)
    saved = layer.state_dict()
    assert not saved["weight"].requires_grad
    with tw.no_grad():
        layer.weight.fill_(3.0)
    assert (values(saved["weight"]) == 3).all()
    assert layer.state_dict(keep_vars=True)["weight"] is layer.weight
    into = {}
    assert layer.state_dict(destination=into, prefix="a.") is into
    assert list(into) == ["a.weight", "a.bias"]
    assert layer.state_dict()._metadata[""] == {"version": 1}


def test_loading_copies_in_place_and_assign_replaces():
    layer, given = nn.Linear(2, 2), nn.Linear(2, 2).state_dict()
    weight = layer.weight
    layer.load_state_dict(given)
    assert layer.weight is weight
    layer.load_state_dict(given, assign=True)
    assert layer.weight is not weight
    assert isinstance(layer.weight, nn.Parameter)
    assert layer.weight.requires_grad
    with tw.no_grad():
        given["weight"].fill_(5.0)
    assert (values(layer.weight) == 5).all()


def test_wrong_keys_and_sizes_are_all_named():
    layer = nn.Sequential(nn.Linear(2, 2))
    good = layer.state_dict()
    bad = {"0.weight": tw.ones(3, 2), "0.extra": tw.ones(1), "1.weight": tw.ones(1), "z": tw.ones(1)}
    with pytest.raises(RuntimeError, match="Error") as caught:
        layer.load_state_dict(bad)
    text = str(caught.value)
    assert text.startswith("Error(s) in loading state_dict for Sequential:\n\t")
    assert 'Missing key(s) in state_dict: "0.bias". ' in text
    assert 'Unexpected key(s) in state_dict: "1.weight", "z", "0.extra". ' in text
    assert "size mismatch for 0.weight" in text
    result = layer.load_state_dict({"0.bias": tw.zeros(2), "other": tw.ones(1)}, strict=False)
    assert result == (["0.weight"], ["other"])
    assert "missing_keys=['0.weight']" in repr(result)
    with pytest.raises(RuntimeError, match="size mismatch"):
        layer.load_state_dict({**good, "0.bias": tw.zeros(3)}, strict=False)
    with pytest.raises(RuntimeError, match="expected a Tensor"):
        layer.load_state_dict({**good, "0.bias": [0.0, 0.0]})
    for nonsense in (None, [1], "weights"):
        with pytest.raises(TypeError, match="dict-like"):
            layer.load_state_dict(nonsense)


def test_the_keys_left_over_are_those_of_pytorch():
    theirs, ours = TorchBlock(), Block()
    keys = [k for k in theirs.state_dict() if k != "tail.out.bias"]
    keys += ["nope", "tail.act.weight", "first.bias.x"]
    shapes = {k: v.shape for k, v in theirs.state_dict().items()}
    results = []
    for module, make in ((ours, tw.ones), (theirs, torch.ones)):
        given = {k: make(*shapes.get(k, (1,))) for k in keys}
        results.append(module.load_state_dict(given, strict=False))
    assert results[0].missing_keys == results[1].missing_keys
    assert results[0].unexpected_keys == results[1].unexpected_keys


def test_scalars_of_very_old_checkpoints_load():
    module = nn.Module()
    module.s = nn.Parameter(tw.tensor(1.0))
    module.load_state_dict({"s": tw.tensor([4.0])})
    assert module.s.item() == 4


def test_a_subclass_can_rename_old_keys_while_loading():
    class Renamed(nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            if local_metadata.get("version", 1) < 2 and prefix + "w" in state_dict:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    old = nn.Linear(2, 2).state_dict()
    old["w"] = old.pop("weight")
    layer = Renamed(2, 2)
    given = dict(old)
    layer.load_state_dict(given)
    np.testing.assert_array_equal(values(layer.weight), values(old["w"]))
    assert "w" in given  # the caller's dict is not touched


def test_extra_state_is_saved_and_restored():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    one, two = nn.Sequential(Counting()), nn.Sequential(Counting())
    one[0].count = 5
    assert list(one.state_dict()) == ["0._extra_state"]
    two.load_state_dict(one.state_dict())
    assert two[0].count == 5
    with pytest.raises(RuntimeError, match="Missing key"):
        two.load_state_dict({})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        nn.Sequential(nn.ReLU()).load_state_dict(one.state_dict())


def test_state_dict_hooks_run_and_can_be_removed():
    layer, log = nn.Linear(1, 1), []

    def drop_bias(module, state, prefix, metadata):
        del state[prefix + "bias"]

    def add_bias(module, state, prefix, *rest):
        state[prefix + "bias"] = tw.ones(1)

    handles = [
        layer.register_state_dict_pre_hook(lambda m, prefix, keep: log.append("before save")),
        layer.register_state_dict_post_hook(drop_bias),
        layer.register_load_state_dict_pre_hook(add_bias),
        layer.register_load_state_dict_post_hook(lambda m, keys: log.append(list(keys.missing_keys))),
    ]
    saved = layer.state_dict()
    assert list(saved) == ["weight"]
    layer.load_state_dict(saved)
    assert log == ["before save", []]
    assert layer.bias.item() == 1
    for handle in handles:
        handle.remove()
    assert list(layer.state_dict()) == ["weight", "bias"]
    with pytest.raises(RuntimeError, match="return None"), layer.register_state_dict_post_hook(lambda *a: {}):
        layer.state_dict()


# Copies


def through_pickle(module):
    return pickle.loads(pickle.dumps(module))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_copies_are_equal_and_independent(duplicate):
    block = Block().eval()
    twin = duplicate(block)
    assert not twin.training
    assert twin.second.weight is twin.first.weight
    assert isinstance(twin.scale, nn.Parameter)
    assert list(twin.state_dict()) == list(block.state_dict())
    x = tw.randn(2, 3)
    np.testing.assert_array_equal(values(twin(x)), values(block(x)))
    with tw.no_grad():
        twin.scale.fill_(9.0)
    assert (values(block.scale) == 1).all()


def test_a_copied_buffer_keeps_its_kind():
    buffer = nn.Buffer(tw.ones(2), persistent=False)
    for twin in (copy.deepcopy(buffer), pickle.loads(pickle.dumps(buffer))):
        assert isinstance(twin, nn.Buffer)
        assert not twin.persistent


# Hooks


def test_forward_hooks_see_and_replace():
    layer, log = nn.Linear(2, 2), []
    x = tw.ones(1, 2)
    plain = values(layer(x))
    first = layer.register_forward_hook(lambda m, args, out: log.append("second"))
    layer.register_forward_hook(lambda m, args, out: log.append("first"), prepend=True)
    doubling = layer.register_forward_hook(lambda m, args, out: out * 2)
    np.testing.assert_allclose(values(layer(x)), 2 * plain, rtol=1e-6)
    assert log == ["first", "second"]
    first.remove()
    doubling.remove()
    layer.register_forward_pre_hook(lambda m, args: args[0] * 0)
    np.testing.assert_allclose(values(layer(x)), values(layer.bias)[None], rtol=1e-6)
    assert log == ["first", "second", "first"]


def test_hooks_with_kwargs_see_and_replace_keyword_arguments():
    class Scale(nn.Module):
        def forward(self, x, factor=1):
            return x * factor

    module, seen = Scale(), []
    with module.register_forward_pre_hook(lambda m, a, k: (a, {"factor": k["factor"] + 1}), with_kwargs=True):
        module.register_forward_hook(lambda m, a, k, out: seen.append(k), with_kwargs=True)
        assert module(3, factor=4) == 15
    assert module(3, factor=4) == 12
    assert seen == [{"factor": 5}, {"factor": 4}]
    module.register_forward_pre_hook(lambda m, a, k: a, with_kwargs=True)
    with pytest.raises(RuntimeError, match="args, kwargs"):
        module(3, factor=4)


def test_an_always_called_hook_runs_when_forward_fails():
    class Failing(nn.Module):
        def forward(self):
            raise ValueError("inside")

    module, log = Failing(), []
    module.register_forward_hook(lambda m, a, out: log.append("not called"))
    module.register_forward_hook(lambda m, a, out: log.append(out), always_call=True)
    module.register_forward_hook(lambda m, a, out: 1 / 0, always_call=True)
    with pytest.raises(ValueError, match="inside"), pytest.warns(UserWarning, match="an error of its own"):
        module()
    assert log == [None]


class Pair(nn.Module):
    def forward(self, a, text, b):
        return a * b, a + b


def test_backward_hooks_see_gradients_on_both_sides():
    a, b = tw.tensor([2.0], requires_grad=True), tw.tensor([3.0], requires_grad=True)
    module, seen = Pair(), []
    module.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    product, total = module(a, "text", b)
    (product + 5 * total + 100 * a).sum().backward()  # the use of a outside the module is not the module's
    (grad_input, grad_output), = seen
    assert grad_input[1] is None
    assert [grad_input[0].item(), grad_input[2].item()] == [8, 7]
    assert [g.item() for g in grad_output] == [1, 5]
    assert [a.grad.item(), b.grad.item()] == [108, 7]


def test_backward_hooks_replace_gradients():
    x = tw.ones(2, requires_grad=True)
    layer = nn.Linear(2, 1)
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 10,))
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0 + go[0].sum(),))
    layer(x).sum().backward()
    assert (values(x.grad) == 10).all()
    assert (values(layer.weight.grad) == 10).all()


def test_backward_hooks_without_an_input_gradient_and_without_grad_mode():
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].item())))
    layer(tw.ones(2)).sum().backward()
    assert seen == [((None,), 1.0)]
    with tw.no_grad():
        layer(tw.ones(2))
    assert len(seen) == 1
    x = tw.ones(2, requires_grad=True)
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    with pytest.raises(RuntimeError, match="2 gradients"):
        layer(x).sum().backward()


def test_a_handle_outlives_its_module():
    handle = nn.ReLU().register_forward_hook(lambda *a: None)
    handle.remove()
    handle.remove()


# Printing


def ours_and_theirs(build):
    return repr(build(nn)).replace("talweg.", "torch."), repr(build(torch.nn))


@pytest.mark.parametrize("build", [
    lambda n: n.Module(),
    lambda n: n.Sequential(),
    lambda n: n.Sequential(n.Linear(2, 3), n.Sequential(n.ReLU(), n.Conv2d(1, 2, 3, bias=False))),
    lambda n: n.ModuleList(),
    lambda n: n.ModuleList([n.Linear(2, 2), n.Linear(2, 2), n.ReLU(), *[n.Sequential(n.Tanh())] * 2]),
    lambda n: n.ModuleDict({"a": n.ModuleList([n.ReLU()]), "b": n.Identity()}),
], ids=["module", "empty", "nested", "no modules", "repeats", "dict"])
def test_modules_print_as_in_pytorch(build):
    ours, theirs = ours_and_theirs(build)
    assert ours == theirs


def test_a_parameter_prints_with_its_kind():
    assert repr(nn.Parameter(tw.ones(2))).startswith("Parameter containing:\n")


# Containers


def test_sequential_is_a_list_of_stages():
    layers = [nn.Linear(2, 2) for _ in range(4)]
    stages = nn.Sequential(*layers[:3])
    assert len(stages) == 3
    assert stages[-1] is layers[2]
    assert list(stages[1:]) == layers[1:3]
    assert list(stages[1:].state_dict()) == ["1.weight", "1.bias", "2.weight", "2.bias"]
    assert list(stages.append(layers[3])) == layers
    assert stages.pop(0) is layers[0]
    assert list(stages.state_dict())[0] == "0.weight"
    stages.insert(0, layers[0])
    assert list(stages) == layers
    stages[1] = layers[0]
    assert stages[1] is layers[0]
    del stages[1:3]
    assert list(stages) == [layers[0], layers[3]]
    assert list(stages + nn.Sequential(nn.ReLU()))[:2] == [layers[0], layers[3]]
    assert len(stages * 2) == len(2 * stages) == 4
    stages += nn.Sequential(layers[1])
    assert list(stages.extend([layers[2]])) == [layers[0], layers[3], layers[1], layers[2]]
    stages *= 2
    assert len(stages) == 8
    x = tw.randn(3, 2)
    np.testing.assert_array_equal(values(nn.Sequential(*layers[:2])(x)), values(layers[1](layers[0](x))))


def test_sequential_refuses_nonsense():
    stages = nn.Sequential(nn.ReLU())
    for index, error in ((1, IndexError), (-2, IndexError), ("0", TypeError), (1.0, TypeError)):
        with pytest.raises(error):
            stages[index]
    with pytest.raises(TypeError):
        nn.Sequential(nn.ReLU(), 3)
    with pytest.raises(ValueError):
        stages + [nn.ReLU()]
    with pytest.raises(ValueError):
        stages * 0
    with pytest.raises(TypeError):
        stages * 1.5
    with pytest.raises(IndexError):
        stages.insert(5, nn.ReLU())
    with pytest.raises(TypeError):
        stages.insert(0, "x")
    with pytest.raises(TypeError):
        stages.extend(3)
    with pytest.raises(TypeError):
        stages.append(3)


def test_module_list_is_a_list():
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Linear(1, 1)
    modules = nn.ModuleList([a, b])
    modules += [c]
    assert list(modules[1:]) == [b, c]
    assert isinstance(modules[1:], nn.ModuleList)
    assert list(modules + [a]) == [a, b, c, a]
    modules.insert(0, c)
    assert list(modules.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert modules.pop() is c
    del modules[0]
    assert list(modules) == [a, b]
    assert a in modules
    with pytest.raises(NotImplementedError):
        modules(1)
    with pytest.raises(TypeError):
        nn.ModuleList([1])


def test_module_dict_is_a_dict_in_order():
    modules = nn.ModuleDict([["b", nn.ReLU()], ["a", nn.Tanh()]])
    assert list(modules) == list(modules.keys()) == ["b", "a"]
    modules.update({"c": nn.Linear(1, 1), "a": nn.Identity()})
    assert isinstance(modules["a"], nn.Identity)
    assert [name for name, _ in modules.items()] == ["b", "a", "c"]
    assert len(list(modules.values())) == len(modules) == 3
    assert isinstance(modules.pop("b"), nn.ReLU)
    assert "b" not in modules
    del modules["a"]
    assert list(modules.state_dict()) == ["c.weight", "c.bias"]
    modules.clear()
    assert not len(modules)
    for bad in (3, [1], {"a": 3}):
        with pytest.raises(TypeError):
            nn.ModuleDict(bad)
    with pytest.raises(ValueError):
        nn.ModuleDict([("a",)])
    with pytest.raises(KeyError):
        nn.ModuleDict({"a.b": nn.ReLU()})
    with pytest.raises(KeyError):
        modules["missing"]


def test_a_subclass_of_a_container_may_define_forward():
    class Sum(nn.ModuleDict):
        def forward(self, x):
            return sum(m(x) for m in self.values())

    assert Sum({"a": nn.Identity(), "b": nn.Identity()})(tw.ones(1)).item() == 2


def test_parameter_list_holds_parameters():
    made = [tw.ones(2), nn.Parameter(tw.zeros(3))]
    ours = nn.ParameterList(made)
    assert all(isinstance(p, nn.Parameter) for p in ours)
    assert list(ours.state_dict()) == ["0", "1"]
    assert ours[1] is made[1]
    assert len(ours[:1]) == 1
    ours += [tw.ones(1)]
    ours[0] = tw.zeros(4)
    assert [len(p) for p in ours] == [4, 3, 1]
    assert ours[-1] is ours[2]
    theirs = torch.nn.ParameterList([torch.zeros(4), torch.zeros(3), torch.zeros(1)])
    assert repr(ours).replace("talweg.", "torch.") == repr(theirs)
    with pytest.raises(IndexError):
        ours[3]
    for bad in (3, tw.ones(2)):
        with pytest.raises(TypeError):
            ours.extend(bad)


def test_parameter_dict_holds_parameters():
    ours = nn.ParameterDict({"b": tw.ones(2), "a": tw.ones(1, 3)})
    theirs = torch.nn.ParameterDict({"b": torch.ones(2), "a": torch.ones(1, 3)})
    assert repr(ours).replace("talweg.", "torch.") == repr(theirs).replace("FloatTensor", "float32")
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["a", "b"]
    assert list(reversed(nn.ParameterDict([("b", tw.ones(1)), ("a", tw.ones(1))]))) == ["a", "b"]
    assert ours.setdefault("c", tw.ones(1)) is ours["c"]
    assert ours.get("no") is None
    assert len(ours.copy() | nn.ParameterDict({"d": tw.ones(1)})) == 4
    assert ours.popitem()[0] == "c"
    assert ours.pop("b").shape == (2,)
    assert "b" not in ours
    assert list(ours.keys()) == ["a"]
    ours.clear()
    assert not len(ours)
    with pytest.raises(KeyError):
        ours["a"]
    with pytest.raises(TypeError):
        ours[3] = tw.ones(1)


def test_a_copied_container_still_works():
    for container in (nn.ParameterList([tw.ones(2)]), nn.ParameterDict({"a": tw.ones(2)})):
        twin = copy.deepcopy(container)
        assert len(twin) == 1
        assert list(twin.state_dict()) == list(container.state_dict())


def test_call_costs_little_without_hooks():
    class Nothing(nn.Module):
        def forward(self, x):
            return x

    module = Nothing()
    calls = []
    module._call_with_hooks = lambda *a: calls.append(a)  # reached only when there is a hook
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert module(3) == 3
    assert not calls
    module.register_forward_hook(lambda *a: None)
    module(3)
    assert calls == [((3,), {})]
