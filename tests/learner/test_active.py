"""The loop of a person who labels, by row numbers and by separate arrays."""

from __future__ import annotations

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdal import (
    ActiveLearner,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
)
from tests.learner._shared import (
    DAL,
    FOREST,
    LABELED,
    MODEL,
    NAMES,
    TRUTH,
    Counting,
    EnoughLabels,
    Spy,
    X,
    Y,
    play,
)

# The loop


@pytest.mark.parametrize("sampler", [DAL, UncertaintySampler(), CoreSetSampler(), RandomSampler()])
def test_the_loop_over_a_pool(sampler):
    learner = ActiveLearner(MODEL, sampler, random_state=0).fit(X, Y)
    assert_array_equal(learner.labeled_rows_, LABELED)
    asked = play(learner, TRUTH)
    assert len(set(asked)) == 12
    assert not set(asked) & set(LABELED)
    assert_array_equal(learner.labeled_rows_, [*LABELED, *asked])
    assert_array_equal(learner.labels_, TRUTH[learner.labeled_rows_])
    assert len(learner.asked_rows_) == 0
    expected = clone(MODEL).fit(X[learner.labeled_rows_], TRUTH[learner.labeled_rows_])
    assert_array_equal(learner.predict_proba(X), expected.predict_proba(X))
    assert learner.score(X, TRUTH) == expected.score(X, TRUTH)


def test_the_same_rows_until_something_is_taught():
    learner = ActiveLearner(MODEL, DAL).fit(X, Y)
    rows = learner.query(n_instances=5)
    learner.predict(X)
    assert_array_equal(learner.query(n_instances=5), rows)
    more = learner.query(n_instances=7)
    assert_array_equal(np.sort(learner.asked_rows_), np.unique([*rows, *more]))
    learner.teach(rows, TRUTH[rows])
    assert not set(learner.query(n_instances=5)) & set(rows)


def test_rows_that_were_not_asked_for_and_labels_in_parts():
    learner = ActiveLearner(MODEL, RandomSampler(), random_state=0).fit(X, Y)
    rows = learner.query(n_instances=4)
    other = np.setdiff1d(np.flatnonzero(Y == -1), rows)[:2]
    learner.teach(other, TRUTH[other]).teach(rows[2:3], TRUTH[rows[2:3]])
    assert_array_equal(learner.labeled_rows_, [*LABELED, *other, rows[2]])
    assert_array_equal(learner.asked_rows_, rows[[0, 1, 3]])


def test_no_sampler_is_the_discriminative_one(monkeypatch):
    queried = []
    monkeypatch.setattr(
        DiscriminativeSampler,
        "query",
        lambda self, X, n_instances: queried.append(self) or self.pool_rows_[:n_instances],
    )
    learner = ActiveLearner(MODEL, random_state=0)
    monkeypatch.setattr(DiscriminativeSampler, "_fit", lambda self, X, y: None)
    learner.fit(X, Y).query()
    assert len(queried) == 1


def test_the_model_is_trained_once_per_fit_and_teach():
    rule = EnoughLabels()
    learner = ActiveLearner(Counting(), Spy(), stopping=rule, random_state=0).fit(X, Y)
    assert Counting.n_fits == 1
    rows = learner.query(n_instances=5)
    learner.query(n_instances=3)
    learner.query(X[:20], 2)
    learner.predict(X)
    learner.predict_proba(X)
    learner.score(X, TRUTH)
    assert not learner.should_stop()
    assert Counting.n_fits == 1
    learner.teach(rows, TRUTH[rows])
    assert Counting.n_fits == 2
    learner.query()
    assert Counting.n_fits == 2
    for _, _, model in Spy.fits:
        assert isinstance(model, FrozenEstimator)
    assert Spy.fits[-1][2].estimator is learner.estimator_


def test_the_sampler_sees_the_known_labels_and_no_others():
    learner = ActiveLearner(MODEL, Spy(), random_state=0).fit(X, Y)
    learner.query()
    X_seen, y, _ = Spy.fits[0]
    assert X_seen is X
    assert [row for row, label in enumerate(y) if label is not None] == LABELED.tolist()
    assert [y[row] for row in LABELED] == TRUTH[LABELED].tolist()


