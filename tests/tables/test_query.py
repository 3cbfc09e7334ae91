"""The next rows to label, of a pool in a file."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal._task_models import make_task_model
from skdal.experiments.presets import make_sampler
from skdal.tables import Labels, choose_rows
from tests._pools import labels_of

X, y = load_digits(return_X_y=True)
NONE = np.array([], dtype=int)
DAL = DiscriminativeSampler(LogisticRegression(max_iter=1000), n_mini_queries=2)


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "sampler",
    [
        *(RandomSampler(), CoreSetSampler(), DAL, UncertaintySampler(max_candidates=300)),
        CombinedSampler([("sure", UncertaintySampler()), ("random", RandomSampler())]),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_rows_are_new_and_the_seed_fixes_them(mapped, sampler):
    skipped = np.arange(50, 1700)
    labels = labels_of(y, np.arange(40), skipped)

    def query(seed, X=mapped):
        model = make_task_model("logistic")
        return choose_rows(
            X, labels, sampler, estimator=model, n_instances=30, random_state=seed
        ).rows

    rows = query(0)
    assert len(set(rows)) == 30
    assert not np.isin(rows, [*labels.rows, *skipped]).any()
    np.testing.assert_array_equal(rows, query(0))
    np.testing.assert_array_equal(rows, query(0, X))
    if not isinstance(sampler, CoreSetSampler | UncertaintySampler):
        assert set(rows) != set(query(1))


def test_rows_that_cannot_be_labeled_are_not_learned_from(mapped):
    skipped = np.arange(60, 160)
    labels = labels_of(y, np.arange(60), skipped)
    kept = np.setdiff1d(np.arange(len(X)), skipped)
    rows = choose_rows(mapped, labels, DAL, n_instances=10, random_state=0).rows
    without = labels._replace(skipped=NONE)
    again = choose_rows(X[kept], without, DAL, n_instances=10, random_state=0).rows
    np.testing.assert_array_equal(rows, kept[again])


def test_all_that_is_left_can_be_asked_for(mapped):
    labels = labels_of(y, np.arange(1000), np.arange(1000, 1790))
    chosen = choose_rows(mapped, labels, RandomSampler(), n_instances=7, random_state=0)
    assert sorted(chosen.rows) == list(range(1790, 1797))
    with pytest.raises(ValueError, match=r"n_instances=8 is more than the 7 rows .*; ask for 7"):
        choose_rows(mapped, labels, RandomSampler(), n_instances=8)
    labels = labels_of(y, np.arange(1000), np.arange(1000, 1797))
    with pytest.raises(ValueError, match="Every row of the pool has a label, or cannot have one"):
        choose_rows(mapped, labels, RandomSampler())


@pytest.mark.parametrize("regression", [False, True])
def test_without_labels_it_is_a_core_set(mapped, regression):
    labels = Labels(NONE, np.empty(0) if regression else NONE, None if regression else [], NONE)
    for sampler, model in [(DAL, None), (UncertaintySampler(), make_task_model("logistic"))]:
        chosen = choose_rows(
            mapped, labels, sampler, estimator=model, n_instances=20, random_state=0
        )
        assert chosen.fallback == "No row has a label yet"
        assert np.isnan(chosen.scores).all()
        assert len(np.unique(y[chosen.rows])) > 5
    # Those that can choose do so.
    for sampler in (RandomSampler(), CoreSetSampler()):
        chosen = choose_rows(mapped, labels, sampler, n_instances=20, random_state=0)
        assert chosen.fallback == ""


def test_with_labels_of_one_class_a_classifier_is_not_asked(mapped):
    labels = labels_of(y, np.flatnonzero(y == 3)[:10])
    model = make_task_model("logistic")
    for sampler in (UncertaintySampler(), DAL):
        chosen = choose_rows(mapped, labels, sampler, estimator=model, random_state=0)
        assert chosen.fallback == "All labels are '3' so far"
    assert choose_rows(mapped, labels, DAL, random_state=0).fallback == ""
    # Neither of these would ask the model.
    forest = make_task_model("forest")
    assert choose_rows(mapped, labels, DAL, estimator=forest, random_state=0).fallback == ""
    chosen = choose_rows(mapped, labels, RandomSampler(), estimator=model, random_state=0)
    assert chosen.fallback == ""


def test_a_regression(mapped):
    labels = Labels(np.arange(50), X[:50].mean(axis=1), None, NONE)
    chosen = choose_rows(
        mapped, labels, DAL, estimator=make_task_model("mlp", regression=True), random_state=0
    )
    assert chosen.fallback == ""
    model = make_task_model("ridge", regression=True)
    with pytest.raises(ValueError, match="is no classifier, and UncertaintySampler"):
        choose_rows(mapped, labels, UncertaintySampler(), estimator=model, random_state=0)


def test_the_task_model_decides(mapped):
    labels = labels_of(y, np.arange(100))
    model = LogisticRegression(max_iter=5000)
    chosen = choose_rows(mapped, labels, UncertaintySampler(), estimator=model, n_instances=9)
    expected = UncertaintySampler(model).fit(X, np.where(np.arange(len(X)) < 100, y, -1))
    assert set(chosen.rows) == set(expected.query(n_instances=9))
    assert (np.diff(chosen.scores) <= 0).all()


@pytest.mark.parametrize(
    ("sampler", "name", "uses"),
    [
        (DAL, "forest", False),
        (DAL, "mlp", True),
        (RandomSampler(), "logistic", False),
        (UncertaintySampler(), "forest", True),
        (UncertaintySampler(LogisticRegression(max_iter=5000)), "forest", False),
        (CombinedSampler([("dal", DAL), ("random", RandomSampler())]), "forest", False),
        (CombinedSampler([("dal", DAL), ("sure", UncertaintySampler())]), "forest", True),
    ],
)
def test_a_model_of_no_use_is_not_trained_and_changes_no_row(mapped, sampler, name, uses):
    labels = labels_of(y, np.arange(60))
    model = make_task_model(name)
    chosen = choose_rows(mapped, labels, sampler, estimator=model, n_instances=5, random_state=0)
    assert chosen.uses_estimator == uses
    if not uses:
        alone = choose_rows(mapped, labels, sampler, n_instances=5, random_state=0)
        assert not alone.uses_estimator
        np.testing.assert_array_equal(chosen.rows, alone.rows)


@pytest.mark.parametrize("name", ["uncertainty", "combined", "egl", "deepfool", "mc-dropout"])
def test_a_sampler_that_asks_a_model_is_refused_without_one(name):
    with pytest.raises(ValueError, match="ranks rows by what a task model says of them, and there"):
        choose_rows(X, labels_of(y, np.arange(50)), make_sampler(name))


class Failing(LogisticRegression):
    def __init__(self, error=None):
        super().__init__()
        self.error = error

    def fit(self, X, y):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no device"), MemoryError(), KeyError("x")])
def test_a_task_model_that_cannot_be_trained(error):
    with pytest.raises(ValueError, match=rf"Failing cannot be trained .*: {type(error).__name__}"):
        choose_rows(X, labels_of(y, np.arange(50)), UncertaintySampler(), estimator=Failing(error))


def test_what_a_task_model_says_ends_in_one_stop():
    wrong = LogisticRegression(C=-1)
    with pytest.raises(ValueError, match=r"The 'C' parameter of Logistic.* Got -1 instead\.$"):
        choose_rows(X, labels_of(y, np.arange(50)), UncertaintySampler(), estimator=wrong)


def test_numbers_that_are_too_large_for_a_sampler():
    large = X.copy()
    large[3, 3] = 1e39  # of a labeled row, which is always read
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="DiscriminativeSampler gets NaN or infinity"),
    ):
        choose_rows(large, labels_of(y, np.arange(50)), make_sampler("discriminative"))
