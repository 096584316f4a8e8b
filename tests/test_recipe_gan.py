"""Two networks that learn against each other: whose turn moves what, the penalty, the recipe."""

import json

import numpy as np
import pytest
from bars import bar_folder
from click.testing import CliRunner
from PIL import Image
from resuming import resumed_differs

import talweg as tw
from talweg import optim
from talweg.cli.main import main
from talweg.models.adversaries import PAIRS, Adversaries, gradient_penalty
from talweg.recipes.gan import RECIPE, Repeated, walk
from talweg.recipes.gan_settings import Options, Settings
from talweg.recipes.gan_update import AdversarialUpdate, Objective, confused

RNG = np.random.default_rng(0)
SMALL = {"width": 8, "latent": 4, "draws": 1, "batch_size": 32, "epochs": 2}


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    return str(bar_folder(tmp_path_factory.mktemp("data") / "bars"))


def pair(kind="gan", **settings):
    tw.manual_seed(0)
    model = Adversaries(kind, (1, 8, 8), 4, 8)
    return model, optim.Adam(model.parameters(), lr=1e-2)


def copied(network):
    return {name: p.detach().numpy().copy() for name, p in network.named_parameters()}


def moved(network, before):
    return [name for name, p in network.named_parameters() if not np.array_equal(before[name], p.detach().numpy())]


def batch(count=6):
    return tw.from_numpy(RNG.uniform(-1, 1, (count, 1, 8, 8)).astype(np.float32))


# A step


@pytest.mark.parametrize("kind", PAIRS)
def test_each_turn_moves_one_network_alone(kind):
    model, optimizer = pair(kind)
    objective = Objective("wasserstein", 10.0) if kind == "wgan_gp" else Objective("nonsaturating")
    update = AdversarialUpdate(model, objective, optimizer, confused)
    model.train()
    generator, discriminator = copied(model.generator), copied(model.discriminator)
    scores, loss, _, fine = update._discriminator(batch())
    assert moved(model.generator, generator) == []
    # Biases just before the last score of a Wasserstein critic cancel between real and made pictures.
    assert len(moved(model.discriminator, discriminator)) >= len(discriminator) - 1
    assert [len(s) for s in scores] == [6, 6]
    assert fine.item()
    assert np.isfinite(loss.item())
    discriminator = copied(model.discriminator)
    update._generator(6)
    assert moved(model.discriminator, discriminator) == []
    assert set(moved(model.generator, generator)) == set(generator)


def test_the_generators_gradient_comes_through_the_discriminator_alone():
    """A discriminator that does not look at the picture gives the generator nothing to learn from; with any other, the
    generator's gradient is the chain rule's product through it."""
    model, optimizer = pair()
    model.eval()
    z = tw.randn(5, 4)
    objective = Objective("nonsaturating")
    picture = model.generator(z)
    through = tw.autograd.grad(objective.of_generator(model.discriminator(picture)), picture, retain_graph=True)[0]
    expected = tw.autograd.grad(picture, list(model.generator.parameters()), through, retain_graph=True)
    found = tw.autograd.grad(objective.of_generator(model.discriminator(picture)), list(model.generator.parameters()))
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-8)
    with tw.no_grad():
        for parameter in model.discriminator.parameters():
            parameter.zero_()
    before = copied(model.generator)
    AdversarialUpdate(model, objective, optimizer, None)._generator(5)
    assert moved(model.generator, before) == []


def test_as_many_turns_of_the_discriminator_as_there_are_batches():
    model, optimizer = pair()
    learned, norm = AdversarialUpdate(model, Objective("nonsaturating"), optimizer, confused)([(batch(), None)] * 3)
    assert len(learned) == 3
    assert norm > 0
    steps = {name: optimizer.state[p]["step"] for name, p in model.named_parameters()}
    assert {int(s) for name, s in steps.items() if name.startswith("discriminator")} == {3}
    assert {int(s) for name, s in steps.items() if name.startswith("generator")} == {1}


def test_a_picture_that_is_not_finite_changes_nothing_and_is_told():
    model, optimizer = pair()
    before = copied(model)
    bad = tw.full((4, 1, 8, 8), float("nan"))
    with pytest.raises(FloatingPointError, match="the discriminator's loss or gradient is not finite in step 3"):
        AdversarialUpdate(model, Objective("nonsaturating"), optimizer, confused)([(bad, None)], " in step 3")
    assert AdversarialUpdate(model, Objective("nonsaturating"), optimizer, confused, on_nan="skip")([(bad, None)]) is None
    assert moved(model, before) == []


# Objectives


