from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import AdaBoostClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdal
from skdal import DivergenceStop
from skdal._seeding import seeded
from skdal.divergence import h_divergence_test
from skdal.stopping import _sorted_log_proba
from tests._samplers import hiding

QUICK = LogisticRegression(max_iter=1000)
RULES = [
    DivergenceStop(n_permutations=19, random_state=0),
    DivergenceStop(QUICK, n_permutations=19, random_state=0),
    DivergenceStop(
        make_pipeline(PCA(), QUICK),
        space="representation",
        discriminator=QUICK,
        cv=2,
        n_permutations=4,
        confidence=0.8,
        random_state=0,
    ),
]

DIGITS, TRUTH = load_digits(return_X_y=True)


def _hidden(rows, truth=TRUTH):
    y = np.full(len(truth), -1)
    y[rows] = truth[rows]
    return y


def _random(n_labels, seed=0):
    return np.random.RandomState(seed).choice(len(DIGITS), n_labels, replace=False)


@parametrize_with_checks(RULES)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@parametrize_with_checks([hiding(rule) for rule in RULES])
def test_scikit_learns_checks_with_half_of_y_hidden(estimator, check):
    check(estimator)


def test_public_name():
    assert skdal.DivergenceStop is DivergenceStop
    assert "DivergenceStop" in skdal.__all__


def test_random_labels_stop_once_they_are_enough():
    # Without divergence the limit is at about 3.6 / sqrt(n).
    few, many = (DivergenceStop(random_state=0).fit(DIGITS, _hidden(_random(n))) for n in (60, 700))
    assert few.p_value_ > 0.05  # nothing is found, which is not enough
    assert not few.stop_
    assert many.stop_
    assert many.limit_ < 0.2 < few.limit_
    np.testing.assert_array_equal(many.labeled_rows_, np.sort(_random(700)))
    assert len(many.pool_rows_) == len(DIGITS) - 700
    assert many.estimator_ is None


def test_labels_of_some_classes_do_not_stop():
    rule = DivergenceStop(random_state=0).fit(DIGITS, _hidden(np.flatnonzero(TRUTH < 5)))
    assert rule.divergence_ > 1
    assert rule.p_value_ < 0.05
    assert not rule.stop_


def test_it_is_the_test_of_all_rows_where_both_sides_are_as_large():
    y = np.tile([0, -1], 60)
    X = np.random.RandomState(0).normal(size=(120, 3))
    X[y == 0] += 0.3
    rule = DivergenceStop(tolerance=1, max_rows=60, cv=4, n_permutations=20, random_state=5)
    rule.fit(X, y)
    seed = np.random.RandomState(5).randint(np.iinfo(np.int32).max)
    order = np.r_[rule.labeled_rows_, rule.pool_rows_]
    test = h_divergence_test(X[order], y[order] < 0, cv=4, n_permutations=20, random_state=seed)
    assert (rule.divergence_, rule.limit_, rule.p_value_) == test[:3]


def test_max_rows_bounds_both_sides(monkeypatch):
    sizes = []

    def record(Z, is_unlabeled, *args, **params):
        sizes.append((np.sum(~is_unlabeled), np.sum(is_unlabeled)))
        return h_divergence_test(Z, is_unlabeled, *args, **params)

    monkeypatch.setattr("skdal.stopping.h_divergence_test", record)
    for n_labels, max_rows in [(100, 40), (30, 40), (len(DIGITS) - 20, 40)]:
        rule = DivergenceStop(tolerance=1, max_rows=max_rows, n_permutations=19, random_state=0)
        rule.fit(DIGITS, _hidden(_random(n_labels)))
    assert sizes == [(40, 40), (30, 30), (20, 20)]


def test_predictions_show_what_was_learned_by_heart():
    rng = np.random.RandomState(0)
    X, truth = rng.normal(size=(800, 20)), rng.randint(2, size=800)
    y = _hidden(np.arange(200), truth)
    # Noise: the labels can only be learned by heart, though the rows are random ones.
    model = MLPClassifier((50,), solver="lbfgs", max_iter=500, alpha=0, random_state=0)
    by_heart = DivergenceStop(model, random_state=0).fit(X, y)
    assert by_heart.divergence_ > 0.4
    shallow = LogisticRegression(C=1e-4)
    assert DivergenceStop(shallow, random_state=0).fit(X, y).divergence_ < 0.3
    assert DivergenceStop("passthrough", random_state=0).fit(X, y).divergence_ < 0.3


