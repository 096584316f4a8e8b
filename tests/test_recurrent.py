"""RNN, LSTM and GRU and their cells against PyTorch's: values, gradients, states, packed sequences, bad input."""

import itertools

import numpy as np
import pytest
import torch

import talweg as tw
from talweg import nn
from talweg.backends.cpu import recurrent as native
from talweg.graph import ops
from talweg.graph.node import next_serial
from talweg.graph.ops.recurrent_cells import CELLS
from talweg.tensor.tensor import wrap

torch.set_num_threads(1)
KINDS = ["RNN", "LSTM", "GRU"]
T, B, F, H = 5, 3, 4, 6


def drawn(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape)


def pair(name, *args, **settings):
    """Ours and PyTorch's in float64, with PyTorch's parameters."""
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(*args, **settings).double()
    ours = getattr(nn, name)(*args, **settings).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: tw.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


def flat(result):
    if isinstance(result, (tuple, list)) and not hasattr(result, "batch_sizes"):
        return [x for part in result for x in flat(part)]
    return [result.data if hasattr(result, "batch_sizes") else result]


def loss_of(library, results):
    """A weighted sum of all results, so that every element matters differently."""
    total = 0
    for i, x in enumerate(results):
        weights = np.cos(np.arange(int(np.prod(x.shape))) + i).reshape(tuple(x.shape))
        total = total + (x * library.tensor(weights)).sum()
    return total


def run(library, module, x, states=None):
    leaves = [library.tensor(x).requires_grad_()] + [library.tensor(s).requires_grad_() for s in states or ()]
    given = () if states is None else (leaves[1] if len(states) == 1 else tuple(leaves[1:]),)
    results = flat(module(leaves[0], *given))
    loss_of(library, results).backward()
    return [r.detach().numpy() for r in results], [p.grad.numpy() for p in [*leaves, *module.parameters()]]


def assert_all_close(ours, theirs, tolerance=1e-9):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, tolerance, tolerance)


