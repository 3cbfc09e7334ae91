from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdal import (
    ActiveLearner,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal.neural import NeuralClassifier
from tests.learner._shared import (
    DAL,
    LABELED,
    MODEL,
    NAMES,
    TRUTH,
    Constant,
    Counting,
    EnoughLabels,
    Spy,
    X,
    Y,
)

EXPECTED_FAILURES = {
    "check_supervised_y_no_nan": "NaN marks unlabeled rows, so that it is no error.",
}
OF_CLASSIFIERS = {
    "check_classifiers_classes": "It names the classes -1 and 1, and -1 marks unlabeled rows; "
    "scikit-learn spares its own semi-supervised classifiers this, by their names.",
}


@parametrize_with_checks(
    [
        ActiveLearner(LogisticRegression(max_iter=1000), random_state=0),
        ActiveLearner(Ridge(), RandomSampler(), random_state=0),
    ],
    expected_failed_checks=lambda learner: (
        EXPECTED_FAILURES | (OF_CLASSIFIERS if is_classifier(learner) else {})
    ),
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(autouse=True)
def _nothing_counted():
    Counting.n_fits, Counting.raises = 0, None
    Spy.fits.clear()


def play(learner, truth, n_queries=3, n_instances=4):
    """Query and teach, and return what was asked."""
    asked = []
    for _ in range(n_queries):
        rows = learner.query(n_instances=n_instances)
        learner.teach(rows, truth[rows])
        asked += rows.tolist()
    return asked


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


FOREST = RandomForestClassifier(5, max_features=1)

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


# Labels


def masked(labels, marker, dtype=object):
    y = np.array(labels, dtype=dtype)
    y[Y == -1] = marker
    return y


@pytest.mark.parametrize(
    ("y", "truth", "kind"),
    [
        (Y, TRUTH, "i"),
        (Y.astype(np.int8), TRUTH, "i"),
        (Y.tolist(), TRUTH.astype(object), "i"),
        (masked(TRUTH, np.nan, float), TRUTH, "f"),
        (masked(NAMES, None), NAMES, "U"),
        (masked(NAMES, np.nan).tolist(), NAMES, "U"),
        (masked(NAMES, None).tolist(), NAMES.astype(object), "U"),
        (pd.Series(masked(NAMES, None), dtype="category"), NAMES, "U"),
        (pd.Series(masked(TRUTH, None), dtype="Int64"), TRUTH, "i"),
        (masked(TRUTH == 1, None), TRUTH == 1, "b"),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
def test_any_kind_of_labels(y, truth, kind):
    learner = ActiveLearner(GaussianNB(), DAL, random_state=0).fit(X, y)
    play(learner, truth)
    assert learner.labels_.dtype.kind == learner.classes_.dtype.kind == kind
    assert_array_equal(learner.labels_, np.asarray(truth)[learner.labeled_rows_])
    assert learner.score(X, list(truth)) > 0.9


@pytest.mark.parametrize(
    "known", [masked(NAMES, None), pd.Series(masked(NAMES, None), dtype="string")]
)
def test_what_a_column_may_hold(known):
    learner = ActiveLearner(GaussianNB(), RandomSampler(), random_state=0).fit(X, known)
    rows = learner.query(n_instances=4)
    # A row of a table, whatever its index says.
    learner.teach(pd.Index(rows), pd.Series(NAMES)[rows])
    assert_array_equal(learner.labels_[-4:], NAMES[rows])


def test_whole_numbers_as_floats_are_the_classes_they_were():
    learner = ActiveLearner(GaussianNB(), RandomSampler()).fit(X, Y)
    learner.teach([1, 2], [0.0, 1.0])
    assert learner.labels_.dtype.kind == "i"
    assert_array_equal(learner.classes_, [0, 1, 2])


TARGET = np.round(X[:, 0]) - 7  # of whole numbers, -1 among them


@pytest.mark.parametrize(
    "kind",
    [
        lambda y: y,
        lambda y: y.astype(np.float32),
        np.ndarray.tolist,
        pd.Series,
        lambda y: pd.Series(y).astype("Float64"),
    ],
    ids=["array", "float32", "list", "Series", "Float64"],
)
def test_a_value_of_minus_one_is_a_value_in_regression(kind):
    assert (TARGET == -1).any()
    y = np.where(Y == -1, np.nan, TARGET)
    learner = ActiveLearner(Ridge(), DAL, random_state=0).fit(X, kind(y))
    assert_array_equal(learner.labeled_rows_, LABELED)
    minus_one = np.flatnonzero((TARGET == -1) & (Y == -1))[:3]
    learner.teach(minus_one, kind(TARGET[minus_one]))
    assert_array_equal(learner.labels_[-3:], [-1, -1, -1])
    rows = learner.query(n_instances=5)
    learner.teach(rows, kind(TARGET[rows]))
    known = learner.labeled_rows_
    assert_allclose(learner.predict(X), Ridge().fit(X[known], TARGET[known]).predict(X), atol=1e-6)


@pytest.mark.parametrize("kind", [np.array, pd.DataFrame], ids=["array", "frame"])
def test_several_outputs_in_regression(kind):
    both = np.column_stack([TARGET, X[:, 1]])
    both[:, 0] = TARGET
    y = np.where((Y == -1)[:, None], np.nan, both)
    learner = ActiveLearner(LinearRegression(), DAL, random_state=0).fit(X, kind(y))
    for _ in range(3):
        rows = learner.query(n_instances=4)
        learner.teach(rows, kind(both[rows]))
    assert_array_equal(learner.labels_, both[learner.labeled_rows_])
    assert_allclose(learner.predict(X)[:, 1], X[:, 1])
    assert is_regressor(learner)


def test_several_outputs_in_classification():
    both = np.column_stack([TRUTH == 0, TRUTH == 1]).astype(int)
    y = np.where((Y == -1)[:, None], -1, both)
    model = MultiOutputClassifier(DecisionTreeClassifier())
    learner = ActiveLearner(model, DAL, random_state=0).fit(X, y)
    play(learner, both)
    assert_array_equal(learner.labels_, both[learner.labeled_rows_])
    assert learner.predict(X).shape == (150, 2)


# Kinds of X


TEXTS = [f"it is number{label} of {row}" for row, label in enumerate(TRUTH)]
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(e=NAMES)
IN_WORDS = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000))


@pytest.mark.parametrize(
    ("pool", "model"),
    [
        (X.tolist(), GaussianNB()),
        (np.asfortranarray(X), GaussianNB()),
        (sp.csr_array(X), BernoulliNB()),
        (sp.coo_array(X), BernoulliNB()),
        (FRAME.drop(columns="e"), GaussianNB()),
        (
            FRAME.set_axis(np.arange(150)[::-1] + 1000),
            make_pipeline(
                make_column_transformer(
                    (StandardScaler(), list("abcd")),
                    (OneHotEncoder(handle_unknown="ignore"), ["e"]),
                ),
                BernoulliNB(),
            ),
        ),
        (TEXTS, IN_WORDS),
        (np.array(TEXTS), IN_WORDS),
        (np.array(TEXTS, dtype=object), IN_WORDS),
        (pd.Series(TEXTS), IN_WORDS),
    ],
    ids=["list", "F", "csr", "coo", "frame", "columns", "texts", "U", "objects", "Series"],
)
@pytest.mark.parametrize("sampler", [RandomSampler(), UncertaintySampler()])
def test_any_kind_of_pool(pool, model, sampler):
    learner = ActiveLearner(model, sampler, random_state=0).fit(pool, Y)
    assert len(set(play(learner, TRUTH))) == 12
    rows, instances = learner.query(pool, 3)
    assert type(instances) is type(learner._X)
    learner.teach(instances, TRUTH[rows])
    assert_array_equal(learner.labeled_rows_[-3:], [150, 151, 152])
    assert type(instances) is type(learner._X)
    learner.query(n_instances=2)
    assert learner.predict(pool).shape == (150,)


def test_texts_for_a_sampler_that_works_in_x():
    learner = ActiveLearner(IN_WORDS, make_pipeline(CountVectorizer(), DAL), random_state=0)
    assert len(set(play(learner.fit(TEXTS, Y), TRUTH))) == 12
    rows, _ = learner.query(X_pool=TEXTS[:40], n_instances=3)
    assert rows.max() < 40


def test_column_names():
    frame = FRAME.drop(columns="e")
    learner = ActiveLearner(GaussianNB(), RandomSampler(), random_state=0).fit(frame, Y)
    assert learner.feature_names_in_.tolist() == list("abcd")
    assert learner.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names should match"):
        learner.query(frame[list("dcba")])
    with pytest.raises(ValueError, match="feature names should match"):
        learner.teach(frame[list("dcba")][1:3], [0, 0])
    assert not hasattr(learner.fit(X, Y), "feature_names_in_")


def test_a_memmap_and_a_read_only_pool(tmp_path):
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = play(ActiveLearner(MODEL, DAL, random_state=0).fit(X, Y), TRUTH)
    learner = ActiveLearner(MODEL, DAL, random_state=0).fit(on_disk, Y)
    assert play(learner, TRUTH) == expected
    assert learner._X is on_disk
    read_only = X.copy()
    read_only.flags.writeable = False
    assert play(ActiveLearner(MODEL, DAL, random_state=0).fit(read_only, Y), TRUTH) == expected


def test_images_for_a_network():
    images, digits = load_digits(n_class=3, return_X_y=True)
    images = images.reshape(-1, 1, 8, 8).astype(np.float32) / 16
    y = np.where(np.arange(len(digits)) < 60, digits, -1)
    net = NeuralClassifier(module_params={"hidden_layer_sizes": (16,)}, max_epochs=60)
    learner = ActiveLearner(net, DAL, random_state=0).fit(images, y)
    asked = play(learner, digits, n_queries=2)
    assert len(set(asked)) == 8
    learner.teach(images[:2].astype(float), digits[:2])
    assert learner._X.dtype == np.float32
    assert learner.score(images, digits) > 0.8
    with pytest.raises(ValueError, match=r"shape \(8, 8, 1\).*\(1, 8, 8\)|8 features"):
        learner.teach(images[:2].reshape(-1, 8, 8, 1), digits[:2])


# Cold start


@pytest.mark.parametrize("marker", [-1, np.nan, None], ids=["int", "float", "object"])
@pytest.mark.parametrize("truth", [TRUTH, NAMES], ids=["ints", "names"])
def test_no_label_at_all(marker, truth):
    learner = ActiveLearner(Counting(), random_state=0).fit(X, np.full(150, marker))
    for method in ("predict", "predict_proba", "score"):
        with pytest.raises(NotFittedError, match="no row is labeled; query"):
            getattr(learner, method)(*(X, truth)[: 1 + (method == "score")])
    assert not hasattr(learner, "estimator_")
    assert not hasattr(learner, "classes_")
    assert len(learner.labeled_rows_) == len(learner.labels_) == 0
    rows = learner.query(n_instances=20)
    assert_array_equal(learner.query(n_instances=20), rows)
    assert Counting.n_fits == 0
    learner.teach(rows, truth[rows])
    assert Counting.n_fits == 1
    assert set(learner.classes_) == set(truth[rows])
    assert learner.score(X, truth) > 0.8


def test_a_regressor_learns_from_the_first_label_on():
    learner = ActiveLearner(Ridge(), RandomSampler(), random_state=0).fit(X, np.full(150, np.nan))
    learner.teach([3], [1.5])
    assert_allclose(learner.predict(X), 1.5)


def test_the_first_batch_is_the_initial_samplers():
    y = np.full(150, -1)
    learner = ActiveLearner(MODEL, DAL, initial_sampler=CoreSetSampler(), random_state=0).fit(X, y)
    rows = learner.query(n_instances=6)
    assert_array_equal(rows, CoreSetSampler().fit(X, y).query(n_instances=6))
    # A single class is no reason to leave it.
    learner.teach(rows[:2], ["a", "a"])
    with pytest.raises(NotFittedError, match="a single class is known"):
        learner.predict(X)
    y = np.where(np.isin(np.arange(150), rows[:2]), 0, -1)
    assert_array_equal(
        learner.query(n_instances=6), CoreSetSampler().fit(X, y).query(n_instances=6)
    )
    pool, _ = learner.query(X[100:], 3)
    assert_array_equal(pool, CoreSetSampler().fit(X, y).query(X[100:], 3))


def test_an_initial_sampler_in_a_pipeline():
    initial = make_pipeline(StandardScaler(), CoreSetSampler())
    y = np.full(150, -1)
    learner = ActiveLearner(MODEL, DAL, initial_sampler=initial).fit(X, y)
    expected = clone(initial).fit(X, y)[-1].query(n_instances=6)
    assert_array_equal(learner.query(n_instances=6), expected)


def test_an_initial_sampler_that_needs_labels():
    learner = ActiveLearner(MODEL, initial_sampler=UncertaintySampler(MODEL))
    learner.fit(X, np.full(150, -1))
    with pytest.raises(ValueError, match=r"no labeled row.*UncertaintySampler.*RandomSampler"):
        learner.query()


def test_a_single_class_that_stays():
    learner = ActiveLearner(Counting(), random_state=0).fit(X, np.full(150, -1))
    for _ in range(3):
        rows = learner.query(n_instances=5)
        learner.teach(rows, np.full(5, "only"))
    assert Counting.n_fits == 0
    assert len(learner.labels_) == 15
    with pytest.raises(NotFittedError, match="a single class"):
        learner.predict(X)
    # With no row left to find another class in, the model has to say what it makes of it.
    rest = np.setdiff1d(np.arange(150), learner.labeled_rows_)
    with pytest.raises(ValueError, match="class"):
        learner.teach(rest, np.full(len(rest), "only"))
    assert len(learner.labels_) == 150
    constant = ActiveLearner(Constant()).fit(X, np.zeros(150, dtype=int))
    assert_array_equal(constant.predict(X), np.zeros(150))


def test_an_empty_pool():
    learner = ActiveLearner(MODEL, DAL).fit(X, TRUTH)
    with pytest.raises(ValueError, match=r"pool is empty.*-1, NaN or None in y.*query\(X_pool\)"):
        learner.query()
    learner.query(X[:5], 2)


def test_the_last_row_may_be_taught():
    learner = ActiveLearner(MODEL, RandomSampler(), random_state=0).fit(X, Y)
    rest = learner.query(n_instances=int(np.sum(Y == -1)))
    learner.teach(rest, TRUTH[rest])
    assert sorted(learner.labeled_rows_) == list(range(150))


# Training that fails


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt()])
@pytest.mark.parametrize("then", ["query", "pool", "teach", "should_stop"])
def test_a_training_that_fails_keeps_the_labels(error, then):
    learner = ActiveLearner(Counting(), DAL, stopping=EnoughLabels(14), random_state=0).fit(X, Y)
    undisturbed = ActiveLearner(MODEL, DAL, random_state=0).fit(X, Y)
    rows = learner.query(n_instances=4)
    Counting.raises = error
    with pytest.raises(type(error)):
        learner.teach(rows, TRUTH[rows])
    assert_array_equal(learner.labeled_rows_, [*LABELED, *rows])
    assert_array_equal(learner.labels_, TRUTH[learner.labeled_rows_])
    # Still: nothing may be chosen by a model that does not know all labels.
    with pytest.raises(type(error)):
        learner.query()
    Counting.raises = None
    Counting.n_fits = 0
    undisturbed.teach(rows, TRUTH[rows])
    if then == "teach":
        new = np.setdiff1d(np.arange(150), learner.labeled_rows_)[:1]
        learner.teach(new, TRUTH[new])
        undisturbed.teach(new, TRUTH[new])
    elif then == "should_stop":
        assert learner.should_stop()
    else:
        learner.query(X if then == "pool" else None, 3)
    assert Counting.n_fits == 1
    assert_array_equal(learner.predict_proba(X), undisturbed.predict_proba(X))
    assert_array_equal(learner.query(n_instances=5), undisturbed.query(n_instances=5))


