"""Learning-rate schedules: the sequences of PyTorch to 1e-9, resumed, combined, and refused where they make no sense."""

import copy
import math
import warnings

import pytest
import torch

import talweg as tw
from talweg import optim

torch.set_num_threads(1)


def pair(kind="SGD", groups=(0.1, 0.02), **settings):
    """Our optimiser and PyTorch's, with one group for each learning rate."""
    made = []
    for library, optimisers in ((tw, optim), (torch, torch.optim)):
        listed = [{"params": [library.ones(1).requires_grad_(True)], "lr": lr} for lr in groups]
        made.append(getattr(optimisers, kind)(listed, **settings))
    return made


def follow(optimizer, scheduler, steps=30):
    """What the groups' rates and momenta are, from the start on."""
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(steps):
            seen.append([(g["lr"], g.get("momentum"), g.get("betas")) for g in optimizer.param_groups])
            optimizer.step()
            scheduler.step()
    return seen


def flat(values):
    if isinstance(values, (list, tuple)):
        return [x for value in values for x in flat(value)]
    return [0.0 if values is None else float(values)]


def close(ours, theirs):
    assert flat(ours) == pytest.approx(flat(theirs), rel=1e-9, abs=1e-12)


def swa(schedules):
    """Where the library of these schedules keeps SWALR."""
    return optim.swa_utils if schedules is optim.lr_scheduler else torch.optim.swa_utils


SCHEDULES = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "LambdaLR-each": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (1 + e), lambda e: e / 10]),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.2], step_size_up=4, cycle_momentum=False),
    "CyclicLR-2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.2, step_size_up=3, step_size_down=5, mode="triangular2",
                                          cycle_momentum=False),
    "CyclicLR-exp": lambda s, o: s.CyclicLR(o, 0.01, 0.2, step_size_up=6, mode="exp_range", gamma=0.95, cycle_momentum=False),
    "CyclicLR-own": lambda s, o: s.CyclicLR(o, 0.01, 0.2, step_size_up=6, scale_fn=lambda x: 1 / (1 + x),
                                            scale_mode="iterations", cycle_momentum=False),
    "SWALR": lambda s, o: swa(s).SWALR(o, 0.05, anneal_epochs=8),
    "SWALR-linear": lambda s, o: swa(s).SWALR(o, [0.05, 0.3], anneal_epochs=5, anneal_strategy="linear"),
    "SWALR-at-once": lambda s, o: swa(s).SWALR(o, 0.05, anneal_epochs=0),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 + 0.01 * (e % 2)),
    "StepLR": lambda s, o: s.StepLR(o, 7, gamma=0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 8, 8, 20], gamma=0.3),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=6),
    "ConstantLR-none": lambda s, o: s.ConstantLR(o, total_iters=0),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.01, 0.8, total_iters=9),
    "LinearLR-to-zero": lambda s, o: s.LinearLR(o, 1.0, 0.0, total_iters=9),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 12, power=2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 9, eta_min=0.001),
    "CosineAnnealingLR-zero": lambda s, o: s.CosineAnnealingLR(o, 6),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5),
    "CosineAnnealingWarmRestarts-2": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.01),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 1.0, total_steps=31, cycle_momentum=False),
    "OneCycleLR-linear": lambda s, o: s.OneCycleLR(
        o, [1.0, 0.5], epochs=4, steps_per_epoch=8, anneal_strategy="linear", three_phase=True, pct_start=0.4
    ),
    "OneCycleLR-momentum": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=40, div_factor=10.0, pct_start=0.25),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20), s.ExponentialLR(o, 0.5)], [5, 22]
    ),
    "SequentialLR-of-steps": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, total_iters=3), s.StepLR(o, 4), s.LambdaLR(o, lambda e: 1 / (e + 1))], [6, 15]
    ),
    "SequentialLR-with-restarts": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.2, total_iters=4), s.CosineAnnealingWarmRestarts(o, 6)], [4]
    ),
    "SequentialLR-nested": lambda s, o: s.SequentialLR(
        o, [s.SequentialLR(o, [s.ConstantLR(o), s.ExponentialLR(o, 0.8)], [3]), s.PolynomialLR(o, 10)], [12]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, total_iters=4), s.ExponentialLR(o, 0.9)]),
    "two-at-once": lambda s, o: Both(s.StepLR(o, 3, 0.5), s.CosineAnnealingLR(o, 15)),
}


class Both:
    """Two schedules on one optimiser, stepped one after the other, as scripts do."""

    def __init__(self, first, second):
        self.parts = (first, second)

    def step(self):
        for part in self.parts:
            part.step()


@pytest.mark.filterwarnings("ignore:.*before `?optimizer.step")
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("kind", "settings"), [("SGD", {"momentum": 0.9}), ("Adam", {})])
def test_sequences_equal_pytorch(name, kind, settings):
    ours, theirs = pair(kind, **settings)
    our_scheduler = SCHEDULES[name](optim.lr_scheduler, ours)
    their_scheduler = SCHEDULES[name](torch.optim.lr_scheduler, theirs)
    close(follow(ours, our_scheduler), follow(theirs, their_scheduler))
    if not isinstance(our_scheduler, Both):
        close(our_scheduler.get_last_lr(), their_scheduler.get_last_lr())
        assert getattr(our_scheduler, "last_epoch", None) == getattr(their_scheduler, "last_epoch", None)