def test_a_sampler_of_its_own_model_keeps_it():
    learner = ActiveLearner(MODEL, Spy(estimator=GaussianNB()), random_state=0).fit(X, Y)
    learner.query()
    assert isinstance(Spy.fits[0][2], GaussianNB)


@pytest.mark.parametrize("pool", [None, X[::2]], ids=["own", "given"])
def test_a_pipeline_as_sampler(pool):
    scaler, pca = StandardScaler().fit(X), PCA(2)
    learner = ActiveLearner(MODEL, make_pipeline(StandardScaler(), PCA(2), CoreSetSampler()))
    rows = learner.fit(X, Y).query(pool, 5)
    if pool is None:
        Z = pca.fit_transform(scaler.transform(X))
        expected = CoreSetSampler().fit(Z, Y).query(n_instances=5)
    else:
        rows, instances = rows
        assert_array_equal(instances, pool[rows])
        scaler.fit(X[LABELED])
        Z = pca.fit_transform(scaler.transform(X[LABELED]))
        sampler = CoreSetSampler().fit(Z)
        expected = sampler.query(pca.transform(scaler.transform(pool)), 5)
    assert_array_equal(rows, expected)


def test_an_estimator_in_a_pipeline_and_a_frozen_one():
    learner = ActiveLearner(make_pipeline(StandardScaler(), MODEL), UncertaintySampler())
    play(learner.fit(X, Y), TRUTH)
    frozen = FrozenEstimator(clone(MODEL).fit(X, TRUTH))
    learner = ActiveLearner(frozen, UncertaintySampler()).fit(X, Y)
    play(learner, TRUTH)
    assert_array_equal(learner.estimator_.coef_, frozen.coef_)


# modAL's way


def test_modals_way():
    X_pool, y_pool = X[Y == -1], TRUTH[Y == -1]
    learner = ActiveLearner(MODEL, UncertaintySampler(), random_state=0)
    learner.fit(X[LABELED], TRUTH[LABELED])
    for _ in range(3):
        rows, instances = learner.query(X_pool, n_instances=4)
        assert_array_equal(instances, X_pool[rows])
        n_known = len(learner.labels_)
        learner.teach(instances, y_pool[rows])
        assert_array_equal(learner.labeled_rows_, np.arange(n_known + 4))
        X_pool, y_pool = np.delete(X_pool, rows, axis=0), np.delete(y_pool, rows)
    known = clone(MODEL).fit(learner._X, learner.labels_)
    assert_array_equal(learner.predict_proba(X), known.predict_proba(X))
    assert len(learner.asked_rows_) == 0


def test_modals_names():
    learner = ActiveLearner(MODEL, DAL, random_state=0).fit(X=X[LABELED], y=TRUTH[LABELED])
    rows, instances = learner.query(X_pool=X, n_instances=2)
    learner.teach(X=instances, y=TRUTH[rows])
    assert len(learner.labels_) == len(LABELED) + 2


def test_both_ways_choose_the_same():
    pool = np.flatnonzero(Y == -1)
    by_rows = ActiveLearner(MODEL, UncertaintySampler(), random_state=0).fit(X, Y)
    by_arrays = ActiveLearner(MODEL, UncertaintySampler(), random_state=0)
    by_arrays.fit(X[LABELED], TRUTH[LABELED])
    rows, _ = by_arrays.query(X[pool], 6)
    assert_array_equal(by_rows.query(n_instances=6), pool[rows])


def test_both_ways_mix():
    learner = ActiveLearner(MODEL, RandomSampler(), random_state=0).fit(X[:140], Y[:140])
    learner.teach(X[140:], TRUTH[140:])
    assert_array_equal(learner.labeled_rows_[-10:], np.arange(140, 150))
    rows = learner.query(n_instances=10)
    assert rows.max() < 140
    learner.teach(rows, TRUTH[rows])
    assert_array_equal(learner.labels_, TRUTH[learner.labeled_rows_])
    known = learner.labeled_rows_
    expected = clone(MODEL).fit(X[known], TRUTH[known])
    assert_array_equal(learner.predict_proba(X), expected.predict_proba(X))