@pytest.mark.parametrize("fitted", [True, False])
def test_a_fit_that_fails_leaves_the_learner_as_it_was(fitted):
    learner = ActiveLearner(Counting(), DAL, random_state=0)
    if fitted:
        rows = learner.fit(X, Y).query(n_instances=3)
        learner.teach(rows, TRUTH[rows])
    before = joblib.hash(vars(learner))
    for bad_X, bad_y in [(X, Y[1:]), (X, None), (X, np.where(Y == -1, np.nan, np.inf))]:
        with pytest.raises(ValueError):  # noqa: PT011
            learner.fit(bad_X, bad_y)
        assert joblib.hash(vars(learner)) == before
    Counting.raises = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        learner.fit(X[:100], Y[:100])
    assert joblib.hash(vars(learner)) == before


def test_a_fit_forgets_the_last():
    learner = ActiveLearner(MODEL, DAL, stopping=EnoughLabels(), random_state=0).fit(X, Y)
    play(learner, TRUTH)
    learner.should_stop()
    learner.fit(X, np.full(150, -1))
    assert not hasattr(learner, "estimator_")
    assert not hasattr(learner, "stopping_")
    assert len(learner.asked_rows_) == len(learner.labels_) == 0


# Stopping


def test_should_stop_asks_the_rule():
    rule = EnoughLabels(14)
    learner = ActiveLearner(MODEL, RandomSampler(), stopping=rule, random_state=0)
    learner.fit(X, np.full(150, -1))
    assert learner.should_stop() is False
    assert not hasattr(learner, "stopping_")
    rows = learner.query(n_instances=13)
    learner.teach(rows, TRUTH[rows])
    assert learner.should_stop() is False
    assert learner.stopping_.estimator is learner.estimator_
    assert learner.stopping_.n_labels_ == 13
    rows = learner.query()
    learner.teach(rows, TRUTH[rows])
    assert learner.should_stop() is True
    assert not hasattr(rule, "stop_")


