"""Reinforcement learning: the arithmetic by hand, environments that are gone on with exactly, and each recipe from end to end."""

import io
import json
import math
from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("gymnasium")
pytest.importorskip("pygame")

import talweg as tw
from talweg.cli.main import main
from talweg.distributions import AffineTransform, Normal, TanhTransform, TransformedDistribution
from talweg.io import read_tensors
from talweg.models.dqn import NatureDQN
from talweg.recipes.registry import recipe
from talweg.recipes.reinforcement import gym
from talweg.recipes.reinforcement.environments import TEST, TRAINING, VALIDATION, Environments, training_seed
from talweg.recipes.reinforcement.frames import Frames, small
from talweg.recipes.reinforcement.losses import clipped, normalised, policy_gradient
from talweg.recipes.reinforcement.networks import SquashedActor, squashed_log_prob, within
from talweg.recipes.reinforcement.play import animation
from talweg.recipes.reinforcement.reinforce import padded
from talweg.recipes.reinforcement.replay import Replay
from talweg.recipes.reinforcement.returns import advantages, discounted, one_step_target
from talweg.recipes.reinforcement.tabular import (
    Process,
    iterated_values,
    policy_iteration,
    process_of,
    solved_values,
    value_iteration,
)
from talweg.recipes.settings import from_mapping
from talweg.training import Listener

torch.set_num_threads(1)


# --- returns and losses
def gae_by_definition(rewards, values, following, terminated, ended, discount, trace):
    """The sum over k of (gamma lambda)^k d_{t+k} up to the end of t's episode, written down as it is."""
    found = np.zeros(rewards.shape)
    for (t, i), _ in np.ndenumerate(rewards):
        weight = 1.0
        for k in range(t, len(rewards)):
            error = rewards[k, i] + discount * (0 if terminated[k, i] else following[k, i]) - values[k, i]
            found[t, i] += weight * error
            if ended[k, i]:
                break
            weight *= discount * trace
    return found


@pytest.mark.parametrize("trace", [0.0, 0.9, 1.0])
def test_advantages_are_their_definition(trace):
    rng = np.random.default_rng(0)
    rewards, values, following = rng.standard_normal((3, 12, 4))
    terminated = rng.random((12, 4)) < 0.2
    ended = terminated | (rng.random((12, 4)) < 0.2)
    arguments = (rewards, values, following, terminated, ended, 0.97, trace)
    np.testing.assert_allclose(advantages(*arguments), gae_by_definition(*arguments), atol=1e-5)


def test_advantages_by_hand():
    """Three steps, the second the last of an episode: what comes after it must not count for what came before."""
    column = partial(np.reshape, shape=(3, 1))
    rewards, values, following = column([1.0, 2.0, 3.0]), column([0.5, 0.5, 0.5]), column([0.5, 4.0, 6.0])
    ended = column([False, True, False])
    d = [1 + 0.9 * 0.5 - 0.5, 2 - 0.5, 3 + 0.9 * 6 - 0.5]
    expected = [d[0] + 0.9 * 0.8 * d[1], d[1], d[2]]
    found = advantages(rewards, values, following, ended, ended, 0.9, 0.8)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)
    cut = advantages(rewards, values, following, np.zeros_like(ended), ended, 0.9, 0.8)  # a time limit: 4.0 is still to come
    np.testing.assert_allclose(cut[1, 0], d[1] + 0.9 * 4.0, rtol=1e-6)


def test_trace_one_is_the_return_less_the_value():
    rng = np.random.default_rng(1)
    rewards, values = rng.standard_normal((2, 9, 1))
    following = np.concatenate([values[1:], [[0.0]]])
    ended = np.zeros((9, 1), bool)
    ended[-1] = True
    found = advantages(rewards, values, following, ended, ended, 0.9, 1.0)
    np.testing.assert_allclose(found, discounted(rewards, 0.9) - values, atol=1e-5)
    np.testing.assert_allclose(discounted(rewards, 0.9)[0, 0], sum(0.9**t * r for t, r in enumerate(rewards[:, 0])), rtol=1e-5)


def test_advantages_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one shape \(T, n\)"):
        advantages(*[np.zeros((3, 2))] * 4, np.zeros((3, 1)), 0.9, 0.9)