def test_sorted_log_proba():
    proba = np.array([[0.1, 0.9, 0.0], [0.25, 0.25, 0.5]])
    expected = np.log([[0.9, 0.1, 1e-13], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(_sorted_log_proba(proba), expected)
    assert _sorted_log_proba(np.full((2, 30), 1 / 30)).shape == (2, 10)
    assert _sorted_log_proba([proba, proba]).shape == (2, 6)


# Which model it works with


def test_bind_freezes_the_learners_model():
    y = _hidden(_random(100))
    model = MLPClassifier((8,), solver="lbfgs", max_iter=200, random_state=0)
    model.fit(DIGITS[y >= 0] / 16, y[y >= 0])
    coefs = [part.copy() for part in model.coefs_]
    rule = DivergenceStop(n_permutations=19)
    for space in ("prediction", "representation"):
        bound = seeded(rule.set_params(space=space), np.random.RandomState(0)).bind(model)
        assert isinstance(bound.estimator, FrozenEstimator)
        bound.fit(DIGITS / 16, y)
        assert bound.estimator_.estimator is model
        assert np.isfinite(bound.limit_)
    assert rule.estimator is None
    for before, after in zip(coefs, model.coefs_, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("space", "model", "wanted"),
    [
        ("prediction", LogisticRegression(), True),
        ("prediction", SVC(), True),
        ("prediction", MLPRegressor(), True),
        ("representation", LogisticRegression(), False),
        ("representation", MLPRegressor(), True),
    ],
)
def test_bind_takes_a_model_unless_x_is_its_representation(space, model, wanted):
    bound = DivergenceStop(space=space).bind(model)
    assert (bound.estimator is not None) == wanted


def test_bind_leaves_what_is_given():
    assert DivergenceStop("passthrough").bind(QUICK).estimator == "passthrough"
    tree = DecisionTreeClassifier()
    assert isinstance(DivergenceStop(tree).bind(QUICK).estimator, DecisionTreeClassifier)


def test_estimator_is_trained_on_the_labeled_rows():
    y = _hidden(_random(150))
    rule = DivergenceStop(DecisionTreeClassifier(), n_permutations=19, random_state=0)
    rule.fit(DIGITS, y)
    known = y >= 0
    assert (rule.estimator_.predict(DIGITS[known]) == y[known]).all()
    assert not hasattr(rule.estimator, "tree_")


# What tells nothing does not stop


@pytest.mark.parametrize("model", [DecisionTreeClassifier(), KNeighborsClassifier(1)])
@pytest.mark.parametrize("n_labels", [10, 700])
def test_a_model_that_is_sure_of_every_row_does_not_stop(model, n_labels):
    rule = DivergenceStop(model, random_state=0).fit(DIGITS, _hidden(_random(n_labels)))
    assert rule.stop_ is False
    assert np.isnan([rule.divergence_, rule.limit_, rule.p_value_]).all()


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(),
        GaussianNB(),
        AdaBoostClassifier(),
        LogisticRegression(C=1e-6, max_iter=1000),
    ],
)
@pytest.mark.parametrize("n_labels", [50, 100])
def test_no_model_stops_before_a_coin_would(model, n_labels):
    rule = DivergenceStop(model, random_state=0).fit(DIGITS, _hidden(_random(n_labels)))
    assert rule.limit_ >= 1.64 * np.sqrt(2 / n_labels) > 0.2
    assert not rule.stop_


@pytest.mark.parametrize(
    "params",
    [
        {"max_rows": 3, "tolerance": 2},  # fewer than folds
        {"max_rows": 135},
        {"tolerance": 0.05},
        {"tolerance": 0.09, "confidence": 0.99, "n_permutations": 100},
    ],
)
def test_a_rule_that_could_never_stop(params):
    with pytest.raises(ValueError, match="is too low to ever stop"):
        DivergenceStop(**params).fit(DIGITS, _hidden(_random(20)))


def test_the_lowest_max_rows_that_may_stop():
    # A constant answer: the limit is as low as it gets.
    rule = DivergenceStop(discriminator=DummyClassifier(), n_permutations=19, random_state=0)
    y = _hidden(_random(700))
    assert rule.set_params(max_rows=136).fit(DIGITS, y).stop_