SETTINGS = [
    {}, {"num_layers": 2}, {"bias": False}, {"batch_first": True, "bidirectional": True},
    {"num_layers": 2, "bidirectional": True},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_values_and_gradients_are_pytorchs(name, settings):
    ours, theirs = pair(name, F, H, **settings)
    x = drawn(B, T, F) if settings.get("batch_first") else drawn(T, B, F)
    count = settings.get("num_layers", 1) * (2 if settings.get("bidirectional") else 1)
    for states in (None, [drawn(count, B, H, seed=i) for i in range(2 if name == "LSTM" else 1)]):
        for a, b in zip(run(tw, ours, x, states), run(torch, theirs, x, states)):
            assert_all_close(a, b)
    assert repr(ours) == repr(theirs)


def test_relu_and_projection():
    for name, settings in (("RNN", {"nonlinearity": "relu"}), ("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True})):
        ours, theirs = pair(name, F, H, **settings)
        for a, b in zip(run(tw, ours, drawn(T, B, F)), run(torch, theirs, drawn(T, B, F))):
            assert_all_close(a, b)
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", KINDS)
def test_one_sequence_without_a_batch(name):
    ours, theirs = pair(name, F, H, bidirectional=True)
    states = [drawn(2, H, seed=i) for i in range(2 if name == "LSTM" else 1)]
    for a, b in zip(run(tw, ours, drawn(T, F), states), run(torch, theirs, drawn(T, F), states)):
        assert_all_close(a, b)


@pytest.mark.parametrize("name", KINDS)
def test_the_gradients_gradient_is_pytorchs(name):
    ours, theirs = pair(name, 2, 3)

    def second(library, module, grad):
        x = library.tensor(drawn(3, 2, 2)).requires_grad_()
        parameters = list(module.parameters())
        first = grad(loss_of(library, flat(module(x))), [x, *parameters], create_graph=True)
        return [g.numpy() for g in grad(sum((g * g).sum() for g in first), [x, *parameters])]

    assert_all_close(second(tw, ours, tw.grad), second(torch, theirs, torch.autograd.grad), 1e-8)


def test_dropout_acts_between_layers_in_training_only():
    layer = nn.LSTM(F, H, 2, dropout=1.0)
    x = tw.tensor(drawn(T, B, F).astype("f4"))
    still = layer(x * 0)[0]
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), still.detach().numpy(), atol=1e-6)
    layer.eval()
    assert np.abs((layer(x)[0] - layer(x * 0)[0]).detach().numpy()).max() > 1e-3


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells(name):
    for settings in ({}, {"bias": False}) + (({"nonlinearity": "relu"},) if name == "RNNCell" else ()):
        ours, theirs = pair(name, F, H, **settings)
        for shape in ((B,), ()):
            states = [drawn(*shape, H, seed=i) for i in range(2 if name == "LSTMCell" else 1)]
            for given in (None, states):
                for a, b in zip(run(tw, ours, drawn(*shape, F), given), run(torch, theirs, drawn(*shape, F), given)):
                    assert_all_close(a, b)
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", KINDS)
def test_a_layer_is_its_cell_step_by_step(name):
    layer, cell = nn.__dict__[name](F, H).double(), nn.__dict__[name + "Cell"](F, H).double()
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = tw.tensor(drawn(T, B, F))
    state = None
    for t in range(T):
        state = cell(x[t], state)
        h = state[0] if name == "LSTM" else state
        np.testing.assert_allclose(layer(x)[0][t].detach().numpy(), h.detach().numpy(), 1e-12, 1e-12)


@pytest.mark.parametrize(("name", "steps", "batch"), list(itertools.product(KINDS, [40, 2], [4, 17])))
def test_the_native_kernels_agree_with_numpy(name, steps, batch, monkeypatch):
    if not native.available():
        pytest.skip("no oneDNN")
    tw.manual_seed(0)
    layer = nn.__dict__[name](8, 64, num_layers=2)
    x = drawn(steps, batch, 8).astype("f4")

    def outcome():
        values, gradients = run32(layer, x)
        return values + gradients

    def run32(module, x):
        given = tw.tensor(x).requires_grad_()
        module.zero_grad()
        results = flat(module(given))
        sum((r * r).sum() for r in results).backward()
        return [r.detach().numpy() for r in results], [p.grad.numpy() for p in [given, *module.parameters()]]

    monkeypatch.setattr(native, "WORTH_COMPILING", 0)
    compiled = outcome()
    monkeypatch.setattr(native, "_worth_it", lambda *a: False)
    for a, b in zip(compiled, outcome(), strict=True):
        np.testing.assert_allclose(a, b, 2e-4, 2e-4 * max(1, np.abs(b).max()))


@pytest.mark.parametrize("kind", list(CELLS))
def test_the_operation_equals_its_decomposition(kind):
    cell = CELLS[kind]
    shapes = [(3, 2, cell.gates * 4), *[(2, 4)] * cell.states, (cell.gates * 4, 4), (cell.gates * 4,)]
    given = [tw.tensor(drawn(*s, seed=i)).requires_grad_() for i, s in enumerate(shapes)]
    nodes = tuple([x.node for x in given])
    whole = wrap(ops.recurrence_output((ops.recurrence(nodes, kind), *nodes), kind))
    unrolled = wrap(ops.recurrence.decompose(nodes, kind))[: whole.shape[0]]
    np.testing.assert_allclose(whole.detach().numpy(), unrolled.detach().numpy(), 1e-13, 1e-13)
    first = tw.grad(loss_of(tw, [whole]), given)
    assert_all_close([g.numpy() for g in first], [g.numpy() for g in tw.grad(loss_of(tw, [unrolled]), given)], 1e-12)


def test_a_layer_is_few_nodes_however_many_the_steps():
    layer = nn.LSTM(4, 4, 2)

    def recorded(steps):
        before = next_serial()
        tw.grad(layer(tw.zeros(steps, 2, 4))[0].sum(), list(layer.parameters()))
        return next_serial() - before

    assert recorded(50) == recorded(3) < 150


# Packed sequences


def packed(library, x, lengths, enforce_sorted):
    return library.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=enforce_sorted)


@pytest.mark.parametrize("lengths", [[5, 3, 1], [2, 5, 4], [4, 4, 4]], ids=str)
@pytest.mark.parametrize(("name", "settings"), [
    ("RNN", {"nonlinearity": "relu"}), ("RNN", {}), ("GRU", {"num_layers": 2}), ("LSTM", {}), ("LSTM", {"proj_size": 2}),
])
def test_packed_sequences_of_unequal_lengths(name, settings, lengths):
    ours, theirs = pair(name, F, H, bidirectional=True, **settings)
    in_order = lengths == sorted(lengths, reverse=True)
    layers = 2 * settings.get("num_layers", 1)
    widths = [settings.get("proj_size", H), H][: 2 if name == "LSTM" else 1]

    def outcome(library, module):
        x = library.tensor(drawn(T, B, F)).requires_grad_()
        states = [library.tensor(drawn(layers, B, w, seed=i)).requires_grad_() for i, w in enumerate(widths)]
        given = packed(library, x, library.tensor(lengths), in_order)
        output, last = module(given, tuple(states) if len(states) == 2 else states[0])
        padded, sizes = library.nn.utils.rnn.pad_packed_sequence(output, padding_value=-1.0, total_length=T)
        results = [padded, *flat(last)]
        loss_of(library, results).backward()
        arrays = [r.detach().numpy() for r in results] + [sizes.numpy()]
        return arrays + [p.grad.numpy() for p in [x, *states, *module.parameters()]]

    assert_all_close(outcome(tw, ours), outcome(torch, theirs))


def test_nothing_grows_behind_the_end_of_a_sequence():
    """A relu layer with large weights, where running on would overflow and make nans of gradients."""
    layer = nn.RNN(1, 4, nonlinearity="relu").double()
    with tw.no_grad():
        for p in layer.parameters():
            p.fill_(50.0)
    x = tw.ones(400, 2, 1, dtype=tw.float64)
    output, _ = layer(packed(tw, x, [3, 1], True))
    assert np.isfinite(output.data.detach().numpy()).all()
    (output.data.sum() / 1e6).backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in layer.parameters())


