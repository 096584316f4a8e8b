"""talweg.compile: a traced function replays what it did, reads what varies, and writes to the tensors it wrote to."""

import threading

import numpy as np
import pytest

import talweg as tw
from talweg import nn
from talweg.nn import functional as F  # noqa: N812
from talweg.tensor.compiled import CompiledAtOnce

RNG = np.random.default_rng(0)


def array(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def network():
    tw.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))


BATCHES = [(array(16, 6), RNG.integers(0, 3, 16)) for _ in range(8)]


def trained(compiled, make_optimizer, schedule=None):
    model = network()
    optimizer = make_optimizer(model.parameters())
    scheduler = schedule(optimizer) if schedule else None

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = tw.compile(step) if compiled else step
    losses = []
    for x, y in BATCHES:
        losses.append(run(tw.tensor(x), tw.tensor(y)).item())
        if scheduler:
            scheduler.step()
    return losses, model, optimizer, run


@pytest.mark.parametrize("make", [
    lambda p: tw.optim.SGD(p, lr=0.1),
    lambda p: tw.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: tw.optim.Adam(p, lr=0.01, amsgrad=True),
    lambda p: tw.optim.AdamW(p, lr=0.01),
], ids=["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("schedule", [None, lambda o: tw.optim.lr_scheduler.StepLR(o, 2, 0.5)], ids=["constant", "steps"])
def test_a_training_step_trains_as_recorded(make, schedule):
    plain, model, optimizer, _ = trained(False, make, schedule)
    replayed, other, other_optimizer, run = trained(True, make, schedule)
    np.testing.assert_allclose(replayed, plain, rtol=2e-5)
    for (name, a), b in zip(model.state_dict().items(), other.state_dict().values()):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)
    saved, other_saved = optimizer.state_dict()["state"], other_optimizer.state_dict()["state"]
    assert [s.get("step") for s in saved.values()] == [s.get("step") for s in other_saved.values()]
    assert sum(len(r or ()) for r in run.recordings().values()) == 1


def test_it_is_python_no_more_once_recorded():
    calls = []

    @tw.compile
    def double(x):
        calls.append(1)
        return x * 2

    for i in range(5):
        assert double(tw.tensor([float(i)])).tolist() == [2.0 * i]
    assert len(calls) == 2  # as it is, and traced


def test_new_kinds_of_arguments_are_new_recordings():
    calls = []

    @tw.compile
    def f(x, power=1, *, scale=1.0):
        calls.append(1)
        return x**power * scale

    for _ in range(3):
        assert f(tw.ones(2)).tolist() == [1, 1]
        assert f(tw.ones(3) * 2).tolist() == [2, 2, 2]
        assert f(tw.tensor([2.0, 3.0]), 2).tolist() == [4, 9]
        assert f(tw.tensor([2.0, 3.0]), power=2, scale=0.5).tolist() == [2, 4.5]
        assert f(tw.tensor([2.0], dtype=tw.float64)).dtype is tw.float64
    assert len(calls) == 10


def test_arguments_that_lie_otherwise():
    f = tw.compile(lambda x: x @ x.T + 1)
    for i in range(4):
        x = tw.tensor(array(5, 4))
        if i == 3:
            x = tw.tensor(array(4, 5)).T
        np.testing.assert_allclose(f(x).numpy(), x.numpy() @ x.numpy().T + 1, rtol=1e-5)


def test_nested_arguments_and_results():
    @tw.compile
    def f(pair, table):
        return {"sum": pair[0] + pair[1], "same": pair[0], "rest": [table["x"] * 2, 3, None]}

    for _ in range(4):
        a, b, c = tw.tensor(array(3)), tw.tensor(array(3)), tw.tensor(array(2))
        found = f((a, b), {"x": c})
        np.testing.assert_allclose(found["sum"].numpy(), a.numpy() + b.numpy())
        np.testing.assert_allclose(found["same"].numpy(), a.numpy())
        np.testing.assert_allclose(found["rest"][0].numpy(), 2 * c.numpy())
        assert found["rest"][1:] == [3, None]


def test_captured_tensors_are_read_anew():
    offset = tw.zeros(3)
    f = tw.compile(lambda x: x + offset)
    for i in range(5):
        assert f(tw.zeros(3)).tolist() == [float(i)] * 3
        offset += 1
    offset.data = tw.full((3,), 9.0)
    assert f(tw.zeros(3)).tolist() == [9.0] * 3
    copy = f(tw.zeros(3))
    offset.fill_(0)
    assert copy.tolist() == [9.0] * 3


def test_writes_reach_the_tensor_and_its_views_but_not_copies():
    state = tw.zeros(2, 3)
    row, kept = state[0], []

    @tw.compile
    def count(x):
        state.add_(x)
        return state.sum()

    for i in range(1, 6):
        kept.append(state.clone())
        alias = state.detach()
        count(tw.ones(3))
        assert state.tolist() == [[i] * 3] * 2
        assert row.tolist() == [i] * 3
        assert alias.tolist() == state.tolist()
    assert [k[0, 0].item() for k in kept] == [0, 1, 2, 3, 4]


def test_parameters_are_updated_where_they_lie():
    model = nn.Linear(64, 64)
    optimizer = tw.optim.SGD(model.parameters(), lr=0.1)

    @tw.compile
    def step(x):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()

    places = []
    for _ in range(5):
        step(tw.tensor(array(8, 64)))
        places.append(model.weight.node.value.ctypes.data)
    assert len(set(places[2:])) == 1


def test_gradients_are_there_afterwards_and_are_new_tensors():
    weight = tw.ones(3, requires_grad=True)

    def step(x):
        weight.grad = None
        (weight * x).sum().backward()

    run, seen = tw.compile(step), []
    for i in range(5):
        run(tw.full((3,), float(i)))
        seen.append(weight.grad)
    assert [g[0].item() for g in seen] == [0, 1, 2, 3, 4]


def test_gradients_add_up_when_they_are_not_cleared():
    weight = tw.ones(3, requires_grad=True)
    step = tw.compile(lambda x: (weight * x).sum().backward())
    for i in range(1, 6):
        step(tw.ones(3))
        assert weight.grad.tolist() == [float(i)] * 3
    weight.grad = None
    for i in range(1, 6):
        step(tw.ones(3))
        assert weight.grad.tolist() == [float(i)] * 3


def test_random_numbers_go_on():
    f = tw.compile(lambda n: tw.rand(n) + tw.randn(n))
    tw.manual_seed(7)
    expected = [(tw.rand(4) + tw.randn(4)).tolist() for _ in range(5)]
    tw.manual_seed(7)
    np.testing.assert_allclose([f(4).tolist() for _ in range(5)], expected, rtol=1e-5)


def test_a_module_keeps_its_attributes_and_its_modes():
    model = network()
    compiled = tw.compile(model)
    x = tw.tensor(array(5, 6))
    assert list(compiled.state_dict()) == list(model.state_dict())
    with tw.no_grad():
        for _ in range(3):
            model.train()
            tw.manual_seed(3)
            first = compiled(x).tolist()
            model.eval()
            second = compiled(x).tolist()
            np.testing.assert_allclose(second, model(x).tolist(), rtol=1e-5)
        assert first != second


def test_a_backward_pass_outside_goes_on_as_usual():
    model = nn.Linear(4, 2)
    compiled = tw.compile(model)
    for _ in range(4):
        model.zero_grad()
        compiled(tw.ones(3, 4)).sum().backward()
        assert model.bias.grad.tolist() == [3.0, 3.0]


def test_what_the_function_stores_is_kept_up():
    class Model:
        def __call__(self, x):
            self.last = x * 2
            return self.last + 1

    model = Model()
    run = tw.compile(model)
    for i in range(5):
        assert run(tw.tensor([float(i)])).item() == 2 * i + 1
        assert model.last.item() == 2 * i


def test_results_live_on():
    f = tw.compile(lambda x: x * 2)
    results = [f(tw.full((100,), float(i))) for i in range(10)]
    assert [r[5].item() for r in results] == [2.0 * i for i in range(10)]


def test_methods_partials_and_settings():
    class Scale:
        factor = 3

        @tw.compile
        def times(self, x):
            return x * self.factor

    scale = Scale()
    assert [scale.times(tw.ones(1)).item() for _ in range(3)] == [3, 3, 3]
    assert tw.compile(fullgraph=True, mode="max-autotune")(abs)(tw.tensor([-1.0])).item() == 1
    assert tw.compile(abs, disable=True) is abs
    with pytest.raises(TypeError, match="compile"):
        tw.compile(3)


@pytest.mark.parametrize("read", [
    lambda x: x.sum().item(), lambda x: float(x[0]), lambda x: x.numpy(), lambda x: 1 if x.sum() > 0 else 2,
    lambda x: str(x), lambda x: x[x > 0],
])
def test_reading_a_value_inside_is_an_error(read):
    f = tw.compile(lambda x: (read(x), x + 1)[1])
    x = tw.ones(3)
    assert f(x).tolist() == [2, 2, 2]  # as it is, the first time
    with pytest.raises(RuntimeError, match=r"talweg\.compile.*read inside"):
        f(x)
    assert (x + 1).tolist() == [2, 2, 2]


def test_errors_pass_through_and_leave_it_usable():
    def f(x, y):
        return x + y

    run = tw.compile(f)
    with pytest.raises(RuntimeError, match="size"):
        run(tw.ones(2), tw.ones(3))
    with pytest.raises(RuntimeError, match="size"):
        run(tw.ones(2), tw.ones(3))
    assert [run(tw.ones(2), tw.ones(2)).tolist() for _ in range(3)] == [[2, 2]] * 3


def test_a_bad_index_raises_and_writes_nothing():
    table = tw.tensor(array(5, 3))
    seen = tw.zeros(2, 3)

    @tw.compile
    def f(index):
        rows = F.embedding(index, table)
        seen.add_(rows)
        return rows

    for _ in range(3):
        f(tw.tensor([0, 1]))
    before = seen.tolist()
    with pytest.raises((IndexError, RuntimeError), match="index"):
        f(tw.tensor([0, 7]))
    assert seen.tolist() == before
    f(tw.tensor([2, 2]))
    assert seen.tolist() != before


def test_empty_tensors():
    f = tw.compile(lambda x: (x * 2, x.sum()))
    for _ in range(3):
        doubled, total = f(tw.zeros(0, 3))
        assert doubled.shape == (0, 3)
        assert total.item() == 0


def test_eight_threads_share_a_compiled_model():
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4)).eval()
    run = tw.compile(model)
    inputs = [tw.tensor(array(7, 6)) for _ in range(8)]
    with tw.no_grad():
        expected = [run(x).tolist() for x in inputs]
        expected = [run(x).tolist() for x in inputs]
    wrong = []

    def work(i):
        with tw.no_grad():
            for _ in range(20):
                if run(inputs[i]).tolist() != expected[i]:
                    wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_explain_and_profile():
    f = tw.compile(lambda x, w: tw.softmax(x @ w, -1))
    x, w = tw.tensor(array(32, 16)), tw.tensor(array(16, 8))
    assert "called once" in (f(x, w), tw.explain(f))[1]
    f(x, w)
    told = tw.explain(f, steps=True)
    assert "float32[32,16], float32[16,8]" in told
    assert "matmul" in told
    assert "arena" in told
    with tw.profile() as profile:
        for _ in range(3):
            f(x, w)
    assert profile.runs == 3
    products = [line for line in profile.lines.values() if "matmul" in line.what]
    assert [(line.calls, line.flops) for line in products] == [(3, 3 * 2 * 32 * 16 * 8)]
    assert "matmul" in profile.table()
    assert "replayed" in tw.explain()
    with pytest.raises(TypeError, match="explain"):
        tw.explain(len)