def test_targets_look_beyond_a_time_limit_and_not_beyond_an_end():
    target = one_step_target(tw.tensor([1.0, 1.0]), tw.tensor([10.0, 10.0]), tw.tensor([1.0, 0.0]), 0.5)
    assert target.tolist() == [1.0, 6.0]


@pytest.mark.parametrize(("ratio", "advantage", "flat"), [
    (1.5, 1.0, True), (1.5, -1.0, False), (0.5, -1.0, True), (0.5, 1.0, False), (1.1, 1.0, False), (0.9, -1.0, False),
])
def test_the_ratio_is_clipped_where_it_has_gone_far_enough(ratio, advantage, flat):
    log_prob = tw.tensor([math.log(ratio)], requires_grad=True)
    loss = clipped(log_prob, tw.zeros(1), tw.tensor([advantage]), 0.2)
    loss.backward()
    bounded = min(max(ratio, 0.8), 1.2)
    assert loss.item() == pytest.approx(-min(ratio * advantage, bounded * advantage), rel=1e-6)
    assert log_prob.grad.item() == pytest.approx(0.0 if flat else -ratio * advantage, abs=1e-6)


def test_at_the_old_policy_clipped_and_plain_gradients_are_one():
    rng = np.random.default_rng(2)
    log_prob, advantage = rng.standard_normal((2, 16)).astype(np.float32)
    gradients = []
    for loss in (policy_gradient, lambda new, gain: clipped(new, tw.tensor(log_prob), gain, 0.2)):
        new = tw.tensor(log_prob, requires_grad=True)
        loss(new, tw.tensor(advantage)).backward()
        gradients.append(new.grad.numpy())
    np.testing.assert_allclose(*gradients, atol=1e-6)


def test_normalised():
    found = normalised(tw.tensor([1.0, 2.0, 6.0]))
    assert found.mean().item() == pytest.approx(0, abs=1e-6)
    assert found.std(unbiased=False).item() == pytest.approx(1, rel=1e-5)
    assert normalised(tw.ones(4)).tolist() == [0.0] * 4


# --- squashed normal distribution
def spaces(low=-2.0, high=3.0, size=1, observation=(3,)):
    return gym.Spaces(observation, None, False, None, np.full(size, low, np.float32), np.full(size, high, np.float32))


def test_squashed_density_integrates_to_one_and_is_the_transformed_one():
    reach, centre = 2.5, 0.5
    normal = Normal(tw.tensor([[0.3]]), tw.tensor([[0.8]]))
    a = np.linspace(-2 + 1e-4, 3 - 1e-4, 20001)
    u = np.arctanh((a - centre) / reach)[:, None].astype(np.float32)
    density = squashed_log_prob(normal, tw.from_numpy(u), tw.tensor([reach])).exp().numpy()
    assert np.trapezoid(density, a) == pytest.approx(1, abs=2e-3)
    ours = TransformedDistribution(Normal(0.3, 0.8), [TanhTransform(), AffineTransform(centre, reach)])
    np.testing.assert_allclose(np.log(density[2000:-2000]), ours.log_prob(tw.from_numpy(a[2000:-2000].astype("f4"))).numpy(),
                               atol=5e-3)


def test_squashed_density_far_out_has_not_run_out_of_digits():
    u = torch.tensor([[12.0], [-15.0]], dtype=torch.float64)
    exact = torch.distributions.Normal(0.0, 5.0).log_prob(u) - torch.log(1 / torch.cosh(u) ** 2)
    normal = Normal(tw.zeros(2, 1), tw.full((2, 1), 5.0))
    found = squashed_log_prob(normal, tw.tensor(u.numpy().astype("f4")), tw.ones(1))
    np.testing.assert_allclose(found.numpy(), exact[:, 0].numpy(), rtol=1e-5)


def test_squashed_actions_keep_their_bounds_and_have_a_gradient():
    tw.manual_seed(0)
    actor = SquashedActor(spaces(), [8])
    actions, log_prob = actor.sample(tw.randn(500, 3) * 10)
    assert actions.shape == (500, 1)
    assert log_prob.shape == (500,)
    assert -2 <= actions.min().item() < actions.max().item() <= 3
    actions.sum().backward()
    assert all(p.grad is not None for p in actor.parameters())


