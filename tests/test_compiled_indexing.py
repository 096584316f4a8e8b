"""Compiled gathers, scatters, scans, sorts, positions, pooling and random numbers against the interpreter."""

import math

import numpy as np
import pytest
import torch
from compiling import compiling

import talweg as T
import talweg.nn.functional as F
from talweg.compile import engine, evaluate
from talweg.compile.engine import Compiled
from talweg.graph import ops
from talweg.graph.key import structural_key

torch.set_num_threads(1)
SIZES = [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65]
REALS = ["float32", "float64", "bfloat16", "float16"]
DTYPES = [*REALS, "int64", "int32", "int16", "int8", "uint8", "bool"]


def compiled(*tensors):
    """(the steps' kinds, the program's results), without evaluating the tensors."""
    nodes = [t.node for t in tensors]
    _, leaves = structural_key(nodes)
    program = Compiled(nodes, leaves)
    steps = program.program.plan.steps
    return [s.kind for s in steps], program.run([n.value for n in leaves])


def wide(array):
    """Half precision as float64, which NumPy compares."""
    return np.asarray(array).astype(np.float64) if np.asarray(array).dtype.kind in "fV" else np.asarray(array)


def assert_agrees(*tensors, tolerance=0.0, calls=0):
    """Compiled as interpreted, and with so many steps left to NumPy."""
    kinds, ours = compiled(*tensors)
    assert kinds.count("call") == calls, kinds
    for mine, t in zip(ours, tensors):
        theirs = interpreted(t)
        assert mine.shape == theirs.shape
        assert mine.dtype == theirs.dtype
        np.testing.assert_allclose(wide(mine), wide(theirs), tolerance, tolerance)
    return kinds


def interpreted(t):
    if t.node.value is None:
        evaluate._run([t.node])
    return t.node.value


def assert_nodes_agree(*nodes, tolerance=1e-6):
    """The same of nodes that no public function makes in this form; nothing is left to NumPy."""
    _, leaves = structural_key(nodes)
    program = Compiled(nodes, leaves)
    assert "call" not in [s.kind for s in program.program.plan.steps]
    for ours, node in zip(program.run([n.value for n in leaves]), nodes):
        evaluate._run([node])
        np.testing.assert_allclose(wide(ours), wide(node.value), tolerance, tolerance, err_msg=repr(node))