STATEFUL = [name for name in SCHEDULES if name != "two-at-once"]


@pytest.mark.filterwarnings("ignore:.*before `?optimizer.step")
@pytest.mark.parametrize("name", STATEFUL)
def test_a_schedule_restored_from_its_state_goes_on(name):
    whole, _ = pair(momentum=0.9)
    expected = follow(whole, SCHEDULES[name](optim.lr_scheduler, whole))
    first, second = pair(momentum=0.9)[0], pair(momentum=0.9)[0]
    scheduler = SCHEDULES[name](optim.lr_scheduler, first)
    start = follow(first, scheduler, 11)
    saved = copy.deepcopy((first.state_dict(), scheduler.state_dict()))
    resumed = SCHEDULES[name](optim.lr_scheduler, second)
    second.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    close(start + follow(second, resumed, 19), expected)


@pytest.mark.parametrize("name", ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
                                  "CosineAnnealingLR", "LambdaLR", "MultiplicativeLR"])
def test_a_schedule_begun_at_a_later_epoch_equals_pytorch(name):
    build = {
        "StepLR": lambda s, o: s.StepLR(o, 4, last_epoch=7),
        "MultiStepLR": lambda s, o: s.MultiStepLR(o, [8, 12], last_epoch=7),
        "ConstantLR": lambda s, o: s.ConstantLR(o, total_iters=8, last_epoch=7),
        "LinearLR": lambda s, o: s.LinearLR(o, total_iters=12, last_epoch=7),
        "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9, last_epoch=7),
        "PolynomialLR": lambda s, o: s.PolynomialLR(o, 12, last_epoch=7),
        "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 12, last_epoch=7),
        "LambdaLR": lambda s, o: s.LambdaLR(o, lambda e: 0.9**e, last_epoch=7),
        "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9, last_epoch=7),
    }[name]
    ours, theirs = pair()
    for optimizer in (ours, theirs):
        for group in optimizer.param_groups:
            group["initial_lr"] = 2 * group["lr"]
    close(
        follow(ours, build(optim.lr_scheduler, ours), 8), follow(theirs, build(torch.optim.lr_scheduler, theirs), 8)
    )
    fresh = pair()[0]
    with pytest.raises(KeyError, match="initial_lr"):
        build(optim.lr_scheduler, fresh)


@pytest.mark.parametrize("settings", [
    {}, {"mode": "max"}, {"patience": 1, "cooldown": 2}, {"threshold_mode": "abs", "threshold": 0.05, "patience": 2},
    {"mode": "max", "threshold_mode": "abs", "patience": 0, "factor": 0.5}, {"patience": 1, "min_lr": [0.01, 0.002]},
    {"patience": 0, "eps": 1e-3, "min_lr": 1e-4},
])
def test_plateau_equals_pytorch(settings):
    metrics = [1.0, 0.8, 0.79, 0.9, float("nan"), 0.7, 0.7, 0.71, 0.72, 0.5, *[0.5 + 0.01 * (i % 3) for i in range(25)]]
    ours, theirs = pair()
    schedulers = (optim.lr_scheduler.ReduceLROnPlateau(ours, **settings),
                  torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings))
    for metric in metrics:
        schedulers[0].step(tw.tensor(metric))
        schedulers[1].step(metric)
        close([g["lr"] for g in ours.param_groups], [g["lr"] for g in theirs.param_groups])
        close(schedulers[0].get_last_lr(), schedulers[1].get_last_lr())
    again = optim.lr_scheduler.ReduceLROnPlateau(pair()[0], **settings)
    again.load_state_dict(schedulers[0].state_dict())
    assert (again.best, again.num_bad_epochs) == (schedulers[1].best, schedulers[1].num_bad_epochs)


def test_step_may_name_an_epoch():
    ours, theirs = pair()
    builds = (lambda s, o: s.StepLR(o, 3), lambda s, o: s.CosineAnnealingLR(o, 10),
              lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2))
    for build in builds:
        ours, theirs = pair()
        a, b = build(optim.lr_scheduler, ours), build(torch.optim.lr_scheduler, theirs)
        for epoch in (5, 2, 9, 14):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                a.step(epoch)
                b.step(epoch)
            close(a.get_last_lr(), b.get_last_lr())
            assert a.last_epoch == b.last_epoch
    restarts = optim.lr_scheduler.CosineAnnealingWarmRestarts(pair()[0], 4)
    restarts.optimizer.step()
    restarts.step(1.5)
    assert restarts.get_last_lr()[0] == pytest.approx(0.05 * (1 + math.cos(math.pi * 1.5 / 4)))
    with pytest.raises(ValueError):
        restarts.step(-1)


