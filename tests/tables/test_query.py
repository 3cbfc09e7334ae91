from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn import config_context
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

from skdal import (
    CombinedSampler,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal.experiments.presets import make_sampler
from skdal.tables import Labels, choose_rows, pool_status, status
from skdal.tables.estimators import NAMES, make_task_model

X, y = load_digits(return_X_y=True)
CLASSES = list("0123456789")
NONE = np.array([], dtype=int)
DAL = DiscriminativeSampler(LogisticRegression(max_iter=1000), n_mini_queries=2)


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def labels_of(rows, skipped=NONE):
    classes, values = np.unique(y[rows], return_inverse=True)
    return Labels(np.asarray(rows), values, [str(name) for name in classes], np.asarray(skipped))


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
    labels = labels_of(np.arange(40), skipped)

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
    labels = labels_of(np.arange(60), skipped)
    kept = np.setdiff1d(np.arange(len(X)), skipped)
    rows = choose_rows(mapped, labels, DAL, n_instances=10, random_state=0).rows
    without = labels._replace(skipped=NONE)
    again = choose_rows(X[kept], without, DAL, n_instances=10, random_state=0).rows
    np.testing.assert_array_equal(rows, kept[again])


def test_all_that_is_left_can_be_asked_for(mapped):
    labels = labels_of(np.arange(1000), np.arange(1000, 1790))
    chosen = choose_rows(mapped, labels, RandomSampler(), n_instances=7, random_state=0)
    assert sorted(chosen.rows) == list(range(1790, 1797))
    with pytest.raises(ValueError, match=r"n_instances=8 is more than the 7 rows .*; ask for 7"):
        choose_rows(mapped, labels, RandomSampler(), n_instances=8)
    labels = labels_of(np.arange(1000), np.arange(1000, 1797))
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
    labels = labels_of(np.flatnonzero(y == 3)[:10])
    model = make_task_model("logistic")
    for sampler in (UncertaintySampler(), DAL):
        chosen = choose_rows(mapped, labels, sampler, estimator=model, random_state=0)
        assert chosen.fallback == "All labels are '3' so far"
    assert choose_rows(mapped, labels, DAL, random_state=0).fallback == ""
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
    labels = labels_of(np.arange(100))
    model = LogisticRegression(max_iter=5000)
    chosen = choose_rows(mapped, labels, UncertaintySampler(), estimator=model, n_instances=9)
    expected = UncertaintySampler(model).fit(X, np.where(np.arange(len(X)) < 100, y, -1))
    assert set(chosen.rows) == set(expected.query(n_instances=9))
    assert (np.diff(chosen.scores) <= 0).all()


@pytest.mark.parametrize("name", ["uncertainty", "combined", "egl", "deepfool", "mc-dropout"])
def test_a_sampler_that_asks_a_model_is_refused_without_one(name):
    with pytest.raises(ValueError, match="ranks rows by what a task model says of them, and there"):
        choose_rows(X, labels_of(np.arange(50)), make_sampler(name))


class Failing(LogisticRegression):
    def __init__(self, error=None):
        super().__init__()
        self.error = error

    def fit(self, X, y):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no device"), MemoryError(), KeyError("x")])
def test_a_task_model_that_cannot_be_trained(error):
    with pytest.raises(ValueError, match=rf"Failing cannot be trained .*: {type(error).__name__}"):
        choose_rows(X, labels_of(np.arange(50)), UncertaintySampler(), estimator=Failing(error))


def test_numbers_that_are_too_large_for_a_sampler():
    large = X.copy()
    large[3, 3] = 1e39  # of a labeled row, which is always read
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="DiscriminativeSampler gets NaN or infinity"),
    ):
        choose_rows(large, labels_of(np.arange(50)), make_sampler("discriminative"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("model = (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("{}['x']", "KeyError: 'x'"),
        ("raise RuntimeError('no device')", "RuntimeError: no device"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("class model:\n    def get_params(self): return {}", "neither a classifier nor a reg"),
    ],
)
def test_a_module_that_cannot_be_imported(tmp_path, monkeypatch, content, words):
    (tmp_path / "my_broken_module.py").write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_broken_module", raising=False)
    with pytest.raises(ValueError, match=words):
        make_task_model("my_broken_module.model")


def test_the_status(mapped):
    rng = np.random.RandomState(0)
    rows = np.sort(rng.choice(len(X), 300, replace=False))
    found = pool_status(mapped, labels_of(rows), random_state=0)
    assert found.n_unlabeled == 1497
    assert found.n_compared == 300
    assert found.test.p_value > 0.05
    assert found.n_covered == 1797
    distances = cdist(X, X[rows]).min(axis=1)
    assert found.radius == pytest.approx(distances.max())
    worst = distances.argsort()[-5:]
    less = pool_status(mapped, labels_of(rows, np.sort(worst)), random_state=0)
    assert less.n_unlabeled == 1492
    assert less.radius == pytest.approx(np.sort(distances)[-6])
    biased = pool_status(mapped, labels_of(np.flatnonzero(y < 5)), random_state=0)
    assert biased.test.divergence > 1


def test_the_status_of_a_large_pool_is_that_of_a_sample(mapped, monkeypatch):
    monkeypatch.setattr(status, "_MAX_COVERED", 500)
    monkeypatch.setattr(status, "_MAX_COMPARED", 20)
    labels = labels_of(np.arange(100))
    found, again = (pool_status(mapped, labels, random_state=0) for _ in range(2))
    assert (found.n_compared, found.n_covered) == (20, 500)
    assert found.radius == again.radius
    assert found.test.divergence == again.test.divergence
    monkeypatch.setattr(status, "_MAX_COVERED", 20_000)
    assert found.radius <= pool_status(mapped, labels, random_state=0).radius


def test_the_status_takes_no_more_memory_than_it_may(mapped):
    rows = np.sort(np.random.RandomState(0).choice(len(X), 150, replace=False))
    labels = labels_of(rows)
    whole = pool_status(mapped, labels, random_state=0)
    # So much that 40 rows are a quarter of it.
    with config_context(working_memory=4 * 40 * X[0].nbytes / 2**20):
        found = pool_status(mapped, labels, random_state=0)
    assert (found.n_compared, found.n_covered) == (20, 40)
    assert 0 < found.radius <= whole.radius
    sample = np.sort(np.random.RandomState(1).choice(len(X), 400, replace=False))
    expected = cdist(X[sample], X[rows]).min(axis=1).max()
    assert status._radius(X, sample, rows, 40) == pytest.approx(expected)


def test_the_status_of_few_labels(mapped):
    empty = pool_status(mapped, labels_of(NONE), random_state=0)
    assert empty.test is empty.radius is None
    few = pool_status(mapped, labels_of(np.arange(4)), random_state=0)
    assert few.test is None
    assert few.radius > 0
    same = pool_status(np.ones((20, 3)), labels_of(np.arange(10)), random_state=0)
    assert same.test is None
    assert same.radius == 0


def test_names_of_task_models():
    assert NAMES == ("logistic", "mlp", "forest", "ridge")
    assert isinstance(make_task_model("forest"), RandomForestClassifier)
    assert isinstance(make_task_model("forest", regression=True), RandomForestRegressor)
    assert make_task_model("mlp:hidden_layer_sizes=(5,)")[-1].hidden_layer_sizes == (5,)
    assert make_task_model("ridge:alpha=3", regression=True)[-1].alpha == 3
    assert make_task_model("logistic:standardscaler__with_mean=False")[0].with_mean is False
    model = make_task_model("sklearn.svm.SVC:kernel=linear:probability=True")
    assert isinstance(model, SVC)
    assert (model.kernel, model.probability) == ("linear", True)
    assert isinstance(make_task_model("sklearn.linear_model.Ridge"), Ridge)


def test_a_module_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "my_models_of_a_test.py").write_text(
        "from sklearn.svm import SVC\nmodel = SVC(C=7)\n"
    )
    monkeypatch.chdir(tmp_path)
    assert make_task_model("my_models_of_a_test.model").C == 7


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        (
            "ridge",
            {},
            "'ridge' is not the name of a classifier; choose among logistic, mlp, forest",
        ),
        ("logistic", {"regression": True}, "'logistic' is not the name of a regressor; choose amo"),
        ("svc", {}, "or give the dotted path of one, as in sklearn"),
        ("sklearn.svm.SVD", {}, r"'sklearn\.svm\.SVD' cannot be imported or made: .*SVD"),
        ("no_such_module.Model", {}, "be imported or made: ModuleNotFoundError: No module named"),
        ("logistic:steps=[]", {}, "sets steps=\\[\\], which does not go"),
        (".", {}, "cannot be imported or made"),
        ("sklearn.ensemble.VotingClassifier", {}, "missing 1 required .* all have defaults"),
        ("sklearn.decomposition.PCA", {}, "neither a classifier nor a regressor"),
        ("math.pi", {}, "neither a classifier nor a regressor"),
        ("sklearn.svm.SVC", {"regression": True}, "is a classifier; for a regression choose"),
        ("sklearn.svm.SVC:c=1", {}, "has no parameter 'c', which .* choose among C, break_ties"),
        ("logistic:penalties=l2", {}, "'logistic' has no parameter 'penalties'"),
    ],
)
def test_task_models_that_are_none(name, settings, words):
    with pytest.raises(ValueError, match=words):
        make_task_model(name, **settings)