def numbers(shape, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return T.tensor(rng.random(shape) < 0.5)
    if dtype in REALS:
        return T.tensor(rng.standard_normal(shape)).to(getattr(T, dtype))
    return T.tensor(rng.integers(0, 100, shape)).to(getattr(T, dtype))


def positions(shape, size, low=0, seed=1):
    return T.tensor(np.random.default_rng(seed).integers(low, size, shape))


def lying(x, how):
    """The same values, contiguous or not: as a transpose, as every second element, or computed."""
    if how == "transposed":
        return x.t().contiguous().t()
    if how == "stepped":
        return T.cat([x, x], 1).reshape(x.shape[0], 2, x.shape[1]).transpose(1, 2).reshape(x.shape[0], -1)[:, ::2]
    return x * 1 if how == "computed" else x


# --- gathers
@pytest.mark.parametrize("width", SIZES)
def test_rows_of_every_width(width):
    assert_agrees(numbers((5, width))[positions((2, 3), 5, -5)], calls=int(width == 0))


@pytest.mark.parametrize("count", SIZES)
def test_every_number_of_indices(count):
    x, i, j = numbers((5, 6)), positions((count,), 5, -5), positions((count,), 6, -6, 2)
    assert assert_agrees(x[i, j] * 2 - x[:, j][0]) == ["group"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_gathers_of_every_dtype(dtype):
    assert_agrees(numbers((6, 9), dtype).gather(1, positions((6, 5), 9)))


@pytest.mark.parametrize("how", ["transposed", "stepped", "computed", "plain"])
def test_gathers_from_views_and_from_values_on_the_way(how):
    x = lying(numbers((6, 9)), how)
    i = positions((4, 1), 6)
    assert_agrees(x[i, positions((3,), 9)], x.exp()[i[:, 0]], x.t()[positions((3,), 9)], tolerance=1e-6)


def test_indices_apart_stand_in_front():
    x = numbers((3, 4, 5, 6))
    i, j = positions((2, 1), 3), positions((7,), 5)
    assert_agrees(x[i, :, j], x[:, i, j], x[i, j[:1]], x[:, :, i], x[i, :, :, j])


def test_indices_read_through_indices():
    x, i, j = numbers((9, 4)), positions((6,), 9, -9), positions((5,), 6)
    assert assert_agrees(x[i[j]] + x[i][j]) == ["group"]


def test_gather_in_a_reduction():
    x, i = numbers((20, 8)), positions((6, 3), 20)
    assert assert_agrees(x[i].sum(1), tolerance=1e-6) == ["group"]


@pytest.mark.parametrize("chosen", [(0, 3), (4, -5, 1), (2,) * 8])
def test_columns_of_many_rows_chosen_by_a_short_index(chosen):
    """The loop over a short index is written out, and its indices are read before the loop over the rows."""
    x = numbers((5, 4, 5))
    assert assert_agrees(x[:, :, list(chosen)], x[:, :, list(chosen)] * 2 + x[:, :, :1]) == ["group"]


@pytest.mark.parametrize("count", [2, 7, 8])
def test_few_positions_in_many_rows(count):
    """The innermost loop is written out, and the indices are read at each of its turns."""
    x, at = numbers((65, 127)), positions((count,), 127)
    assert_agrees(x.index_select(1, at))
    assert_agrees(x.t().contiguous().t().index_select(1, at[::1]), x.index_select(1, at) * 2)
    assert_agrees(x.gather(1, positions((65, count), 127)))


@pytest.mark.parametrize("shape", [(3,), (5, 40), (40, 5)])
@pytest.mark.parametrize("dim", [0, -1])
def test_positions_made_of_a_reductions_result(shape, dim):
    """The count of what is valid says which of the sorted values is taken, in the kernel that counts."""
    x = numbers(shape)
    x = x.clone()
    valid = x > -0.5
    count = valid.sum(dim, keepdim=True, dtype=T.float32)
    middle = ((count - 1) / 2).long().clamp(min=0)
    assert_agrees(x.gather(dim, middle), x * count, tolerance=1e-6)
    assert_agrees(x.gather(dim, middle.expand_as(x)).sum(dim), tolerance=1e-5)


def test_no_index_is_read_for_an_empty_row():
    """What lies where nothing is may be no index: nothing was out of range."""
    x, at = T.zeros(0, 1), T.tensor([99]).expand(2)[:0]
    at.numpy()
    at = at.detach()
    assert at.node.value.strides == (0,)
    with compiling() as seen:
        assert math.isnan(F.nll_loss(x, at).item())
        assert F.cross_entropy(x, at, reduction="sum").item() == 0
        assert x.gather(1, at[:, None]).sum((0, 1)).item() == 0
    assert not seen.errors


@pytest.mark.parametrize("shape", [(0, 1, 8, 1), (0, 3), (0, 3, 2)])
def test_no_index_is_read_for_an_empty_write(shape):
    at = T.tensor([99]).expand(*shape[:-1], shape[-1]).clone().numpy()
    with compiling(poison=True) as seen:
        wanted = (*shape[:-1], 4)
        assert T.zeros(wanted).scatter_add(-1, T.from_numpy(at), T.ones(shape)).numpy().shape == wanted
        assert T.zeros(wanted).scatter(-1, T.from_numpy(at), T.ones(shape)).numpy().shape == wanted
    assert not seen.errors


def test_an_empty_value_that_nobody_reads():
    """A write to a part of nothing: the kernel of what is written has no reader."""
    with compiling() as seen:
        x = T.zeros(0, 3, requires_grad=True)
        y = x * 1
        y[..., 1:].cos_()
        gradient, = T.grad(y.sum(), x)
        assert gradient.numpy().shape == y.detach().numpy().shape == (0, 3)
    assert not seen.errors


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0,), (2, 0, 3)])
def test_nothing_to_sort(shape):
    x = T.zeros(shape, dtype=T.int64)
    with compiling() as seen:
        for dim in range(len(shape)):
            values, order = (x + 0).sort(dim)
            assert tuple(values.numpy().shape) == tuple(order.numpy().shape) == shape
    assert not seen.errors


def test_a_factor_of_an_empty_sum():
    """nan times the sum of nothing is 0 where nan stands inside the sum, as batch norm's gradient of an empty batch has it."""
    x, weight = T.zeros(0, 2, 4), T.ones(2, requires_grad=True)
    results = []
    for how in (compiling(), engine.compile_after(-1)):
        with how:
            y = F.batch_norm(x, None, None, weight, None, True)
            results.append(T.grad(y.sum(), weight)[0].numpy())
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(results[0], [0, 0])