def test_too_few_permutations_are_refused_before_there_is_anything_to_test():
    with pytest.raises(ValueError, match=r"n_permutations=18 cannot hold confidence=0\.95"):
        DivergenceStop(n_permutations=18).fit(DIGITS, _hidden([0]))


@pytest.mark.parametrize("model", [LinearRegression(), LinearSVC()])
def test_a_model_without_probabilities(model):
    y = _hidden(_random(50))
    for X in (DIGITS, sp.csr_array(DIGITS)):
        bound = DivergenceStop().bind(clone(model).fit(X[y >= 0], y[y >= 0]))
        for rule in (bound, DivergenceStop(model)):
            with pytest.raises(ValueError, match=r"no predict_proba.*space='representation'"):
                rule.fit(X, y)


def test_a_model_without_representation():
    with pytest.raises(ValueError, match="no learned representation"):
        DivergenceStop(QUICK, space="representation").fit(DIGITS, _hidden(_random(50)))


# Too little of one side


def test_no_row_is_left_to_label():
    for y in (TRUTH, None):
        rule = DivergenceStop().fit(DIGITS, y)
        assert rule.stop_ is True
        assert np.isnan([rule.divergence_, rule.limit_, rule.p_value_]).all()


@pytest.mark.parametrize("n_labels", [0, 1, 4])
def test_fewer_labels_than_folds_do_not_stop(n_labels):
    rule = DivergenceStop(tolerance=2).fit(DIGITS, _hidden(_random(n_labels)))
    assert rule.stop_ is False
    assert np.isnan([rule.divergence_, rule.limit_, rule.p_value_]).all()


def test_no_label_for_a_model_that_learns():
    with pytest.raises(ValueError, match="y has no labeled row, and DivergenceStop needs"):
        DivergenceStop(QUICK).fit(DIGITS, _hidden([]))


# The contract of every estimator here


def test_reproducible():
    y = _hidden(_random(120))
    rule = DivergenceStop(DecisionTreeClassifier(max_depth=3), n_permutations=19, random_state=3)
    state = np.random.get_state()[1].copy()
    a, b = clone(rule).fit(DIGITS, y), clone(rule).fit(DIGITS, y)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert (a.divergence_, a.limit_, a.p_value_) == (b.divergence_, b.limit_, b.p_value_)
    assert [type(v) for v in (a.divergence_, a.limit_, a.p_value_, a.stop_)] == [float] * 3 + [bool]
    assert pickle.loads(pickle.dumps(a)).limit_ == a.limit_


def test_labels_of_other_kinds():
    rows = _random(100)
    names = np.full(len(TRUTH), None, dtype=object)
    names[rows] = TRUTH[rows].astype(str)
    values = np.full(len(TRUTH), np.nan)
    values[rows] = TRUTH[rows] / 2
    limits = {
        DivergenceStop(n_permutations=19, random_state=0).fit(DIGITS, y).limit_
        for y in (_hidden(rows), names, values)
    }
    assert len(limits) == 1


def test_images_and_sparse_rows():
    y = _hidden(_random(100))
    rule = DivergenceStop(n_permutations=19, random_state=0)
    flat = clone(rule).fit(DIGITS, y).divergence_
    assert clone(rule).fit(DIGITS.reshape(-1, 8, 8), y).divergence_ == flat
    sparse = DivergenceStop(QUICK, n_permutations=19, random_state=0).fit(sp.csr_array(DIGITS), y)
    assert np.isfinite(sparse.divergence_)


@pytest.mark.parametrize("name", sorted(set(DivergenceStop().get_params()) - {"n_jobs"}))
def test_a_value_that_no_parameter_takes(name):
    rule = DivergenceStop().set_params(**{name: [object()]})
    with pytest.raises(ValueError, match=name):
        rule.fit(DIGITS, _hidden(_random(20)))
    assert not hasattr(rule, "stop_")


def test_a_failed_refit_leaves_the_rule_as_it_was():
    rule = DivergenceStop(n_permutations=19).fit(DIGITS, _hidden(_random(60)))
    before = dict(vars(rule))
    with pytest.raises(ValueError, match="y has 5 rows"):
        rule.fit(DIGITS, TRUTH[:5])
    assert vars(rule) == before
