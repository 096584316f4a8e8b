"""Generation: the cache against the whole sequence, choices against closed forms, beam search against all texts."""

import itertools

import numpy as np
import pytest

import talweg as tw
from talweg.models import GPT, GPT2, Transformer, Whisper
from talweg.models.generation import CachedDecoder, Sampling, beam_search, generate, stream
from talweg.nn import init

RNG = np.random.default_rng(0)


def lively(model):
    """Weights so large that logits differ much."""
    tw.manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() > 1 and parameter.requires_grad:
            init.normal_(parameter, std=0.4)
    return model.eval()


def mel(rows):
    return tw.from_numpy(RNG.standard_normal((rows, 6, 16)).astype(np.float32))


MODELS = {
    "gpt2": (lambda: GPT2(37, 32, 24, 2, 4), None),
    "gpt": (lambda: GPT(37, 32, 24, 2, 4), None),
    "transformer": (lambda: Transformer(37, 24, 2, 4, 48, context=32, padding=0),
                    lambda rows: tw.tensor([[5, 9, 7, 30, 0], [8, 3, 0, 0, 0], [1, 2, 3, 4, 5]][:rows])),
    "whisper": (lambda: Whisper(24, 2, 4, vocabulary=37, mels=6, audio_context=8, text_context=32), mel),
}


@pytest.fixture(params=MODELS)
def case(request):
    make, source = MODELS[request.param]
    return lively(make()), source


def whole(model, tokens, source):
    tokens = tw.from_numpy(np.asarray(tokens))
    with tw.no_grad():
        return (model(tokens) if source is None else model(source, tokens)).numpy()


def test_logits_with_the_cache_are_those_without(case):
    model, make_source = case
    tokens = RNG.integers(1, 37, (3, 12))
    source = make_source(3) if make_source else None
    expected = whole(model, tokens, source)
    decoder = CachedDecoder.start(model, 3, 12, source)
    found = [decoder(tokens[:, :4]), *(decoder(tokens[:, i : i + 1]) for i in range(4, 12))]
    np.testing.assert_allclose(np.stack(found, 1), expected[:, 3:], rtol=1e-5, atol=1e-5)


def test_every_step_is_one_and_the_same_program(case):
    # So the time for a token cannot depend on how many came before.
    model, make_source = case
    decoder = CachedDecoder.start(model, 1, 32, make_source(1) if make_source else None)
    for _ in range(8):
        decoder(np.array([[3]]))
    assert [len(recordings) for recordings in decoder._step.recordings().values() if recordings] == [1]


def test_greedy_takes_the_most_probable_token(case):
    model, make_source = case
    source = make_source(2) if make_source else None
    texts = np.array([[1, 2, 3], [9, 8, 7]])
    for _ in range(9):
        texts = np.concatenate([texts, whole(model, texts, source)[:, -1].argmax(-1)[:, None]], 1)
    assert generate(model, texts[:, :3], 9, temperature=0, source=source) == texts[:, 3:].tolist()
    assert generate(model, texts[:, :3], 9, temperature=1e-6, source=source) == texts[:, 3:].tolist()
    assert generate(model, texts[:, :3], 9, top_k=1, source=source) == texts[:, 3:].tolist()


def test_one_beam_is_greedy(case):
    model, make_source = case
    source = make_source(1) if make_source else None
    [found] = beam_search(model, [1, 2, 3], 9, beams=1, source=source)
    assert [found.tokens] == generate(model, [1, 2, 3], 9, temperature=0, source=source)