def test_nothing_to_gather_from():
    empty = T.zeros(0, 3)
    assert_agrees(empty[positions((0,), 1)])
    with pytest.raises(IndexError):
        compiled(empty[positions((2,), 1)])


# --- bad indices
@pytest.mark.parametrize("wrong", [5, -6, 1 << 40, -(1 << 63)])
def test_a_bad_index_is_reported_and_touches_nothing(wrong, monkeypatch):
    monkeypatch.setattr(engine.Policy, "sightings", 0)
    x, value = numbers((5, 3)), numbers((2, 3))
    good, bad = T.tensor(np.array([1, 2])), T.tensor(np.array([1, wrong]))
    for use in (lambda i: x[i], lambda i: x[i].sum(), lambda i: x.index_put((i,), value, accumulate=True)):
        before = use(good).numpy()
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for dimension 0 with size 5"):
            use(bad).numpy()
        np.testing.assert_array_equal(use(good).numpy(), before)  # the program goes on working


@pytest.mark.parametrize("op", [ops.gather, ops.scatter_add, ops.scatter])
@pytest.mark.parametrize("shape", [(2, 3), (4, 1)])
def test_bad_positions_in_gathers_and_scatters(op, shape):
    """Negative ones are bad here. (4, 1) is what the compiler turns into a comparison with positions."""
    x, source = numbers((4, 5)).node, numbers(shape).node
    values = np.zeros(shape, np.int64)
    index = T.tensor(values).node
    node = op(x, index, 1) if op is ops.gather else op(x, index, source, 1)
    _, leaves = structural_key([node])
    program = Compiled([node], leaves)
    program.run([n.value for n in leaves])
    for wrong in (5, -1, 1 << 40, -(1 << 63)):
        index.value = np.array(values)
        index.value[-1, -1] = wrong
        with pytest.raises(IndexError):
            program.run([n.value for n in leaves])


