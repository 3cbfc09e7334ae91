from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal.experiments import agreement, compare, rank
from skdal.experiments.ranking import score_rows
from skdal.experiments.ranking_results import write_scores

X, Y = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
ENTROPY = {"entropy": UncertaintySampler(), "margin": UncertaintySampler(measure="margin")}
SETTINGS = {"n_initial": 15, "n_repeats": 2}


def test_all_samplers_score_the_same_pool():
    results = rank(ENTROPY, LogisticRegression(), X, Y, **SETTINGS)
    assert [(r["sampler"], r["repeat"]) for r in results] == [
        ("entropy", 0),
        ("margin", 0),
        ("entropy", 1),
        ("margin", 1),
    ]
    for record in results:
        assert record["rows"].shape == record["scores"].shape == (105,)
        assert len(set(record["rows"])) == 105
        assert np.isfinite(record["scores"]).all()
    assert_array_equal(results[0]["rows"], results[1]["rows"])
    assert set(results[0]["rows"]) != set(results[2]["rows"])


def test_the_start_is_that_of_compare():
    compared = compare(
        {"random": RandomSampler()}, LogisticRegression(), X, Y, X, Y,
        n_initial=15, n_instances=5, n_queries=1, n_repeats=2, random_state=3,
    )  # fmt: skip
    ranked = rank(ENTROPY, LogisticRegression(), X, Y, **SETTINGS, random_state=3)
    for repeat in range(2):
        (start,) = (r["rows"] for r in compared if r["repeat"] == repeat and r["n_labels"] == 15)
        (rows,) = (r["rows"] for r in ranked if r["repeat"] == repeat and r["sampler"] == "entropy")
        assert set(start).isdisjoint(rows)


def test_scores_are_those_of_the_model_trained_on_the_start():
    record = rank({"entropy": UncertaintySampler()}, LogisticRegression(), X, Y, n_initial=15)[0]
    labeled = np.setdiff1d(np.arange(120), record["rows"])
    model = LogisticRegression().fit(X[labeled], Y[labeled])
    known = np.where(np.isin(np.arange(120), labeled), Y, -1)
    sampler = UncertaintySampler(FrozenEstimator(model)).fit(X, known)
    # The rows of the start lie in another order there.
    assert_allclose(record["scores"], sampler.score_samples(X[record["rows"]]), 1e-3)


def test_a_part_of_the_pool_is_enough():
    all_rows = rank(ENTROPY, LogisticRegression(), X, Y, n_initial=15)
    some = rank(ENTROPY, LogisticRegression(), X, Y, n_initial=15, n_rows=20)
    by_row = dict(zip(all_rows[0]["rows"], all_rows[0]["scores"], strict=True))
    assert some[0]["rows"].shape == (20,)
    assert_array_equal(some[0]["rows"], some[1]["rows"])
    assert_allclose(some[0]["scores"], [by_row[row] for row in some[0]["rows"]])


def test_another_sampler_or_repeat_changes_nothing():
    estimator = MLPClassifier((8,), max_iter=2000)
    dal = DiscriminativeSampler(LogisticRegression())
    few = rank({"dal": dal}, estimator, X, Y, n_initial=15)
    more = rank(ENTROPY | {"dal": dal}, estimator, X, Y, **SETTINGS)
    (same,) = (r for r in more if r["sampler"] == "dal" and r["repeat"] == 0)
    assert_array_equal(few[0]["scores"], same["scores"])
    other = rank({"dal": dal}, estimator, X, Y, n_initial=15, random_state=1)
    assert set(other[0]["rows"]) != set(few[0]["rows"])


def test_a_pipeline_may_end_in_a_sampler():
    dal = DiscriminativeSampler(LogisticRegression(), random_state=0)
    pipeline = make_pipeline(PCA(2, random_state=0), dal)
    (record,) = rank({"pca": pipeline}, LogisticRegression(), X, Y, n_initial=15)
    known = Y.copy()
    known[record["rows"]] = -1
    expected = pipeline.fit(X, known).score_samples(X[record["rows"]])
    assert_array_equal(record["scores"], expected)


