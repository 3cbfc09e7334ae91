"""The loop: what it trains, what it lets sampler and model see, what it refuses."""

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier, is_regressor
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import NotFittedError
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

from skdal import BudgetedLearner, DiscriminativeSampler, RandomSampler
from skdal._labels import labeled_mask
from skdal._seeding import seeded
from skdal.loop import initial_rows, play

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
        # 30 is the smallest pool of the checks; more labels let a regression score.
        BudgetedLearner(Ridge(), RandomSampler(), **(CHECKED | {"n_initial": 8})),
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