def test_within_cuts_off_arrays_only():
    s = spaces(size=2)
    assert within(np.array([[-9.0, 0.0], [1.0, 9.0]]), s).tolist() == [[-2.0, 0.0], [1.0, 3.0]]
    numbered = gym.Spaces((3,), None, False, 4, None, None)
    assert within(np.array([7]), numbered).tolist() == [7]


# --- replay
def filled(capacity, added):
    replay = Replay(capacity, ((2,), "float32"), ((), "int64"))
    for i in range(added):
        replay.add(np.full((1, 2), i), np.array([i]), np.array([i]), np.full((1, 2), i + 1), np.array([i % 2]))
    return replay


def test_replay_draws_uniformly_from_the_last_transitions():
    replay = filled(50, 130)
    assert len(replay) == 50
    _, actions, rewards, following, terminated = replay.sample(100_000, np.random.default_rng(0))
    counts = np.bincount(actions, minlength=130)
    assert counts[:80].sum() == 0  # overwritten
    chi_square = ((counts[80:] - 2000) ** 2 / 2000).sum()
    assert chi_square < 85.4  # 49 degrees of freedom: 0.1 % of right ones lie above
    np.testing.assert_array_equal(rewards, actions)
    np.testing.assert_array_equal(following[:, 0], actions + 1)
    np.testing.assert_array_equal(terminated, actions % 2)


def test_replay_restores_itself():
    replay, again = filled(50, 130), Replay(50, ((2,), "float32"), ((), "int64"))
    again.restore({name: a.copy() for name, a in replay.arrays().items()}, 130)
    for a, b in zip(replay.sample(20, np.random.default_rng(1)), again.sample(20, np.random.default_rng(1))):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"Replay.restore: observations must be \(40, 2\)"):
        again.restore(replay.arrays(), 40)


def test_replay_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="capacity must be 1 or more"):
        Replay(0, ((), "int64"), ((), "int64"))
    with pytest.raises(ValueError, match="the memory is empty"):
        filled(3, 0).sample(1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="at most 3 transitions"):
        filled(3, 0).add(*[np.zeros(4)] * 5)


def test_padding_counts_for_nothing():
    columns = padded([np.ones((5, 2), np.float32), np.arange(5)])
    assert [c.shape for c in columns] == [(8, 2), (8,), (8,)]
    assert columns[2].tolist() == [1] * 5 + [0] * 3
    assert [c.shape for c in padded([np.ones((8, 2))])] == [(8, 2), (8,)]


# --- known probabilities
def random_process(states=7, actions=3, seed=0):
    rng = np.random.default_rng(seed)
    moves = rng.random((states, actions, states)) * (rng.random((states, actions, states)) < 0.5)
    moves /= moves.sum(-1, keepdims=True) + rng.random((states, actions, 1))  # the rest ends the episode
    return Process(tw.from_numpy(moves), tw.from_numpy(rng.standard_normal((states, actions))))


