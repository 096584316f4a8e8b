"""Gradient descent (row 26) and Newton's method (row 29) as demonstrations."""

import math

import numpy as np
import pytest
import torch

import talweg as tw
from talweg.demos import descent, newton

torch.set_num_threads(1)


def small_problem(prior=1e-2):
    x, y = newton.tumours()
    return newton.Problem(x[:80, 20:], y[:80], prior)


# --- row 26
@pytest.mark.parametrize("curvature", [2.0, 12.0, 100.0])
def test_the_valley_has_the_curvatures_it_says(curvature):
    valley = descent.Valley(curvature)
    np.testing.assert_allclose(np.linalg.eigvalsh(valley.hessian), [1, curvature])
    x = torch.tensor([0.3, -1.2], dtype=torch.float64, requires_grad=True)
    (0.5 * x @ torch.tensor(valley.hessian) @ x).backward()
    np.testing.assert_allclose(valley.slope(tw.tensor([0.3, -1.2], dtype=tw.float64)).numpy(), x.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("rate", [0.5, 1.9, 1.98, 2.02, 2.2])
def test_row_26_descent_converges_exactly_below_two_over_the_curvature(monkeypatch, rate):
    monkeypatch.setattr(descent, "LONG", 600)
    valley = descent.Valley(7.0)
    distance = descent.far(valley, valley.start(0), rate)
    assert (distance < 0.1) == (rate < 2)
    assert (distance > 10) == (rate > 2)


def test_row_26_every_step_follows_the_closed_form():
    """(I - eta H)^t x_0, by the eigenvalues of H."""
    valley = descent.Valley(12.0)
    start = valley.start(5)
    way = descent.walk(valley, start, valley.methods()["best: 2 / (1 + K)"], 20)
    parts = valley.axes.T @ start
    factors = 1 - 2 / 13 * np.array([1.0, 12.0])
    for t, place in enumerate(way):
        np.testing.assert_allclose(place, valley.axes @ (factors**t * parts), atol=1e-13)
    distances = np.linalg.norm(way, axis=1)
    np.testing.assert_allclose(distances[1:] / distances[:-1], 11 / 13, rtol=1e-9)  # both axes shrink alike


def test_row_26_steps_leave_level_sets_at_a_right_angle():
    valley = descent.Valley(30.0)
    for x in np.random.default_rng(0).standard_normal((20, 2)):
        slope = valley.slope(tw.from_numpy(x)).numpy()
        tangent = valley.level_direction(x)
        assert abs(tangent @ slope) < 1e-12 * np.linalg.norm(slope)
        near = x + 1e-6 * tangent  # along the tangent the height changes in second order only
        assert abs(valley(tw.from_numpy(near)).item() - valley(tw.from_numpy(x)).item()) < 1e-9


def test_line_search_takes_the_lowest_point_of_its_line():
    valley = descent.Valley(12.0)
    start = valley.start(1)
    first = descent.walk(valley, start, valley.methods()["line search"], 1)[1]
    heights = [valley(tw.from_numpy(start + s * (first - start))).item() for s in (0.99, 1.0, 1.01)]
    assert heights[1] == min(heights)


def test_momentum_is_sgds():
    valley = descent.Valley(12.0)
    start, k = valley.start(2), 12.0
    way = descent.walk(valley, start, valley.methods()["momentum"], 15)
    x = torch.tensor(start, requires_grad=True)
    rate, keep = 4 / (1 + math.sqrt(k)) ** 2, ((math.sqrt(k) - 1) / (math.sqrt(k) + 1)) ** 2
    optimizer = torch.optim.SGD([x], rate, momentum=keep)
    for _ in range(15):
        optimizer.zero_grad()
        (0.5 * x @ torch.tensor(valley.hessian) @ x).backward()
        optimizer.step()
    np.testing.assert_allclose(way[-1], x.detach().numpy(), atol=1e-12)


def test_a_wider_valley_takes_more_steps_and_momentum_the_root():
    needed = {}
    for curvature in (10.0, 40.0):
        valley = descent.Valley(curvature)
        methods = valley.methods()
        needed[curvature] = [descent.steps_needed(valley, valley.start(0), methods[name])
                             for name in ("best: 2 / (1 + K)", "momentum")]
    plain, momentum = (b / a for a, b in zip(*needed.values()))
    assert plain == pytest.approx(4, rel=0.15)
    assert momentum == pytest.approx(2, rel=0.25)
    valley = descent.Valley(10.0)
    assert descent.steps_needed(valley, valley.start(0), valley.methods()["too large: 2.05 / K"]) is None


def test_row_26_holds_for_other_valleys_and_places(monkeypatch):
    monkeypatch.setattr(descent, "RATES", (0.5, 1.9, 2.1))
    monkeypatch.setattr(descent, "LONG", 300)
    shown = descent.run(curvature=5.0, steps=20, seed=3)
    assert shown.holds
    assert len(shown.figures["gd"]().axes) == 6


# --- row 29
def test_row_29_one_step_ends_on_a_quadratic():
    assert all(newton.after_one_step(seed) < 1e-10 for seed in range(5))


def test_row_29_the_loss_its_gradient_and_hessian_are_pytorchs():
    problem = small_problem()
    w = np.linspace(-0.5, 0.5, problem.x.shape[1])
    x, y = torch.tensor(problem.x.numpy()), torch.tensor(problem.y.numpy())

    def loss(w):
        return torch.nn.functional.binary_cross_entropy_with_logits(x @ w, y) + 0.005 * (w @ w)

    theirs = torch.tensor(w)
    ours = tw.from_numpy(w)
    assert problem.loss(ours).item() == pytest.approx(loss(theirs).item(), rel=1e-12)
    np.testing.assert_allclose(problem.slope(ours).numpy(), torch.func.grad(loss)(theirs).numpy(), atol=1e-12)
    np.testing.assert_allclose(problem.hessian_in_closed_form(ours), torch.func.hessian(loss)(theirs).numpy(), atol=1e-12)
    v = tw.from_numpy(np.cos(np.arange(len(w))))
    np.testing.assert_allclose(newton.hessian_vector_product(problem, ours, v).numpy(),
                               problem.hessian_in_closed_form(ours) @ v.numpy(), atol=1e-12)


def test_row_29_newton_ends_where_lbfgs_does():
    problem = small_problem()
    way = newton.newton(problem)
    assert way.slopes[-1] < 1e-8
    assert len(way.slopes) - 1 <= 12
    x, y = torch.tensor(problem.x.numpy()), torch.tensor(problem.y.numpy())
    w = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=500, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ w, y) + 0.005 * (w @ w)
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(way.w.numpy(), w.detach().numpy(), atol=1e-6)


def test_the_order_of_convergence_is_told():
    assert newton.order_of_convergence([10.0**-n for n in range(1, 9)]) == pytest.approx(1)
    assert newton.order_of_convergence([1e-1, 1e-2, 1e-4, 1e-8]) == pytest.approx(2)
    assert newton.order_of_convergence([1e-1, 1e-2, 1e-4, 1e-8, 1e-15]) == pytest.approx(2)  # the last is rounding
    assert newton.order_of_convergence([1.0, 1e-15]) == math.inf


def test_gradient_descent_only_goes_down():
    slopes = newton.gradient_descent(small_problem(), 60).slopes
    assert len(slopes) == 61
    assert all(b < a for a, b in zip(slopes, slopes[1:]))


@pytest.mark.parametrize(("call", "words"), [
    (lambda: descent.run(curvature=1.0), "--curvature"), (lambda: descent.run(curvature=math.nan), "--curvature"),
    (lambda: descent.run(steps=3), "--steps"), (lambda: newton.run(prior=0.0), "--prior"),
    (lambda: newton.run(prior=math.nan), "--prior"), (lambda: newton.run(descent=0), "--descent"),
])
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
