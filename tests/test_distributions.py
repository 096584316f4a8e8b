"""Distributions: densities, moments, entropies and divergences against PyTorch's, samples against their own moments and
distribution functions, gradients of samples, shapes, and what is refused."""

import math

import numpy as np
import pytest

import talweg
from talweg import distributions as D

torch = pytest.importorskip("torch")
TD = torch.distributions
torch.set_num_threads(1)


class Temperature(float):
    """What has to be a tensor in PyTorch."""


LOC, SCALE, POSITIVE = [[0.3, -1.2, 2.0]], [[0.7], [1.9]], [0.4, 1.0, 3.5]
CHANCES, CLASSES = [0.2, 0.5, 0.95], [[0.2, 0.3, 0.5], [0.7, 0.1, 0.2]]
MATRIX = [[2.0, 0.4], [0.4, 0.9]]

# name, arguments (lists are tensors), values in the support
CASES = [
    ("Normal", (LOC, SCALE), [0.1, 2.0, -3.0]),
    ("LogNormal", (LOC, SCALE), [0.1, 2.0, 3.0]),
    ("HalfNormal", (POSITIVE,), [0.1, 2.0, 3.0]),
    ("Uniform", ([-1.0, 0.0, 2.0], [1.0, 5.0, 2.5]), [0.5, 4.0, 2.25]),
    ("Exponential", (POSITIVE,), [0.1, 2.0, 3.0]),
    ("Laplace", (LOC, SCALE), [0.1, 2.0, -3.0]),
    ("Cauchy", (LOC, SCALE), [0.1, 2.0, -3.0]),
    ("Gumbel", (LOC, SCALE), [0.1, 2.0, -1.0]),
    ("StudentT", ([0.5, 1.5, 4.0], LOC, SCALE), [0.1, 2.0, -3.0]),
    ("Gamma", (POSITIVE, SCALE), [0.1, 2.0, 3.0]),
    ("Chi2", (POSITIVE,), [0.1, 2.0, 3.0]),
    ("Beta", (POSITIVE, SCALE), [0.1, 0.5, 0.9]),
    ("Dirichlet", ([[0.5, 2.0, 3.0], [1.5, 1.0, 4.0]],), [0.2, 0.3, 0.5]),
    ("Bernoulli", (CHANCES,), [0.0, 1.0, 1.0]),
    ("Geometric", (CHANCES,), [0.0, 4.0, 1.0]),
    ("Poisson", (POSITIVE,), [0.0, 4.0, 1.0]),
    ("Binomial", (5, CHANCES), [0.0, 4.0, 5.0]),
    ("NegativeBinomial", (POSITIVE, [0.2, 0.5, 0.7]), [0.0, 4.0, 1.0]),
    ("Categorical", (CLASSES,), [[2.0, 0.0], [1.0, 1.0]]),
    ("OneHotCategorical", (CLASSES,), [0.0, 1.0, 0.0]),
    ("Multinomial", (4, CLASSES), [[3.0, 1.0, 0.0]]),
    ("MultivariateNormal", ([[0.3, -1.0]], MATRIX), [[0.5, 0.2], [1.0, -3.0], [0.0, 0.0]]),
    ("RelaxedBernoulli", (Temperature(0.7), CHANCES), [0.1, 0.5, 0.99]),
    ("RelaxedOneHotCategorical", (Temperature(0.7), CLASSES), [0.2, 0.3, 0.5]),
]
IDS = [name for name, *_ in CASES]


def tensors(library, arguments):
    """Lists as tensors; a Temperature as a tensor without dimensions."""
    return [library.tensor(a, dtype=library.float64) if isinstance(a, (list, Temperature)) else a for a in arguments]


def pair(name, arguments):
    return getattr(D, name)(*tensors(talweg, arguments)), getattr(TD, name)(*tensors(torch, arguments))


def close(found, expected, tolerance=1e-9):
    assert tuple(found.shape) == tuple(expected.shape)
    assert str(found.dtype).split(".")[-1] == str(expected.dtype).split(".")[-1]
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=1e-12)


def same(ask, ours, theirs):
    """Both give the same tensor, or both refuse."""
    try:
        expected = ask(theirs)
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            ask(ours)
        return
    close(ask(ours), expected, 1e-7)  # PyTorch takes some constants in float32


