"""A training step that is one native call learns what the recorded step learns, whatever changes between two of them."""

import numpy as np
import pytest

import talweg as tw
from talweg import nn, optim
from talweg.training.update import CompiledUpdate, Update

CHANGED = 4  # before this step


def sgd(parameters):
    return optim.SGD(parameters, lr=0.1, momentum=0.9)


def adam(parameters):
    return optim.Adam(parameters, lr=0.05)


def batches(sizes=(6,) * 9):
    rng = np.random.default_rng(0)
    return [(tw.from_numpy(rng.standard_normal((n, 4)).astype(np.float32)), tw.from_numpy(rng.integers(0, 3, n))) for n in sizes]


def learnt(kind, change=None, optimizer=sgd, frozen=False, given=None, loss=None, **options):
    """The losses of the steps, not-a-number where one was skipped, what was raised in a step's place, and the weights and
    statistics at the end."""
    tw.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.BatchNorm1d(5), nn.Linear(5, 3))
    model[0].requires_grad_(not frozen)
    made = optimizer([p for p in model.parameters() if p.requires_grad])
    update = kind(model, loss or nn.CrossEntropyLoss(), made, None, **options)
    told = []
    for number, batch in enumerate(batches() if given is None else given):
        if change is not None and number == CHANGED:
            change(model, made)
        try:
            done = update([batch])
            told.append(float("nan") if done is None else done[0][0].loss)
        except (ValueError, KeyboardInterrupt) as error:
            told.append(repr(error))
    return told, [value.numpy() for value in model.state_dict().values()]


def assert_alike(**options):
    (told, state), (expected, wanted) = learnt(CompiledUpdate, **options), learnt(Update, **options)
    assert told == pytest.approx(expected, rel=1e-4, nan_ok=True)
    for value, right in zip(state, wanted, strict=True):
        np.testing.assert_allclose(value, right, rtol=1e-4, atol=1e-5)


def of_group(**settings):
    return lambda model, made: made.param_groups[0].update(settings)


def halved(model, made):
    for p in model.parameters():
        p.data = p.data * 0.5


def thawed(model, made):
    model[0].requires_grad_(True)
    made.add_param_group({"params": list(model[0].parameters()), "lr": 0.3})


@pytest.mark.parametrize("change", [
    None, of_group(lr=0.5), of_group(momentum=0.2), of_group(weight_decay=0.3), of_group(nesterov=True), of_group(maximize=True),
    halved, lambda model, made: model[0].requires_grad_(False),
    lambda model, made: model.load_state_dict({n: v * 0.5 if v.ndim else v for n, v in model.state_dict().items()}),
    lambda model, made: [setattr(p, "grad", tw.ones(*p.shape)) for p in model.parameters()],
], ids=["nothing", "lr", "momentum", "weight decay", "nesterov", "maximize", "data", "freeze", "load", "gradients"])
def test_what_changes_between_two_steps_is_noticed(change):
    assert_alike(change=change)


@pytest.mark.parametrize("change", [of_group(betas=(0.5, 0.6)), of_group(weight_decay=0.3)])
def test_settings_of_adam(change):
    assert_alike(change=change, optimizer=adam)


@pytest.mark.parametrize("optimizer", [sgd, adam])
def test_layers_that_are_unfrozen_learn_with_a_state_of_their_own(optimizer):
    assert_alike(change=thawed, optimizer=optimizer, frozen=True)


def test_a_shorter_batch_at_the_end_of_an_epoch():
    assert_alike(given=batches((6, 6, 2, 6, 6, 2, 6, 2)))


def test_a_batch_that_is_not_finite_is_skipped_and_changes_nothing():
    given = batches()
    given[0][0][0, 0] = given[5][0][1, 1] = float("nan")
    assert_alike(given=given, on_nan="skip")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("when", [0, 1, 2])
def test_a_step_that_raises_while_it_is_traced(error, when):
    """After the forward pass, which moves the running statistics; on the first, second, or a new kind of batch."""
    def failing():
        calls = iter(range(100))
        right = nn.CrossEntropyLoss()

        def loss(outputs, targets):
            if next(calls) == when:
                raise error("no loss")
            return right(outputs, targets)

        return loss

    given = batches((6, 6, 2, 2, 2, 6, 6))
    (told, state), (expected, wanted) = (learnt(kind, given=given, loss=failing()) for kind in (CompiledUpdate, Update))
    assert [i for i, t in enumerate(told) if isinstance(t, str)] == [when]
    assert [i for i, t in enumerate(expected) if isinstance(t, str)] == [when]
    for value, right in zip(state, wanted, strict=True):
        np.testing.assert_allclose(value, right, rtol=1e-4, atol=1e-5)
