"""Random numbers: Philox's published vectors, the distributions' moments and shapes, and what a seed fixes."""

import math
import pickle
import threading

import numpy as np
import pytest

import talweg
from talweg.backends.reference.philox import philox, uniform, words
from talweg.nn import functional as F

N = 20000
# Kolmogorov and Smirnov: the largest gap between the empirical and the true distribution function exceeds
# c / sqrt(n) with probability about 2 exp(-2 c^2): once in 10^6 draws of a test at c = 2.7, and seeds are fixed.
GAP = 2.7 / math.sqrt(N)
SIGMAS = 5


@pytest.fixture(autouse=True)
def seeded():
    state = talweg.default_generator.get_state()
    talweg.manual_seed(2024)
    yield
    talweg.default_generator.set_state(state)


# --- the generator itself: Random123's known answers (kat_vectors, philox4x32-10)
VECTORS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def hexadecimal(text: str) -> list[int]:
    return [int(w, 16) for w in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), VECTORS)
def test_philox_gives_the_published_words(counter, key, expected):
    found = philox([np.array([c], np.uint64) for c in hexadecimal(counter)], tuple(hexadecimal(key)))
    assert [int(w[0]) for w in found] == hexadecimal(expected)


def test_a_stream_of_words_is_philox_over_a_counter():
    seed, call, stream = 0x299F31D0A4093822, 0x1_0000_0007, 3
    found = words(seed, call, stream, 10).reshape(-1)
    block = [np.array([v], np.uint64) for v in (2, stream << 8, 7, 1)]
    third = [int(w[0]) for w in philox(block, (0xA4093822, 0x299F31D0))]
    assert found[8:].tolist() == third[:2]
    assert words(seed, call, stream, 3).tolist() == found[:3].tolist()


def test_streams_calls_and_seeds_are_different_numbers():
    places = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1), (1 + 2**32, 0, 0), (1, 2**32, 0)]
    drawn = [tuple(words(*at, 4).tolist()) for at in places]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize(("dtype", "bits"), [("float16", 11), ("bfloat16", 8), ("float32", 24), ("float64", 53)])
def test_uniform_numbers_are_multiples_of_a_power_of_two_below_one(dtype, bits):
    x = talweg.rand(N, dtype=getattr(talweg, dtype)).double().numpy()
    assert x.min() >= 0
    assert x.max() < 1
    assert np.all(x * 2.0**bits == np.floor(x * 2.0**bits))
    assert len(np.unique(x)) > 0.5 * min(N, 2**bits)
    assert uniform(1, 2, 0, (3, 4), np.dtype(np.float32)).shape == (3, 4)


# --- distributions
def normal_cdf(x):
    return np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)))(x)