@pytest.mark.parametrize(("name", "arguments", "value"), CASES, ids=IDS)
def test_what_is_asked_of_a_distribution(name, arguments, value):
    ours, theirs = pair(name, arguments)
    assert ours.batch_shape == tuple(theirs.batch_shape)
    assert ours.event_shape == tuple(theirs.event_shape)
    for what in ("mean", "variance", "stddev", "mode"):
        same(lambda d, what=what: getattr(d, what), ours, theirs)
    same(lambda d: d.entropy(), ours, theirs)
    x, y = tensors(talweg, [value])[0], tensors(torch, [value])[0]
    close(ours.log_prob(x), theirs.log_prob(y))
    if not theirs.event_shape and name not in ("StudentT", "Beta", "Categorical"):
        same(lambda d: d.cdf(x if d is ours else y), ours, theirs)
    assert ours.has_rsample == theirs.has_rsample
    assert ours.has_enumerate_support == theirs.has_enumerate_support
    if theirs.has_enumerate_support:
        close(ours.enumerate_support(), theirs.enumerate_support())
        close(ours.enumerate_support(expand=False), theirs.enumerate_support(expand=False))


@pytest.mark.parametrize(("name", "arguments", "value"), CASES, ids=IDS)
def test_shapes_expand_and_gradients_of_the_density(name, arguments, value):
    ours, theirs = pair(name, arguments)
    wider = (2, *((1,) * (1 - len(theirs.batch_shape))), *theirs.batch_shape)
    a, b = ours.expand(wider), theirs.expand(wider)
    assert a.batch_shape == tuple(b.batch_shape)
    assert a.sample((3,)).shape == tuple(b.sample((3,)).shape)
    assert ours.sample().shape == tuple(theirs.sample().shape)
    x, y = tensors(talweg, [value])[0], tensors(torch, [value])[0]
    close(a.log_prob(x), b.log_prob(y))
    gradients = []
    for library, kind, at in ((talweg, D, x), (torch, TD, y)):
        given = [t.requires_grad_() if isinstance(t, library.Tensor) else t for t in tensors(library, arguments)]
        getattr(kind, name)(*given).log_prob(at).sum().backward()
        gradients.append([t.grad for t in given if isinstance(t, library.Tensor) and t.grad is not None])
    for found, expected in zip(*gradients, strict=True):
        close(found, expected, 1e-7)


@pytest.mark.parametrize("name", [n for n in IDS if n not in ("Cauchy", "StudentT", "Categorical", "LogNormal",
                                                              "RelaxedBernoulli", "RelaxedOneHotCategorical")])
def test_samples_have_the_mean_and_the_variance(name):
    talweg.manual_seed(7)
    arguments = next(a for n, a, _ in CASES if n == name)
    ours, _ = pair(name, arguments)
    n = 10_000
    drawn = ours.sample((n,)).numpy()
    mean, variance = ours.mean.numpy(), ours.variance.numpy()
    assert np.all(np.abs(drawn.mean(0) - mean) < 6 * np.sqrt(variance / n))
    fourth = ((drawn - mean) ** 4).mean(0)
    assert np.all(np.abs(drawn.var(0) - variance) < 6 * np.sqrt(fourth / n) + 1e-12)


@pytest.mark.parametrize("name", ["Normal", "Uniform", "Exponential", "Laplace", "Cauchy", "Gumbel", "HalfNormal", "LogNormal",
                                  "Gamma"])
def test_samples_follow_the_distribution_function_and_its_inverse(name):
    talweg.manual_seed(11)
    arguments = next(a for n, a, _ in CASES if n == name)
    ours, theirs = pair(name, arguments)
    n = 4_000
    drawn = ours.sample((n,))
    levels = np.sort(theirs.cdf(torch.from_numpy(np.array(drawn.numpy()))).numpy(), axis=0)  # uniform if all is well
    steps = (np.arange(n) + 0.5).reshape(n, *[1] * (levels.ndim - 1)) / n
    assert np.abs(levels - steps).max() < 2.2 / math.sqrt(n)  # Kolmogorov's distance, far out in its tail
    if name != "Gamma":
        close(ours.icdf(ours.cdf(drawn[:5])), drawn[:5], 1e-6)