def test_wide_beams_find_the_best_text_of_all(case):
    model, make_source = case
    source = make_source(1) if make_source else None
    length, words = 3, 37
    first = whole(model, [[1, 2]], source)[0, -1]
    best = np.argsort(-first)[:12]
    texts = np.array([[1, 2, a, b] for a, b in itertools.product(best, range(words))])
    many = None if source is None else source.expand(len(texts), *source.shape[1:])
    logits = whole(model, texts, many).astype(np.float64)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    sums = logs[:, 1][np.arange(len(texts)), texts[:, 2]] + logs[:, 2][np.arange(len(texts)), texts[:, 3]] + logs[:, 3].max(-1)
    at = sums.argmax()
    expected = [*texts[at, 2:].tolist(), int(logs[at, 3].argmax())]
    found = beam_search(model, [1, 2], length, beams=12 * words // 2, penalty=1.0, source=source)
    assert found[0].tokens == expected
    np.testing.assert_allclose(found[0].score, sums[at] / length, rtol=1e-4)
    assert sorted(found, reverse=True) == found


def test_beams_end_where_the_end_is_and_score_it():
    model = lively(GPT2(7, 32, 24, 2, 4))
    found = beam_search(model, [1], 6, beams=5, end=0, penalty=0.7)
    assert len(found) == 5
    for hypothesis in found:
        text = hypothesis.tokens if len(hypothesis.tokens) == 6 else [*hypothesis.tokens, 0]
        assert 0 not in hypothesis.tokens
        logits = whole(model, [[1, *text]], None)[0].astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        total = sum(logs[i, token] for i, token in enumerate(text))
        np.testing.assert_allclose(hypothesis.score, total / len(text) ** 0.7, rtol=1e-4)


def test_equal_seeds_give_equal_texts():
    model = lively(GPT2(37, 40, 24, 2, 4))
    prompt = [[1, 2, 3], [4, 5, 6]]
    assert generate(model, prompt, 20, seed=5) == generate(model, prompt, 20, seed=5)
    assert generate(model, prompt, 20, seed=5) != generate(model, prompt, 20, seed=6)
    assert model.training is False
    model.train()
    generate(model, prompt, 2)
    assert model.training is True


def test_texts_end_before_a_stop_sequence_and_others_go_on():
    model = lively(GPT2(37, 40, 24, 2, 4))
    prompt = [[1, 2, 3], [9, 8, 7]]
    a, b = generate(model, prompt, 15, temperature=0)
    end = a[3:5]
    at = next(i for i in range(1, 15) if a[i - 1 : i + 1] == end) - 1
    assert end not in [b[i : i + 2] for i in range(14)]
    assert generate(model, prompt, 15, temperature=0, stop=[end]) == [a[:at], b]
    assert generate(model, prompt[0], 15, temperature=0, stop=[a[0]]) == [[]]
    pieces = list(stream(model, prompt, 15, temperature=0, stop=[end]))
    assert [p[1] for p in pieces] == b
    assert [p[0] for p in pieces if p[0] is not None] == a[: at + 2]


def test_draws_follow_the_distribution():
    logits = RNG.standard_normal(12) * 2
    for sampling in (Sampling(), Sampling(0.5), Sampling(1.5, top_k=5), Sampling(top_p=0.8), Sampling(0.9, 6, 0.7)):
        expected = sampling.probabilities(logits[None])[0]
        draws = sampling.choose(np.tile(logits, (20000, 1)), np.random.default_rng(3))
        counts = np.bincount(draws, minlength=12)
        assert (counts[expected == 0] == 0).all()
        possible = expected > 0
        statistic = ((counts - 20000 * expected)[possible] ** 2 / (20000 * expected[possible])).sum()
        assert statistic < possible.sum() + 4 * np.sqrt(2 * possible.sum())  # chi-squared: four standard deviations


def test_temperature_top_k_and_top_p_are_what_they_say():
    logits = np.log(np.array([[0.5, 0.25, 0.15, 0.1]]))
    roots = np.sqrt(np.exp(logits))
    np.testing.assert_allclose(Sampling(2.0).probabilities(logits), roots / roots.sum())
    np.testing.assert_allclose(Sampling(top_k=2).probabilities(logits), [[2 / 3, 1 / 3, 0, 0]])
    np.testing.assert_allclose(Sampling(top_p=0.7).probabilities(logits), [[2 / 3, 1 / 3, 0, 0]])
    np.testing.assert_allclose(Sampling(top_p=0.01).probabilities(logits), [[1, 0, 0, 0]])
    np.testing.assert_allclose(Sampling(top_p=1.0, top_k=99).probabilities(logits), np.exp(logits))
    np.testing.assert_allclose(Sampling(0).probabilities(logits), [[1, 0, 0, 0]])


@pytest.mark.parametrize("settings", [{"temperature": -1}, {"temperature": float("nan")}, {"top_k": 0}, {"top_p": 0.0},
                                      {"top_p": 1.5}])
def test_unfit_sampling_is_refused(settings):
    with pytest.raises(ValueError, match="Sampling"):
        Sampling(**settings)


def test_nan_is_named():
    with pytest.raises(ValueError, match="NaN"):
        Sampling().choose(np.array([[0.0, np.nan]]), np.random.default_rng(0))


def test_unfit_prompts_are_refused():
    model = GPT2(37, 16, 24, 1, 4)
    for prompt in ([], [[]], [[1, 2], [3]], [1.5], [-1]):
        with pytest.raises(ValueError, match="generate"):
            generate(model, prompt, 3)
    with pytest.raises(ValueError, match="context of 16"):
        generate(model, [1, 2, 3], 14)
    with pytest.raises(IndexError):
        generate(model, [1, 37], 3)
    with pytest.raises(ValueError, match="stop sequence"):
        generate(model, [1], 3, stop=[[]])
    with pytest.raises(ValueError, match="beam_search"):
        beam_search(model, [[1], [2]], 3)
    with pytest.raises(ValueError, match="beam_search"):
        beam_search(model, [1], 3, beams=0)
    with pytest.raises(ValueError, match="context of 16"):
        model(tw.zeros(1, 17, dtype=tw.int64))
    decoder = CachedDecoder.start(model, 1, 16)
    decoder(np.ones((1, 16)))
    with pytest.raises(ValueError, match="no room"):
        decoder(np.ones((1, 1)))
