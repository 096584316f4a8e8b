"""Rows 128 and 129 of docs/book.md: texts into classes against words counted, edges of a graph, whole graphs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from talweg.data import load
from talweg.recipes import graphs, links, textclf
from talweg.recipes.graphs_settings import Settings as GraphsSettings
from talweg.recipes.links_settings import Settings as LinksSettings
from talweg.recipes.textclf_settings import Settings as TextSettings

STRENGTHS = (1.0, 10.0, 100.0)  # C, of which the validation texts choose


def counted_words(tuned: bool) -> float:
    """The share of test paragraphs told by TF-IDF and logistic regression as scikit-learn has them, or with word pairs, sublinear
    counts and the strength of the penalty chosen by the validation paragraphs."""
    data = load("topics:paragraphs")
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True) if tuned else TfidfVectorizer()
    train = words.fit_transform(data.texts_of("train"))
    validation, test = (words.transform(data.texts_of(part)) for part in ("validation", "test"))
    wanted = {part: data.labels[data.part(part)] for part in ("train", "validation", "test")}
    models = [LogisticRegression(C=c, max_iter=1000).fit(train, wanted["train"]) for c in (STRENGTHS if tuned else (1.0,))]
    best = max(models, key=lambda model: model.score(validation, wanted["validation"]))
    return float(best.score(test, wanted["test"]))


def told_paragraphs() -> float:
    """By how much the encoder tells more test paragraphs than TF-IDF and logistic regression do."""
    ours = _figure(textclf.RECIPE, TextSettings(), "accuracy")
    plain, tuned = counted_words(False), counted_words(True)
    print(f"  paragraphs told: {ours:.3f}; TF-IDF and logistic regression {plain:.3f}, with pairs and chosen strength "
          f"{tuned:.3f}", flush=True)
    return ours - plain


def edges_found(seeds: int = 3) -> float:
    """Mean area under the curve of hidden edges of Les Miserables, over seeds that hide others."""
    return float(np.mean([_figure(links.RECIPE, LinksSettings(seed=seed), "auc") for seed in range(seeds)]))


def families_told() -> float:
    return _figure(graphs.RECIPE, GraphsSettings(), "accuracy")


def _figure(recipe: Any, settings: Any, name: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return recipe.train(settings, Path(folder) / "run").test.figures[name]


ROWS: list[tuple[int, str, float, Callable[[], float]]] = [
    (128, "topics:paragraphs: gain over TF-IDF and logistic regression", -0.02, told_paragraphs),
    (129, "les_miserables: area under the curve of hidden edges", 0.75, edges_found),
    (129, "graph_families: graphs told", 0.93, families_told),
]