def test_x_is_not_changed_by_rows_that_are_taught():
    for pool in (X.copy(), X.tolist(), pd.DataFrame(X), sp.csr_array(X)):
        before = joblib.hash(pool)
        ActiveLearner(MODEL, RandomSampler()).fit(pool, Y).teach(pool[1:3], [0, 0])
        assert joblib.hash(pool) == before


def test_a_pool_before_the_first_label():
    learner = ActiveLearner(MODEL, initial_sampler=CoreSetSampler(), random_state=0)
    learner.fit(X[:2], [-1, -1])
    rows, instances = learner.query(X, 5)
    assert_array_equal(rows, CoreSetSampler().fit(X, np.full(150, -1)).query(n_instances=5))
    learner.teach(instances, NAMES[rows])
    assert set(learner.classes_) <= set(NAMES)


# Random numbers


SCRIPT = """
import sys
import joblib, numpy as np
from tests.learner._shared import TRUTH, X, Y
directory = sys.argv[1]
results = []
for name in ("fresh", "pickled"):
    learner = joblib.load(f"{directory}/{name}")
    if name == "fresh":
        learner.fit(X, Y)
        asked = []
        n_queries = 3
    else:
        asked = joblib.load(f"{directory}/asked")
        n_queries = 2
    for _ in range(n_queries):
        rows = learner.query(n_instances=4)
        asked += rows.tolist()
        learner.teach(rows, TRUTH[rows])
    results.append((asked, learner.predict_proba(X)))
joblib.dump(results, f"{directory}/results")
"""


def test_an_int_fixes_everything_in_another_process_too(tmp_path):
    learner = ActiveLearner(FOREST, DAL, random_state=0)
    joblib.dump(learner, tmp_path / "fresh")
    asked = play(learner.fit(X, Y), TRUTH, n_queries=1)
    joblib.dump(learner, tmp_path / "pickled")
    joblib.dump(list(asked), tmp_path / "asked")
    unpickled = pickle.loads(pickle.dumps(learner))
    np.random.seed(7)
    rest, expected = play(learner, TRUTH, n_queries=2), learner.predict_proba(X)
    assert play(unpickled, TRUTH, n_queries=2) == rest
    assert_array_equal(unpickled.predict_proba(X), expected)
    subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], check=True)
    for others, proba in joblib.load(tmp_path / "results"):
        assert others == asked + rest
        assert_array_equal(proba, expected)


def test_seeds():
    def result(random_state):
        learner = ActiveLearner(FOREST, DAL, random_state=random_state).fit(X, Y)
        return play(learner, TRUTH), learner.predict_proba(X).tolist()

    assert result(0) == result(0) == result(0)
    assert result(0) != result(1)
    assert result(np.random.RandomState(3)) == result(np.random.RandomState(3))
    assert result(None)[0] != result(None)[0]
    own = ActiveLearner(FOREST, DAL, random_state=0).fit(X, Y)
    assert own.estimator_.random_state is not None
    assert FOREST.random_state is None


def test_queries_in_between_change_nothing():
    plain = ActiveLearner(FOREST, DAL, random_state=0).fit(X, Y)
    busy = ActiveLearner(FOREST, DAL, random_state=0).fit(X, Y)
    for _ in range(2):
        busy.query(n_instances=7)
        busy.query(X[:30], 3)
        assert play(plain, TRUTH, 1) == play(busy, TRUTH, 1)
    assert_array_equal(plain.predict_proba(X), busy.predict_proba(X))


def test_no_global_random_state_is_touched():
    np.random.seed(5)
    before = joblib.hash(np.random.get_state())
    play(ActiveLearner(FOREST, DAL, random_state=0).fit(X, Y), TRUTH)
    assert joblib.hash(np.random.get_state()) == before