# --- scatters
@pytest.mark.parametrize("width", SIZES)
def test_rows_added_to_a_table(width):
    table, i = numbers((5, width)), positions((4, 3), 5, -5)
    assert_agrees(table.index_put((i,), numbers((4, 3, width), seed=3), accumulate=True), calls=int(width == 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_scatters_of_every_dtype(dtype):
    x, value = numbers((6, 5), dtype), numbers((8, 5), dtype, 3)
    i = positions((8, 5), 6)
    assert_agrees(x.scatter_add(0, i, value), x.index_put((i[:, 0] - 6,), value))


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_scatters_along_every_dimension(dim):
    x, value = numbers((4, 5, 6)), numbers((3, 5, 4), seed=3)
    i = positions((2, 3, 4), x.shape[dim])
    assert_agrees(x.scatter_add(dim, i, value.abs()), x.scatter(dim, i, value.transpose(0, 0)))


def test_puts_at_pairs_and_apart():
    x, i, j = numbers((4, 5, 6)), positions((3, 1), 4), positions((2,), 6)
    assert_agrees(x.index_put((i, positions((2,), 5)), numbers((3, 2, 6), seed=2), accumulate=True))
    assert_nodes_agree(ops.index_put((x.node, numbers((3, 2, 5), seed=2).node, i.node, j.node), (0, 2), True))


def test_the_last_of_equal_positions_stays():
    x = T.zeros(3)
    put = x.index_put((T.tensor([1, 1, 1]),), T.tensor([1.0, 2.0, 3.0]))
    assert compiled(put)[1][0].tolist() == [0.0, 3.0, 0.0]


def test_large_scatters_add_in_the_order_of_the_index():
    x, i = numbers((50, 128)), positions((4000,), 50)
    added = x.index_put((i,), numbers((4000, 128), seed=2), accumulate=True)
    np.testing.assert_array_equal(compiled(added)[1][0], interpreted(added))


# --- scans, positions, sorts
@pytest.mark.parametrize("size", SIZES)
def test_rows_of_every_length(size):
    x = numbers((3, size))
    assert_agrees(x.cumsum(1), x.argsort(1), *([x.argmax(1)] if size else []))


@pytest.mark.parametrize("size", SIZES)
def test_columns_of_every_width(size):
    x = numbers((6, size))
    assert_agrees(x.cumprod(0), x.argmin(0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_scans_and_sorts_of_every_dtype(dtype):
    x = numbers((4, 37), dtype)
    assert_agrees(x.argsort(1, descending=True), *([x.argmax(1), x.argmin(0), x.cumsum(0)] if dtype != "bool" else []))


@pytest.mark.parametrize("dtype", DTYPES)
def test_reductions_of_every_dtype(dtype):
    x = numbers((9, 70), dtype)
    found = [x.any(1), x.all(0)]
    if dtype not in ("float32", "float64", "bool"):
        found += [x.sum(0), x.sum((0, 1)), x.amax(1), x.amin(0), x.prod(1)]
    assert_agrees(*found, tolerance=1e-2 if dtype in REALS else 0)


@pytest.mark.parametrize("dtype", REALS)
def test_nan_infinities_and_ties(dtype):
    values = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, 1.0, np.nan, np.inf, -1.0] * 5)
    rows = np.stack([values, values[::-1], np.where(np.isnan(values), 0, values), np.full(50, np.nan),
                     np.full(50, -np.inf), np.full(50, np.inf), np.sort(values)])
    x = T.tensor(rows).to(getattr(T, dtype))
    assert_agrees(x.argmax(1), x.argmin(1), x.argmax(0), x.argmin(0), x.any(1), x.argsort(1), x.argsort(1, descending=True))


@pytest.mark.parametrize("how", ["transposed", "stepped", "computed"])
def test_scans_and_positions_of_views(how):
    x = lying(numbers((6, 40)), how)
    assert_agrees(x.cumsum(0), x.cumsum(1), x.argmax(1), x.argsort(1), x.argsort(0), (x > 0).any(1), tolerance=1e-6)


def test_scalars_and_empty_reductions():
    one, none = T.tensor(3.0), T.zeros(0, 4)
    assert_agrees(one.argmax(), one.cumsum(0), one.argsort(), (one > 2).any(), none.any(0), none.all(), (none > 0).sum(1),
                  none.cumsum(0), none.argsort(1))


@pytest.mark.parametrize("size", [1000, 4097])
def test_long_sorts_are_stable(size):
    x = T.tensor(np.random.default_rng(0).integers(0, 50, (2, size)).astype(np.float32))
    assert_agrees(x.argsort(1), x.sort(1, descending=True)[0])


# --- random numbers
@pytest.mark.parametrize("shape", [(64,), (3, 4, 12), (35,), (7, 9), (4, 1), (), (0, 4)])
def test_masks_are_the_interpreters(shape):
    T.manual_seed(7)
    assert assert_agrees(F.dropout(T.ones(shape), 0.4), T.rand(shape, dtype=T.float64) * 2) == ["group"]


@pytest.mark.parametrize("dtype", REALS)
def test_masks_of_every_dtype(dtype):
    T.manual_seed(7)
    assert_agrees(F.dropout(T.ones(5, 8, dtype=getattr(T, dtype)), 0.4), T.rand(5, 7, dtype=getattr(T, dtype)) * 1)


def test_masks_of_views():
    T.manual_seed(8)
    x = F.dropout(T.ones(8, 12), 0.5)
    assert_agrees(x.t() * 1, x[1:, 2:] * 1, x.flip(0), x.reshape(4, 24)[:, ::3] * 1, x[positions((5,), 8)], x.sum(0))


# --- movement
@pytest.mark.parametrize("amounts", [(1, 2), (1, 1, 2, 0), (-1, 2), (-2, -1, 1, 1), (3, -6), (-7, 0), (0, 0)])
def test_pads(amounts):
    x = numbers((3, 7))
    assert_agrees(F.pad(x, amounts), F.pad(x.exp(), amounts, value=math.nan), tolerance=1e-6)


def test_writes_to_slices():
    x, value = numbers((6, 9)), numbers((3, 4), seed=2)
    where = ((1, 0), (6, 8), (2, 2))
    for base in (x.exp(), lying(x, "transposed")):
        written = ops.write_slice(base.node, (value * 2).node, *where)
        assert_nodes_agree(written, ops.write_slice(written, numbers((2, 9)).node, (4, 0), (6, 9), (1, 1)))


# --- pooling
WINDOWS = [((3, 3), (2, 2), (1, 1)), ((3, 2), (1, 3), (1, 0)), ((7, 7), (7, 7), (3, 3))]


def pool_operands(channels, last):
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((2, channels, 9, 8)).astype(np.float32)
    x[rng.random(x.shape) < 0.3] = 0.5
    x[0, 0, :3, :3] = np.nan
    x[-1, -1, 4:, :] = -np.inf
    if last:
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    made = T.tensor(x)
    made.node.value = x  # as a program sees what lies channels-last
    return made


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
def test_pooling(window, last):
    x = pool_operands(70 if last else 3, last)
    ceil = window[0] == (3, 2)
    highest = ops.max_pool(x.node, *window, (1, 1), ceil)
    g = numbers(highest.shape).node
    how = (*window, (1, 1), ceil)
    assert_nodes_agree(highest, ops.max_pool_grad(g, x.node, *how), ops.avg_pool(x.node, *window, ceil, not last, None),
                       ops.avg_pool_grad(g, x.shape, *window, ceil, last, None), tolerance=1e-5)


@pytest.mark.parametrize("dilation", [(1, 1), (1, 2), (2, 1), (3, 2)])
def test_gradients_of_windows_with_gaps_that_do_not_overlap(dilation):
    x = numbers((2, 3, 14, 12))
    how = ((3, 2), (3, 2), (0, 0), dilation, False)
    g = numbers(ops.max_pool(x.node, *how).shape).node
    assert_nodes_agree(ops.max_pool_grad(g, x.node, *how))


def test_windows_of_no_images():
    x = numbers((0, 1, 5, 5)).requires_grad_()
    unfolded = F.unfold(x, 2)
    unfolded.sum().backward()
    assert_agrees(unfolded.detach(), x.grad, calls=0)


def test_places_of_maxima_and_other_divisors():
    x = pool_operands(3, False)
    window = WINDOWS[0]
    assert_nodes_agree(ops.max_pool_indices(x.node, *window, (1, 1), False), ops.avg_pool(x.node, *window, False, True, 3),
                       ops.max_pool(x.node, *window, (2, 3), False), tolerance=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16", "int64", "uint8"])
def test_pooling_of_other_dtypes(dtype):
    x = numbers((2, 3, 9), dtype)
    window = ((3,), (2,), (1,))
    nodes = [ops.max_pool(x.node, *window, (2,), False)]
    if dtype in REALS:
        nodes.append(ops.avg_pool(x.node, *window, False, True, None))
        nodes += [ops.avg_pool_grad(nodes[1], x.shape, *window, False, True, None)]
    assert_nodes_agree(*nodes, tolerance=2e-2 if dtype.endswith("16") else 1e-9)


# --- structure
def test_embedding_with_positions_and_dropout_is_one_kernel():
    T.manual_seed(3)
    table, places = numbers((20, 16)), numbers((8, 16), seed=2)
    ids = positions((4, 8), 20)
    assert assert_agrees(F.dropout(F.embedding(ids, table) + places[T.arange(8)], 0.1)) == ["group"]


def test_cross_entropy_forward_and_backward_without_calls():
    logits = numbers((12, 10)).requires_grad_()
    loss = F.cross_entropy(logits, positions((12,), 10))
    kinds = assert_agrees(loss, tolerance=1e-5)
    assert "native" not in kinds
    again = numbers((12, 10)).requires_grad_()
    gradient, = T.grad(F.cross_entropy(again, positions((12,), 10)), [again])
    assert_agrees(gradient, tolerance=1e-5)


def test_embedding_backward_is_a_fill_and_a_scatter():
    table, ids = numbers((20, 16)).requires_grad_(), positions((4, 8), 20)
    gradient, = T.grad((F.embedding(ids, table) ** 2).sum(), [table])
    kinds = assert_agrees(gradient, tolerance=1e-5)
    assert kinds == ["group", "native"]


def test_a_dropout_mask_is_drawn_again_and_never_stored():
    T.manual_seed(4)
    x, weight = numbers((8, 12)), numbers((12, 16), seed=2).requires_grad_()
    loss = (F.dropout((x @ weight).tanh(), 0.5) ** 2).sum()
    gradient, = T.grad(loss, [weight])
    nodes = [loss.node, gradient.node]
    _, leaves = structural_key(nodes)
    program = Compiled(nodes, leaves)
    stored = [n for step in program.program.plan.steps for n in step.outputs]
    assert not [n for n in stored if n.op in (ops.uniform, ops.ge, ops.lt) or n.dtype.name == "bool"]
    assert not [n for n in stored if n.op is ops.cast and n.inputs[0].dtype.name == "bool"]
    for ours, t in zip(program.run([n.value for n in leaves]), (loss, gradient)):
        np.testing.assert_allclose(ours, interpreted(t), 1e-4, 1e-5)