def test_samples_of_classes_come_as_often_as_they_should():
    talweg.manual_seed(3)
    probs = talweg.tensor([[0.0, 0.25, 0.75], [0.5, 0.5, 0.0]])
    drawn = D.Categorical(probs).sample((30_000,))
    assert drawn.dtype is talweg.int64
    often = np.stack([(drawn.numpy() == k).mean(0) for k in range(3)], -1)
    assert np.abs(often - probs.numpy()).max() < 0.015
    assert np.all(often[probs.numpy() == 0] == 0)
    straight = D.OneHotCategoricalStraightThrough(probs.requires_grad_()).rsample((4,))
    assert straight.sum(-1).allclose(talweg.ones(4, 2))
    straight[..., 0].sum().backward()
    assert probs.grad is not None


# --- gradients of samples
@pytest.mark.parametrize("concentration", [0.05, 0.5, 1.0, 2.5, 30.0, 400.0])
def test_the_gradient_of_a_gamma_number_is_the_implicit_one(concentration):
    talweg.manual_seed(5)
    a = talweg.full((200,), concentration, dtype=talweg.float64, requires_grad=True)
    x = D.Gamma(a, 1.0).rsample()
    x.sum().backward()
    shape, at = torch.from_numpy(np.array(a.detach().numpy())), torch.from_numpy(np.array(x.detach().numpy()))
    expected = torch._standard_gamma_grad(shape, at).numpy()
    np.testing.assert_allclose(a.grad.numpy(), expected, rtol=5e-3)  # PyTorch's is good to about 1e-3


def test_gradients_of_gamma_means_are_one_on_average():
    talweg.manual_seed(9)
    a = talweg.tensor([0.3, 1.0, 5.0], dtype=talweg.float64, requires_grad=True)
    D.Gamma(a, 2.0).rsample((20_000,)).mean(0).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), 0.5, rtol=0.05)  # d(a / 2)/da


@pytest.mark.parametrize("name", ["Normal", "Uniform", "Laplace", "Exponential", "Beta", "Dirichlet", "StudentT",
                                  "MultivariateNormal", "RelaxedBernoulli", "RelaxedOneHotCategorical", "LogNormal"])
def test_samples_can_be_differentiated_and_sample_has_no_gradient(name):
    arguments = next(a for n, a, _ in CASES if n == name)
    given = [t.requires_grad_() if isinstance(t, talweg.Tensor) else t for t in tensors(talweg, arguments)]
    ours = getattr(D, name)(*given)
    ours.rsample((3,)).pow(2).sum().backward()
    assert all(np.isfinite(t.grad.numpy()).all() for t in given if isinstance(t, talweg.Tensor))
    assert not ours.sample((3,)).requires_grad


def test_an_autoencoders_step_gives_the_gradients_of_the_formula():
    mean = talweg.tensor([[0.3, -0.2]], requires_grad=True)
    q = D.Independent(D.Normal(mean, talweg.tensor([[0.5, 2.0]])), 1)
    prior = D.Independent(D.Normal(talweg.zeros(1, 2), talweg.ones(1, 2)), 1)
    D.kl_divergence(q, prior).sum().backward()
    assert mean.grad.allclose(mean.detach())


# --- parameters in two forms
@pytest.mark.parametrize("name", ["Bernoulli", "Geometric", "Categorical", "OneHotCategorical"])
def test_logits_and_probabilities_say_the_same(name):
    logits = [[0.5, -2.0, 1.0], [3.0, 0.0, -0.1]]
    ours = getattr(D, name)(logits=tensors(talweg, [logits])[0])
    theirs = getattr(TD, name)(logits=tensors(torch, [logits])[0])
    close(ours.probs, theirs.probs)
    close(ours.logits, theirs.logits)
    close(ours.entropy(), theirs.entropy())
    if name != "Geometric":
        assert ours.param_shape == tuple(theirs.param_shape)
    close(getattr(D, name)(probs=ours.probs).logits, getattr(TD, name)(probs=theirs.probs).logits)


def test_a_normal_distribution_of_vectors_by_any_of_its_matrices():
    loc, matrix = tensors(talweg, [[0.1, 0.2], MATRIX])
    by_covariance = D.MultivariateNormal(loc, matrix)
    by_precision = D.MultivariateNormal(loc, precision_matrix=talweg.linalg.inv(matrix))
    by_factor = D.MultivariateNormal(loc, scale_tril=talweg.linalg.cholesky(matrix))
    for other in (by_precision, by_factor):
        close(other.covariance_matrix, by_covariance.covariance_matrix)
        close(other.precision_matrix, by_covariance.precision_matrix)
        close(other.log_prob(loc + 1), by_covariance.log_prob(loc + 1))