def test_there_is_no_rule_to_ask():
    learner = ActiveLearner(MODEL, RandomSampler())
    with pytest.raises(NotFittedError):
        learner.should_stop()
    with pytest.raises(ValueError, match=r"parameter stopping, which is None; pass one"):
        learner.fit(X, Y).should_stop()


# A scikit-learn estimator like any other


@pytest.mark.parametrize(
    ("model", "present", "absent"),
    [
        (GaussianNB(), ["predict_proba", "predict_log_proba"], ["decision_function"]),
        (LinearSVC(), ["decision_function"], ["predict_proba", "predict_log_proba"]),
    ],
)
def test_methods_follow_the_estimator(model, present, absent):
    learner = ActiveLearner(model, RandomSampler())
    for method in ["predict", *present]:
        with pytest.raises(NotFittedError):
            getattr(learner, method)(X)
    learner.fit(X, Y)
    for method in ["predict", *present]:
        assert_array_equal(getattr(learner, method)(X), getattr(learner.estimator_, method)(X))
    for method in absent:
        assert not hasattr(learner, method)
        with pytest.raises(AttributeError, match=method):
            getattr(learner, method)
    assert learner.score(X, TRUTH) == learner.estimator_.score(X, TRUTH)


def test_nothing_before_fit():
    learner = ActiveLearner(MODEL, RandomSampler())
    for call in (
        lambda: learner.query(),
        lambda: learner.teach([1], [1]),
        lambda: learner.asked_rows_,
    ):
        with pytest.raises(NotFittedError):
            call()