def test_packing_and_padding_are_pytorchs():
    sequences = [drawn(n, 2) for n in (2, 4, 3)]
    ours, theirs = [tw.tensor(s) for s in sequences], [torch.tensor(s) for s in sequences]
    mine, yours = nn.utils.rnn, torch.nn.utils.rnn
    for settings in ({}, {"batch_first": True, "padding_value": 7.0}, {"padding_side": "left"}):
        assert_all_close([mine.pad_sequence(ours, **settings).numpy()], [yours.pad_sequence(theirs, **settings).numpy()])
    a, b = (m.pack_sequence(s, enforce_sorted=False) for m, s in ((mine, ours), (yours, theirs)))
    assert_all_close([x.numpy() for x in a], [x.numpy() for x in b])
    assert_all_close([x.numpy() for x in mine.unpack_sequence(a)], sequences)
    padded, lengths = mine.pad_packed_sequence(a, batch_first=True)
    assert lengths.tolist() == [2, 4, 3]
    assert_all_close([x.numpy() for x in mine.unpad_sequence(padded, lengths, batch_first=True)], sequences)
    assert a.float().data.dtype is tw.float32
    assert a.to(tw.float32).batch_sizes.tolist() == b.batch_sizes.tolist()


# Bad input


@pytest.mark.parametrize(("args", "settings"), [
    ((3, 0), {}), ((3, 4.5), {}), ((3, 4, 0), {}), ((3, 4), {"dropout": 1.5}), ((3, 4), {"dropout": "much"}),
])
@pytest.mark.parametrize("name", KINDS)
def test_settings_out_of_range(name, args, settings):
    with pytest.raises((ValueError, TypeError)) as theirs:
        getattr(torch.nn, name)(*args, **settings)
    with pytest.raises(type(theirs.value), match=name):
        getattr(nn, name)(*args, **settings)


def test_settings_that_only_one_kind_knows():
    for make in (lambda m: m.RNN(3, 4, nonlinearity="sin"),
                 lambda m: m.GRU(3, 4, proj_size=2), lambda m: m.LSTM(3, 4, proj_size=4)):
        with pytest.raises(ValueError):
            make(torch.nn)
        with pytest.raises(ValueError):
            make(nn)
    with pytest.warns(UserWarning, match="dropout"):
        nn.GRU(3, 4, dropout=0.5)


@pytest.mark.parametrize(("shape", "state"), [
    ((5, 3, 9), None), ((5,), None), ((5, 3, 4, 1), None), ((5, 3, 4), (1, 2, 6)), ((5, 3, 4), (2, 3, 6)), ((5, 3, 4), (3, 6)),
    ((0, 3, 4), None),
])
def test_inputs_and_states_of_the_wrong_shape(shape, state):
    for name in ("RNN", "GRU"):
        given = [np.zeros(s) for s in (shape, state) if s is not None]
        with pytest.raises((RuntimeError, ValueError)) as theirs:
            getattr(torch.nn, name)(F, H).double()(*map(torch.tensor, given))
        with pytest.raises(type(theirs.value)):
            getattr(nn, name)(F, H).double()(*map(tw.tensor, given))


def test_a_dtype_that_is_not_the_layers():
    with pytest.raises(ValueError, match="dtype"):
        nn.LSTM(F, H)(tw.tensor(drawn(T, B, F)))


@pytest.mark.parametrize("lengths", [[3, 5, 1], [5, 3, 0], [5, 3], [9, 3, 1]], ids=str)
def test_lengths_that_do_not_fit(lengths):
    if max(lengths) <= T:  # PyTorch lets a length beyond the input pass
        with pytest.raises(RuntimeError):
            packed(torch, torch.tensor(drawn(T, B, F)), lengths, True)
    with pytest.raises(RuntimeError):
        packed(tw, tw.tensor(drawn(T, B, F)), lengths, True)


def test_padding_that_is_refused():
    with pytest.raises(RuntimeError):
        nn.utils.rnn.pad_sequence([])
    with pytest.raises(RuntimeError):
        nn.utils.rnn.pad_sequence([tw.zeros(2)], padding_side="middle")
    with pytest.raises(ValueError, match="total_length"):
        nn.utils.rnn.pad_packed_sequence(nn.utils.rnn.pack_sequence([tw.zeros(3)]), total_length=2)


def test_nan_stays_in_its_sequence():
    x = drawn(T, B, F)
    x[2, 1, 0] = np.nan
    for name in KINDS:
        output = nn.__dict__[name](F, H).double()(tw.tensor(x))[0].detach().numpy()
        assert np.isnan(output[2:, 1]).all()
        assert np.isfinite(output[:, [0, 2]]).all()
        assert np.isfinite(output[:2]).all()
