"""Errors that users make: PyTorch's type of exception at the user's line, in a message that names the call, what it got and
what to do."""

import re
import traceback

import pytest
import torch

import talweg

torch.set_num_threads(1)


def _written_over(T):
    x = T.ones(3, requires_grad=True)
    y = x.exp()
    y.mul_(2)
    y.sum().backward()


def _twice(T):
    loss = T.ones(3, requires_grad=True).exp().sum()
    loss.backward()
    loss.backward()


def _leaf_written(T):
    T.ones(3, requires_grad=True).add_(1)


def _without_grad(T):
    T.ones(3).sum().backward()


def _many_outputs(T):
    T.ones(3, requires_grad=True).exp().backward()


def _of_what_is_unused(T):
    x, y = T.ones(3, requires_grad=True), T.ones(3, requires_grad=True)
    (T.autograd.grad if T is torch else T.grad)(x.sum(), y)


def _state(T):
    T.nn.Linear(3, 2).load_state_dict(T.nn.Linear(3, 4).state_dict())


def _missing(T):
    T.nn.Linear(3, 2).load_state_dict({"weight": T.zeros(2, 3)})


CASES = [  # what is done, what the message has to name
    # shapes
    (lambda T: T.ones(2, 3) + T.ones(4), ["add", "3", "4"]), (lambda T: T.ones(2, 3) @ T.ones(2, 3), ["2, 3|2x3"]),
    (lambda T: T.nn.Linear(4, 2)(T.ones(3, 5)), ["5", "4"]),
    (lambda T: T.ones(6).reshape(4, 2), ["reshape|shape", "4, 2"]),
    (lambda T: T.cat([T.ones(2, 3), T.ones(2, 4)]), ["cat", "3", "4"]),
    (lambda T: T.stack([T.ones(2), T.ones(3)]), ["stack"]),
    (lambda T: T.ones(2, 3).expand(3, 3), ["expand", "3, 3"]), (lambda T: T.ones(2, 3).squeeze(2), ["range", "2"]),
    (lambda T: T.nn.Conv2d(3, 8, 3)(T.ones(1, 4, 8, 8)), ["channels", "4", "3"]),
    (lambda T: T.nn.Conv2d(3, 8, 9)(T.ones(1, 3, 4, 4)), ["4", "9"]),
    (lambda T: T.nn.BatchNorm1d(4)(T.ones(3, 5)), ["running_mean|features|channels", "4|5"]),
    (lambda T: T.nn.BatchNorm2d(4)(T.ones(3, 4)), ["4D|4-D"]),
    (lambda T: T.nn.LayerNorm(4)(T.ones(2, 3)), ["4", "3"]),
    (lambda T: T.nn.functional.cross_entropy(T.ones(3, 4), T.zeros(2, dtype=T.int64)), ["cross_entropy|batch", "3", "2"]),
    (lambda T: T.ones(2, 3).view(-1, -1), ["one dimension"]), (lambda T: T.ones(2, 3)[0, 0, 0], ["indices", "2"]),
    (lambda T: T.einsum("ij,jk->ik", T.ones(2, 3), T.ones(4, 5)), ["3", "4"]),
    (lambda T: T.ones(3).t_().mm(T.ones(3)), []),
    (lambda T: T.nn.LSTM(4, 3)(T.ones(5, 2, 7)), ["7", "4"]),
    (lambda T: T.nn.MultiheadAttention(4, 3), ["divisible"]),
    # dtypes
    (lambda T: T.nn.Linear(4, 2)(T.ones(3, 4, dtype=T.int64)), ["dtype"]),
    (lambda T: T.nn.Linear(4, 2)(T.ones(3, 4, dtype=T.float64)), ["dtype"]),
    (lambda T: T.ones(3, dtype=T.int64).mean(), ["mean", "float"]),
    (lambda T: T.nn.functional.cross_entropy(T.ones(3, 4), T.zeros(3, dtype=T.int32)), []),
    (lambda T: T.nn.Embedding(4, 2)(T.ones(3)), ["Long|Int"]),
    (lambda T: T.zeros(2, dtype=T.int64).add_(0.5), ["cast"]),
    (lambda T: T.ones(3, dtype=T.int64).requires_grad_(), ["float"]), (lambda T: T.ones(2)[T.ones(2)], ["ind"]),
    (lambda T: T.ones(2, dtype=T.bool) - T.ones(2, dtype=T.bool), ["sub", "~|logical_not"]),
    (lambda T: T.ones(2) & T.ones(2), ["bitwise_and|and"]), (lambda T: T.tensor("text"), []),
    (lambda T: T.tensor([[1], [2, 3]]), []),
    (lambda T: T.ones(2) + "1", []), (lambda T: T.ones(2, 2).sum(dim="x"), []),
    (lambda T: T.ones(2).to("float33"), []),
    (lambda T: T.tensor([1 + 2j, 3]) < 2, ["lt"]), (lambda T: len(T.tensor(3)), ["0-d"]),
    (lambda T: bool(T.ones(2)), ["ambiguous"]),
    (lambda T: T.ones(2).item(), ["item|scalar|element"]), (lambda T: int(T.ones(2)), []),
    (lambda T: range(T.tensor(1.5)), []),
    # indices
    (lambda T: T.ones(3)[3], ["3"]), (lambda T: T.ones(3)[T.tensor([0, 5])], ["5", "3"]),
    (lambda T: T.ones(3)[::-1], ["step"]),
    (lambda T: T.nn.Embedding(4, 2)(T.tensor([4])), ["range"]), (lambda T: T.ones(2, 3).sum(2), ["range", "2"]),
    (lambda T: T.nn.functional.cross_entropy(T.ones(2, 3), T.tensor([0, 3])), ["3"]),
    (lambda T: T.ones(3).gather(0, T.tensor([3])), ["gather|index", "3"]),
    (lambda T: T.ones(3).index_select(0, T.tensor([3])), []),
    (lambda T: T.ones(3).scatter(0, T.tensor([3]), 1.0), ["3"]), (lambda T: T.ones(3).narrow(0, 2, 2), ["3"]),
    (lambda T: T.ones(2, 3)[T.tensor([True, False, True])], ["mask", "3", "2"]),
    (lambda T: T.ones(3).topk(4), ["topk|range"]),
    (lambda T: T.nn.functional.one_hot(T.tensor([3]), 2), ["num_classes"]),
    (lambda T: T.ones(3).__setitem__(T.tensor([0, 1]), T.ones(3)), ["3", "2"]),
    # gradients
    (_twice, ["second time", "retain_graph"]), (_written_over, ["inplace", "version"]),
    (_leaf_written, ["leaf", "in-place|no_grad"]),
    (_without_grad, ["require"]), (_many_outputs, ["scalar"]), (_of_what_is_unused, ["allow_unused"]),
    (lambda T: T.ones(2, requires_grad=True).numpy(), ["detach"]),
    (lambda T: T.ones(2, requires_grad=True).sum().backward(T.ones(2)), ["shape"]),
    (lambda T: T.ones(2, requires_grad=True).exp().requires_grad_(False), ["detach"]),
    # settings and states
    (lambda T: T.optim.SGD([], lr=0.1), ["empty"]),
    (lambda T: T.optim.SGD([T.ones(2, requires_grad=True)], lr=-1.0), ["learning rate", "-1"]),
    (lambda T: T.optim.Adam([T.ones(2, requires_grad=True)], betas=(1.5, 0.9)), ["beta", "1.5"]),
    (lambda T: T.optim.SGD([T.ones(2, requires_grad=True).exp()], lr=0.1), ["leaf"]),
    (lambda T: T.nn.Dropout(1.5), ["1.5"]),
    (_state, ["size mismatch", "weight"]), (_missing, ["Missing key", "bias"]),
    (lambda T: T.nn.Linear(2, 2).nothing, ["nothing"]),
    (lambda T: T.nn.Conv2d(4, 6, 3, groups=3), ["divisible"]), (lambda T: T.zeros(-1), ["-1|negative"]),
    (lambda T: T.arange(0, 1, 0), []),
    (lambda T: T.linalg.inv(T.zeros(2, 2)), ["inv", "singular"]),
    (lambda T: T.linalg.cholesky(-T.eye(2)), ["positive"]),
    (lambda T: T.nn.Sequential(T.nn.ReLU())(), []), (lambda T: T.nn.Module()(T.ones(2)), ["forward"]),
]
TYPES = {torch.linalg.LinAlgError: talweg.linalg.LinAlgError}


