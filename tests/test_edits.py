"""Word error rates against jiwer, and what a distance must fulfil."""

import math

import numpy as np
import pytest

from talweg.training.edits import Edits, edits, total_edits, word_error_rate


def texts(count, seed=0):
    random = np.random.default_rng(seed)
    words = "a b c d".split()
    return [(list(random.choice(words, random.integers(1, 9))), list(random.choice(words, random.integers(0, 9))))
            for _ in range(count)]


def test_equals_jiwer():
    jiwer = pytest.importorskip("jiwer")
    pairs = texts(200)
    for reference, hypothesis in pairs:
        theirs = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
        ours = edits(reference, hypothesis)
        assert ours.count == theirs.substitutions + theirs.deletions + theirs.insertions
        assert ours.deletions - ours.insertions == theirs.deletions - theirs.insertions
        assert ours.rate == pytest.approx(theirs.wer, abs=1e-12)
    references, hypotheses = ([" ".join(pair[i]) for pair in pairs] for i in (0, 1))
    assert word_error_rate(references, hypotheses) == pytest.approx(jiwer.wer(references, hypotheses), abs=1e-12)


def test_a_distance():
    for (a, b), (c, _) in zip(texts(60, 1), texts(60, 2)):
        assert edits(a, a).count == 0
        assert edits(a, b).count == edits(b, a).count
        assert edits(a, c).count <= edits(a, b).count + edits(b, c).count
        found = edits(a, b)
        assert len(a) - found.deletions + found.insertions == len(b)


@pytest.mark.parametrize(("reference", "hypothesis", "expected"), [
    ("a b c", "a x c", (1, 0, 0)), ("a b c", "a c", (0, 1, 0)), ("a b", "a x b", (0, 0, 1)), ("", "a b", (0, 0, 2)),
    ("a b", "", (0, 2, 0)), ("", "", (0, 0, 0)), ("a b", "x y", (2, 0, 0)),
])
def test_kinds_of_changes(reference, hypothesis, expected):
    found = edits(reference.split(), hypothesis.split())
    assert (found.substitutions, found.deletions, found.insertions) == expected


def test_rates():
    assert Edits(1, 1, 1, 6).rate == 0.5
    assert Edits().rate == 0
    assert math.isinf(Edits(insertions=1).rate)
    assert edits("kitten", "sitting").count == 3
    assert total_edits([("abc", "abd"), ("x", "x")]).rate == 0.25
    with pytest.raises(ValueError, match="as many hypotheses as references"):
        word_error_rate(["a"], [])