def test_numbers_make_distributions_without_shape():
    assert D.Normal(0.0, 1).sample().shape == ()
    assert D.Normal(0, 1).loc.dtype is talweg.float32
    assert D.Uniform(0, talweg.ones(2, dtype=talweg.float64)).low.dtype is talweg.float64
    assert repr(D.Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
    theirs = repr(TD.Normal(torch.zeros(2), torch.ones(2)))
    assert repr(D.Normal(talweg.zeros(2), talweg.ones(2))) == theirs.replace("torch", "talweg")


def test_empty_batches():
    d = D.Normal(talweg.zeros(0, 3), talweg.ones(3))
    assert d.sample((2,)).shape == (2, 0, 3)
    assert d.log_prob(talweg.zeros(3)).shape == (0, 3)
    assert D.Categorical(logits=talweg.zeros(0, 4)).sample((2,)).shape == (2, 0)


# --- divergences
OTHERS = {"Normal": ([0.0, 1.0, 2.0], [2.0, 0.5, 1.0]), "Laplace": ([0.0, 1.0, 2.0], [2.0, 0.5, 1.0]),
          "Uniform": ([-2.0, 0.5, 1.0], [3.0, 6.0, 3.0]), "Exponential": ([1.0, 2.0, 0.3],), "Gamma": ([1.0, 2.0, 0.3], [1.0]),
          "Beta": ([1.0, 2.0, 0.3], [0.7]), "Dirichlet": ([[1.0, 0.4, 2.0]],), "Bernoulli": ([0.5, 0.1, 0.9],),
          "Geometric": ([0.5, 0.1, 0.9],), "Poisson": ([0.5, 0.1, 9.0],), "Binomial": (5, [0.5, 0.1, 0.9]),
          "Categorical": ([[0.2, 0.2, 0.6]],), "OneHotCategorical": ([[0.2, 0.2, 0.6]],), "LogNormal": ([0.0], [2.0]),
          "HalfNormal": ([2.0],), "MultivariateNormal": ([0.0, 1.0], [[1.0, 0.0], [0.0, 4.0]]), "Chi2": ([2.0],)}


@pytest.mark.parametrize("name", OTHERS)
def test_divergences(name):
    p, p_ = pair(name, next(a for n, a, _ in CASES if n == name))
    q, q_ = pair(name, OTHERS[name])
    close(D.kl_divergence(p, q), TD.kl_divergence(p_, q_))
    assert np.abs(D.kl_divergence(p, p).numpy()).max() < 1e-7


def test_divergences_are_infinite_where_an_outcome_is_excluded():
    for name, one, two in (("Bernoulli", [0.5, 0.0, 1.0], [0.0, 1.0, 1.0]),
                           ("Categorical", [[0.5, 0.5], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]])):
        p, p_ = pair(name, (one,))
        q, q_ = pair(name, (two,))
        close(D.kl_divergence(p, q), TD.kl_divergence(p_, q_), 1e-6)


def test_a_rule_of_ones_own_and_none():
    class Mine(D.Normal):
        pass

    plain = D.Normal(0.0, 1.0)
    assert D.kl_divergence(Mine(0.0, 1.0), plain).item() == 0  # by the rule of its parent

    @D.register_kl(Mine, D.Normal)
    def rule(p, q):
        return talweg.tensor(7.0)

    assert D.kl_divergence(Mine(0.0, 1.0), plain).item() == 7
    with pytest.raises(NotImplementedError, match="Normal.*Gamma"):
        D.kl_divergence(plain, D.Gamma(1.0, 1.0))
    with pytest.raises(TypeError):
        D.register_kl(int, D.Normal)


# --- transforms
TRANSFORMS = [
    ("ExpTransform", ()), ("SigmoidTransform", ()), ("TanhTransform", ()), ("SoftplusTransform", ()),
    ("AffineTransform", (0.5, -2.0)), ("PowerTransform", (2.0,)), ("ReshapeTransform", ((3,), (3, 1))),
]