def test_params():
    learner = ActiveLearner(MODEL, DAL, random_state=0, labels_path="a.json")
    again = clone(learner.set_params(sampler__n_mini_queries=7, estimator__C=0.5))
    assert again.get_params()["sampler__n_mini_queries"] == 7
    assert again.get_params()["estimator__C"] == 0.5
    assert repr(again) == repr(learner)
    learner.set_params(sampler__n_mini_queries=2, estimator__C=1.0)
    fitted = ActiveLearner(MODEL, DAL, random_state=0).fit(X, Y)
    assert not hasattr(clone(fitted), "labels_")
    assert "ActiveLearner" in fitted._repr_html_()
    assert copy.deepcopy(fitted).query().shape == (1,)


def test_tags_follow_the_estimator():
    assert is_classifier(ActiveLearner(make_pipeline(StandardScaler(), GaussianNB())))
    assert is_regressor(ActiveLearner(Ridge()))
    assert not hasattr(ActiveLearner(Ridge()).fit(X, X[:, 0]), "classes_")
    assert get_tags(ActiveLearner(LinearSVC())).input_tags.sparse
    assert not get_tags(ActiveLearner(GaussianNB())).input_tags.sparse
    for dense in ({"sampler": CoreSetSampler()}, {"initial_sampler": CoreSetSampler()}):
        assert not get_tags(ActiveLearner(LinearSVC(), **dense)).input_tags.sparse
    for sampler in (UncertaintySampler(), RandomSampler(), make_pipeline(MaxAbsScaler(), DAL)):
        assert get_tags(ActiveLearner(LinearSVC(), sampler)).input_tags.sparse
    assert get_tags(ActiveLearner(GaussianNB())).target_tags.required


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"estimator": StandardScaler()}, ValueError, "'estimator' parameter .* 'predict'"),
        ({"estimator": GaussianNB}, TypeError, "estimator=GaussianNB is a class"),
        ({"sampler": RandomSampler}, TypeError, "sampler=RandomSampler is a class"),
        ({"initial_sampler": RandomSampler}, TypeError, "initial_sampler=RandomSampler is a class"),
        ({"sampler": GaussianNB()}, ValueError, "'sampler' parameter"),
        ({"sampler": make_pipeline(PCA(), GaussianNB())}, TypeError, "sampler=.*ends in one"),
        ({"initial_sampler": "random"}, ValueError, "'initial_sampler' parameter"),
        ({"stopping": 3}, ValueError, "'stopping' parameter"),
        ({"labels_path": 3}, ValueError, "'labels_path' parameter"),
        ({"random_state": "0"}, ValueError, "'random_state' parameter"),
    ],
)
def test_parameters_that_are_refused(params, error, message):
    learner = ActiveLearner(**({"estimator": GaussianNB()} | params))
    with pytest.raises(error, match=message):
        learner.fit(X, Y)
    assert not hasattr(learner, "labels_")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, r"target y is None; .*np.full\(len\(X\), -1\)"),
        (Y[1:], "y has 149 rows, but X has 150"),
        (Y.astype(float), "may be a marker or a value"),
        (np.where(Y == -1, np.nan, np.inf), "infinity"),
        (np.where(Y == -1, np.nan, 0.5), "continuous"),
        (np.full((150, 2, 2), 1), "one or two dimensions"),
        (np.column_stack([Y, TRUTH]), "known in part in row 1"),
        (Y + 1j, "Complex data not supported"),
        (3, "no array of labels"),
        ("abc", "no array of labels"),
    ],
)
def test_labels_that_fit_refuses(y, message):
    with pytest.raises(ValueError, match=message):
        ActiveLearner(GaussianNB(), RandomSampler()).fit(X, y)


