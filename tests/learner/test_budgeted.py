"""The loop: what it trains, what it lets sampler and model see, what it refuses."""

import pickle
from dataclasses import FrozenInstanceError

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier, is_regressor
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdal import (
    BudgetedLearner,
    CoreSetSampler,
    DiscriminativeSampler,
    RandomSampler,
    UncertaintySampler,
)
from skdal._labels import labeled_mask
from skdal._seeding import seeded
from skdal.loop import initial_rows, play
from tests.learner._shared import Counting, EnoughLabels

X, Y = load_iris(return_X_y=True)
RANDOM = RandomSampler(random_state=0)


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that notes what it was trained on."""

    fits = []  # noqa: RUF012

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Recorder.fits.append((X, y, self.random_state))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class Spy(RandomSampler):
    """A sampler that notes which labels it saw, and which model it was bound to."""

    fits = []  # noqa: RUF012

    def __init__(self, *, estimator=None, random_state=None):
        super().__init__(random_state=random_state)
        self.estimator = estimator

    def fit(self, X, y=None):
        Spy.fits.append((X, y, self.estimator, self.random_state))
        return super().fit(X, y)


@pytest.fixture
def fits():
    Recorder.fits.clear()
    Spy.fits.clear()
    return Recorder.fits


def all_rows(steps):
    return np.concatenate([step.rows for step in steps])


CHECKED = {"budget": 10, "n_initial": 4, "n_instances": 2, "random_state": 0}


CLASSES_MINUS_ONE = {
    "check_classifiers_classes": "It names the classes -1 and 1, and -1 marks unlabeled rows; "
    "scikit-learn spares its own semi-supervised classifiers this, by their names.",
}


@parametrize_with_checks(
    [
        BudgetedLearner(LogisticRegression(max_iter=1000), RandomSampler(), **CHECKED),
        # Ten random rows are too few for the score that is asked of a regression.
        BudgetedLearner(Ridge(), CoreSetSampler(), **(CHECKED | {"n_initial": 5})),
    ],
    expected_failed_checks=lambda learner: CLASSES_MINUS_ONE if is_classifier(learner) else {},
)
def test_scikit_learn(estimator, check):
    if check.func.__name__ == "check_dtype_object":
        pytest.skip("it hides a bad value in a row that a query may or may not come across")
    check(estimator)


def test_a_step_trains_one_fresh_clone_on_exactly_the_labeled_rows(fits):
    steps = list(play(Recorder(), RANDOM, X, Y, budget=30, n_initial=10, n_instances=10))
    assert len(steps) == len(fits) == 3
    assert len({id(step.model) for step in steps}) == 3
    for n_steps, (X_fit, y_fit, _) in enumerate(fits, 1):
        rows = all_rows(steps[:n_steps])
        assert len(np.unique(rows)) == len(rows) == 10 * n_steps
        assert_array_equal(X_fit, X[rows])
        assert_array_equal(y_fit, Y[rows])


def test_a_step_is_worked_out_when_it_is_asked_for(fits):
    steps = play(Recorder(), RANDOM, X, Y, budget=30)
    assert len(fits) == 0
    next(steps)
    assert len(fits) == 1


def test_the_sampler_sees_the_labels_paid_for_and_the_model_of_the_step(fits):
    steps = list(play(Recorder(), Spy(), X, Y, budget=30, random_state=0))
    assert len(Spy.fits) == 2
    for number, (X_fit, y, estimator, _) in enumerate(Spy.fits):
        assert X_fit is X
        known = labeled_mask(y, len(X))
        assert_array_equal(np.flatnonzero(known), np.sort(all_rows(steps[: number + 1])))
        assert_array_equal(y[known].astype(int), Y[known])
        assert isinstance(estimator, FrozenEstimator)
        assert estimator.estimator is steps[number].model


@pytest.mark.parametrize(
    ("budget", "n_labels"), [(10, [10]), (11, [10, 11]), (20, [10, 20]), (25, [10, 20, 25])]
)
def test_the_last_query_keeps_to_the_budget(budget, n_labels):
    steps = list(play(GaussianNB(), RANDOM, X, Y, budget=budget))
    assert [step.n_labels for step in steps] == n_labels
    assert [len(step.rows) for step in steps] == np.diff([0, *n_labels]).tolist()


def test_the_budget_may_be_the_whole_pool():
    steps = list(play(GaussianNB(), RANDOM, X, Y, budget=150, n_instances=60))
    assert sorted(all_rows(steps)) == list(range(150))


def test_seconds_are_measured_and_the_start_has_no_query():
    first, second = play(GaussianNB(), RANDOM, X, Y, budget=20)
    assert first.query_seconds == 0.0
    assert second.query_seconds > 0
    assert first.fit_seconds > 0
    with pytest.raises(FrozenInstanceError):
        first.n_labels = 1


def test_given_rows_are_the_start_in_their_order():
    start = [149, 0, 75]
    step = next(play(GaussianNB(), RANDOM, X, Y, n_initial=start))
    assert step.rows.tolist() == start


@pytest.mark.parametrize("seed", range(5))
def test_the_start_has_every_class_and_else_their_shares(seed):
    y = np.repeat(["a", "b", "c", "d"], [400, 97, 2, 1])
    np.random.RandomState(seed).shuffle(y)
    rows = initial_rows(y, 4, random_state=seed)
    assert sorted(y[rows]) == ["a", "b", "c", "d"]
    assert len(set(y[initial_rows(y, 3, random_state=seed)])) == 3
    drawn = y[initial_rows(y, 100, random_state=seed)]
    assert np.sum(drawn == "a") == pytest.approx(80, abs=1)
    assert np.sum(drawn == "b") == pytest.approx(19, abs=1)
    assert len(np.unique(initial_rows(y, 500, random_state=seed))) == 500


def test_the_start_within_a_class_is_random():
    y = np.repeat([0, 1], 50)
    draws = np.concatenate([initial_rows(y, 10, random_state=seed) for seed in range(300)])
    counts = np.bincount(draws, minlength=100)
    assert counts.min() > 10  # of 30 expected
    assert counts.max() < 55


def test_the_start_of_a_regressor_is_not_stratified():
    y = np.r_[np.zeros(999), 1.0]
    X = np.arange(1000.0).reshape(-1, 1)
    starts = [next(play(Ridge(), RANDOM, X, y, random_state=seed)).rows for seed in range(20)]
    assert sum(999 in start for start in starts) < 5


def test_an_int_fixes_everything():
    def rows(random_state):
        model = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_features=1))
        steps = list(play(model, RandomSampler(), X, Y, budget=30, random_state=random_state))
        return all_rows(steps).tolist(), [step.model[-1].random_state for step in steps]

    assert rows(0) == rows(0)
    assert rows(0) != rows(1)
    assert len(set(rows(0)[1])) == 3


def test_seeds_that_are_set_stay(fits):
    list(play(Recorder(7), Spy(random_state=8), X, Y, budget=30, random_state=0))
    assert [seed for _, _, seed in Recorder.fits] == [7, 7, 7]
    assert [seed for _, _, _, seed in Spy.fits] == [8, 8]


def test_seeds_that_are_none_are_drawn_anew_in_every_step(fits):
    list(play(Recorder(), Spy(), X, Y, budget=30, random_state=0))
    seeds = [seed for _, _, seed in Recorder.fits] + [seed for _, _, _, seed in Spy.fits]
    assert None not in seeds
    assert len(set(seeds)) == 5


def test_seeded_reaches_nested_parameters_and_leaves_the_original():
    sampler = DiscriminativeSampler(LogisticRegression(), estimator=MLPClassifier(random_state=3))
    copy = seeded(sampler, 0)
    assert isinstance(copy.random_state, int)
    assert isinstance(copy.discriminator.random_state, int)
    assert copy.estimator.random_state == 3
    assert sampler.discriminator.random_state is None


def texts():
    return [f"it is number{label} of {row}" for row, label in enumerate(Y)]


FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(e=pd.Series(Y).map(str))


@pytest.mark.parametrize(
    ("pool", "model"),
    [
        (X.tolist(), GaussianNB()),
        (sp.csr_array(X), BernoulliNB()),
        (sp.coo_array(X), BernoulliNB()),
        (sp.csc_matrix(X), BernoulliNB()),
        (
            FRAME,
            make_pipeline(
                make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["e"])),
                BernoulliNB(),
            ),
        ),
        (texts(), make_pipeline(CountVectorizer(), BernoulliNB())),
    ],
    ids=["list", "csr", "coo", "csc", "frame", "texts"],
)
def test_any_kind_of_pool(pool, model):
    sampler = DiscriminativeSampler(
        LogisticRegression(max_iter=1000), n_mini_queries=2, random_state=0
    )
    learner = BudgetedLearner(model, sampler, budget=20, random_state=0).fit(pool, Y)
    assert len(np.unique(learner.labeled_rows_)) == 20
    assert learner.predict(pool).shape == (150,)


def test_a_memmap(tmp_path):
    np.save(tmp_path / "X.npy", X)
    pool = np.load(tmp_path / "X.npy", mmap_mode="r")
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(pool, Y)
    assert learner.score(pool, Y) > 0.5


NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (NAMES, sorted(set(NAMES))),
        (NAMES.astype(object), sorted(set(NAMES))),
        (NAMES.tolist(), sorted(set(NAMES))),
        (pd.Series(NAMES), sorted(set(NAMES))),
        (pd.Series(NAMES, dtype="category"), sorted(set(NAMES))),
        (pd.Series(Y, dtype="Int64"), [0, 1, 2]),
        (Y == 1, [False, True]),
        (Y.astype(float), [0.0, 1.0, 2.0]),
        (Y.tolist(), [0, 1, 2]),
        (Y.astype(np.uint8), [0, 1, 2]),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
def test_any_kind_of_labels(y, classes):
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=30).fit(X, y)
    assert learner.classes_.tolist() == classes
    assert learner.classes_.dtype != object
    assert learner.score(X, y) > 0.5


def test_regression_with_minus_one_among_whole_numbers():
    y = np.tile([-1.0, 0.0, 1.0], 50)
    learner = BudgetedLearner(Ridge(), RANDOM, budget=30).fit(X, y)
    assert learner.predict(X).shape == (150,)


def test_several_outputs():
    Y2 = np.column_stack([Y == 0, Y == 1]).astype(int)
    learner = BudgetedLearner(MultiOutputClassifier(DecisionTreeClassifier()), RANDOM, budget=40)
    assert learner.fit(X, Y2).predict(X).shape == (150, 2)


def marked(y, marker, row=4):
    y = y.copy()
    y[row] = marker
    return y


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (marked(Y, -1), r"marks 1 rows .* row 4, .* every label"),
        (marked(Y.astype(float), np.nan), "every label"),
        (marked(Y.astype(float), -1), "ambiguous|may be a marker"),
        (marked(Y.astype(float), np.inf), "infinity"),
        (marked(NAMES.astype(object), None), "every label"),
        (marked(NAMES.astype(object), np.nan), "every label"),
        (marked(NAMES.astype(object), np.nan).tolist(), "every label"),
        (pd.Series(marked(Y, -1), dtype="Int64"), "every label"),
        (pd.Series(NAMES, dtype="string").mask(Y == 1), "every label"),
        (Y[:-1], "y has 149 rows, but X has 150"),
        (Y + 0.5, "continuous"),
        (Y + 1j, "Complex data not supported"),
        (None, "y"),
    ],
)
def test_an_oracle_must_know_every_label(y, message):
    with pytest.raises(ValueError, match=message):
        BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(X, y)


@pytest.mark.parametrize(
    ("y", "cure"),
    [(marked(Y, -1), r"If -1 is a value, pass y.astype\(float\)"), (marked(Y / 2, np.nan), "$")],
    ids=["int", "nan"],
)
def test_an_oracle_of_numbers_must_know_every_value(y, cure):
    with pytest.raises(ValueError, match=rf"every label.*made for them\. ?{cure}"):
        BudgetedLearner(Ridge(), RANDOM, budget=20).fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"budget": 9}, "budget=9 is less than the 10 rows"),
        ({"budget": 3, "n_initial": [1, 2, 3, 4]}, "budget=3 is less than the 4 rows"),
        ({"budget": 151}, "budget=151 is more labels .* 150"),
        ({"budget": 0}, "'budget' parameter"),
        ({"n_initial": 0}, "'n_initial' parameter"),
        ({"n_instances": 0}, "'n_instances' parameter"),
        ({"n_initial": [0, 150]}, "names row 150"),
        ({"n_initial": [0, -1]}, "names row -1"),
        ({"n_initial": [0, 0]}, "twice"),
        ({"n_initial": []}, "row numbers"),
        ({"n_initial": Y == 1}, "flatnonzero"),
        ({"n_initial": [0.5]}, "row numbers"),
        ({"sampler": GaussianNB()}, "'sampler' parameter .* 'query'"),
        ({"sampler": "random"}, "'sampler' parameter"),
        ({"estimator": StandardScaler()}, "'estimator' parameter .* 'predict'"),
        ({"random_state": "0"}, "'random_state' parameter"),
    ],
)
def test_what_is_refused(params, message):
    params = {"estimator": GaussianNB(), "sampler": RANDOM} | params
    with pytest.raises(ValueError, match=message):
        BudgetedLearner(**params).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        play(params.pop("estimator"), params.pop("sampler"), X, Y, **params)


@pytest.mark.parametrize("params", [{"sampler": RandomSampler}, {"estimator": GaussianNB}])
def test_a_class_is_no_instance(params):
    params = {"estimator": GaussianNB(), "sampler": RANDOM} | params
    with pytest.raises(TypeError, match=r"instance"):
        BudgetedLearner(**params).fit(X, Y)
    with pytest.raises(TypeError, match=r"instance"):
        play(**params, X=X, y=Y)


def test_play_needs_labels():
    with pytest.raises(ValueError, match="y=None"):
        play(GaussianNB(), RANDOM, X, None)


def test_initial_rows_are_no_more_than_there_are():
    with pytest.raises(ValueError, match="n_rows=4 is more than the 3 rows"):
        initial_rows([0, 1, 2], 4)


def test_what_fit_stores():
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=25, random_state=0).fit(X, Y)
    steps = list(play(GaussianNB(), RANDOM, X, Y, budget=25, random_state=0))
    assert_array_equal(learner.labeled_rows_, all_rows(steps))
    history = pd.DataFrame(learner.history_)
    assert list(history) == ["n_labels", "fit_seconds", "query_seconds", "rows"]
    assert history["n_labels"].tolist() == [10, 20, 25]
    assert_array_equal(np.concatenate(history["rows"].tolist()), learner.labeled_rows_)
    assert learner.n_features_in_ == 4
    final = GaussianNB().fit(X[learner.labeled_rows_], Y[learner.labeled_rows_])
    assert_array_equal(learner.predict_proba(X), final.predict_proba(X))


def test_column_names_are_remembered():
    frame = FRAME.drop(columns="e")
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(frame, Y)
    assert learner.feature_names_in_.tolist() == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("model", "present", "absent"),
    [
        (GaussianNB(), ["predict_proba", "predict_log_proba"], ["decision_function"]),
        (LinearSVC(), ["decision_function"], ["predict_proba", "predict_log_proba"]),
    ],
)
def test_methods_follow_the_estimator(model, present, absent):
    learner = BudgetedLearner(model, RANDOM, budget=20)
    for method in present:
        with pytest.raises(NotFittedError):
            getattr(learner, method)(X)
    learner.fit(X, Y)
    for method in ["predict", *present]:
        assert_array_equal(getattr(learner, method)(X), getattr(learner.estimator_, method)(X))
    for method in absent:
        assert not hasattr(learner, method)
    assert learner.score(X, Y) == learner.estimator_.score(X, Y)


def test_a_regressor_has_no_classes():
    X, y = make_regression(50, 3, random_state=0)
    learner = BudgetedLearner(Ridge(), RANDOM, budget=20).fit(X, y)
    assert is_regressor(learner)
    assert not hasattr(learner, "classes_")
    assert not hasattr(learner, "predict_proba")
    assert learner.score(X, y) > 0.9


def test_tags_follow_the_estimator():
    assert is_classifier(BudgetedLearner(make_pipeline(StandardScaler(), GaussianNB())))
    text_tags = get_tags(BudgetedLearner(LinearSVC())).input_tags
    assert text_tags.sparse
    assert not get_tags(BudgetedLearner(GaussianNB())).input_tags.sparse
    assert get_tags(BudgetedLearner(GaussianNB())).target_tags.required


def test_no_sampler_is_the_discriminative_one(monkeypatch):
    queried = []
    query = DiscriminativeSampler.query
    monkeypatch.setattr(
        DiscriminativeSampler,
        "query",
        lambda self, *args, **kwargs: queried.append(self) or query(self, *args, **kwargs),
    )
    model = MLPClassifier((8,), solver="lbfgs", max_iter=10_000)
    learner = BudgetedLearner(model, budget=11, random_state=0).fit(X, Y)
    assert len(queried) == 1
    # It works in the representation of the first model, not in that of the last.
    assert queried[0].estimator.estimator is not learner.estimator_
    assert isinstance(queried[0].estimator.estimator, MLPClassifier)


def test_inside_a_grid_search():
    sampler = DiscriminativeSampler(LogisticRegression(max_iter=1000))
    learner = BudgetedLearner(GaussianNB(), sampler, budget=20, random_state=0)
    search = GridSearchCV(learner, {"sampler__n_mini_queries": [1, 5]}, cv=3).fit(X, NAMES)
    assert search.best_score_ > 0.7
    assert search.predict(X).dtype.kind == "U"
    assert "n_mini_queries" in str(search.best_params_)


def test_inside_cross_validation():
    learner = BudgetedLearner(GaussianNB(), RandomSampler(), budget=20, random_state=0)
    scores = cross_validate(learner, X, NAMES, scoring=["accuracy", "neg_log_loss"], cv=3)
    assert scores["test_accuracy"].min() > 0.7


def test_clone_and_pickle():
    learner = BudgetedLearner(GaussianNB(), RandomSampler(), budget=20, random_state=0)
    fitted = clone(learner).fit(X, Y)
    copy = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(copy.predict(X), fitted.predict(X))
    assert not hasattr(learner, "estimator_")


def test_a_progress_bar_counts_labels(capsys):
    BudgetedLearner(GaussianNB(), RANDOM, budget=25, verbose=1).fit(X, Y)
    assert "25/25" in capsys.readouterr().err
    BudgetedLearner(GaussianNB(), RANDOM, budget=25).fit(X, Y)
    assert capsys.readouterr().err == ""


def test_as_many_trainings_as_steps():
    Counting.n_fits = 0
    learner = BudgetedLearner(Counting(), Spy(), budget=40, random_state=0, keep_models=True)
    Spy.fits.clear()
    learner.fit(X, Y)
    assert Counting.n_fits == len(learner.history_) == len(learner.models_) == 4
    assert [spied[2].estimator for spied in Spy.fits] == learner.models_[:-1]
    assert learner.models_[-1] is learner.estimator_
    learner.predict_proba(X)
    learner.score(X, Y)
    assert Counting.n_fits == 4


def test_models_are_kept_only_if_asked_for():
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=30, keep_models=True).fit(X, Y)
    for model, step in zip(learner.models_, learner.history_, strict=True):
        rows = learner.labeled_rows_[: step["n_labels"]]
        expected = GaussianNB().fit(X[rows], Y[rows])
        assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert not hasattr(learner.set_params(keep_models=False).fit(X, Y), "models_")


def test_an_initial_sampler_chooses_the_start():
    learner = BudgetedLearner(
        GaussianNB(), RANDOM, budget=20, n_initial=8, initial_sampler=CoreSetSampler()
    ).fit(X, Y)
    expected = CoreSetSampler().fit(X, np.full(150, -1)).query(n_instances=8)
    assert_array_equal(learner.history_[0]["rows"], expected)
    assert learner.history_[0]["query_seconds"] > 0
    # Rows that are given need no sampler.
    learner.set_params(n_initial=[3, 80]).fit(X, Y)
    assert learner.history_[0]["rows"].tolist() == [3, 80]
    assert learner.history_[0]["query_seconds"] == 0


def test_the_initial_sampler_goes_on_while_there_is_a_single_class():
    learner = BudgetedLearner(
        GaussianNB(), UncertaintySampler(), budget=9, n_initial=[0, 1], n_instances=3
    ).set_params(initial_sampler=CoreSetSampler(), keep_models=True, random_state=0)
    learner.fit(X, Y)
    assert learner.models_[0] is None
    y = np.where(np.arange(150) < 2, 0, -1)
    expected = CoreSetSampler().fit(X, y).query(n_instances=3)
    assert_array_equal(learner.history_[1]["rows"], expected)
    assert learner.models_[1] is not None


@pytest.mark.parametrize("initial_sampler", [UncertaintySampler(GaussianNB())])
def test_an_initial_sampler_must_do_without_labels(initial_sampler):
    learner = BudgetedLearner(GaussianNB(), RANDOM, initial_sampler=initial_sampler)
    with pytest.raises(ValueError, match="no labeled row, and UncertaintySampler needs"):
        learner.fit(X, Y)


def test_a_stopping_rule_ends_the_loop():
    learner = BudgetedLearner(GaussianNB(), RandomSampler(), budget=60, random_state=0)
    whole = clone(learner).fit(X, Y)
    stopped = learner.set_params(stopping=EnoughLabels(30), keep_models=True).fit(X, Y)
    assert [step["n_labels"] for step in stopped.history_] == [10, 20, 30]
    assert [step["stop"] for step in stopped.history_] == [False, False, True]
    assert "stop" not in whole.history_[0]
    assert_array_equal(stopped.labeled_rows_, whole.labeled_rows_[:30])
    assert stopped.stopping_.stop_
    assert stopped.stopping_.estimator is stopped.estimator_
    assert len(stopped.models_) == 3
    patient = learner.set_params(stopping=EnoughLabels(1000)).fit(X, Y)
    assert_array_equal(patient.labeled_rows_, whole.labeled_rows_)
    assert_array_equal(patient.predict_proba(X), whole.predict_proba(X))
    assert not hasattr(learner.set_params(stopping=None).fit(X, Y), "stopping_")


def test_a_rule_is_not_asked_before_there_is_a_model():
    learner = BudgetedLearner(
        GaussianNB(), CoreSetSampler(), budget=8, n_initial=[0, 1], n_instances=3
    ).set_params(stopping=EnoughLabels(1), random_state=0)
    learner.fit(X, Y)
    assert [step["stop"] for step in learner.history_] == [False, True]


# Metadata


WEIGHTS = np.linspace(0.1, 5, 150)


class Weighed(Counting):
    """A classifier that notes the weights of its rows."""

    def fit(self, X, y, sample_weight=None):
        self.weights_ = sample_weight
        return super().fit(X, y, sample_weight)


def test_weights_are_cut_to_the_labeled_rows():
    with config_context(enable_metadata_routing=True):
        model = Weighed().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        learner = BudgetedLearner(model, RandomSampler(), budget=30, random_state=0)
        for weights in (WEIGHTS, WEIGHTS.tolist(), pd.Series(WEIGHTS, index=np.arange(150)[::-1])):
            learner.set_params(keep_models=True).fit(X, Y, sample_weight=weights)
            for trained, n_labels in zip(learner.models_, [10, 20, 30], strict=True):
                rows = learner.labeled_rows_[:n_labels]
                assert_array_equal(trained.weights_, WEIGHTS[rows])
        test = (np.arange(150) % 3 == 0).astype(float)
        assert learner.score(X, Y, sample_weight=test) == learner.score(X[::3], Y[::3])
        assert learner.score(X, Y, sample_weight=test) != learner.score(X, Y)
        plain = learner.fit(X, Y)
        assert plain.estimator_.weights_ is None


def test_weights_through_cross_validation_and_a_pipeline():
    with config_context(enable_metadata_routing=True):
        model = Weighed().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        learner = BudgetedLearner(model, RandomSampler(), budget=20, random_state=0)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, learner).fit(X, Y, sample_weight=WEIGHTS)
        assert len(pipeline[-1].estimator_.weights_) == 20
        scores = cross_validate(
            pipeline, X, Y, params={"sample_weight": WEIGHTS}, cv=3, error_score="raise"
        )
        assert np.isfinite(scores["test_score"]).all()


def test_metadata_that_nobody_asked_for():
    learner = BudgetedLearner(GaussianNB(), RANDOM, budget=20).fit(X, Y)
    before = joblib.hash(vars(learner))
    with config_context(enable_metadata_routing=True):
        with pytest.raises(TypeError, match=r"BudgetedLearner.fit .* argument.* \{'groups'\}"):
            learner.fit(X, Y, groups=WEIGHTS)
        with pytest.raises(UnsetMetadataPassedError, match="set_fit_request"):
            learner.fit(X, Y, sample_weight=WEIGHTS)
        with pytest.raises(UnsetMetadataPassedError, match="set_score_request"):
            learner.score(X, Y, sample_weight=WEIGHTS)
        model = GaussianNB().set_fit_request(sample_weight=True)
        short = BudgetedLearner(model, RANDOM, budget=20)
        with pytest.raises(ValueError, match="sample_weight has 149 rows, but X has 150"):
            short.fit(X, Y, sample_weight=WEIGHTS[1:])
    for method in (learner.fit, learner.score):
        with pytest.raises(ValueError, match="only supported if enable_metadata_routing=True"):
            method(X, Y, sample_weight=WEIGHTS)
    assert joblib.hash(vars(learner)) == before


# A scikit-learn estimator like any other


def test_a_fit_that_fails_leaves_the_learner_as_it_was():
    learner = BudgetedLearner(Counting(), RandomSampler(), budget=30, random_state=0).fit(X, Y)
    before = joblib.hash(vars(learner))
    with pytest.raises(ValueError, match="budget=30 is more"):
        learner.fit(X[:20], Y[:20])
    Counting.raises = KeyboardInterrupt()
    try:
        with pytest.raises(KeyboardInterrupt):
            learner.fit(X[::-1], Y[::-1])
    finally:
        Counting.raises = None
    assert joblib.hash(vars(learner)) == before


def test_html():
    assert "BudgetedLearner" in BudgetedLearner(GaussianNB(), RANDOM)._repr_html_()
    assert "BudgetedLearner" in BudgetedLearner(GaussianNB(), RANDOM).fit(X, Y)._repr_html_()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"initial_sampler": RandomSampler}, TypeError, "initial_sampler=RandomSampler is a class"),
        ({"initial_sampler": GaussianNB()}, ValueError, "'initial_sampler' parameter"),
        ({"sampler": make_pipeline(StandardScaler(), GaussianNB())}, TypeError, "sampler="),
        ({"stopping": 5}, ValueError, "'stopping' parameter"),
        ({"keep_models": "yes"}, ValueError, "'keep_models' parameter"),
        ({"verbose": "loud"}, ValueError, "'verbose' parameter"),
    ],
)
def test_more_that_is_refused(params, error, message):
    learner = BudgetedLearner(**({"estimator": GaussianNB(), "sampler": RANDOM} | params))
    with pytest.raises(error, match=message):
        learner.fit(X, Y)


@pytest.mark.parametrize("bad", [X[0], X[:0], np.empty((150, 0))], ids=["1-d", "empty", "narrow"])
def test_a_pool_that_is_none(bad):
    with pytest.raises(ValueError, match=r"rows|0 feature\(s\)|budget|no rows|labels"):
        BudgetedLearner(GaussianNB(), RANDOM).fit(bad, Y[: len(bad)])