CONTINUOUS = {
    "rand": (lambda: talweg.rand(N), lambda x: x, 1 / 2, 1 / 12),
    "rand float64": (lambda: talweg.rand(N, dtype=talweg.float64), lambda x: x, 1 / 2, 1 / 12),
    "rand_like": (lambda: talweg.rand_like(talweg.ones(N)), lambda x: x, 1 / 2, 1 / 12),
    "uniform_": (lambda: talweg.empty(N).uniform_(-2, 4), lambda x: (x + 2) / 6, 1.0, 3.0),
    "randn": (lambda: talweg.randn(N), normal_cdf, 0.0, 1.0),
    "randn float64": (lambda: talweg.randn(N, dtype=talweg.float64), normal_cdf, 0.0, 1.0),
    "randn_like": (lambda: talweg.randn_like(talweg.ones(N)), normal_cdf, 0.0, 1.0),
    "normal": (lambda: talweg.normal(3.0, 2.0, (N,)), lambda x: normal_cdf((x - 3) / 2), 3.0, 4.0),
    "normal of tensors": (lambda: talweg.normal(talweg.full((N,), -1.0), talweg.full((N,), 0.5)),
                          lambda x: normal_cdf((x + 1) * 2), -1.0, 0.25),
    "normal_": (lambda: talweg.empty(N).normal_(1, 3), lambda x: normal_cdf((x - 1) / 3), 1.0, 9.0),
    "exponential_": (lambda: talweg.empty(N).exponential_(2.0), lambda x: 1 - np.exp(-2 * x), 0.5, 0.25),
    "cauchy_": (lambda: talweg.empty(N).cauchy_(1.0, 2.0), lambda x: np.arctan((x - 1) / 2) / math.pi + 0.5, None, None),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distributions(name):
    """The empirical distribution function lies on the true one, and mean and variance are right."""
    draw, cdf, mean, variance = CONTINUOUS[name]
    x = np.sort(draw().double().numpy())
    assert np.isfinite(x).all()
    true = cdf(x)
    steps = np.arange(N + 1) / N
    assert max(np.max(true - steps[:-1]), np.max(steps[1:] - true)) < GAP
    if mean is not None:
        assert abs(x.mean() - mean) < SIGMAS * math.sqrt(variance / N)
        fourth = ((x - mean) ** 4).mean()
        assert abs(x.var() - variance) < SIGMAS * math.sqrt((fourth - variance**2) / N)


def test_normal_numbers_are_independent_of_their_neighbours_and_of_other_calls():
    x, y = talweg.randn(N).numpy(), talweg.randn(N).numpy()
    for a, b in ((x[:-1], x[1:]), (x[:-2], x[2:]), (x[:-4], x[4:]), (x, y), (x**2, y**2), (np.abs(x[:-1]), np.abs(x[1:]))):
        assert abs(np.corrcoef(a, b)[0, 1]) < SIGMAS / math.sqrt(len(a))
    assert not np.any(x == y)


def counts_agree(drawn: np.ndarray, probabilities) -> bool:
    """Each count within SIGMAS of its expectation, and nothing where the probability is 0."""
    found = np.bincount(drawn, minlength=len(probabilities))
    expected = len(drawn) * np.asarray(probabilities)
    spread = np.sqrt(expected * (1 - np.asarray(probabilities)))
    return len(found) == len(probabilities) and bool(np.all(np.abs(found - expected) <= SIGMAS * spread))


def test_randint_is_even_over_its_range():
    x = talweg.randint(-3, 4, (N,))
    assert x.dtype is talweg.int64
    assert counts_agree(x.numpy() + 3, [1 / 7] * 7)
    assert set(talweg.randint(2, (100,)).tolist()) == {0, 1}
    assert talweg.randint(5, (2,), dtype=talweg.int32).dtype is talweg.int32
    assert talweg.randint_like(talweg.ones(3), 5, 6).tolist() == [5.0] * 3
    large = talweg.randint(2**40, 2**40 + 2, (100,))
    assert set((large - 2**40).tolist()) == {0, 1}


def test_random_fills_with_whole_numbers():
    assert counts_agree(talweg.empty(N).random_(3).long().numpy(), [1 / 3] * 3)
    assert set(talweg.empty(200).random_(5, 7).tolist()) == {5, 6}
    assert talweg.zeros(100, dtype=talweg.uint8).random_().numpy().max() > 100
    assert set(talweg.zeros(100, dtype=talweg.bool).random_().tolist()) == {True, False}


def test_bernoulli():
    p = talweg.tensor([0.0, 0.2, 1.0]).expand(N, 3)
    means = talweg.bernoulli(p).mean(0).tolist()
    assert means[0] == 0
    assert means[2] == 1
    assert abs(means[1] - 0.2) < SIGMAS * 0.4 / math.sqrt(N)
    assert abs(talweg.bernoulli(talweg.zeros(N), 0.7).mean().item() - 0.7) < SIGMAS * 0.46 / math.sqrt(N)
    assert abs(talweg.empty(N).bernoulli_(0.3).mean().item() - 0.3) < SIGMAS * 0.46 / math.sqrt(N)
    assert talweg.zeros(3, dtype=talweg.int64).bernoulli_(1.0).tolist() == [1, 1, 1]


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_in_proportion(replacement):
    weights = talweg.tensor([1.0, 0.0, 3.0, 4.0])
    first = talweg.multinomial(weights.expand(N, 4), 2, replacement)[:, 0].numpy()
    assert counts_agree(first, [1 / 8, 0, 3 / 8, 1 / 2])


def test_multinomial_without_replacement_repeats_nothing():
    drawn = talweg.multinomial(talweg.rand(200, 6) + 0.1, 6).numpy()
    assert np.all(np.sort(drawn, axis=1) == np.arange(6))
    pairs = talweg.multinomial(talweg.tensor([1.0, 2.0, 3.0]).expand(N, 3), 2).numpy()
    # P(second = c | first = a) is the weight of c among those that are left
    expected = [sum(w[a] / 6 * w[c] / (6 - w[a]) for a in range(3) if a != c) for w in [(1, 2, 3)] for c in range(3)]
    assert counts_agree(pairs[:, 1], expected)


def test_randperm_is_a_permutation_and_every_one_is_as_likely():
    assert sorted(talweg.randperm(1000).tolist()) == list(range(1000))
    assert talweg.randperm(0).shape == (0,)
    codes = [int("".join(map(str, talweg.randperm(3).tolist())), 3) for _ in range(1200)]
    found = np.bincount(codes)[sorted(set(codes))]
    assert len(found) == 6
    assert np.all(np.abs(found - 200) < SIGMAS * math.sqrt(200))


def test_dropout_keeps_the_mean_and_its_mask_serves_the_gradient():
    x = talweg.ones(N, requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    assert np.array_equal(y.detach().numpy(), x.grad.numpy())
    assert set(np.unique(y.detach().numpy())) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs(y.mean().item() - 1) < SIGMAS * math.sqrt(0.3 / 0.7 / N)


def test_channel_dropout_drops_whole_channels():
    y = F.dropout2d(talweg.ones(50, 20, 2, 2), 0.5).numpy().reshape(1000, 4)
    assert np.all(y == y[:, :1])
    assert 350 < (y[:, 0] == 0).sum() < 650


def test_alpha_dropout_keeps_mean_and_variance_of_what_selu_gives():
    y = F.alpha_dropout(talweg.randn(N), 0.2, True).numpy()
    assert abs(y.mean()) < 0.05
    assert abs(y.var() - 1) < 0.05


def test_gumbel_softmax():
    logits = talweg.tensor([0.0, math.log(3.0)]).expand(N, 2)
    hard = F.gumbel_softmax(logits, hard=True)
    assert np.all(hard.sum(-1).numpy() == 1)
    assert abs(hard[:, 1].mean().item() - 0.75) < SIGMAS * 0.44 / math.sqrt(N)
    soft = F.gumbel_softmax(logits, tau=0.5)
    assert np.allclose(soft.sum(-1).numpy(), 1, atol=1e-5)


# --- what a seed fixes
DRAWS = {
    "rand": lambda: talweg.rand(5), "randn": lambda: talweg.randn(2, 3), "randint": lambda: talweg.randint(100, (7,)),
    "randperm": lambda: talweg.randperm(9), "bernoulli": lambda: talweg.bernoulli(talweg.full((20,), 0.5)),
    "multinomial": lambda: talweg.multinomial(talweg.ones(9), 5), "dropout": lambda: F.dropout(talweg.ones(20)),
    "normal_": lambda: talweg.zeros(4).normal_(), "uniform_": lambda: talweg.zeros(4).uniform_(),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_fixes_every_number_and_calls_differ(name):
    draw = DRAWS[name]
    talweg.manual_seed(5)
    first, second = draw().tolist(), draw().tolist()
    talweg.manual_seed(5)
    assert [draw().tolist(), draw().tolist()] == [first, second]
    assert first != second
    talweg.manual_seed(6)
    assert draw().tolist() != first


def test_the_order_of_evaluation_changes_nothing():
    """The numbers belong to the call, not to the moment at which somebody looks."""
    talweg.manual_seed(1)
    eager = [talweg.randn(3).tolist() for _ in range(3)]
    talweg.manual_seed(1)
    lazy = [talweg.randn(3) for _ in range(3)]
    found = [lazy[i].tolist() for i in (2, 0, 1)]
    assert [found[1], found[2], found[0]] == eager


def test_a_part_of_a_draw_is_the_draw_of_a_part():
    """Element i depends on (seed, call, i) alone."""
    talweg.manual_seed(3)
    whole = talweg.rand(100)
    talweg.manual_seed(3)
    assert whole[:10].tolist() == talweg.rand(10).tolist()


def test_threads_draw_different_numbers():
    drawn = []
    threads = [threading.Thread(target=lambda: drawn.append(tuple(talweg.rand(4).tolist()))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(drawn)) == 8


def test_generators_have_streams_of_their_own():
    a, b = talweg.Generator().manual_seed(7), talweg.Generator().manual_seed(7)
    before = talweg.default_generator.get_state().tolist()
    assert talweg.randn(3, generator=a).tolist() == talweg.randn(3, generator=b).tolist()
    assert talweg.randn(3, generator=a).tolist() != talweg.randn(3).tolist()
    assert talweg.default_generator.get_state().tolist() == [before[0], before[1] + 1]
    assert a.initial_seed() == 7
    assert talweg.initial_seed() == 2024


def test_a_generators_state_can_be_kept_pickled_and_restored():
    g = talweg.Generator().manual_seed(-1)
    assert g.initial_seed() == 2**64 - 1
    talweg.rand(2, generator=g)
    state, twin = g.get_state(), pickle.loads(pickle.dumps(g))
    expected = talweg.rand(4, generator=g).tolist()
    assert talweg.rand(4, generator=twin).tolist() == expected
    g.set_state(state)
    assert talweg.rand(4, generator=g).tolist() == expected


def test_fresh_seeds_differ():
    g = talweg.Generator()
    assert g.seed() != g.seed()
    assert 0 <= talweg.seed() < 2**64


def test_random_numbers_have_no_gradient_and_what_they_scale_has():
    x = talweg.ones(3, requires_grad=True)
    noise = talweg.randn(3)
    assert not noise.requires_grad
    (x * noise).sum().backward()
    assert x.grad.tolist() == noise.tolist()
    assert talweg.rand(2, requires_grad=True).is_leaf


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: talweg.randint(3, 3, (2,)), RuntimeError, "from"),
    (lambda: talweg.rand(-1), RuntimeError, "negative"),
    (lambda: talweg.normal(0.0, -1.0, (2,)), RuntimeError, "std"),
    (lambda: talweg.zeros(2).normal_(0, -1), RuntimeError, "std"),
    (lambda: talweg.zeros(2).uniform_(2, 1), RuntimeError, "from"),
    (lambda: talweg.zeros(2).exponential_(-1.0), RuntimeError, "lambd"),
    (lambda: talweg.zeros(2).cauchy_(0.0, -1.0), RuntimeError, "sigma"),
    (lambda: talweg.bernoulli(talweg.tensor([1.5])), RuntimeError, "p_in|prob"),
    (lambda: talweg.zeros(2).bernoulli_(-0.1), RuntimeError, "p_in|prob|p >="),
    (lambda: talweg.multinomial(talweg.ones(3), 4), RuntimeError, "without replacement"),
    (lambda: talweg.multinomial(talweg.ones(3), 0), RuntimeError, "n_sample"),
    (lambda: talweg.multinomial(talweg.zeros(3), 1), RuntimeError, "sum"),
    (lambda: talweg.multinomial(talweg.tensor([math.nan, 1.0]), 1), RuntimeError, "nan"),
    (lambda: talweg.multinomial(talweg.tensor([-1.0, 2.0]), 1), RuntimeError, "< 0"),
    (lambda: talweg.multinomial(talweg.ones(1, 1, 1), 1), RuntimeError, "1 or 2 dim"),
    (lambda: talweg.randperm(-1), RuntimeError, "non-negative|negative"),
    (lambda: talweg.manual_seed(2**64), (RuntimeError, ValueError), "64 bits|Overflow"),
    (lambda: talweg.Generator().set_state(np.zeros(3, np.int64)), RuntimeError, "two numbers"),
    (lambda: F.dropout(talweg.ones(2), 2.0), ValueError, "between 0 and 1"),
    (lambda: talweg.rand(2, dtype=talweg.int64), (RuntimeError, NotImplementedError), "int64"),
    (lambda: talweg.randn(2, dtype=talweg.bool), (RuntimeError, NotImplementedError), "bool"),
])
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