def test_programs_share_one_arena():
    functions = [tw.compile(lambda x, n=n: tw.softmax(x * n, 0).sum() + (x.T @ x).square().sum()) for n in (1.0, 2.0)]
    shapes = [(8, 8), (64, 8), (256, 64), (8, 8)]
    for shape in shapes * 3:
        x = tw.tensor(array(*shape))
        for f, n in zip(functions, (1.0, 2.0)):
            expected = (tw.softmax(x * n, 0).sum() + (x.T @ x).square().sum()).item()
            assert f(x).item() == pytest.approx(expected, rel=1e-4)


def test_complex_numbers():
    f = tw.compile(lambda x: tw.fft.ifft(tw.fft.fft(x) * 2).real.sum() + (x * 1j).abs().sum())
    for _ in range(3):
        x = tw.tensor(array(8))
        assert f(x).item() == pytest.approx((2 * x.sum() + x.abs().sum()).item(), rel=1e-4)


@pytest.mark.parametrize("shape", [(), (1,), (7,)])
def test_an_update_and_a_gradient_made_in_one_kernel(shape):
    # The gradient is computed from exp(scale) and may lie where scale lay, which the update reads in the same kernel.
    found = []
    for compiled in (False, True):
        scale = nn.Parameter(tw.full(shape, 0.2))
        optimizer = tw.optim.SGD([scale], lr=1e-3)

        def step(x, scale=scale, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (x * x * scale.exp()).sum()
            loss.backward()
            optimizer.step()
            return loss

        run = tw.compile(step) if compiled else step
        found.append([run(tw.ones(3, 7)).item() for _ in range(4)] + scale.detach().flatten().tolist())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


@pytest.mark.parametrize("given", [True, False])
def test_a_recording_of_a_repeated_element_is_not_replayed_on_other_values(given):
    """`zeros` and `expand` hold one element; what takes their place, a trained bias or another argument, holds many."""
    bias = tw.zeros(3)

    def shifted(x, y):
        return x + (y if given else bias)

    run = tw.compile(shifted)
    x = tw.tensor(array(3))
    for _ in range(3):
        run(x, tw.zeros(3))
    y = tw.tensor(array(3))
    bias.copy_(y)
    for _ in range(3):
        np.testing.assert_array_equal(run(x, y).numpy(), (x + y).numpy())


def test_a_recording_that_does_not_fit_draws_no_random_numbers():
    def noisy(x):
        return x + tw.rand(3)

    run = tw.compile(noisy)
    tw.manual_seed(0)
    found = [run(x).numpy() for x in (tw.zeros(3), tw.zeros(3), tw.zeros(3), tw.tensor([1.0, 2.0, 3.0]), tw.zeros(3))]
    tw.manual_seed(0)
    for a, x in zip(found, (0, 0, 0, tw.tensor([1.0, 2.0, 3.0]), 0)):
        np.testing.assert_array_equal(a, (x + tw.rand(3)).numpy())


def test_a_recorded_step_does_not_go_on_with_the_state_of_before_load_state_dict():
    weight = nn.Parameter(tw.tensor(array(4)))
    optimizer = tw.optim.Adam([weight], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        (weight * x).square().sum().backward()
        optimizer.step()

    run, x = tw.compile(step), tw.tensor(array(4))
    run(x)
    start = weight.detach().clone()
    kept = {"state": {0: {k: v.clone() for k, v in optimizer.state_dict()["state"][0].items()}},
            "param_groups": optimizer.state_dict()["param_groups"]}
    ends = []
    for _ in range(3):
        with tw.no_grad():
            weight.copy_(start)
        optimizer.load_state_dict(kept)
        for _ in range(3):
            run(x)
        ends.append(weight.detach().numpy().copy())
    np.testing.assert_allclose(ends[1:], [ends[0]] * 2, rtol=1e-5)


@pytest.mark.parametrize("compiled", [tw.compile, CompiledAtOnce], ids=["compile", "at once"])
def test_a_captured_tensor_that_waits_is_read_at_each_call(compiled):
    """Written through a detached tensor, it had no value yet when the function was traced: the program computed it from what
    it was then, at each replay."""
    def follow():
        mine, theirs = kept.detach(), weight.detach()
        with tw.no_grad():
            mine.copy_(mine * 0.5 + theirs * 0.5)

    def course(function):
        weight.tolist()
        with tw.no_grad():
            kept.detach().copy_(weight.detach())
        found = []
        for _ in range(5):
            with tw.no_grad():
                weight.add_(1.0)
            weight.tolist()
            function()
            found.append(kept.tolist())
        return found

    weight, kept = tw.ones(3), tw.zeros(3)
    expected = course(follow)
    weight, kept = tw.ones(3), tw.zeros(3)
    assert course(compiled(follow)) == expected


def test_a_repeated_element_is_not_updated_where_it_lies():
    """What `ones` and `zeros` hold may be one element in memory: written over in place, all elements became equal."""
    weight, total = tw.ones(3, requires_grad=True), tw.zeros(3)
    assert (weight.tolist(), total.tolist()) == ([1.0] * 3, [0.0] * 3)
    optimizer = tw.optim.SGD([weight], lr=0.5)

    def step(x):
        optimizer.zero_grad()
        (weight * x).sum().backward()
        optimizer.step()
        total.add_(x * 2)

    run = CompiledAtOnce(step)
    for i in range(1, 4):
        run(tw.tensor([1.0, 2.0, 4.0]))
        assert weight.tolist() == [1 - 0.5 * i, 1 - 1.0 * i, 1 - 2.0 * i]
        assert total.tolist() == [2.0 * i, 4.0 * i, 8.0 * i]