def test_score_rows_learns_from_the_labeled_rows_alone():
    labeled, rows = np.arange(20), np.arange(20, 60)
    model = LogisticRegression().fit(X[labeled], Y[labeled])
    dal = DiscriminativeSampler(LogisticRegression())
    scores = score_rows(dal, model, X, Y, labeled, rows)
    changed = np.where(np.arange(120) < 20, Y, (Y + 1) % 3)
    assert_array_equal(score_rows(dal, model, X, changed, labeled, rows), scores)


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        ("random", RandomSampler()),
        ("core-set", CoreSetSampler()),
        ("both", CombinedSampler([("a", UncertaintySampler()), ("b", RandomSampler())])),
        ("scaled", make_pipeline(StandardScaler(), RandomSampler())),
    ],
)
def test_samplers_without_scores_are_refused(name, sampler):
    with pytest.raises(ValueError, match=f"'{name}' cannot be ranked by: .* has no scores"):
        rank(ENTROPY | {name: sampler}, LogisticRegression(), X, Y)


@pytest.mark.parametrize(
    ("samplers", "settings", "error", "words"),
    [
        ({}, {}, ValueError, "samplers is empty"),
        ({"a": LogisticRegression()}, {}, TypeError, r"samplers\['a'\]=.* neither a sampler"),
        ({"a": UncertaintySampler}, {}, TypeError, r"samplers\['a'\]=UncertaintySampler is a cl"),
        (ENTROPY, {"n_initial": 1}, ValueError, "n_initial=1 rows are of a single class"),
        (ENTROPY, {"n_initial": 119}, ValueError, "n_initial=119 and n_rows=None are more"),
        (ENTROPY, {"n_rows": 110}, ValueError, "n_rows=110 are more than the 120 rows"),
        (ENTROPY, {"n_rows": 1}, ValueError, "n_rows"),
    ],
)
def test_wrong_calls_say_what_is_right(samplers, settings, error, words):
    with pytest.raises(error, match=words):
        rank(samplers, LogisticRegression(), X, Y, **settings)


def test_every_label_must_be_known():
    with pytest.raises(ValueError, match=r"1 rows as unlabeled .*Leave those rows out"):
        rank(ENTROPY, LogisticRegression(), X, np.where(np.arange(120) == 5, -1, Y))


def test_agreement_is_spearmans_over_the_repeats():
    results = rank(ENTROPY, LogisticRegression(), X, Y, **SETTINGS)
    (line,) = agreement(results)
    first, second, third, fourth = (record["scores"] for record in results)
    expected = spearmanr(first, second).statistic, spearmanr(third, fourth).statistic
    assert (line["sampler"], line["other"], line["n_repeats"]) == ("entropy", "margin", 2)
    assert line["spearman"] == pytest.approx(np.mean(expected))
    assert (line["min"], line["max"]) == pytest.approx((min(expected), max(expected)))


def test_nothing_agrees_with_nothing():
    with pytest.raises(ValueError, match="results is empty"):
        agreement([])


def test_pandas_makes_a_table_of_it():
    pd = pytest.importorskip("pandas")
    results = rank(ENTROPY, LogisticRegression(), X, Y, **SETTINGS)
    table = pd.DataFrame(results).explode(["rows", "scores"])
    assert len(table) == 4 * 105


def test_scores_are_written_whole_or_not_at_all(tmp_path):
    pd = pytest.importorskip("pandas")
    results = rank(ENTROPY, LogisticRegression(), X, Y, **SETTINGS)
    path = tmp_path / "scores.csv"
    write_scores(results, path)
    table = pd.read_csv(path)
    assert list(table) == ["sampler", "repeat", "row", "score"]
    assert_allclose(table["score"], np.concatenate([r["scores"] for r in results]), 1e-12)
    before = path.read_text()
    with pytest.raises(ValueError, match="longer"):
        write_scores([results[0] | {"rows": results[0]["rows"][:3]}], path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="nothing to write"):
        write_scores([], path)
