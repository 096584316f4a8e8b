"""Every tensor that exists is known, whoever made it."""

import gc
import threading

import talweg as tw
from talweg.tensor import living


def known(*tensors):
    found = {id(box) for box in living.living()}
    return [id(t) in found for t in tensors]


def test_tensors_views_and_parameters_are_known_each_once():
    x = tw.ones(3, 4)
    made = [x, x[0], x.T, x.detach(), x.data, tw.nn.Linear(2, 3).weight, tw.tensor([1, 2]), x.clone().requires_grad_()]
    assert all(known(*made))
    everything = living.living()
    assert len({id(box) for box in everything}) == len(everything)


def test_those_that_are_gone_are_not_kept():
    before = len(living.living())
    for _ in range(20 * living.SPARE):
        tw.zeros(1)
    assert len(living.living()) <= before + 1
    assert len(living._noted) < 2 * living.SPARE + 4 * before


def test_one_that_is_given_other_memory_again_and_again_is_kept_once():
    x = tw.nn.Parameter(tw.ones(1))
    before = len(living.living())
    for _ in range(10 * living.SPARE):
        x.data = x.data * 0.5
    assert all(known(x))
    assert len(living._noted) < 2 * living.SPARE + 4 * before


def test_tensors_of_several_threads_are_known_while_the_dead_are_forgotten():
    kept = []

    def work():
        for i in range(4 * living.SPARE):
            x = tw.zeros(1)
            if i % 10 == 0:
                kept.append(x)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(known(*kept))


def test_a_compiled_step_learns_when_the_collector_was_told_to_leave_everything_alone():
    """gc.freeze, which servers call before they fork, hides objects from the collector's list."""
    weight = tw.ones(3, requires_grad=True)
    optimizer = tw.optim.SGD([weight], lr=0.5)

    @tw.compile
    def step(x):
        optimizer.zero_grad()
        loss = (weight * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    gc.freeze()
    try:
        found = [step(tw.ones(3)).item() for _ in range(4)]
    finally:
        gc.unfreeze()
    assert found == [3.0, 1.5, 0.0, -1.5]
    assert weight.tolist() == [-1.0] * 3


def test_rings_that_a_traced_function_leaves_behind_are_not_taken_for_its_results():
    @tw.compile
    def ring(x):
        a = x * 2
        a.self = [a]
        return x + 1

    for i in range(4):
        assert ring(tw.full((2,), float(i))).tolist() == [i + 1.0] * 2
    assert gc.isenabled()