@pytest.mark.parametrize("seed", range(5))
def test_iteration_and_linear_solve_agree(seed):
    process = random_process(seed=seed)
    policy = tw.from_numpy(np.random.default_rng(seed).integers(0, 3, 7))
    solved = solved_values(process, policy, 0.95)
    assert (solved - iterated_values(process, policy, 0.95)).abs().max().item() < 1e-8
    moves, rewards = process.under(policy)
    expected = np.linalg.solve(np.eye(7) - 0.95 * moves.numpy(), rewards.numpy())
    np.testing.assert_allclose(solved.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_policy_is_better_than_every_other(seed):
    """Both iterations find it; all 3^4 policies are tried out."""
    process = random_process(4, 3, seed)
    best = value_iteration(process, 0.9)
    assert (best - policy_iteration(process, 0.9)).abs().max().item() < 1e-8
    everyone = [solved_values(process, tw.tensor(list(p)), 0.9).numpy() for p in np.ndindex(3, 3, 3, 3)]
    np.testing.assert_allclose(best.amax(1).numpy(), np.max(everyone, axis=0), atol=1e-8)


@pytest.mark.parametrize(("name", "options"), [("FrozenLake-v1", ["is_slippery=false"]), ("FrozenLake-v1", []),
                                               ("CliffWalking-v1", []), ("Taxi-v4", [])])
def test_values_of_toy_texts(name, options):
    process = process_of(gym.make(name, options), name)
    best = policy_iteration(process, 0.99)
    policy = best.argmax(1)
    values = solved_values(process, policy, 0.99)
    assert (values - iterated_values(process, policy, 0.99)).abs().max().item() < 1e-8
    assert (values - value_iteration(process, 0.99).amax(1)).abs().max().item() < 1e-8


def test_a_cliff_is_walked_along_in_thirteen_steps():
    process = process_of(gym.make("CliffWalking-v1"))
    assert policy_iteration(process, 0.999999).amax(1)[36].item() == pytest.approx(-13, abs=1e-3)


def test_processes_that_are_none():
    with pytest.raises(ValueError, match=r"moves must be \(S, A, S\)"):
        Process(tw.zeros(2, 3, 3), tw.zeros(2, 3))
    with pytest.raises(ValueError, match="probabilities"):
        Process(tw.ones(2, 1, 2), tw.zeros(2, 1))
    with pytest.raises(ValueError, match="probabilities"):
        Process(tw.full((1, 1, 1), math.nan), tw.zeros(1, 1))
    with pytest.raises(ValueError, match="one action to each of 7 states"):
        solved_values(random_process(), tw.tensor([0, 1]), 0.9)
    with pytest.raises(ValueError, match=r"does not tell its probabilities"):
        process_of(gym.make("CartPole-v1"), "CartPole-v1")
    for_ever = Process(tw.ones(1, 1, 1).double(), tw.ones(1, 1).double())
    with pytest.raises(ValueError, match="this policy has no value"):
        solved_values(for_ever, tw.tensor([0]), 1.0)


# --- environments
def cart_poles(count=3, seed=0):
    return Environments(partial(gym.make, "CartPole-v1"), count, partial(training_seed, seed))


def test_seeds_of_learning_choosing_and_testing_never_meet():
    seeds = [training_seed(s, copy, e) for s in (0, 1, 2**62) for copy in range(20) for e in range(50)]
    assert min(seeds) >= TRAINING
    assert max(seeds) < 2**31
    assert len(set(seeds)) == len(seeds)
    assert TEST < VALIDATION < TRAINING


def test_an_episode_is_followed_by_the_next_and_its_end_is_seen():
    environments = cart_poles(2)
    rng, ends = np.random.default_rng(0), 0
    alone = gym.make("CartPole-v1")
    for _ in range(60):
        before = environments.observations
        actions = rng.integers(0, 2, 2)
        outcome = environments.step(actions)
        alone.reset(seed=0)
        alone.unwrapped.state = before[0].astype(np.float64)
        expected = alone.step(int(actions[0]))[0]
        np.testing.assert_allclose(outcome.following[0], expected, atol=1e-5)  # never the first observation of the next
        for i in np.flatnonzero(outcome.ended):
            ends += 1
            first = gym.make("CartPole-v1").reset(seed=training_seed(0, i, environments.episode[i]))[0]
            np.testing.assert_array_equal(environments.observations[i], first)
        for i in np.flatnonzero(~outcome.ended):
            np.testing.assert_array_equal(environments.observations[i], outcome.following[i])
    assert ends >= 2


def test_a_place_is_gone_back_to_exactly():
    rng = np.random.default_rng(0)
    first, again = cart_poles(), cart_poles()
    for _ in range(45):
        first.step(rng.integers(0, 2, 3))
    again.restore(json.loads(json.dumps(first.place())), first.observations, "int64")
    for _ in range(45):
        actions = rng.integers(0, 2, 3)
        a, b = first.step(actions), again.step(actions)
        np.testing.assert_array_equal(a.following, b.following)
        assert a.returns == b.returns
    with pytest.raises(ValueError, match="went another way"):
        again.restore(first.place(), first.observations + 1, "int64")
    with pytest.raises(ValueError, match="the place is one of 3 copies"):
        cart_poles(2).restore(first.place(), first.observations, "int64")


def test_copies_that_wait_stay_as_they_are():
    environments = cart_poles()
    before = environments.observations
    outcome = environments.step(np.zeros(3, int), np.array([True, False, True]))
    assert outcome.rewards.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(environments.observations[1], before[1])
    assert (environments.observations[0] != before[0]).any()


@pytest.mark.parametrize(("call", "error", "match"), [
    (partial(gym.make, "CartPole-v9"), ValueError, "there is no environment 'CartPole-v9'"),
    (partial(gym.make, "CartPole-v1", ["wings=2"]), ValueError, "does not take these options"),
    (partial(gym.make, "CartPole-v1", ["wings"]), ValueError, "takes NAME=VALUE, got 'wings'"),
    (partial(cart_poles, 0), ValueError, "count must be 1 or more"),
    (lambda: gym.spaces_of(gym.make("Blackjack-v1"), "Blackjack-v1"), ValueError, "Blackjack-v1: shows Tuple"),
])
def test_environments_that_cannot_be_had(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_spaces():
    found = gym.spaces_of(gym.make("Pendulum-v1"), "Pendulum-v1")
    assert (found.observation, found.actions, found.action_shape, found.high.tolist()) == ((3,), None, (1,), [2.0])
    found = gym.spaces_of(gym.make("FrozenLake-v1"), "FrozenLake-v1")
    assert (found.observation, found.states, found.actions, found.observation_dtype) == ((), 16, 4, "int64")


# --- frames
class Blinking:
    """Shows a light at another place in every other picture."""

    action_space = observation_space = None
    metadata: dict = {}

    def reset(self, seed=None):
        self.time = 0
        return self.picture(), {}

    def step(self, action):
        self.time += 1
        return self.picture(), float(action), self.time == 10, False, {}

    def picture(self):
        picture = np.zeros((168, 168, 3), np.uint8)
        half = self.time % 2 * 84
        picture[:, half : half + 84] = 255
        return picture


def test_frames_are_grey_small_stacked_and_the_brighter_of_two():
    frames = Frames(Blinking(), repeat=4)
    seen, _ = frames.reset()
    assert (seen.shape, seen.dtype) == ((4, 84, 84), np.uint8)
    assert (seen[:, :, :42] == 255).all()
    assert (seen[:, :, 42:] == 0).all()
    seen, reward, terminated, _, _ = frames.step(3)
    assert (seen[3] == 255).all()  # of two pictures, each half lit
    np.testing.assert_array_equal(seen[:3, :, 42:], 0)
    assert (reward, terminated) == (12.0, False)
    assert [frames.step(-3)[1:3] for _ in range(2)] == [(-12.0, False), (-6.0, True)]  # the last after two steps


def test_small_is_the_mean_of_areas():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (168, 252), dtype=np.uint8)
    expected = picture.reshape(84, 2, 84, 3).mean((1, 3))
    assert np.abs(small(picture) - expected).max() <= 1
    for wrong in (np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8)), np.zeros((8,), np.uint8)):
        with pytest.raises(ValueError, match=r"expected a picture \(H, W, 3\) or \(H, W\) of uint8"):
            small(wrong)