@pytest.mark.parametrize(("name", "arguments"), TRANSFORMS, ids=[n for n, _ in TRANSFORMS])
def test_transforms(name, arguments):
    ours, theirs = getattr(D, name)(*arguments), getattr(TD, name)(*arguments)
    value = [[0.1, 0.7, 1.5], [2.0, 0.3, 0.9]]
    x, x_ = tensors(talweg, [value])[0], tensors(torch, [value])[0]
    y, y_ = ours(x), theirs(x_)
    close(y, y_)
    close(ours.inv(y), x, 1e-6)
    close(ours.log_abs_det_jacobian(x, y), theirs.log_abs_det_jacobian(x_, y_))
    close(ours.inv.log_abs_det_jacobian(y, x), theirs.inv.log_abs_det_jacobian(y_, x_))
    assert ours.forward_shape((4, 3)) == tuple(theirs.forward_shape((4, 3)))
    assert ours.domain.event_dim == theirs.domain.event_dim
    assert ours.bijective == theirs.bijective
    assert ours == getattr(D, name)(*arguments)
    assert ours != D.AbsTransform()


def test_a_squashed_normal_as_in_soft_actor_critic():
    outcomes = []
    for library, kind in ((talweg, D), (torch, TD)):
        loc, scale, noise = tensors(library, ([[0.3, -4.0]], [[0.5, 2.0]], [[1.0, -8.0]]))
        base = kind.Normal(loc, scale)
        d = kind.TransformedDistribution(base, [kind.TanhTransform(cache_size=1), kind.AffineTransform(0.5, 3.0, cache_size=1)])
        action = d.transforms[1](d.transforms[0](noise))  # far out, where only the cache still knows what it came from
        outcomes.append((d.log_prob(action), kind.Independent(d, 1).log_prob(action), d.cdf(action), d.icdf(d.cdf(action))))
    for found, expected in zip(*outcomes):
        close(found, expected, 1e-7)
    d = D.TransformedDistribution(D.Normal(talweg.zeros(3), talweg.ones(3)), D.TanhTransform(cache_size=1))
    x = d.rsample((5,))
    assert x.shape == (5, 3)
    assert x.abs().max() <= 1


def test_transforms_of_vectors_and_chains():
    for library, kind, outcomes in ((talweg, D, first := []), (torch, TD, second := [])):
        chain = kind.ComposeTransform([kind.ExpTransform(), kind.AffineTransform(1.0, 2.0), kind.ReshapeTransform((4,), (2, 2))])
        x = tensors(library, ([[0.1, 0.2, 0.3, 0.4]],))[0]
        y = chain(x)
        d = kind.TransformedDistribution(kind.Normal(library.zeros(3, 4), 1.0), chain)
        assert (tuple(d.batch_shape), tuple(d.event_shape)) == ((3,), (2, 2))
        outcomes += [y, chain.inv(y), chain.log_abs_det_jacobian(x, y), d.log_prob(y.float())]
        apart = kind.IndependentTransform(kind.ExpTransform(), 1)
        outcomes += [apart.log_abs_det_jacobian(x, apart(x)), kind.SoftmaxTransform()(x)]
    for found, expected in zip(first, second, strict=True):
        close(found, expected, 1e-6)


def test_mixtures():
    outcomes = []
    for library, kind in ((talweg, D), (torch, TD)):
        given = ([[0.2, 0.8], [0.5, 0.5]], [[-1.0, 2.0], [0.0, 1.0]], [[1.0, 0.3]], [0.4, 1.0])
        weights, loc, scale, at = tensors(library, given)
        d = kind.MixtureSameFamily(kind.Categorical(weights), kind.Normal(loc, scale))
        wide = kind.MixtureSameFamily(kind.Categorical(weights[0]), kind.Independent(kind.Normal(loc, scale.T), 1))
        outcomes.append([d.mean, d.variance, d.log_prob(at), d.cdf(at), wide.mean, wide.variance, wide.log_prob(at)])
        assert tuple(d.sample((5,)).shape) == (5, 2)
        assert tuple(wide.sample((5,)).shape) == (5, 2)
    for found, expected in zip(*outcomes):
        close(found, expected)
    talweg.manual_seed(1)
    parts = D.Normal(talweg.tensor([-5.0, 5.0]), 0.1)
    drawn = D.MixtureSameFamily(D.Categorical(talweg.tensor([0.25, 0.75])), parts).sample((8000,))
    assert abs((drawn > 0).float().mean().item() - 0.75) < 0.03