@pytest.mark.parametrize(
    ("pool", "n_instances", "error", "message"),
    [
        (5, 1, TypeError, r"query\(5\).*query\(n_instances=5\)"),
        (np.int64(5), 1, TypeError, r"query\(n_instances="),
        (None, 0, ValueError, "n_instances=0 must be"),
        (None, 2.5, ValueError, "n_instances=2.5 must be"),
        (None, True, ValueError, "n_instances=True must be"),
        (None, 141, ValueError, "n_instances=141 is more than the 140 rows"),
        (X[:3], 4, ValueError, "n_instances=4 is more than the 3 rows"),
        (X[:0], 1, ValueError, "X_pool has no rows"),
        ([], 1, ValueError, "X_pool has no rows"),
        (X[0], 1, ValueError, r"X_pool is a single row; pass X_pool.reshape\(1, -1\)"),
        (X[0].tolist(), 1, ValueError, "X_pool is a single row"),
        (pd.Series(X[0], index=list("abcd")), 1, ValueError, "X_pool is a single row"),
        (np.array(5), 1, ValueError, "holds no rows"),
        ("rows", 1, ValueError, "X_pool='rows' holds no rows"),
        ({"a": 1}, 1, ValueError, "holds no rows"),
        ((row for row in X), 1, ValueError, "holds no rows"),
        (X[:3, :2], 1, ValueError, "X has 2 features"),
        (X[:5].reshape(5, 2, 2), 1, ValueError, "X has 2 features"),
    ],
)
def test_a_query_that_is_refused(pool, n_instances, error, message):
    for y in (Y, np.full(150, -1)):
        if pool is None and n_instances == 141 and y is not Y:
            continue
        learner = ActiveLearner(MODEL, RandomSampler(), random_state=0).fit(X, y)
        before = joblib.hash(vars(learner))
        with pytest.raises(error, match=message):
            learner.query(pool, n_instances)
        assert joblib.hash(vars(learner)) == before