@pytest.mark.parametrize(("actions", "parameters"), [(4, 1_686_180), (6, 1_687_206), (18, 1_693_362)])
def test_nature_networks_parameters(actions, parameters):
    assert sum(p.numel() for p in NatureDQN(actions).parameters()) == parameters


def test_animations_move():
    pictures = [np.full((20, 30, 3), 25 * i, np.uint8) for i in range(6)]
    with Image.open(io.BytesIO(animation(pictures, 10, 15))) as image:
        assert (image.size, image.n_frames, image.info["duration"]) == ((15, 10), 6, 100)


# --- recipes
SMALL = {
    "dqn": {"steps": 8, "horizon": 40, "updates": 10, "begin": 60, "capacity": 200, "target_every": 7, "epoch_steps": 120},
    "sac": {"steps": 6, "horizon": 20, "updates": 3, "begin": 40, "capacity": 100, "epoch_steps": 60},
    "ppo": {"steps": 6, "epoch_steps": 700},
    "a2c": {"steps": 6, "epoch_steps": 300},
    "reinforce": {"steps": 4, "epoch_steps": 8_000},
    "tabular": {"steps": 4, "epoch_steps": 3_000},
}


def settings_of(name, **more):
    common = {"hidden": [16], "test_episodes": 2, "validation_episodes": 2}
    return from_mapping(recipe(name).settings, SMALL[name] | common | more)