def test_a_tensor_rate_stays_the_same_object():
    rate = tw.tensor(0.5)
    optimizer = optim.SGD([tw.ones(1).requires_grad_(True)], lr=rate)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25
    assert scheduler.base_lrs[0].item() == 0.5


def test_stepping_the_schedule_first_is_warned_about():
    optimizer = pair()[0]
    scheduler = optim.lr_scheduler.StepLR(optimizer, 3)
    with pytest.warns(UserWarning, match="before optimizer.step"):
        scheduler.step()
    optimizer = pair()[0]
    scheduler = optim.lr_scheduler.StepLR(optimizer, 3)
    optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_a_schedule_of_ones_own():
    class Halving(optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base * 0.5**self.last_epoch for base in self.base_lrs]

    optimizer = pair(groups=(0.8,))[0]
    scheduler = Halving(optimizer)
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [0.4]
    assert optim.lr_scheduler._LRScheduler is optim.lr_scheduler.LRScheduler
    with pytest.raises(NotImplementedError, match="get_lr"):
        optim.lr_scheduler.LRScheduler(optimizer)


def test_a_callable_object_keeps_its_state():
    class Factor:
        def __init__(self, base):
            self.base = base

        def __call__(self, epoch):
            return self.base**epoch

    one = optim.lr_scheduler.LambdaLR(pair()[0], Factor(0.5))
    two = optim.lr_scheduler.LambdaLR(pair()[0], Factor(0.9))
    two.load_state_dict(one.state_dict())
    assert two.lr_lambdas[0].base == 0.5


BAD = {
    "no optimizer": (lambda s, o: s.StepLR(3, 1), TypeError),
    "plateau without one": (lambda s, o: s.ReduceLROnPlateau(None), TypeError),
    "lambdas": (lambda s, o: s.LambdaLR(o, [lambda e: 1]), ValueError),
    "constant": (lambda s, o: s.ConstantLR(o, 1.5), ValueError),
    "linear start": (lambda s, o: s.LinearLR(o, 0.0), ValueError),
    "linear end": (lambda s, o: s.LinearLR(o, 0.5, 1.5), ValueError),
    "restart length": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError),
    "restart factor": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=0), ValueError),
    "cycle length": (lambda s, o: s.OneCycleLR(o, 1.0), ValueError),
    "cycle of no steps": (lambda s, o: s.OneCycleLR(o, 1.0, total_steps=0), ValueError),
    "cycle share": (lambda s, o: s.OneCycleLR(o, 1.0, total_steps=9, pct_start=1.5), ValueError),
    "cycle shape": (lambda s, o: s.OneCycleLR(o, 1.0, total_steps=9, anneal_strategy="cubic"), ValueError),
    "cycle rates": (lambda s, o: s.OneCycleLR(o, [1.0], total_steps=9), ValueError),
    "plateau factor": (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError),
    "plateau mode": (lambda s, o: s.ReduceLROnPlateau(o, mode="least"), ValueError),
    "plateau threshold": (lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="log"), ValueError),
    "plateau rates": (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError),
    "sequence of none": (lambda s, o: s.SequentialLR(o, [], []), ValueError),
    "sequence milestones": (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]), ValueError),
    "sequence of plateau": (lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []), ValueError),
    "sequence of nonsense": (lambda s, o: s.SequentialLR(o, [3], []), TypeError),
    "chain of none": (lambda s, o: s.ChainedScheduler([]), ValueError),
}


@pytest.mark.parametrize("name", BAD)
def test_settings_that_make_no_sense_are_refused_as_in_pytorch(name):
    build, error = BAD[name]
    ours, theirs = pair()
    with pytest.raises(error):
        build(torch.optim.lr_scheduler, theirs)
    with pytest.raises(error):
        build(optim.lr_scheduler, ours)


def test_other_misuse():
    schedules = optim.lr_scheduler
    one, other = pair()[0], pair()[0]
    with pytest.raises(ValueError, match="same optimizer"):
        schedules.SequentialLR(one, [schedules.StepLR(other, 1)], [])
    without_momentum = pair("SGD")[0]
    del without_momentum.defaults["momentum"]
    with pytest.raises(ValueError, match="momentum or beta1"):
        schedules.OneCycleLR(without_momentum, 1.0, total_steps=3)
    cycle = schedules.OneCycleLR(one, 1.0, total_steps=3)
    with pytest.raises(ValueError, match="total_steps is 3"):
        follow(one, cycle, 5)
    plateau = schedules.ReduceLROnPlateau(other, patience=0, min_lr=[0.0, 0.0])
    other.add_param_group({"params": [tw.ones(1).requires_grad_(True)]})
    plateau.step(1.0)
    with pytest.raises(RuntimeError, match="min_lrs"):
        plateau.step(2.0)
    with pytest.raises(ValueError, match="no epoch"):
        schedules.SequentialLR(one, [schedules.StepLR(one, 1)], []).step(3)