# --- compiled, and by the name torch
def test_a_compiled_step_draws_anew_and_differentiates():
    @talweg.compile
    def step(loc):
        q = D.Normal(loc, loc.exp())
        z = q.rsample()
        loss = D.kl_divergence(q, D.Normal(0.0, 1.0)).sum() - q.log_prob(z.detach()).sum()
        return z, loss

    loc = talweg.tensor([0.1, -0.2])
    draws = [step(loc)[0].numpy().tolist() for _ in range(4)]
    assert len({tuple(d) for d in draws}) == 4


def test_policy_gradients_learn_the_better_arm():
    talweg.manual_seed(0)
    logits = talweg.zeros(3, requires_grad=True)
    optimizer = talweg.optim.Adam([logits], lr=0.1)
    for _ in range(60):
        policy = D.Categorical(logits=logits)
        action = policy.sample((16,))
        reward = (action == 2).float()
        optimizer.zero_grad()
        (-(policy.log_prob(action) * (reward - reward.mean())).mean()).backward()
        optimizer.step()
    assert D.Categorical(logits=logits).probs[2].item() > 0.8


# --- refusals
REFUSED = [
    ("Normal", (0.0, -1.0)), ("Normal", (math.nan, 1.0)), ("Uniform", (1.0, 0.0)), ("Gamma", (0.0, 1.0)), ("Bernoulli", (1.5,)),
    ("Exponential", (-1.0,)), ("Categorical", ([-0.5, 1.5],)), ("Dirichlet", ([0.5, 0.0],)), ("Poisson", (-1.0,)),
    ("MultivariateNormal", ([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]])), ("Bernoulli", ()), ("Bernoulli", (0.5, 0.0)),
    ("Categorical", ()),
    ("Categorical", ([0.5], [0.1])), ("MultivariateNormal", ([0.0],)), ("Geometric", (0.0,)), ("Binomial", (-1, 0.5)),
    ("Normal", ("a", 1.0)),
]


@pytest.mark.parametrize(("name", "arguments"), REFUSED)
def test_bad_parameters_are_value_errors(name, arguments):
    with pytest.raises(ValueError):
        getattr(TD, name)(*tensors(torch, arguments))
    with pytest.raises(ValueError):
        getattr(D, name)(*tensors(talweg, arguments))


def test_bad_values_are_value_errors_unless_nobody_asks():
    for name, arguments, value in (("Exponential", ([1.0],), [-1.0]), ("Bernoulli", ([0.5],), [0.5]),
                                   ("Categorical", ([0.5, 0.5],), [2.0]), ("Normal", ([0.0, 0.0], 1.0), [1.0, 2.0, 3.0]),
                                   ("Dirichlet", ([1.0, 1.0],), [0.5, 0.6]), ("Beta", ([1.0], 1.0), [1.5])):
        ours, theirs = pair(name, arguments)
        with pytest.raises(ValueError):
            theirs.log_prob(tensors(torch, [value])[0])
        with pytest.raises(ValueError):
            ours.log_prob(tensors(talweg, [value])[0])
    with pytest.raises(ValueError, match="Tensor"):
        D.Normal(0.0, 1.0).log_prob(1.0)
    assert D.Exponential(1.0, validate_args=False).log_prob(talweg.tensor(-1.0)).item() == 1
    assert math.isnan(D.Normal(0.0, -1.0, validate_args=False).entropy().item())


def test_what_does_not_exist_says_so():
    with pytest.raises(NotImplementedError, match="rsample"):
        D.Categorical(logits=talweg.zeros(2)).rsample()
    with pytest.raises(NotImplementedError, match="cdf"):
        D.Beta(1.0, 1.0).cdf(talweg.tensor(0.5))
    with pytest.raises(ValueError, match="reinterpreted_batch_ndims"):
        D.Independent(D.Normal(0.0, 1.0), 1)
    with pytest.raises(ValueError, match="Transform"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), [3])
    with pytest.raises(ValueError, match="cache_size"):
        D.TanhTransform(cache_size=2)
    with pytest.raises(ValueError, match="elements"):
        D.ReshapeTransform((2,), (3,))
    with pytest.raises(RuntimeError, match="broadcast"):
        D.MultivariateNormal(talweg.zeros(3, 2), talweg.eye(2).expand(2, 2, 2))