class StopAfter(Listener):
    def __init__(self, steps):
        self.steps = steps

    def step(self):
        self.steps -= 1
        if self.steps == 0:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def no_pictures(request, monkeypatch):
    """Reports draw an episode, which takes longer than these trainings."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("talweg.recipes.reinforcement.recipe.find_spec", lambda name: None)


@pytest.fixture
def drawn():
    pass


@pytest.mark.parametrize("name", [n for n in SMALL if n != "a2c"])  # which is ppo but for its loss
@pytest.mark.slow
def test_a_run_that_is_gone_on_with_ends_with_the_same_bits(name, tmp_path):
    """Stopped within an epoch and within episodes."""
    used, settings = recipe(name), settings_of(name)
    whole = used.train(settings, tmp_path / "whole")
    cut = used.train(settings, tmp_path / "cut", [StopAfter(settings.steps // 2 + 1)])
    assert cut.result.interrupted
    resumed = used.resume(tmp_path / "cut")
    for file in ("model.safetensors", "last.safetensors"):
        expected, found = (read_tensors(tmp_path / run / file)[0] for run in ("whole", "cut"))
        assert expected.keys() == found.keys()
        for key in expected:
            np.testing.assert_array_equal(found[key], expected[key], err_msg=f"{file}: {key}")
    for a, b in zip(whole.result.records, resumed.result.records, strict=True):
        assert (a.train_loss, a.validation_loss) == (b.train_loss, b.validation_loss)


def test_another_environment_is_not_gone_on_with(tmp_path):
    used = recipe("tabular")
    used.train(settings_of("tabular"), tmp_path / "run", [StopAfter(1)])
    with pytest.raises(ValueError, match="begun with data FrozenLake-v1"):
        used.resume(tmp_path / "run", {"data": "Taxi-v4"})


@pytest.mark.parametrize(("name", "match"), [
    ({"model": "q-learning", "data": "CartPole-v1", "options": []}, "a table of values needs states"),
    ({"ema": 0.9}, "ema must be left out"),
    ({"accumulate": 2}, "accumulate must be 1"),
    ({"lr": 1.5}, "lr must be above 0 and at most 1"),
    ({"discount": 1.5}, "discount must be between 0 and 1"),
    ({"model": "magic"}, "model must be one of q-learning"),
    ({"hidden": [0]}, "hidden must be a list of widths"),
])
def test_settings_that_make_no_sense(name, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        recipe("tabular").train(settings_of("tabular", **name), tmp_path / "run")


@pytest.mark.parametrize(("name", "data", "match"), [
    ("dqn", "Pendulum-v1", "values of single actions need actions with numbers"),
    ("sac", "CartPole-v1", "sac needs actions that are arrays"),
    ("dqn", "Nothing-v0", "there is no environment"),
])
def test_environments_for_other_algorithms(name, data, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        recipe(name).train(settings_of(name, data=data), tmp_path / "run")


@pytest.mark.parametrize("model", ["q-learning", "value-iteration", "policy-iteration"])
def test_tables_reach_the_goal_of_the_frozen_lake_always(model, tmp_path):
    length = {"epochs": 2} if model == "q-learning" else {}
    settings = from_mapping(recipe("tabular").settings, {"model": model, "test_episodes": 100} | length)
    assert recipe("tabular").train(settings, tmp_path / "run").test.figures["least_return"] == 1.0


@pytest.mark.parametrize("name", ["ppo", "a2c"])
def test_policies_of_real_numbers_keep_to_the_bounds(name, tmp_path):
    found = recipe(name).train(settings_of(name, data="Pendulum-v1", steps=2), tmp_path / "run")
    assert -2000 < found.test.figures["mean_return"] < 0


@pytest.mark.slow
def test_ppo_learns_to_balance(tmp_path):
    """A tenth of what the row in tools/book_rows.py takes; a random policy keeps the pole up for about 22 steps."""
    settings = from_mapping(recipe("ppo").settings, {"epochs": 1, "epoch_steps": 8_000})
    found = recipe("ppo").train(settings, tmp_path / "run").test.figures["mean_return"]
    assert found > 60


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_from_training_to_an_animation_on_the_command_line(tmp_path, drawn):
    folder = tmp_path / "run"
    flags = ["--steps", 4, "--epoch-steps", 2000, "--validation-episodes", 3, "--test-episodes", 4]
    trained = run("train", "q-learning", "--data", "FrozenLake-v1", *flags, "--out", folder)
    assert trained.exit_code == 0, trained.output
    assert "validation return" in trained.output
    assert "mean return 1.0 over 4 episodes" in trained.output
    report = (folder / "report.html").read_text()
    assert "The policy at work" in report
    assert "data:image/gif" in report
    assert "Return by epoch" in report
    measured = run("evaluate", folder, "--episodes", 7, "--json")
    assert json.loads(measured.output)["returns"] == [1.0] * 7
    played = run("play", folder, "--out", tmp_path / "walk.gif", "--width", 64)
    assert played.exit_code == 0, played.output
    assert "return 1.0 after 6 steps" in played.output
    with Image.open(tmp_path / "walk.gif") as image:
        assert (image.width, image.n_frames) == (64, 7)


def test_bad_calls_on_the_command_line(tmp_path):
    recipe("tabular").train(settings_of("tabular"), tmp_path / "run")
    for arguments, message in [
        (["play", tmp_path / "run", "--out", "walk.png"], "a path that ends with .gif"),
        (["play", tmp_path / "run", "--episode", -1], "episode must be at least 0"),
        (["evaluate", tmp_path / "run", "--episodes", 0], "takes 1 episode or more"),
        (["evaluate", tmp_path / "run", "--split", "train"], "split must be one of test, validation"),
        (["generate", tmp_path / "nowhere"], "there is no such run folder"),
        (["train", "dqn", "--data", "CartPole-v1", "--epsilon", 2], "epsilon must be between 0 and 1"),
        (["train", "tabular", "--find-lr", "--out", tmp_path / "rate"], "no loss that a learning rate could be found by"),
        (["train", "tabular", "--find-batch-size"], "makes its own samples"),
    ]:
        found = run(*arguments)
        assert found.exit_code != 0
        assert message in found.output


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("talweg.recipes.reinforcement.gym.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs pygame .*pip install talweg\[rl\]"):
        gym.make("CartPole-v1", pictures=True)

    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("talweg.recipes.reinforcement.gym.importlib.import_module", absent)
    with pytest.raises(ModuleNotFoundError, match=r"pip install talweg\[rl\]"):
        gym.make("CartPole-v1")


def test_the_nature_network_learns_from_frames(tmp_path):
    """A smoke run: a few steps on what CartPole draws, by the way that Atari's pictures take."""
    more = {"steps": 2, "horizon": 6, "batch_size": 4, "begin": 4, "capacity": 20, "updates": 1, "epoch_steps": 6}
    settings = from_mapping(recipe("dqn").settings, more | {"pixels": True, "validation_episodes": 1, "test_episodes": 1})
    found = recipe("dqn").train(settings, tmp_path / "run")
    assert found.test.figures["mean_return"] >= 1
    networks = [m for m in recipe("dqn").load(tmp_path / "run")[1].modules() if isinstance(m, NatureDQN)]
    assert len(networks) == 2