def test_objectives_are_their_formulas():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    real, fake = RNG.standard_normal(5).astype(np.float32), RNG.standard_normal(5).astype(np.float32)
    ours = Objective("nonsaturating", smoothing=0.1)
    s_real, s_fake = (torch.sigmoid(torch.tensor(x)) for x in (real, fake))
    expected = -(0.9 * s_real.log() + 0.1 * (1 - s_real).log()).mean() - (1 - s_fake).log().mean()
    assert ours.of_discriminator(tw.from_numpy(real), tw.from_numpy(fake)).item() == pytest.approx(expected.item(), rel=1e-5)
    assert ours.of_generator(tw.from_numpy(fake)).item() == pytest.approx(-s_fake.log().mean().item(), rel=1e-5)
    critic = Objective("wasserstein")
    scores = (tw.from_numpy(real), tw.from_numpy(fake))
    assert critic.of_discriminator(*scores).item() == pytest.approx(fake.mean() - real.mean(), abs=1e-6)
    assert critic.of_generator(tw.from_numpy(fake)).item() == pytest.approx(-fake.mean(), abs=1e-6)


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_the_penalty_of_a_linear_critic_is_that_of_its_slope(slope, expected):
    class Linear(tw.nn.Module):
        def forward(self, x):
            return slope * x.flatten(1)[:, 0]

    assert gradient_penalty(Linear(), batch(), batch()).item() == pytest.approx(expected, abs=1e-4)


def test_confusion_counts_both_kinds():
    assert confused((tw.tensor([1.0, -1.0, 0.0]), tw.tensor([2.0, -2.0]))) == 3


# The recipe


def test_a_resumed_run_ends_with_the_same_bits(bars, tmp_path):
    assert resumed_differs(RECIPE, Settings(data=bars, **SMALL), tmp_path, 4) == []


@pytest.mark.parametrize("kind", ["dcgan", "wgan_gp"])
def test_the_other_kinds_are_trained_too(bars, tmp_path, kind):
    chosen = Settings(model=kind, data=bars, **SMALL, accumulate=2)
    found = RECIPE.train(chosen, tmp_path / "run")
    assert np.isfinite(found.test.figures["frechet"])
    assert (found.result.records[0].train_error is None) == (kind == "wgan_gp")
    assert chosen.objective == ("wasserstein" if kind == "wgan_gp" else "nonsaturating")


def called(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_commands_train_measure_and_draw(bars, tmp_path):
    run = tmp_path / "run"
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    done = called("train", "gan", "--data", bars, "--out", run, *flags)
    assert done.exit_code == 0, done.output
    assert "Frechet distance" in done.output
    figures = json.loads(called("evaluate", run, "--json").output)
    assert figures["smallest_class"] <= 0.5
    assert "From one to another" in (run / "report.html").read_text()
    first = called("generate", run, "--n", 5, "--seed", 3, "--out", tmp_path / "a.png")
    assert first.exit_code == 0, first.output
    called("generate", run, "--n", 5, "--seed", 3, "--out", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    called("generate", run, "--n", 2, "--walk", 5, "--out", tmp_path / "walk.png")
    with Image.open(tmp_path / "walk.png") as sheet:
        assert sheet.size == (5 * 50 - 2, 2 * 50 - 2)
    wrong = called("train", "gan", "--data", "topics")
    assert wrong.exit_code != 0


def test_walks_begin_and_end_where_they_should():
    model, _ = pair()
    steps = walk(model, 3, 6, 0).reshape(3, 6, 1, 8, 8)
    more = walk(model, 3, 2, 0).reshape(3, 2, 1, 8, 8)
    np.testing.assert_allclose(steps[:, [0, -1]], more, atol=1e-5)


def test_an_epoch_shows_every_picture_as_often_as_it_is_told():
    images = RNG.random((3, 1, 2, 2)).astype(np.float32)
    x, same = Repeated(images, 2).batch([1, 4])
    assert len(Repeated(images, 2)) == 6
    np.testing.assert_allclose(x.numpy(), 2 * images[[1, 1]] - 1)
    assert same is x


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"objective": "least squares"}, "one of nonsaturating, wasserstein"), ({"smoothing": 0.5}, "below 0.5"),
     ({"model": "wgan_gp", "penalty": 0.0}, "needs a penalty"), ({"batch_size": 1}, "2 or more"),
     ({"optimizer": "sgd"}, "one of adam")],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"walk": 1}, {"seed": -1}])
def test_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"setting {next(iter(wrong))} must be"):
        Options(**wrong)


@pytest.mark.parametrize(("kind", "shape"), [("dcgan", (1, 12, 12)), ("dcgan", (1, 8, 16)), ("began", (1, 8, 8))])
def test_pairs_that_cannot_be_are_refused(kind, shape):
    with pytest.raises(ValueError, match="side must be a power of two|must be square|one of gan"):
        Adversaries(kind, shape)