@pytest.mark.parametrize("number", range(len(CASES)))
@pytest.mark.filterwarnings("ignore")
def test_an_error_is_pytorchs(number):
    case, named = CASES[number]
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        case(torch)
    expected = TYPES.get(theirs.type, theirs.type)
    with pytest.raises(expected) as ours:
        case(talweg)
    assert ours.type is expected
    for words in named:
        assert re.search(words, str(ours.value)), f"{words!r} is not in: {ours.value}"
    lines = [frame.filename for frame in traceback.extract_tb(ours.value.__traceback__)]
    assert __file__ in lines[1] or any(__file__ in line for line in lines[1:]), "the user's line is in the traceback"


@pytest.mark.parametrize("read", [lambda y: y.item(), lambda y: bool(y > 0), lambda y: y.numpy(), lambda y: print(y), float])
def test_a_value_read_inside_a_compiled_function(read):
    """It would be frozen into the program: refused, naming what to do instead. PyTorch falls back on Python there."""
    def step(x):
        y = (x * 2).sum()
        read(y)
        return y

    compiled = talweg.compile(step)
    compiled(talweg.ones(3))  # runs as it is
    with pytest.raises(RuntimeError, match="talweg.compile: .* read inside the compiled function"):
        compiled(talweg.ones(3))