def test_the_nature_network_learns_from_atari(tmp_path):
    pytest.importorskip("ale_py")
    more = {"data": "ALE/Pong-v5", "options": ["max_episode_steps=40"], "horizon": 6, "batch_size": 4, "begin": 4, "capacity": 20}
    more |= {"steps": 2, "updates": 1, "epoch_steps": 6, "validation_episodes": 1, "test_episodes": 1}
    found = recipe("dqn").train(from_mapping(recipe("dqn").settings, more), tmp_path / "run")
    assert found.test.facts["steps"] == [10]  # each is four of the game's


def test_pong_as_frames():
    pytest.importorskip("ale_py")
    environment = gym.make("ALE/Pong-v5")
    seen, _ = environment.reset(seed=0)
    assert gym.spaces_of(environment, "ALE/Pong-v5").observation == seen.shape == (4, 84, 84)
    environments = Environments(lambda: environment, 1, partial(training_seed, 0), "uint8")
    with tw.no_grad():
        assert NatureDQN(6)(tw.from_numpy(environments.observations)).shape == (1, 6)
    for action in [2] * 6 + [3] * 6:  # the racket goes up and down
        outcome = environments.step(np.array([action]))
    assert outcome.following.dtype == np.uint8
    assert len(np.unique(outcome.following[0, 3])) > 2
    assert (outcome.following[0, 3] != outcome.following[0, 0]).any()
